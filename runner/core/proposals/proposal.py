"""What a proposal is, and what all kinds of work share: parks, troubles, and the heads of queues."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from runner.core import commands as c, events as e
from runner.core.kinds import Kind, watching
from runner.core.records import Station
from runner.core.run import Run

Entry = TypeVar("Entry", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Proposal:
    """An event to record, a command to carry out, or both (the event first), not before `at`.

    What lies in the future need not say yet what it is.
    """

    at: float
    command: c.Command | None = None
    event: e.Event | None = None


def not_before(run: Run, kind: Kind, now: float) -> float:
    """The earliest time for one kind of work, by its troubles and parks; infinity: not in this session."""
    if run.calm:
        return now
    if kind in run.exhausted:
        return inf
    at = max(now, run.parked_until.get(kind, now))
    trouble = run.troubles.get(kind)
    return max(at, trouble.retry_at) if trouble is not None else at


def look_at(run: Run, station: Station, now: float) -> float:
    """The earliest time of a List or Describe at a station: one at a time, since a List may take several pages."""
    if station.reading:
        return inf
    ready_at = station.read.ready_at()
    if run.calm:
        return max(now, ready_at)
    return max(not_before(run, (station.lane.name, watching(station.operation)), now), ready_at)


def in_order(heap: list[Entry]) -> Iterator[Entry]:
    """What is in a heap, in order, without changing it: O(count log count) for the first `count`."""
    frontier: list[tuple[Entry, int]] = [(heap[0], 0)] if heap else []
    while frontier:
        item, at = heapq.heappop(frontier)
        yield item
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heapq.heappush(frontier, (heap[child], child))
