"""Putting batches where jobs can read them: each lane has some jobs ahead, and work goes where it starts first.

What lies nowhere yet goes to the lane that is predicted to start it first. What lies on another lane alone is staged a
second time only where it would begin much sooner: that lane has died, or it is full and this one has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import inf
from typing import Final

from runner.core import commands as c
from runner.core.kinds import STAGING
from runner.core.proposals.proposal import Proposal, not_before
from runner.core.proposals.starting import opening, opens, probe
from runner.core.records import Station
from runner.core.run import Run
from runner.core.waiting import Entry, Queue
from runner.model import BatchId

Wanted = tuple[Entry, str, BatchId]
"""What comes first, the lane, and the batch to be staged there."""

MOVE_S: Final = 20.0
"""How much later a job would begin where its batch lies, to be worth staging it again: about what that takes."""
LOOK_MAX: Final = 16
"""Entries of a queue that are looked at: more than are staged at once."""


def stagings(run: Run, now: float) -> Iterator[Proposal]:
    """Batches are staged in the order of their jobs, some ahead for each operation and lane."""
    room = run.config.staging_max - len(run.staging)
    if room <= 0:
        return
    most = run.config.staged_ahead_max
    lacking = (
        operation
        for operation, stations in run.stations_of.items()
        if any(run.ahead(station) < most or _unproven(run, station) for station in stations)
    )
    wanted = sorted(chain.from_iterable(_Hunt(run, operation, now).wanted(room) for operation in lacking))
    for lane, batch in dict.fromkeys((lane, batch) for _, lane, batch in wanted):
        at = not_before(run, (lane, STAGING), now)
        if at > now or room > 0:
            room -= at <= now
            yield Proposal(at, c.StageBatch(batch=batch, lane=lane))


class _Hunt:
    """One step's search for what the stations of an operation lack, and could be staged there."""

    def __init__(self, run: Run, operation: str, now: float) -> None:
        self._run, self._now = run, now
        self._stations = run.stations_of[operation]
        self._nowhere = any(run.unplaced[operation].values())
        self._somewhere = len(self._stations) > 1 and any(any(each.ready.values()) for each in self._stations)
        self._ahead: dict[str, int] = {}
        """Lane -> jobs that could be started there, or soon can, with those that were found for it."""
        self._taken: set[BatchId] = set()
        self._known: dict[tuple[str, int], float] = {}

    def wanted(self, room: int) -> Iterator[Wanted]:
        """What they lack, so much of it as there is room for; what will be started first is given a place first."""
        if not self._nowhere and not self._somewhere:
            return
        run, most = self._run, self._run.config.staged_ahead_max
        lanes = {station.lane.name: station for station in self._stations if self._opens(station)}
        self._ahead = {name: run.ahead(station) for name, station in lanes.items()}
        for station in lanes.values():
            # However much waits there already: nothing of its family is started before it.
            for entry in _probes(run, station):
                yield self._take(station, entry)
        lanes = {name: station for name, station in lanes.items() if self._candidate(station) is not None}
        latest = inf
        while lanes and len(self._taken) < room:
            lane = self._soonest(lanes)
            found = self._candidate(lanes[lane])
            if found is not None and self._ahead[lane] < most:
                if latest < inf and self._place_at(lanes[lane], self._ahead[lane]) > latest:
                    return
                yield self._take(lanes[lane], found)
                continue
            if found is not None and len(lanes) > 1:
                # It could start more than it may have ahead: what comes next is kept for it, not given away for later.
                latest = min(latest, self._place_at(lanes[lane], self._ahead[lane]) + MOVE_S)
            del lanes[lane]

    def _take(self, station: Station, entry: Entry) -> Wanted:
        batch = self._run.jobs[entry[2]].job.batch
        self._taken.add(batch)
        self._ahead[station.lane.name] += 1
        return entry, station.lane.name, batch

    def _opens(self, station: Station) -> bool:
        """Whether batches can be staged for a station in this session, and their jobs started."""
        run, now = self._run, self._now
        staged = run.calm or not_before(run, (station.lane.name, STAGING), now) < inf
        return staged and opens(run, station, now)

    def _soonest(self, short: dict[str, Station]) -> str:
        """The lane that could start a further job first; of several, the first listed."""
        if len(short) == 1:
            return next(iter(short))
        return min(short, key=lambda lane: self._place_at(short[lane], self._ahead[lane]))

    def _place_at(self, station: Station, ahead: int) -> float:
        """When a job could be started at a station whose batch has yet to be staged there."""
        return max(not_before(self._run, (station.lane.name, STAGING), self._now), self._opens_at(station, ahead))

    def _opens_at(self, station: Station, ahead: int) -> float:
        """When a further job could be started at a station, so many others before it."""
        key = station.lane.name, ahead
        if key not in self._known:
            self._known[key] = opening(self._run, station, ahead, self._now)
        return self._known[key]

    def _candidate(self, station: Station) -> Entry | None:
        """The first of the jobs that a station might take."""
        run = self._run
        coming = self._taken | {batch for _, batch in run.staging}
        heads = [_first(run, station, queue, coming) for queue in _unplaced(run, station)]
        if self._somewhere:
            coming = self._taken | {batch for lane, batch in run.staging if lane == station.lane.name}
            heads += self._movable(station, coming)
        return min((head for head in heads if head is not None), default=None)

    def _movable(self, station: Station, coming: set[BatchId]) -> Iterator[Entry]:
        """What waits on another lane and would begin much sooner here: at once, in its turn, if at all there."""
        run = self._run
        for other in self._stations:
            if other is station:
                continue
            shut = not opens(run, other, self._now)
            late = shut or (station.free > 0 and self._opens_at(other, 0) > self._now + MOVE_S)
            for (analysis, lanes), queue in other.ready.items():
                if not queue or station.lane.name not in lanes:
                    continue
                stranded = shut or run.barred(other.lane.name, analysis) or self._held_up(other, analysis)
                if stranded or late:
                    entry = _first(run, station, queue, coming)
                    if entry is not None and (stranded or self._free_for(station, entry)):
                        yield entry

    def _held_up(self, station: Station, analysis: str) -> bool:
        """Whether jobs of an analysis wait at a station for one to go first that cannot be staged there."""
        run, lane = self._run, station.lane.name
        if run.calm or run.is_proven(lane, analysis) or not_before(run, (lane, STAGING), self._now) < inf:
            return False
        first = probe(run, station, analysis)
        return first is not None and lane not in run.staged.get(run.jobs[first].job.batch, ())

    def _free_for(self, station: Station, entry: Entry) -> bool:
        """Whether a slot is free for a job, beside those that come before it and those that were just found."""
        before = sum(first < entry for queue in station.ready.values() for first in queue.first(station.free))
        return station.free > before + self._ahead[station.lane.name] - self._run.ahead(station)


