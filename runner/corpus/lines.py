"""The format `lines`: a document is a line, its id `path:position` from zero; blank lines are documents too."""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.blocks import Block
from runner.corpus.textlines import Lines


def line_blocks(source: int, label: str, lines: Iterator[Lines]) -> Iterator[Block]:
    """The lines of one source as documents."""
    position = 0
    for texts, troubles in lines:
        end = position + len(texts)
        yield Block(
            ids=[f"{label}:{place}" for place in range(position, end)],
            sources=[source] * len(texts),
            positions=range(position, end),
            texts=texts,
            troubles=troubles,
        )
        position = end
