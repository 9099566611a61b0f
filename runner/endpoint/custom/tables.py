"""Training data as the service takes it: CSV objects, cells with their places; pure over open files.

Owns the reading. A row is told by its file and the number of the line on which it ends, counted from one.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from runner.endpoint.custom.problems import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Labelled", "Row", "labelled", "read_rows", "without_header"]

_CELL_MAX: Final = 10 * 1024 * 1024  # the service's limit for one document
_LABEL_MAX: Final = 5000  # characters


class Row(NamedTuple):
    """A row of a table: where it is, and its cells."""

    place: str
    cells: list[str]


class Labelled(NamedTuple):
    """A document of a classifier's training: where it is, its labels, its text."""

    place: str
    labels: tuple[str, ...]
    text: str


def read_rows(files: Iterable[tuple[str, BinaryIO]], *, trim: bool = False) -> Iterator[Row]:
    """The rows of (name, open file) pairs, blank lines left out; `trim` takes spaces off all cells.

    Raises TrainingDataError for what is not UTF-8 or no CSV.
    """
    csv.field_size_limit(_CELL_MAX)
    for name, file in files:
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True, skipinitialspace=trim)
            try:
                for cells in reader:
                    if cells:
                        yield Row(f"{name} line {reader.line_num}", [c.strip() for c in cells] if trim else cells)
            except UnicodeDecodeError as error:
                raise TrainingDataError(
                    f"{name} is not UTF-8 after line {reader.line_num}. Training data must be UTF-8."
                ) from error
            except csv.Error as error:
                raise TrainingDataError(f"{name} line {reader.line_num} is no CSV: {error}.") from error


def without_header(rows: Iterator[Row], header: Sequence[str]) -> Iterator[Row]:
    """The rows after the header, each with as many cells; TrainingDataError for another header, or none.

    Files come one after the other, each with its own header: a further one is left out.
    """
    wanted = [name.lower() for name in header]
    first = next(rows, None)
    if first is None or [cell.lower() for cell in first.cells] != wanted:
        place = "The file is empty" if first is None else f"{first.place} is another"
        raise TrainingDataError(f"{place}; the first line must be the header {','.join(header)}.")
    for row in rows:
        if len(row.cells) != len(header):
            raise TrainingDataError(
                f"{row.place} has {len(row.cells)} columns; a row has {len(header)}: {', '.join(header)}."
            )
        if [cell.lower() for cell in row.cells] != wanted:
            yield row


def labelled(rows: Iterable[Row], *, delimiter: str | None) -> Iterator[Labelled]:
    """Documents of a classifier's CSV: label first, text second, no header.

    With a `delimiter` the first cell is several labels. Documents without text are given too. Raises
    TrainingDataError for rows of another form.
    """
    for row in rows:
        if len(row.cells) != 2:
            raise TrainingDataError(
                f"{row.place} has {_columns(len(row.cells))}; a row has two: the label and the text. "
                "Text that contains a comma, a quote or a line break must be quoted."
            )
        cell, text = row.cells
        labels = [label.strip() for label in (cell.split(delimiter) if delimiter else [cell])]
        if not all(labels):
            within = f" between two delimiters {delimiter!r}, which no class name may contain" if delimiter else ""
            raise TrainingDataError(f"{row.place} has an empty label{within}.")
        if max(map(len, labels)) > _LABEL_MAX:
            raise TrainingDataError(f"{row.place} has a label of more than {_LABEL_MAX} characters.")
        yield Labelled(row.place, tuple(dict.fromkeys(labels)), text)


def _columns(count: int) -> str:
    return "one column" if count == 1 else f"{count} columns"
