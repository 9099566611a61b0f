"""The format `lines`: a document is a line, its id `path:position` from zero; blank lines are documents too."""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.assembling import Rows
from runner.corpus.decoding import Lines


def line_rows(lines: Iterator[Lines]) -> Iterator[Rows]:
    """The lines of one source."""
    for each in lines:
        yield Rows(texts=each.texts, encoded=each.encoded, troubles=each.troubles)
