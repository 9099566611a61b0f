"""The format `jsonl`: a document is a row, that is a line; its id is at a path of the row, else `path:position`.

A blank line is a document without text. A row that is in trouble keeps its id if that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.assembling import Rows
from runner.corpus.rows import RowReader
from runner.corpus.textlines import Lines


def json_rows(lines: Iterator[Lines], reader: RowReader) -> Iterator[Rows]:
    """The rows of one source."""
    for rows, troubles in lines:
        yield (None if troubles else reader.read_all(rows)) or reader.read_each(rows, troubles)
