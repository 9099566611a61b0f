"""Putting batches where jobs can read them: each lane has some jobs ahead, and work goes where it starts first.

What lies nowhere yet goes to the lane that is predicted to start it first. What lies on another lane alone is staged a
second time only where it would begin much sooner: that lane has died, or it is full and this one has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    wanted = sorted(chain.from_iterable(_wanted(run, operation, room, now) for operation in run.stations_of))
    for lane, batch in dict.fromkeys((lane, batch) for _, lane, batch in wanted):
        at = not_before(run, (lane, STAGING), now)
        if at > now or room > 0:
            room -= at <= now
            yield Proposal(at, c.StageBatch(batch=batch, lane=lane))


def _wanted(run: Run, operation: str, room: int, now: float) -> Iterator[Wanted]:
    """What an operation's stations lack; what will be started first is given a place first."""
    stations = run.stations_of[operation]
    nowhere = any(run.unplaced[operation].values())
    somewhere = len(stations) > 1 and any(any(station.ready.values()) for station in stations)
    if not nowhere and not somewhere:
        return
    short = {station.lane.name: station for station in stations if _is_short(run, station, now)}
    if not short:
        return
    ahead = {name: station.waiting for name, station in short.items()}
    taken: set[BatchId] = set()

    def take(station: Station, entry: Entry) -> Wanted:
        batch = run.jobs[entry[2]].job.batch
        taken.add(batch)
        ahead[station.lane.name] += 1
        return entry, station.lane.name, batch

    for station in short.values():
        for entry in _probes(run, station):
            yield take(station, entry)
    while short and len(taken) < room:
        lane = _soonest(run, short, ahead, now)
        found = next(_candidates(run, short[lane], ahead[lane], taken, now), None)
        if found is None or ahead[lane] >= run.config.staged_ahead_max:
            del short[lane]
        else:
            yield take(short[lane], found)


def _is_short(run: Run, station: Station, now: float) -> bool:
    """Whether a station has too little ahead, and there is something for it."""
    if station.waiting >= run.config.staged_ahead_max:
        return False
    others = (other for other in run.stations_of[station.operation] if other is not station)
    found = any(_unplaced(run, station)) or any(any(other.ready.values()) for other in others)
    return found and not_before(run, (station.lane.name, STAGING), now) < inf and opens(run, station, now)


def _soonest(run: Run, stations: Mapping[str, Station], ahead: Mapping[str, int], now: float) -> str:
    """The lane that could start a further job first; of several, the first listed."""
    first, *others = stations
    if not others:
        return first
    return min(stations, key=lambda lane: _place_at(run, stations[lane], ahead[lane], now))


def _place_at(run: Run, station: Station, ahead: int, now: float) -> float:
    """When a job could be started at a station whose batch has yet to be staged there."""
    return max(not_before(run, (station.lane.name, STAGING), now), opening(run, station, ahead, now))


def _unplaced(run: Run, station: Station) -> Iterator[Queue]:
    """Jobs for a station whose batches lie nowhere."""
    for (analysis, lanes), queue in run.unplaced[station.operation].items():
        if queue and station.lane.name in lanes and not run.barred(station.lane.name, analysis):
            yield queue


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
        if lane not in run.staged.get(job.batch, {}) and (lane, job.batch) not in run.staging:
            yield 0, job.order, key


def _candidates(run: Run, station: Station, ahead: int, taken: set[BatchId], now: float) -> Iterator[Entry]:
    """Jobs that a station might take, of each kind the first; the first of all at the front."""
    coming = taken | {batch for _, batch in run.staging}
    heads = [_first(run, station, queue, coming) for queue in _unplaced(run, station)]
    coming = taken | {batch for lane, batch in run.staging if lane == station.lane.name}
    for other in run.stations_of[station.operation]:
        if other is not station:
            heads += [_first(run, station, queue, coming) for queue in _movable(run, station, other, ahead, now)]
    yield from sorted(head for head in heads if head is not None)


def _movable(run: Run, station: Station, other: Station, ahead: int, now: float) -> Iterator[Queue]:
    """What waits on another lane and would begin much sooner here."""
    opens_at = opening(run, other, 0, now)
    idle = ahead == 0 and station.free > 0
    for analysis, queue in other.ready.items():
        stranded = opens_at == inf or run.barred(other.lane.name, analysis)
        if queue and (stranded or (idle and opens_at > now + MOVE_S)):
            yield queue


def _first(run: Run, station: Station, queue: Queue, coming: set[BatchId]) -> Entry | None:
    """The first of a queue that a station may take, and that does not lie there or come there already."""
    lane = station.lane.name
    for entry in queue.first(LOOK_MAX):
        record = run.jobs[entry[2]]
        batch = record.job.batch
        barred = run.barred(lane, record.job.analysis)
        if lane in record.lanes and not barred and batch not in coming and lane not in run.staged.get(batch, {}):
            return entry
    return None
