"""The format `lines`: a document is a line, its id `path:position` from zero; blank lines are documents too."""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.assembling import Rows
from runner.corpus.textlines import Lines


def line_rows(lines: Iterator[Lines]) -> Iterator[Rows]:
    """The lines of one source."""
    for texts, troubles in lines:
        yield Rows(texts=texts, troubles=troubles)
