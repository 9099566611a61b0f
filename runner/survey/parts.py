"""Parts in the making: the lines of one segment, gathered by bin, and cut where a job of some reader would be full.

A part's text is its lines, each closed by one LF: the object that a job reads, byte for byte. Pieces of long documents
will be lines like any other, in bins of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from runner.catalogue import UNIT_CHARACTERS, UNITS_PER_DOCUMENT_MIN, units
from runner.model import PartFacts, PartId, SegmentId, part_id
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.routes import Bin, Router


def units_of(characters: Sequence[int]) -> int:
    """Billing units of documents of these lengths, together."""
    if max(characters, default=0) <= UNIT_CHARACTERS * UNITS_PER_DOCUMENT_MIN:
        return UNITS_PER_DOCUMENT_MIN * len(characters)  # short texts are the many ones
    return sum(map(units, characters))


@dataclass(slots=True)
class _Part:
    bin: Bin
    bytes_max: int
    lines_max: int
    lines: list[bytes] = field(default_factory=list)
    bytes: int = 0
    """With line ends."""
    units: int = 0


class Parts:
    """The parts of one segment, numbered in the order in which their first lines come."""

    def __init__(self, segment: SegmentId, router: Router) -> None:
        self._segment = segment
        self._router = router
        self._parts: list[_Part] = []
        self._open: dict[Bin, int] = {}

    def add(
        self, where: Bin, lines: Sequence[bytes], sizes: Sequence[int], characters: Sequence[int]
    ) -> Iterator[tuple[int, int, int]]:
        """Append lines of one bin; gives (part, first line, count) for each stretch that stays together."""
        begin = 0
        while begin < len(lines):
            number = self._part_with_room(where, sizes[begin])
            part = self._parts[number]
            end = self._fitting(part, sizes, begin)
            first = len(part.lines)
            part.lines.extend(lines[begin:end])
            part.bytes += sum(sizes[begin:end]) + end - begin
            part.units += units_of(characters[begin:end])
            yield number, first, end - begin
            begin = end

    def ids(self) -> tuple[PartId, ...]:
        """The ids of the parts, in order."""
        return tuple(part_id(self._segment, number) for number in range(len(self._parts)))

    def finished(self) -> Iterator[tuple[PartFacts, bytes]]:
        """Each part with its text, in order; the lines are let go on the way."""
        for number, part in enumerate(self._parts):
            count = len(part.lines)
            part.lines.append(b"")
            text = b"\n".join(part.lines)
            part.lines.clear()
            assert len(text) == part.bytes
            yield (
                PartFacts(
                    id=part_id(self._segment, number),
                    pool=part.bin.pool,
                    line_bytes_max=part.bin.line_bytes_max,
                    lines=count,
                    bytes=part.bytes,
                    units=part.units,
                    digest=blake2b(text, digest_size=DIGEST_BYTES).hexdigest(),
                ),
                text,
            )

    def _part_with_room(self, where: Bin, size: int) -> int:
        number = self._open.get(where)
        if number is not None:
            part = self._parts[number]
            if len(part.lines) < part.lines_max and part.bytes + size < part.bytes_max:
                return number
        bytes_max, lines_max = self._router.job_limits(where)
        self._parts.append(_Part(where, bytes_max, lines_max))
        number = self._open[where] = len(self._parts) - 1
        return number

    @staticmethod
    def _fitting(part: _Part, sizes: Sequence[int], begin: int) -> int:
        """Up to where the lines fit into the part; one at least."""
        end = min(len(sizes), begin + part.lines_max - len(part.lines))
        if part.bytes + sum(sizes[begin:end]) + end - begin <= part.bytes_max:
            return end
        filled = part.bytes + sizes[begin] + 1
        fitting = begin + 1
        while fitting < end and filled + sizes[fitting] + 1 <= part.bytes_max:
            filled += sizes[fitting] + 1
            fitting += 1
        return fitting
