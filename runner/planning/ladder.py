"""Equal jobs: how many of each feed, for operations that are asked for the same.

From the fewest jobs that the limits allow, each rung of the ladder cuts the feed whose jobs are longest into one more.
Of the rungs, the lowest wins whose predicted finish is within 2 % of the best. For one feed that is exact; for several
it shares the slots in proportion to work.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from runner.model import LaneKind
from runner.planning.cutting import Strip
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import Demand, OperationDemand, PartTable, load_of
from runner.planning.schedule import finish_s

TOLERANCE: Final = 1.02
"""Fewer jobs are worth this much of the best finish."""
_WAVES_BEYOND: Final = 2
"""How many whole waves beyond the fewest are tried: each wave more costs a start-up of every slot."""
_RUNGS_EVERY: Final = 64
"""So many rungs are tried one by one; above, every twentieth part more, and what lies between if it matters."""
_JOBS_TRIED_MAX: Final = 300_000
"""Jobs looked at over all rungs: seconds of computing. Only plans of thousands of jobs get there, where one job more or
less matters little, and then some rungs are passed over."""
_WEIGHT_TOTAL: Final = 10**9
"""Parts are weighed in billionths of all predicted work: integers, so that cuts are exact."""
_REFERENCE: Final = Load(bytes=1_000_000, lines=1_000)
"""A load by which the speeds of operations are compared."""


class Ladder:
    """One ladder for operations that are all asked for the same, with what was computed on the way.

    `counts` are numbers of jobs, one per demand.
    """

    def __init__(
        self, operations: Sequence[OperationDemand], table: PartTable, kind: LaneKind, durations: DurationModel
    ) -> None:
        self._names = [operation.operation for operation in operations]
        self._demands = operations[0].demands
        self._room = operations[0].room
        self._bound = any(demand.lanes for demand in self._demands)
        self._kind = kind
        self._durations = durations
        loads = [[load_of(table.parts[place]) for place in demand.parts] for demand in self._demands]
        weights = [self._weights(of_demand) for of_demand in loads]
        self._work = [sum(of_demand) for of_demand in weights]
        scale = _WEIGHT_TOTAL / (sum(self._work) or 1.0)
        self._strips = [
            _strip(demand, of_demand, [round(weight * scale) for weight in of_weight])
            for demand, of_demand, of_weight in zip(self._demands, loads, weights, strict=True)
        ]
        self._sums = [_LoadSums(of_demand) for of_demand in loads]
        self._bounds: dict[tuple[int, int], list[int]] = {}
        self._jobs: dict[tuple[str, int, int], list[tuple[int, float]]] = {}

    def best(self) -> tuple[int, ...]:
        """The fewest jobs whose finish is within the tolerance of the best."""
        rungs = list(self._ladder())
        tries = _thinned(_spread(len(rungs)), rungs)
        finishes = {rung: self._finishes(rungs[rung]) for rung in tries}
        ideal = tuple(map(min, zip(*finishes.values(), strict=True)))
        enough = TOLERANCE * min(_regret(finish, ideal) for finish in finishes.values())
        found = next(place for place, rung in enumerate(tries) if _regret(finishes[rung], ideal) <= enough)
        # Rungs between the last that was too slow and this one were passed over.
        passed = range(tries[found - 1] + 1, tries[found]) if found else range(0)
        fewer = (rung for rung in _thinned(passed, rungs) if _regret(self._finishes(rungs[rung]), ideal) <= enough)
        return rungs[next(fewer, tries[found])]

    def bounds(self, counts: Sequence[int]) -> list[list[int]]:
        """The bounds of so many jobs, per demand."""
        return [self._cut(index, count) for index, count in enumerate(counts)]

    def _ladder(self) -> Iterator[tuple[int, ...]]:
        counts = [strip.fewest for strip in self._strips]
        times = [len(demand.analyses) for demand in self._demands]
        jobs = sum(count * many for count, many in zip(counts, times, strict=True))
        slots = max(1, self._room.slots)
        last = (-(-jobs // slots) + _WAVES_BEYOND) * slots
        longest = [(-self._work[i] / counts[i], i) for i in range(len(counts)) if counts[i] < self._strips[i].size]
        heapq.heapify(longest)
        yield tuple(counts)
        while longest and jobs < last:
            _, index = heapq.heappop(longest)
            counts[index] += 1
            jobs += times[index]
            yield tuple(counts)
            if counts[index] < self._strips[index].size:
                heapq.heappush(longest, (-self._work[index] / counts[index], index))

    def _finishes(self, counts: Sequence[int]) -> tuple[float, ...]:
        """Predicted finish of each operation."""
        return tuple(self._finish(name, counts) for name in self._names)

    def _finish(self, name: str, counts: Sequence[int]) -> float:
        jobs: list[tuple[int, float, int]] = []
        for index, count in enumerate(counts):
            mine = [(place, seconds, index) for place, seconds in self._jobs_of(name, index, count)]
            jobs += mine * len(self._demands[index].analyses)
        jobs.sort(key=lambda job: job[0])
        bound = [self._demands[index].lanes for _, _, index in jobs] if self._bound else ()
        return finish_s((seconds for _, seconds, _ in jobs), self._room, bound)

    def _jobs_of(self, name: str, index: int, count: int) -> list[tuple[int, float]]:
        """(first input position, predicted seconds) of the jobs of one operation on one feed."""
        key = (name, index, count)
        if key not in self._jobs:
            parts, sums = self._demands[index].parts, self._sums[index]
            self._jobs[key] = [
                (parts[begin], self._durations.predict(self._kind, name, sums.between(begin, end)).seconds)
                for begin, end in pairwise(self._cut(index, count))
            ]
        return self._jobs[key]

    def _cut(self, index: int, count: int) -> list[int]:
        if (index, count) not in self._bounds:
            self._bounds[index, count] = self._strips[index].cut(count)
        return self._bounds[index, count]

    def _weights(self, loads: Sequence[Load]) -> list[float]:
        """Predicted work of parts, in which each operation counts alike however fast it is."""
        work_s, kind = self._durations.work_s, self._kind
        speeds = [(name, 1.0 / (work_s(kind, name, _REFERENCE) or 1.0)) for name in self._names]
        return [sum(work_s(kind, name, load) * speed for name, speed in speeds) for load in loads]


def _strip(demand: Demand, loads: Sequence[Load], weights: Sequence[int]) -> Strip:
    return Strip(
        weights,
        item_bytes=[load.bytes for load in loads],
        item_lines=[load.lines for load in loads],
        limits=demand.limits,
    )


class _LoadSums:
    """Loads of stretches of a feed, by prefix sums."""

    def __init__(self, loads: Sequence[Load]) -> None:
        self._sums = [Load(bytes=0, lines=0)]
        for load in loads:
            self._sums.append(self._sums[-1] + load)

    def between(self, begin: int, end: int) -> Load:
        first, last = self._sums[begin], self._sums[end]
        return Load(bytes=last.bytes - first.bytes, lines=last.lines - first.lines, units=last.units - first.units)


def _regret(finish: Sequence[float], ideal: Sequence[float]) -> float:
    """How many times its best finish the operation takes that is served worst."""
    return max(mine / best if best else 1.0 for mine, best in zip(finish, ideal, strict=True))


def _spread(rungs: int) -> list[int]:
    """The rungs to try first: each of the lower ones, then every twentieth part more, and the last."""
    tries, rung = [], 0
    while rung < rungs - 1:
        tries.append(rung)
        rung += 1 if rung < _RUNGS_EVERY else rung // 20
    return [*tries, rungs - 1]


def _thinned(tries: Sequence[int], rungs: Sequence[tuple[int, ...]]) -> Sequence[int]:
    """As many of the tries, evenly, as may be afforded; the first always."""
    jobs = sum(sum(rungs[rung]) for rung in tries)
    return tries[:: -(-jobs // _JOBS_TRIED_MAX)] if jobs else tries
