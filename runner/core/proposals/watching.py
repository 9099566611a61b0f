"""Looking at jobs that run, stopping those that are to be stopped, and deciding what follows when one has failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import Final

from runner.core import commands as c, events as e
from runner.core.kinds import stopping
from runner.core.proposals.cutting import can_be_cut, cut
from runner.core.proposals.proposal import Proposal, look_at, not_before
from runner.core.proposals.starting import start_at
from runner.core.records import DENIALS, JobRecord, Station
from runner.core.retry import GENERATIONS, RetryAt, decide
from runner.core.run import Run
from runner.core.states import State
from runner.model import Fault, FaultKind, JobKey, RemoteId

SWEEP_MARGIN_S: Final = 300.0
"""How much further back than our oldest active job a sweep looks: more than clocks differ."""


def looks(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    """The next sweep over an operation's jobs, and looks at those that sweeps do not show."""
    lane, operation = station.lane.name, station.operation
    active = [record for record in station.occupied.values() if record.state is State.ACTIVE]
    if run.cancelling:
        # What cannot be stopped runs to its end, whoever watches: a cancel names it and does not wait.
        can_be_stopped = run.stoppable[operation] and run.parked(lane, stopping(operation), now) != inf
        active = [record for record in active if can_be_stopped or record.stop_asked]
    if not active:
        return
    base = look_at(run, station, now)
    if (lane, operation) not in run.sweeping:
        at = max(base, min(record.look_at for record in active))
        yield Proposal(at, _sweep(station, active) if at <= now else None)
    timing = run.timing(lane)
    for record in active:
        if record.missing >= timing.missing_max and record.remote_id is not None:
            # A young job may be hidden from Describe as it is from List; "not found" would buy it a second time.
            at = max(base, record.accepted_at + 2 * timing.grace_s)
            yield Proposal(at, _describe(station, record, record.remote_id))


def _sweep(station: Station, active: Iterable[JobRecord]) -> c.Sweep:
    since = min(record.submitted_at or record.accepted_at for record in active) - SWEEP_MARGIN_S
    return c.Sweep(lane=station.lane.name, operation=station.operation, since=float(int(since)))


def _describe(station: Station, record: JobRecord, remote_id: RemoteId) -> c.DescribeJob:
    return c.DescribeJob(
        job=record.job.key,
        generation=record.generation,
        lane=station.lane.name,
        operation=station.operation,
        remote_id=remote_id,
    )


def stops(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    """The next Stop at a station: of a second job of one name, or, after a cancel, of any that runs."""
    lane, operation = station.lane.name, station.operation
    found = next(_to_stop(run, station), None)
    if found is None:
        return
    job, generation, remote_id = found
    command = c.StopJob(job=job, generation=generation, lane=lane, operation=operation, remote_id=remote_id)
    yield Proposal(max(not_before(run, (lane, stopping(operation)), now), station.stop.ready_at()), command)


def _to_stop(run: Run, station: Station) -> Iterator[tuple[JobKey, int, RemoteId]]:
    for remote_id, extra in run.extra_stops.items():
        if (extra.lane, extra.operation) == (station.lane.name, station.operation):
            yield extra.job, extra.generation, remote_id
    if run.cancelling and run.stoppable[station.operation]:
        for record in station.occupied.values():
            if record.state is State.ACTIVE and not record.stop_asked and record.remote_id is not None:
                yield record.job.key, record.generation, record.remote_id


# --- failed generations -----------------------------------------------------------------------------------------------


def decisions(run: Run, now: float) -> Iterator[Proposal]:
    """Of every job whose generation failed: another one, or none. Not before it is known to have been the only one."""
    for record in run.undecided.values():
        fault = record.fault
        assert fault is not None, record.job.key
        if record.confirm_at is not None:
            continue
        if fault.kind in DENIALS:
            if not run.stopping:
                yield renew(record, now, at=_mended_at(run, record, now))
        elif fault.kind is FaultKind.CLOSED:
            yield give_up(record, now, "FAMILY_CLOSED", fault)
        elif fault.kind is FaultKind.REJECTED:
            yield from give_up_or_cut(run, record, fault, now)
        else:
            yield from another_generation(run, record, record.failures, fault, now, since=record.failed_at)


def _mended_at(run: Run, record: JobRecord, now: float) -> float:
    """When a job that a lane denied can be tried again: at once if another lane takes it.

    Else in a later session, or when parked work is looked at again.
    """
    if record.failed_in < run.sessions:
        return now
    stations = run.stations_of[record.job.operation]
    if any(
        station.lane.name in record.lanes and station.lane.name != record.lane and start_at(run, station, now) < inf
        for station in stations
    ):
        return now
    return max(now, run.parked_until.get((record.lane, record.job.operation), inf))


def another_generation(
    run: Run, record: JobRecord, failures: int, fault: Fault, now: float, *, since: float
) -> Iterator[Proposal]:
    """A job that came to nothing for a reason that can pass: tried again, unless it has had its generations.

    A piece of a job that had them is cut at once: its halves are the second try.
    """
    seed = (record.token, "generation")
    decision = decide(GENERATIONS, failures=failures, first_at=since, now=since, seed=seed)
    if isinstance(decision, RetryAt) and not (record.piece_of is not None and can_be_cut(run, record, fault)):
        yield renew(record, now, at=max(now, decision.at))
    else:
        yield from give_up_or_cut(run, record, fault, now)


def give_up_or_cut(run: Run, record: JobRecord, fault: Fault, now: float) -> Iterator[Proposal]:
    """What becomes of a job that will not be tried again as it is. Nothing is cut while nothing is started."""
    if not can_be_cut(run, record, fault):
        yield give_up(record, now, "JOB_FAILED", fault)
    elif run.starting:
        yield cut(run, record, now)


def renew(record: JobRecord, now: float, *, at: float) -> Proposal:
    """Begin a job's next generation, at a time."""
    event = e.GenerationRenewed(at=now, job=record.job.key, generation=record.generation + 1, not_before=now)
    return Proposal(at, event=event)


def give_up(record: JobRecord, now: float, code: str, fault: Fault) -> Proposal:
    """Close a job: what its lines have no answer for ends as `code`."""
    return Proposal(now, event=e.JobGivenUp(at=now, job=record.job.key, code=code, fault=fault))
