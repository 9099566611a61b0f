"""Starting jobs: in input order, within slots, pace and budget, and on each remote lane a small one first."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from runner.core import commands as c, events as e
from runner.core.kinds import watching
from runner.core.proposals.proposal import Proposal, look_at, not_before
from runner.core.records import ACTIVE_STATUSES, JobRecord, Station
from runner.core.run import Run, entry_of
from runner.core.states import State
from runner.core.waiting import Entry
from runner.model import Fault, FaultKind, JobKey, Scope, job_name, token

RECOUNT_S: Final = 60.0
"""How old a count of strangers' jobs may be when a job is started."""
RECOUNT_FULL_S: Final = 30.0
"""How often they are counted while they are in the way."""
CLOSURES_MAX: Final = 64
"""Jobs given up in one step."""
USD_NOISE: Final = 1e-9
"""Sums of floats may miss by this much; no price is as small."""


def start_at(run: Run, station: Station, now: float) -> float:
    """The earliest time of a Start: not while the service says that it is full, nor while jobs cannot be watched."""
    at = max(now, station.full_until)
    if run.calm:
        return at
    lane, operation = station.lane.name, station.operation
    return max(at, not_before(run, (lane, operation), now), not_before(run, (lane, watching(operation)), now))


def starts(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    """The next Start of an operation on a lane, or the count of strangers' jobs that has to come before it."""
    record = next_job(run, station)
    if record is None:
        return
    at = start_at(run, station, now)
    count = count_first(run, station, at, now, needed=1)
    if count is not None:
        yield count
    elif station.free > _kept(run, station, record):
        at = max(at, station.start.ready_at())
        yield Proposal(at) if at > now else _within_budget(run, station, record, now)


def _kept(run: Run, station: Station, record: JobRecord) -> int:
    """How many slots are kept free for jobs that come before one, and whose batches are on their way to the lane.

    A short job that overtakes a long one, because its batch is smaller, would make the long one end that much later.
    """
    if not station.lane.remote:
        return 0
    first, lane = entry_of(record.job), station.lane.name
    readers = (run.jobs[key] for to, batch in run.staging if to == lane for key in run.readers.get(batch, ()))
    return sum(
        other.state is State.WAITING and other.job.operation == station.operation and entry_of(other.job) < first
        for other in readers
    )


def count_first(run: Run, station: Station, at: float, now: float, *, needed: int) -> Proposal | None:
    """The count of strangers' jobs that has to come before a Start at a time; None: it is fresh, and leaves a slot."""
    full = station.free < needed
    if not station.lane.remote or (now - station.counted_at < RECOUNT_S + station.slack_s and not full):
        return None
    due_at = station.counted_at + (RECOUNT_FULL_S if full else RECOUNT_S)
    at = max(at, due_at, look_at(run, station, now))
    return Proposal(at) if at > now else Proposal(at, _count(station, now))


def _count(station: Station, now: float) -> c.CountSlots:
    """The next look of a count: at the first status that it has not looked at yet."""
    status = ACTIVE_STATUSES[len(station.counting(now))]
    return c.CountSlots(lane=station.lane.name, operation=station.operation, status=status)


def _within_budget(run: Run, station: Station, record: JobRecord, now: float) -> Proposal:
    """A Start whose time has come; or that it might cost too much."""
    budget = run.config.budget_usd
    if budget is not None:
        usd = run.committed_usd(family=run.families[record.job.analysis], units=record.job.units)
        if usd > budget + USD_NOISE:
            committed = run.committed_usd()
            reached = e.BudgetReached(at=now, job=record.job.key, committed_usd=committed, usd=usd, budget_usd=budget)
            return Proposal(now, event=reached)
    return _start(run, station, record, now)


def _start(run: Run, station: Station, record: JobRecord, now: float) -> Proposal:
    job, generation, lane = record.job.key, record.generation, station.lane.name
    secret = token(run.run_id, job, generation)
    name = job_name(station.lane.job_name_prefix, run.run_id, job, generation)
    operation = station.operation
    return Proposal(
        now,
        c.StartJob(job=job, generation=generation, lane=lane, operation=operation, token=secret, name=name),
        e.StartIntended(at=now, job=job, generation=generation, lane=lane, token=secret, name=name),
    )


def next_job(run: Run, station: Station) -> JobRecord | None:
    """The job to start next at a station: the first in input order of those whose batch lies there.

    Of a family of which no job has shown yet that the lane is in order, only the probe.
    """
    heads: list[Entry] = []
    for (analysis, _), queue in station.ready.items():
        head = queue.head
        if head is None or run.barred(station.lane.name, analysis):
            continue
        if run.is_proven(station.lane.name, analysis):
            heads.append(head)
        elif (key := probe(run, station, analysis)) is not None and any(key in of for of in station.ready.values()):
            heads.append((*head[:2], key))
    return run.jobs[min(heads)[2]] if heads else None


def probe(run: Run, station: Station, analysis: str) -> JobKey | None:
    """The first job of the analysis's family, to be started alone; None while one is at work.

    A wrong role or a key that may not be used costs one job, which the plan has made a small one, instead of a
    slot-count of large ones.
    """
    family, lane = run.families[analysis], station.lane.name
    if any(run.families[record.job.analysis] == family for record in station.occupied.values()):
        return None
    heads = [
        queue.head
        for (name, lanes), queue in run.all_waiting.items()
        if run.families[name] == family and lane in lanes and queue.head is not None and not run.barred(lane, name)
    ]
    return min(heads)[2] if heads else None


# --- families closed to the account -----------------------------------------------------------------------------------


def closures(run: Run, now: float) -> Iterator[Proposal]:
    """Jobs of an analysis that no lane takes any more are given up."""
    left = CLOSURES_MAX
    for (analysis, lanes), queue in run.all_waiting.items():
        closed = [run.closed_to.get((lane, analysis)) for lane in lanes]
        fault = closed[0] if closed and all(closed) else None
        if fault is None:
            continue
        for _, _, key in queue.first(left):
            left -= 1
            yield Proposal(now, event=e.JobGivenUp(at=now, job=key, code="FAMILY_CLOSED", fault=fault))


# --- lanes without a slot ---------------------------------------------------------------------------------------------


def shortages(run: Run, now: float) -> Iterator[Proposal]:
    """Where every slot is left to others and jobs wait that no other lane may start, that waits for the user."""
    for station in run.slotless:
        lane, operation = station.lane.name, station.operation
        if (lane, operation) not in run.parked_until and _needed(run, station):
            fault = _no_slot(station)
            yield Proposal(now, event=e.WorkParked(at=now, lane=lane, operation=operation, fault=fault, lasting=True))


def _needed(run: Run, station: Station) -> bool:
    lane, operation = station.lane.name, station.operation
    return any(record.state is State.UNSURE for record in station.occupied.values()) or any(
        queue and lane in lanes and all(run.stations[name, operation].slots < 1 for name in lanes)
        for (analysis, lanes), queue in run.all_waiting.items()
        if analysis in run.of_operation[operation]
    )


def _no_slot(station: Station) -> Fault:
    quotas = station.lane.quotas
    active, reserved = (limit.of(station.operation) for limit in (quotas.active_jobs, quotas.reserve_slots))
    return Fault(
        kind=FaultKind.DENIED,
        scope=Scope.LANE,
        code="NO_SLOTS",
        message=f"on lane {station.lane.name} {reserved:g} of {active:g} active jobs of {station.operation} are "
        "left to others, so that none could start",
        hint="set quotas.reserve_slots below quotas.active_jobs, then run again",
    )


# --- predictions ------------------------------------------------------------------------------------------------------

OVERDUE_S: Final = 30.0
"""How much longer a job is thought to take that should have ended by now."""


def opens(run: Run, station: Station, now: float) -> bool:
    """Whether jobs can be started at a station in this session."""
    return station.slots > 0 and (run.calm or start_at(run, station, now) < inf)


def opening(run: Run, station: Station, ahead: int, now: float) -> float:
    """When a further job could be started at a station, so many others before it; infinity: not in this session."""
    if not opens(run, station, now):
        return inf
    at = max(start_at(run, station, now), station.start.ready_at()) + ahead * station.start.interval_s
    behind = ahead - station.free
    if behind < 0:
        return at
    spans = [(_ends_at(record, now), record.predicted_s) for record in station.occupied.values()]
    if not spans:
        return at + RECOUNT_FULL_S * (1 + behind)
    ends = sorted(end for end, _ in spans)
    waves, place = divmod(behind, len(ends))
    return max(at, ends[place]) + waves * sum(seconds for _, seconds in spans) / len(spans)


def _ends_at(record: JobRecord, now: float) -> float:
    return max(now + OVERDUE_S, max(record.accepted_at, record.intended_at) + record.predicted_s)
