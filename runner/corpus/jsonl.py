"""The format `jsonl`: a document is a row, that is a line; its id is at a path of the row, else `path:position`.

A blank line is a document without text. A row that is in trouble keeps its id if that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.blocks import Block, Trouble
from runner.corpus.rows import RowReader
from runner.corpus.textlines import Lines


def row_blocks(source: int, label: str, lines: Iterator[Lines], reader: RowReader) -> Iterator[Block]:
    """The rows of one source as documents."""
    position = 0
    for rows, troubles in lines:
        count = len(rows)
        found = reader.read_all(rows)
        texts, ids = found if found is not None else _one_by_one(rows, troubles, reader)
        names: list[str | None] = [*ids] if ids is not None else [None] * count
        yield Block(
            ids=[f"{label}:{place}" if name is None else name for place, name in enumerate(names, position)],
            sources=[source] * count,
            positions=range(position, position + count),
            texts=texts,
            troubles=troubles,
        )
        position += count


def _one_by_one(rows: list[str], troubles: dict[int, Trouble], reader: RowReader) -> tuple[list[str], list[str | None]]:
    """Texts and ids of rows of any kind; what is wrong with them is added to `troubles`."""
    texts: list[str] = []
    ids: list[str | None] = []
    for place, line in enumerate(rows):
        if not line or line.isspace():  # blank, or undecodable
            texts.append("")
            ids.append(None)
            continue
        text, document_id, trouble = reader.read(line)
        texts.append(text)
        ids.append(document_id)
        if trouble is not None:
            troubles[place] = trouble
    return texts, ids
