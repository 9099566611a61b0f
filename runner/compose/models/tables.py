"""CSV as models are trained with it: rows with their places; pure over open files.

Facts: COMPREHEND.md sections 1.8 and 2.7. Messages name lines, labels and types, never a document's text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

CELL_BYTES_MAX: Final = 10 * 1024 * 1024
"""The service's limit for one document."""
BOM: Final = b"\xef\xbb\xbf"


class BadTrainingDataError(Exception):
    """What is wrong with training data, and what is valid; whoever opened the file says which it was."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Row(NamedTuple):
    """A row: the number of the line on which it ends, from one, and its cells."""

    line: int
    cells: list[str]


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """The rows of a table, blank lines left out; the file is closed then.

    Raises BadTrainingDataError for what is not UTF-8 or no CSV.
    """
    if file.read(len(BOM)) == BOM:
        raise BadTrainingDataError(
            "it begins with a byte order mark, which would become part of its first cell",
            hint="save it as UTF-8 without one",
        )
    file.seek(0)
    before = csv.field_size_limit(CELL_BYTES_MAX)
    try:
        with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            yield from _read(csv.reader(text, strict=True))
    finally:
        csv.field_size_limit(before)


def _read(reader: Any) -> Iterator[Row]:
    try:
        for cells in reader:
            if cells:
                yield Row(reader.line_num, cells)
    except UnicodeDecodeError as error:
        raise BadTrainingDataError(
            f"it is not UTF-8 after line {reader.line_num}", hint="training data must be UTF-8"
        ) from error
    except csv.Error as error:
        raise BadTrainingDataError(f"line {reader.line_num} is no CSV: {error}") from error


def under_header(rows: Iterator[Row], header: Sequence[str]) -> Iterator[Row]:
    """The rows below a header, each with as many cells, spaces around cells taken off."""
    first = next(rows, None)
    written = None if first is None else [cell.strip().lower() for cell in first.cells]
    if written != [name.lower() for name in header]:
        found = "it is empty" if first is None else f"line {first.line} is another"
        raise BadTrainingDataError(f"{found}; the first line must be the header {','.join(header)}")
    for row in rows:
        if len(row.cells) != len(header):
            raise BadTrainingDataError(
                f"line {row.line} has {columns(len(row.cells))}, and should have {len(header)}: {', '.join(header)}"
            )
        yield Row(row.line, [cell.strip() for cell in row.cells])


def columns(count: int) -> str:
    """So many columns, in words."""
    return "one column" if count == 1 else f"{count} columns"
