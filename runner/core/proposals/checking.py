"""After a Start without an answer: the checks that find the job it bought, or show that it bought none.

In their order: List by name, look under the generation's own output prefix, wait a grace and do both again, make the
same call again with the same token, and ask whether the service now shows two jobs of one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from runner.core import commands as c, events as e
from runner.core.commands import Check
from runner.core.kinds import COLLECTING
from runner.core.proposals.proposal import Proposal, look_at, not_before
from runner.core.proposals.starting import count_first, start_at
from runner.core.records import CHECK_ROUNDS_MAX, JobRecord, Station
from runner.core.run import Run
from runner.core.states import State
from runner.model import Fault, FaultKind, Scope

FRESH_S: Final = 10.0
"""How old the last look may be when a Start is made again."""


def checks(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    """The next check of every job at a station whose Start is without an answer."""
    for record in station.occupied.values():
        if record.state is not State.UNSURE:
            continue
        if record.check_rounds > CHECK_ROUNDS_MAX:
            parked = not_before(run, (station.lane.name, station.operation), now)
            yield Proposal(max(parked, record.check_at), event=_unresolved(station, record, now))
        elif record.check is Check.REPLAY:
            if not run.stopping:
                yield _replay_or_look(run, station, record, now)
        elif record.check in {Check.PREFIX, Check.PREFIX_AGAIN}:
            at = max(record.check_at, not_before(run, (station.lane.name, COLLECTING), now))
            yield Proposal(at, _by_prefix(record))
        else:
            at = max(record.check_at, look_at(run, station, now))
            yield Proposal(at, _by_name(record, record.check))


def _replay_or_look(run: Run, station: Station, record: JobRecord, now: float) -> Proposal:
    """The same call again; but if that had to wait, the service may show by now what the first call bought."""
    at = max(record.check_at, start_at(run, station, now))
    # All jobs without an answer hold slots in our own books, and may be more than there are: another box has left them.
    # Whether the account has a slot for this one is said by those that are known, strangers', and calls on their way.
    unsure = sum(other.state is State.UNSURE for other in station.occupied.values())
    count = count_first(run, station, at, now, needed=1 - unsure)
    if count is not None:
        return count
    if station.free + unsure - _replays_under_way(run, station) < 1:
        return Proposal(inf)
    at = max(at, station.start.ready_at())
    if at - record.checked_at > FRESH_S:
        return Proposal(max(at, look_at(run, station, now)), _by_name(record, Check.LIST_AGAIN))
    return Proposal(at, _replay(station, record))


def _replays_under_way(run: Run, station: Station) -> int:
    """How many Starts are being made again at a station."""
    return sum(
        isinstance(command, c.StartJob)
        and command.replay
        and (command.lane, command.operation) == (station.lane.name, station.operation)
        for command in run.in_flight
    )


def confirmations(run: Run, now: float) -> Iterator[Proposal]:
    """Jobs whose Start was made twice: whether the service shows a second one."""
    for record in run.to_confirm.values():
        assert record.confirm_at is not None, record.job.key
        station = run.stations[record.lane, record.job.operation]
        yield Proposal(max(record.confirm_at, look_at(run, station, now)), _by_name(record, Check.CONFIRM))


def _by_name(record: JobRecord, step: Check) -> c.CheckByName:
    return c.CheckByName(
        job=record.job.key,
        generation=record.generation,
        lane=record.lane,
        operation=record.job.operation,
        name=record.name,
        step=step,
    )


def _by_prefix(record: JobRecord) -> c.CheckByPrefix:
    return c.CheckByPrefix(job=record.job.key, generation=record.generation, lane=record.lane, step=record.check)


def _replay(station: Station, record: JobRecord) -> c.StartJob:
    return c.StartJob(
        job=record.job.key,
        generation=record.generation,
        lane=station.lane.name,
        operation=station.operation,
        token=record.token,
        name=record.name,
        replay=True,
    )


def _unresolved(station: Station, record: JobRecord, now: float) -> e.WorkParked:
    found = "S3 shows that the service took the job" if record.proven else "no trace of the job was found"
    fault = Fault(
        kind=FaultKind.UNKNOWN,
        scope=Scope.LANE,
        code="START_UNRESOLVED",
        message=f"the answer to the Start of {record.job.key} was lost, {found}, and List does not show it",
        hint=f"look for a job named {record.name} in the console, then run again",
    )
    return e.WorkParked(at=now, lane=station.lane.name, operation=station.operation, fault=fault)
