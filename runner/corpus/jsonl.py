"""The format `jsonl`: a document is a row, that is a line; its id is at a path of the row, else `path:position`.

A blank line is a document without text. A row that is in trouble keeps its id if that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.assembling import Rows
from runner.corpus.decoding import UTF_8, Decoding
from runner.corpus.rows import RowReader
from runner.corpus.textlines import CHUNK_BYTES, Readable, text_lines, whole_lines


def json_rows(
    stream: Readable,
    decoding: Decoding,
    reader: RowReader,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    at_start: bool = True,
) -> Iterator[Rows]:
    """The rows of one source, or of a stretch of one."""
    if decoding.encoding != UTF_8:
        for lines in text_lines(stream, decoding, chunk_bytes=chunk_bytes):
            yield (None if lines.troubles else reader.read_all(lines.texts)) or reader.read_each(
                lines.texts, lines.troubles
            )
        return
    for block in whole_lines(stream, decoding, chunk_bytes=chunk_bytes, at_start=at_start):
        rows = reader.read_block(block)
        if rows is None:
            lines = decoding.lines(block)
            rows = reader.read_each(lines.texts, lines.troubles)
        yield rows
