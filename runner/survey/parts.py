"""Parts: the lines of one segment, gathered by bin, and cut where a job of some reader would be full.

A part's text is its lines, each closed by one LF: the object that a job reads, byte for byte. Lines keep the input's
order; parts are numbered by the order in which their bins first occur, so that both follow from the documents alone.
Pieces of long documents will be lines like any other, in bins of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from runner.catalogue import UNIT_CHARACTERS, UNITS_PER_DOCUMENT_MIN, units
from runner.model import PartFacts, SegmentId, part_id
from runner.survey.columns import Columns
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.routes import Bin, Router

T = TypeVar("T")

Rows = Sequence[int]
"""Places of documents in their segment, ascending."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Which documents have their lines in one part, in its order of lines."""

    bin: Bin
    rows: Rows


def units_of(characters: Sequence[int]) -> int:
    """Billing units of documents of these lengths, together."""
    if max(characters, default=0) <= UNIT_CHARACTERS * UNITS_PER_DOCUMENT_MIN:
        return UNITS_PER_DOCUMENT_MIN * len(characters)  # short texts are the many ones
    return sum(map(units, characters))


def take(column: Sequence[T], rows: Rows) -> Sequence[T]:
    """The values of some rows; of all rows, the column itself."""
    return column if len(rows) == len(column) else [column[row] for row in rows]


def place(bins: Mapping[Bin, Rows], sizes: Sequence[int], router: Router) -> list[Placed]:
    """The parts of a segment, in the order of their numbers, from the documents that each bin takes."""
    placed: list[Placed] = []
    for where, rows in sorted(bins.items(), key=lambda item: item[1][0]):
        bytes_max, lines_max = router.job_limits(where)
        begin = 0
        for end in _cuts(take(sizes, rows), bytes_max, lines_max):
            placed.append(Placed(where, rows[begin:end]))
            begin = end
    return placed


def _cuts(sizes: Sequence[int], bytes_max: int, lines_max: int) -> Iterator[int]:
    """Where each part ends that is as full as the limits allow; one line at least."""
    if len(sizes) <= lines_max and sum(sizes) + len(sizes) <= bytes_max:
        yield len(sizes)
        return
    first = filled = 0
    for row, size in enumerate(sizes):
        if row > first and (row - first == lines_max or filled + size + 1 > bytes_max):
            yield row
            first, filled = row, 0
        filled += size + 1
    yield len(sizes)


def build(segment: SegmentId, number: int, placed: Placed, columns: Columns) -> tuple[PartFacts, bytes]:
    """A part's facts and its text. `bytes` counts line ends too: it is the size of the object."""
    text = b"\n".join((*take(columns.lines, placed.rows), b""))
    facts = PartFacts(
        id=part_id(segment, number),
        pool=placed.bin.pool,
        line_bytes_max=placed.bin.line_bytes_max,
        lines=len(placed.rows),
        bytes=len(text),
        units=units_of(take(columns.characters, placed.rows)),
        digest=blake2b(text, digest_size=DIGEST_BYTES).hexdigest(),
    )
    return facts, text