def _unplaced(run: Run, station: Station) -> Iterator[Queue]:
    """Jobs for a station whose batches lie nowhere."""
    for (analysis, lanes), queue in run.unplaced[station.operation].items():
        if queue and station.lane.name in lanes and not run.barred(station.lane.name, analysis):
            yield queue


def _unproven(run: Run, station: Station) -> bool:
    """Whether a job may have to show yet that a lane is in order for an operation."""
    return any(not run.is_proven(station.lane.name, analysis) for analysis in run.of_operation[station.operation])


def _probes(run: Run, station: Station) -> Iterator[Entry]:
    """Jobs that are to show that a lane is in order, and whose batches do not lie there."""
    lane = station.lane.name
    families: set[str] = set()
    for analysis in run.of_operation[station.operation]:
        family = run.families[analysis]
        if family in families or run.is_proven(lane, analysis):
            continue
        families.add(family)
        key = probe(run, station, analysis)
        if key is None:
            continue
        job = run.jobs[key].job
        if lane not in run.staged.get(job.batch, ()) and (lane, job.batch) not in run.staging:
            yield 0, job.order, key


def _first(run: Run, station: Station, queue: Queue, coming: set[BatchId]) -> Entry | None:
    """The first of a queue that a station may take, and that does not lie there or come there already."""
    lane = station.lane.name
    for entry in queue.first(LOOK_MAX):
        job = run.jobs[entry[2]].job
        barred = run.barred(lane, job.analysis)
        if not barred and job.batch not in coming and lane not in run.staged.get(job.batch, ()):
            return entry
    return None
