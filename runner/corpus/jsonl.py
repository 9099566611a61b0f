"""The format `jsonl`: a document is a row, that is a line; its id is at a path of the row, else `path:position`.

A blank line is a document without text. A row that is in trouble keeps its id if that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.corpus.blocks import Block
from runner.corpus.rows import RowReader
from runner.corpus.textlines import Lines


def row_blocks(source: int, label: str, lines: Iterator[Lines], reader: RowReader) -> Iterator[Block]:
    """The rows of one source as documents."""
    position = 0
    read = reader.read
    for rows, troubles in lines:
        ids: list[str] = []
        texts: list[str] = []
        for place, line in enumerate(rows):
            if not line or line.isspace():  # blank, or undecodable
                ids.append(f"{label}:{position + place}")
                texts.append("")
                continue
            text, document_id, trouble = read(line)
            ids.append(document_id if document_id is not None else f"{label}:{position + place}")
            texts.append(text)
            if trouble is not None:
                troubles[place] = trouble
        end = position + len(rows)
        yield Block(
            ids=ids, sources=[source] * len(rows), positions=range(position, end), texts=texts, troubles=troubles
        )
        position = end
