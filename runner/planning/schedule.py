"""When jobs would start and end: list scheduling over the slots of one operation, with paced starts.

Jobs start in the order given, each as soon as a slot is free and the pace allows it: what the scheduler does when
nothing goes wrong.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from runner.model import LaneSpec

SLOTS_UNLIMITED: Final = 10_000
"""Slots assumed of a lane that states no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many jobs of an operation may be active at once, and how many seconds lie between two of its starts."""

    slots: int
    start_gap_s: float


def room(lanes: Iterable[LaneSpec], operation: str) -> Room:
    """The room that all lanes together give an operation; zero slots if every one of them is reserved."""
    slots, rate, unpaced = 0, 0.0, False
    for lane in lanes:
        active = lane.quotas.active_jobs.of(operation)
        reserve = lane.quotas.reserve_slots.of(operation) or 0
        slots += max(0, int((SLOTS_UNLIMITED if active is None else active) - reserve))
        pace = lane.quotas.start_per_s.of(operation)
        unpaced = unpaced or pace is None
        rate += pace or 0.0
    return Room(slots=slots, start_gap_s=0.0 if unpaced or rate <= 0 else 1.0 / rate)


def timeline(seconds: Iterable[float], within: Room) -> list[tuple[float, float]]:
    """(start, end) of jobs that take `seconds`, in their order; the first starts at zero."""
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


def finish_s(seconds: Iterable[float], within: Room) -> float:
    """When the last of the jobs ends."""
    return max((end for _, end in timeline(seconds, within)), default=0.0)


def all_held_s(spans: Sequence[tuple[float, float]], slots: int) -> float:
    """For how many seconds every slot is taken."""
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    held, active, since = 0.0, 0, 0.0
    for moment, change in moments:
        if active >= slots:
            held += moment - since
        active, since = active + change, moment
    return held
