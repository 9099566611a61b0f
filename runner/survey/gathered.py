"""The text of a segment while it fills: kept as it was read, and cut apart only where its lines part ways.

Nearly always all lines of a segment go to one part, but for those few that no job will see. Then the part is written
from the very blocks that were read, and no line of it is ever copied.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

LEFT_OUT_SHARE_MAX: Final = 1 / 8
"""If more lines than this share are left out, it is faster to gather the others one by one."""


class Gathered:
    """Lines in stretches, with a line feed between each two of a stretch."""

    def __init__(self) -> None:
        self._stretches: list[memoryview] = []
        self._ends: list[int] = []
        """How many lines there are up to the end of each stretch."""

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def add(self, stretch: memoryview, lines: int) -> None:
        """Append so many lines, at least one."""
        self._stretches.append(stretch)
        self._ends.append(len(self) + lines)

    @cached_property
    def lines(self) -> list[bytes]:
        """Line by line; for text to which nothing is added any more."""
        return b"\n".join(self._stretches).split(b"\n")

    def of(self, rows: Sequence[int], sizes: Sequence[int]) -> Sequence[bytes | memoryview]:
        """Some of the lines (ascending, at least one) as stretches; `sizes` are those of all lines."""
        left_out = len(self) - len(rows)
        if not left_out:
            return self._stretches
        if left_out > len(self) * LEFT_OUT_SHARE_MAX:
            lines = self.lines
            return [b"\n".join([lines[row] for row in rows])]
        return list(self._without(sorted(set(range(len(self))).difference(rows)), sizes))

    def _without(self, left_out: Sequence[int], sizes: Sequence[int]) -> Iterator[memoryview]:
        row = 0
        for stretch, end in zip(self._stretches, self._ends, strict=True):
            at = 0
            for out in left_out[bisect_left(left_out, row) : bisect_left(left_out, end)]:
                size = sum(sizes[row:out]) + out - row
                if size:
                    yield stretch[at : at + size - 1]
                at += size + sizes[out] + 1
                row = out + 1
            if row < end:
                yield stretch[at:]
            row = end
