"""When jobs would start and end: list scheduling over the slots of one operation, with paced starts.

Jobs start in the order given, each as soon as a slot is free and the pace allows it: what the scheduler does when
nothing goes wrong.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.model import LaneSpec

SLOTS_UNLIMITED: Final = 10_000
"""Slots assumed of a lane that states no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many jobs of an operation may be active at once, and how many seconds lie between two of its starts."""

    slots: int
    start_gap_s: float
    lanes: tuple[tuple[str, Room], ...] = field(default=(), compare=False)
    """The rooms of single lanes, for jobs that only some may run; empty where there is one lane."""


def room(lanes: Iterable[LaneSpec], operation: str) -> Room:
    """The room that all lanes together give an operation; zero slots if every one of them is reserved."""
    slots, rate, unpaced = 0, 0.0, False
    single: list[tuple[str, Room]] = []
    for lane in lanes:
        active = lane.quotas.active_jobs.of(operation)
        reserve = lane.quotas.reserve_slots.of(operation) or 0
        own = max(0, int((SLOTS_UNLIMITED if active is None else active) - reserve))
        slots += own
        pace = lane.quotas.start_per_s.of(operation)
        single.append((lane.name, Room(slots=own, start_gap_s=1.0 / pace if pace else 0.0)))
        unpaced = unpaced or pace is None
        rate += pace or 0.0
    gap = 0.0 if unpaced or rate <= 0 else 1.0 / rate
    return Room(slots=slots, start_gap_s=gap, lanes=tuple(single) if len(single) > 1 else ())


def begins(within: Room, *, at_most: int) -> list[tuple[float, str]]:
    """When the first slots can begin at the earliest, and their lanes ("" where there is one), in ascending order."""
    rooms = within.lanes or (("", within),)
    found = [(slot * own.start_gap_s, name) for name, own in rooms for slot in range(min(own.slots, at_most))]
    return sorted(found)[:at_most]


def timeline(
    seconds: Iterable[float], within: Room, bound: Sequence[tuple[str, ...]] = ()
) -> list[tuple[float, float]]:
    """(start, end) of jobs that take `seconds`, in their order; the first starts at zero.

    `bound` has for each job the lanes that may run it (none: any). If one is bound, each goes where it starts first.
    """
    if within.lanes and any(bound):
        return _over_lanes(list(zip(seconds, bound, strict=True)), within)
    slots = max(1, within.slots)
    ends: list[float] = []
    spans: list[tuple[float, float]] = []
    may_start = 0.0
    for duration in seconds:
        start = may_start if len(ends) < slots else max(may_start, heapq.heappop(ends))
        heapq.heappush(ends, start + duration)
        spans.append((start, start + duration))
        may_start = start + within.start_gap_s
    return spans


def _over_lanes(jobs: Sequence[tuple[float, tuple[str, ...]]], within: Room) -> list[tuple[float, float]]:
    ends: dict[str, list[float]] = {name: [] for name, own in within.lanes if own.slots > 0}
    rooms = dict(within.lanes)
    may_start = dict.fromkeys(ends, 0.0)
    spans: list[tuple[float, float]] = []
    for duration, names in jobs:
        allowed = [name for name in ends if not names or name in names] or list(ends)
        if not allowed:
            return timeline((seconds for seconds, _ in jobs), within)
        start, name = min(
            (may_start[n] if len(ends[n]) < rooms[n].slots else max(may_start[n], ends[n][0]), n) for n in allowed
        )
        if len(ends[name]) >= rooms[name].slots:
            heapq.heappop(ends[name])
        heapq.heappush(ends[name], start + duration)
        may_start[name] = start + rooms[name].start_gap_s
        spans.append((start, start + duration))
    return spans


def finish_s(seconds: Iterable[float], within: Room, bound: Sequence[tuple[str, ...]] = ()) -> float:
    """When the last of the jobs ends."""
    return max((end for _, end in timeline(seconds, within, bound)), default=0.0)


def all_held_s(spans: Sequence[tuple[float, float]], slots: int) -> float:
    """For how many seconds every slot is taken."""
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    held, active, since = 0.0, 0, 0.0
    for moment, change in moments:
        if active >= slots:
            held += moment - since
        active, since = active + change, moment
    return held
