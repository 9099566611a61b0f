"""Filling slots until a given time: jobs of unequal size, so that all slots end together.

Equal jobs leave slots idle where their number does not divide among them, where a step of the service is not used up,
and where a limit forces one wave more. Here the time comes first: until then a slot has room for so many jobs, and they
take what fits. Work is handed out twice: as sand, slot by slot, which says how many jobs of which size begin when; then
as parts, to the jobs in the order in which they begin, each topped up with a later part where the next is too large.

Pure; knows loads and seconds, nothing of analyses. A search, not a proof: what it finds is held against the rest by
`search`, and against a lower bound by `benchmarks/bench_makespan.py`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import ceil, floor
from typing import Final

from runner.planning.heaps import Dealt, Heap, Pool, Seat, deal, heapings, jobs_min

TIME_STEP: Final = 1.003
"""Each time that is tried is so many times the one before."""
_NOISE: Final = 1e-6
"""Seconds by which sums of floats may miss."""
_PERMUTED_MAX: Final = 3
"""So many heaps are tried in every order."""
_DEALS: Final = 5
"""How often room is sought again for what the parts, unlike sand, left over."""
_PARTS_MAX: Final = 1_500_000
"""Parts dealt in one search, again and again: a second of computing."""
_SEATS_MAX: Final = 200_000
"""Jobs given room in one search: another second."""
_USE: Final = 0.999
"""Fewer jobs in a slot are worth this much of its room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How long a job takes: its start-up, and its work in whole steps (0: to the second)."""

    start_s: float
    step_s: float

    def seconds(self, work_s: float) -> float:
        """From the start of a job to its end."""
        return self.start_s + self.room_s(work_s)

    def room_s(self, work_s: float) -> float:
        """The work for which a job of so much work has time."""
        return ceil(work_s / self.step_s - _NOISE) * self.step_s if self.step_s else work_s

    @property
    def shortest_s(self) -> float:
        """No job takes less."""
        return self.start_s + self.step_s


Begin = tuple[float, str]
"""When a slot can begin at the earliest, and its lane."""


def fillings(
    pools: Sequence[Pool], begins: Sequence[Begin], pattern: Pattern, *, low_s: float, high_s: float
) -> Iterator[tuple[float, list[Dealt]]]:
    """(time, the jobs in the order in which they begin) for ever later times, each in fewer jobs than those before.

    `begins` has a slot's earliest beginning and its lane, for each slot. Times lie between `low_s` and `high_s`.
    """
    ways = [(order, spread) for heaps in heapings(pools) for order in _orders(heaps) for spread in (False, True)]
    fewest, budget = sum(len(pool.items) for pool in pools) + 1, _Budget()
    end_s = low_s
    while end_s <= high_s and budget.seats > 0:
        for order, spread in ways:
            jobs = _filled(order, _Slots(begins, pattern, end_s, spread=spread), fewest, budget)
            if jobs is not None:
                fewest = len(jobs)
                yield end_s, jobs
        end_s *= TIME_STEP


@dataclass(slots=True)
class _Budget:
    """How much one search may still compute."""

    seats: int = _SEATS_MAX
    parts: int = _PARTS_MAX


def _filled(order: Sequence[Heap], slots: _Slots, fewest: int, budget: _Budget) -> list[Dealt] | None:
    """Jobs for all heaps, fewer than so many; None: there is no room. What parts leave over is given room once more."""
    more_s = dict.fromkeys(order, 0.0)
    for _ in range(_DEALS):
        seats = slots.seats([(heap, heap.work_s + more_s[heap]) for heap in order])
        budget.seats -= slots.placed
        if seats is None or len(seats) >= fewest or budget.parts < 0:
            return None
        budget.parts -= sum(len(heap.items) for heap in order)
        jobs, left_over = deal(seats)
        if not left_over:
            return jobs
        for heap, work_s in left_over.items():
            more_s[heap] = 2.0 * more_s[heap] + work_s
    return None


def earliest_s(pools: Sequence[Pool], begins: Sequence[Begin], pattern: Pattern, gap_s: float) -> float:
    """Before that slots have no room for the work and its starts, nor the pace (from start to start) for the jobs."""
    work_s, jobs = sum(item.work_s for pool in pools for item in pool.items), jobs_min(pools)
    paced_s = (jobs - 1) * gap_s + pattern.shortest_s
    for count in range(len(begins), 0, -1):
        taken_s = work_s + max(count, jobs) * pattern.start_s + sum(begin for begin, _ in begins[:count])
        if taken_s / count >= begins[count - 1][0] + pattern.start_s:
            return max(paced_s, taken_s / count)
    return paced_s


def _orders(heaps: Sequence[Heap]) -> list[list[Heap]]:
    """In which order heaps are given room."""
    if len(heaps) <= _PERMUTED_MAX:
        return [list(order) for order in permutations(heaps)]
    by_job = sorted(heaps, key=lambda heap: heap.full_s)
    by_work = sorted(heaps, key=lambda heap: heap.work_s)
    return [by_job, by_work, by_work[::-1]]


class _Slots:
    """The room that slots have until a time."""

    def __init__(self, begins: Sequence[Begin], pattern: Pattern, end_s: float, *, spread: bool) -> None:
        self._begins = begins
        self._pattern = pattern
        self._end_s = end_s
        self._spread = spread
        """Whether the last job of a heap goes where there is most room, instead of where it just fits."""
        self.placed = 0
        """How many jobs found room the last time."""

    def seats(self, wanted: Iterable[tuple[Heap, float]]) -> list[Seat] | None:
        """Jobs for so many seconds of work of each heap, in the order in which they begin; None: there is no room."""
        free = self._free()
        taken: list[list[tuple[float, float, Heap]]] = [[] for _ in self._begins]
        self.placed = 0
        for heap, work_s in wanted:
            left_s = work_s
            while left_s > _NOISE:
                lanes = [free[lane] for lane in heap.lanes or free if free.get(lane)]
                if not lanes:
                    return None
                rooms = max(lanes, key=lambda rooms: rooms[-1])
                (room_s, slot), job_s = self._next(rooms, heap, left_s)
                seconds = self._pattern.seconds(job_s)
                if not job_s or seconds > room_s + _NOISE:
                    return None
                taken[slot].append((seconds, self._pattern.room_s(job_s), heap))
                self.placed += 1
                left_s -= job_s
                if room_s - seconds >= self._pattern.shortest_s:
                    insort(rooms, (room_s - seconds, slot))
        return self._seated(taken)

    def _free(self) -> dict[str, list[tuple[float, int]]]:
        """(room, slot) of each lane in ascending order."""
        free: dict[str, list[tuple[float, int]]] = {}
        for slot, (begin_s, lane) in enumerate(self._begins):
            room_s = self._end_s - begin_s
            if room_s >= self._pattern.shortest_s:
                insort(free.setdefault(lane, []), (room_s, slot))
        return free

    def _next(self, rooms: list[tuple[float, int]], heap: Heap, left_s: float) -> tuple[tuple[float, int], float]:
        """The slot for the next job of a heap, and its work."""
        last_s = self._pattern.seconds(left_s)
        if left_s <= heap.full_s + _NOISE and last_s <= rooms[-1][0] + _NOISE:
            return rooms.pop(-1 if self._spread else bisect_left(rooms, (last_s - _NOISE, -1))), left_s
        room_s, slot = rooms.pop()
        return (room_s, slot), min(left_s, _first_of(self._pattern, room_s, heap.full_s))

    def _seated(self, taken: Iterable[list[tuple[float, float, Heap]]]) -> list[Seat]:
        """In each slot the short jobs first: among the first of all are then the smallest."""
        seats: list[Seat] = []
        for (begin_s, _), jobs in zip(self._begins, taken, strict=True):
            for seconds, room_s, heap in sorted(jobs, key=lambda job: job[0]):
                seats.append(Seat(begin_s, room_s, heap))
                begin_s += seconds  # noqa: PLW2901 - the next begins where this one ends
        return sorted(seats, key=lambda seat: seat.begin_s)


def _first_of(pattern: Pattern, room_s: float, full_s: float) -> float:
    """The work of the first of the fewest jobs that make the best use of a slot's room; 0: there is none."""
    found: list[tuple[float, float]] = []
    # As long as all are full, one more lets more be done.
    best, count = 0.0, max(1, int(room_s / pattern.seconds(full_s)))
    while (left_s := room_s + _NOISE - count * pattern.start_s) > count * pattern.step_s:
        total, first = _shared(pattern, left_s, count, full_s)
        found.append((total, first))
        best = max(best, total)
        if first < full_s - _NOISE:
            break
        count += 1
    return next((first for total, first in found if total >= _USE * best), 0.0)


def _shared(pattern: Pattern, left_s: float, count: int, full_s: float) -> tuple[float, float]:
    """What so many jobs can do in the time that their starts leave: all together, and the first."""
    step_s = pattern.step_s
    if not step_s:
        return min(left_s, count * full_s), min(left_s / count, full_s)
    steps, whole = floor(left_s / step_s), floor(full_s / step_s + _NOISE)
    first = min(full_s, ceil(steps / count) * step_s)
    if steps <= count * whole:
        return steps * step_s, first
    return count * whole * step_s + min(steps - count * whole, count) * (full_s - whole * step_s), first
