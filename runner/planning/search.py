"""The search for the jobs of operations that are asked for the same: how many, of what size, in which order.

First equal jobs are looked for (`ladder`). On remote lanes, where a start-up takes minutes and so does a step, jobs of
unequal size (`filling`) are looked for too, and taken if they end more than 2 % sooner, or if there are fewer of them
and they end no more than 2 % later. An optimiser may replace this file and those two, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from runner.model import LaneKind
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import Demand, OperationDemand, PartTable, Positions, load_of
from runner.planning.filling import Pattern, earliest_s, fillings
from runner.planning.heaps import Dealt, Item, Pool
from runner.planning.ladder import TOLERANCE, Ladder
from runner.planning.schedule import begins, finish_s

_FIRST_SMALL: Final = 1.005
"""How much of the finish it may cost that the smallest jobs of all start first."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One job: the demand that it serves, the places of its parts in ascending order, and its order among the others.

    Orders are the first places of all these jobs' parts, dealt in the order in which they are to start.
    """

    demand: int
    parts: Positions
    order: int


def choose(
    operations: Sequence[OperationDemand], table: PartTable, *, kind: LaneKind, durations: DurationModel
) -> list[Cut]:
    """The jobs of operations that are all asked for the same, in the order in which they are to start."""
    demands = operations[0].demands
    if not demands:
        return []
    ladder = Ladder(operations, table, kind, durations)
    jobs = [
        (index, demand.parts[begin:end])
        for index, (demand, bounds) in enumerate(zip(demands, ladder.bounds(ladder.best()), strict=True))
        for begin, end in pairwise(bounds)
    ]
    jobs.sort(key=lambda job: job[1][0])
    if kind != "embedded":
        jobs = _Remote(operations, table, kind, durations).best(jobs)
    orders = sorted(parts[0] for _, parts in jobs)
    return [Cut(index, parts, order) for (index, parts), order in zip(jobs, orders, strict=True)]


Timed = tuple[float, list[Dealt]]
"""When jobs are predicted to be done, and they in the order in which they are to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized:
    job: Dealt
    load: Load


class _Remote:
    """Compares ways to cut what remote lanes are asked for; of several operations, by the one that takes longest."""

    def __init__(
        self, operations: Sequence[OperationDemand], table: PartTable, kind: LaneKind, durations: DurationModel
    ) -> None:
        self._demands = operations[0].demands
        self._room = operations[0].room
        self._table = table
        self._kind = kind
        self._durations = durations
        all_of_it = self._load(place for demand in self._demands for place in demand.parts)
        self._name = max(
            (operation.operation for operation in operations),
            key=lambda name: durations.predict(kind, name, all_of_it).seconds,
        )

    def best(self, equal: list[Dealt]) -> list[Dealt]:
        """Equal jobs, or better ones, in the order in which they are to start."""
        found = [self._timed(equal)]
        if all(len(demand.analyses) == 1 for demand in self._demands):
            found += self._unequal(found[0][0] / TOLERANCE)
        enough = TOLERANCE * min(finish for finish, _ in found)
        return min((jobs for finish, jobs in found if finish <= enough), key=len)

    def _unequal(self, high_s: float) -> list[Timed]:
        pools = [self._pool(demand) for demand in self._demands]
        slots = begins(self._room, at_most=sum(len(pool.items) for pool in pools))
        start_s, step_s = self._durations.pattern(self._kind, self._name)
        pattern = Pattern(start_s=start_s, step_s=step_s)
        low_s = earliest_s(pools, slots, pattern, self._room.start_gap_s)
        found: list[Timed] = []
        for end_s, dealt in fillings(pools, slots, pattern, low_s=low_s, high_s=high_s) if slots else ():
            if found and end_s > TOLERANCE * min(finish for finish, _ in found):
                break
            found.append(self._timed(dealt))
        return found

    def _pool(self, demand: Demand) -> Pool:
        table = self._table
        loads = [(place, load_of(table.parts[place])) for place in demand.parts]
        return Pool(
            items=tuple(
                Item(
                    place=place,
                    corpus=table.corpora[place],
                    load=load,
                    work_s=self._durations.work_s(self._kind, self._name, load),
                )
                for place, load in loads
            ),
            limits=demand.limits,
            lanes=demand.lanes if self._room.lanes else (),
        )

    def _timed(self, jobs: Sequence[Dealt]) -> Timed:
        """The finish of jobs, and the order in which they are to start: the smallest first, one for each lane.

        Those go alone, to show that their lane is in order. If to take them from where they were would make the whole
        end later, the smallest of those that the slots take first come first.
        """
        sized = [_Sized(job=job, load=self._load(job[1])) for job in jobs]
        by_size = sorted(range(len(sized)), key=lambda place: sized[place].load.bytes)
        small = by_size[: max(1, len(self._room.lanes))]
        order = small + [place for place in range(len(sized)) if place not in small]
        finish_s = self._finish_s([sized[place] for place in order])
        if finish_s > _FIRST_SMALL * self._finish_s(sized):
            wave = min(len(sized), self._room.slots)
            order = [*(place for place in by_size if place < wave), *range(wave, len(sized))]
            finish_s = self._finish_s([sized[place] for place in order])
        return finish_s, [sized[place].job for place in order]

    def _finish_s(self, jobs: Sequence[_Sized]) -> float:
        seconds: list[float] = []
        lanes: list[tuple[str, ...]] = []
        for entry in jobs:
            demand = self._demands[entry.job[0]]
            job_s = self._durations.predict(self._kind, self._name, entry.load).seconds
            seconds += [job_s] * len(demand.analyses)
            lanes += [demand.lanes] * len(demand.analyses)
        return finish_s(seconds, self._room, lanes)

    def _load(self, places: Iterable[int]) -> Load:
        size = lines = 0
        for place in places:
            part = self._table.parts[place]
            size += part.bytes
            lines += part.lines
        return Load(bytes=size, lines=lines)
