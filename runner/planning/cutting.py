"""Cutting a sequence into contiguous, balanced runs within limits.

Pure arithmetic on prefix sums; it knows nothing of documents or jobs. Cuts are made at items, never inside one: an
item above a limit becomes a run of its own, and whoever asks decides what that means.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may hold at most."""

    bytes: int
    lines: int
    files: int


class Strip:
    """A sequence of items with weight, bytes and lines, cut into k runs in O(k log n · log weight).

    Weights are integers, so that the smallest possible heaviest run is found exactly, on every machine alike.
    """

    __slots__ = ("_earliest", "_heaviest", "_latest", "_weights", "fewest", "size")

    def __init__(
        self, weights: Sequence[int], *, item_bytes: Sequence[int], item_lines: Sequence[int], limits: Limits
    ) -> None:
        self.size = len(weights)
        self._heaviest = max(weights, default=0)
        self._weights = [0, *accumulate(weights)]
        self._latest = _latest(item_bytes, item_lines, limits)
        self._earliest = _earliest(self._latest)
        self.fewest = self._runs(self._weights[-1], self.size)
        """The smallest number of runs that the limits allow."""

    def cut(self, count: int) -> list[int]:
        """Bounds (count + 1 of them, from 0 to the size) of runs whose heaviest is as light as can be.

        Among such cuts each bound lies as near to an equal share of what is left as it may. `count` must be between
        `fewest` and the size.
        """
        if not self.fewest <= count <= self.size:
            raise ValueError(f"{count} runs of {self.size} items, and at least {self.fewest} are needed")
        cap = self._lightest_cap(count)
        first = self._earliest_bounds(count, cap)
        bounds = [0]
        for index in range(1, count):
            begin = bounds[-1]
            low = max(first[index], begin + 1)
            high = min(self._reach(begin, cap), self.size - (count - index))
            bounds.append(min(max(self._nearest(begin, count - index + 1), low), high))
        return [*bounds, self.size]

    def _lightest_cap(self, count: int) -> int:
        total = self._weights[-1]
        low = max(self._heaviest, -(-total // count))
        # Without limits a cap of the mean plus one item always suffices; with them only the total surely does.
        high = low + self._heaviest
        if self._runs(high, count) > count:
            high = total
        while low < high:
            middle = (low + high) // 2
            if self._runs(middle, count) <= count:
                high = middle
            else:
                low = middle + 1
        return low

    def _runs(self, cap: int, enough: int) -> int:
        """How many runs filling each to `cap` makes; counting stops above `enough`."""
        runs = end = 0
        while end < self.size and runs <= enough:
            end = self._reach(end, cap)
            runs += 1
        return runs

    def _earliest_bounds(self, count: int, cap: int) -> list[int]:
        """Per bound, the first place from which the rest still fits into the runs that remain."""
        bounds = [self.size] * (count + 1)
        for index in range(count - 1, -1, -1):
            bounds[index] = max(self._back(bounds[index + 1], cap), index)
        return bounds

    def _nearest(self, begin: int, runs: int) -> int:
        """The bound that gives the first of `runs` equal runs from `begin` on the weight nearest to its share."""
        weights = self._weights
        target = weights[begin] + (weights[-1] - weights[begin]) / runs
        after = bisect_left(weights, target, begin)
        before = max(after - 1, begin)
        if after > self.size:
            return self.size
        return before if target - weights[before] < weights[after] - target else after

    def _reach(self, begin: int, cap: int) -> int:
        """How far one run from `begin` can go; one item at least."""
        weights = self._weights
        return bisect_right(weights, weights[begin] + cap, begin + 2, self._latest[begin] + 1) - 1

    def _back(self, end: int, cap: int) -> int:
        """How far back one run that ends at `end` can begin; one item at least."""
        weights = self._weights
        return bisect_left(weights, weights[end] - cap, self._earliest[end], end - 1)


def _latest(item_bytes: Sequence[int], item_lines: Sequence[int], limits: Limits) -> list[int]:
    """Per begin, the last end within the limits; one item at least."""
    latest: list[int] = []
    end = held_bytes = held_lines = 0
    for begin in range(len(item_bytes)):
        while end < len(item_bytes) and (
            end == begin
            or (
                end - begin < limits.files
                and held_bytes + item_bytes[end] <= limits.bytes
                and held_lines + item_lines[end] <= limits.lines
            )
        ):
            held_bytes += item_bytes[end]
            held_lines += item_lines[end]
            end += 1
        latest.append(end)
        held_bytes -= item_bytes[begin]
        held_lines -= item_lines[begin]
    return latest


def _earliest(latest: Sequence[int]) -> list[int]:
    """Per end (from 0), the first begin whose run may reach it."""
    earliest, begin = [0], 0
    for end in range(1, len(latest) + 1):
        while latest[begin] < end:
            begin += 1
        earliest.append(begin)
    return earliest
