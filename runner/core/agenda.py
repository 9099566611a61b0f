"""What there is to do: every proposal with the earliest time at which it makes sense. Reads a `Run`, changes nothing.

One function per kind of work, each a generator of `Proposal`s. `due` takes those whose time has come, `next_wakeup`
the earliest of the others; so no rule is written twice, once for acting and once for waiting.

A step proposes at most one Start per operation and lane: what it proposes becomes fact before the next is thought
about, so that two decisions never count on the same slot.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, Final, TypeVar

from runner.core import commands as c, events as e
from runner.core.commands import Check
from runner.core.polling import next_look
from runner.core.ratelimit import Pace
from runner.core.records import COLLECTING, RESULTS, STAGING, JobRecord, Station
from runner.core.retry import OUTPUTS
from runner.core.run import DENIALS, Run, renewal
from runner.core.states import State
from runner.model import Fault, FaultKind, JobKey, Scope, job_name, token

Entry = TypeVar("Entry", bound=tuple[Any, ...])

RECOUNT_S: Final = 60.0
"""How often strangers' jobs are counted while our own wait for a slot."""
CHECK_ROUNDS_MAX: Final = 8
"""Rounds of checks after an unanswered Start, before the operation is parked."""
SWEEP_MARGIN_S: Final = 300.0
"""How much further back than our oldest active job a sweep looks: more than clocks differ."""
RELEASE_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Proposal:
    """An event to record, a command to carry out, or both (the event first), not before `at`."""

    at: float
    command: c.Command | None = None
    event: e.Event | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now: record and apply the events, then carry out the commands."""

    events: tuple[e.Event, ...] = ()
    commands: tuple[c.Command, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.commands)


def due(run: Run, now: float) -> Decision:
    """What the run would do now. Changes nothing; the same run at the same time gives the same answer."""
    ready = list(_one_per_pace(run, (proposal for proposal in agenda(run, now) if proposal.at <= now)))
    return Decision(
        events=tuple(proposal.event for proposal in ready if proposal.event is not None),
        commands=tuple(proposal.command for proposal in ready if proposal.command is not None),
    )


def _one_per_pace(run: Run, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Of proposals that keep to the same pace, the first: the next is thought about once that one has been spent."""
    taken: list[Pace] = []
    for proposal in proposals:
        pace = run.pace_of(proposal.command) if proposal.command is not None else None
        if pace is None or pace.rate is None:
            yield proposal
        elif not any(pace is other for other in taken):
            taken.append(pace)
            yield proposal


def next_wakeup(run: Run, now: float) -> float | None:
    """When to ask `due` again if no fact arrives before; None: only a fact can change anything."""
    later = [proposal.at for proposal in agenda(run, now) if now < proposal.at < inf]
    return min(later, default=None)


def agenda(run: Run, now: float) -> Iterator[Proposal]:
    """Everything that could be done, whenever, and is not being done already."""
    yield from _troubles(run, now)
    for proposal in _work(run, now):
        if proposal.command is None or proposal.command not in run.in_flight:
            yield proposal


def _work(run: Run, now: float) -> Iterator[Proposal]:
    yield from _decisions(run, now)
    for station in run.stations.values():
        yield from _checks(run, station, now)
        yield from _looks(run, station, now)
        yield from _stops(run, station, now)
        if not run.stopping:
            yield from _starts(run, station, now)
    yield from _collections(run, now)
    if not run.stopping:
        yield from _staging(run, now)
        yield from _repairs(run, now)
    yield from _merges(run, now)
    if run.to_release:
        yield Proposal(now, c.ReleaseSpools(jobs=tuple(run.to_release[:RELEASE_BATCH])))


def _not_before(run: Run, lane: str, kind: str, now: float) -> float:
    """The earliest time for one kind of work: troubles and parks."""
    trouble = run.troubles.get((lane, kind))
    at = max(now, trouble.retry_at) if trouble else now
    if trouble and trouble.exhausted:
        return inf
    return max(at, run.parked(lane, kind, now) or 0.0)


def _troubles(run: Run, now: float) -> Iterator[Proposal]:
    """Kinds of work that failed too often in a row are parked."""
    for (lane, kind), trouble in run.troubles.items():
        if trouble.exhausted is not None:
            yield Proposal(now, event=e.WorkParked(at=now, lane=lane, operation=kind, fault=trouble.exhausted))


# --- decisions about failed generations -------------------------------------------------------------------------


def _decisions(run: Run, now: float) -> Iterator[Proposal]:
    for key, record in run.undecided.items():
        fault = record.fault
        assert fault is not None, key
        if fault.kind in DENIALS:
            again = now if record.failed_in < run.sessions else run.parked_until.get(park_key(record), inf)
            if not run.stopping:
                yield _renew(record, now, now, at=max(now, again))
        elif fault.kind is FaultKind.CLOSED:
            yield _give_up(record, now, "FAMILY_CLOSED", fault)
        elif fault.kind is FaultKind.REJECTED:
            yield _give_up(record, now, "JOB_FAILED", fault)
        elif (at := renewal(record, now)) is not None:
            yield _renew(record, now, at)
        else:
            yield _give_up(record, now, "JOB_FAILED", fault)


def park_key(record: JobRecord) -> tuple[str, str]:
    """What is parked when a job's generation fails for a reason that only the user can mend."""
    return record.lane, record.job.operation


def _renew(record: JobRecord, now: float, not_before: float, *, at: float | None = None) -> Proposal:
    generation = record.generation + 1
    return Proposal(
        now if at is None else at,
        event=e.GenerationRenewed(at=now, job=record.job.key, generation=generation, not_before=not_before),
    )


def _give_up(record: JobRecord, now: float, code: str, fault: Fault) -> Proposal:
    return Proposal(now, event=e.JobGivenUp(at=now, job=record.job.key, code=code, fault=fault))


# --- starting -----------------------------------------------------------------------------------------------------


def _starts(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    lane, operation = station.lane.name, station.operation
    found = _next_job(run, station, now)
    if found is None or station.free <= 0:
        return
    record, at = found
    at = max(at, _not_before(run, lane, operation, now), station.full_until)
    if station.lane.kind == "aws" and now - station.counted_at >= RECOUNT_S:
        yield Proposal(max(at, station.read.ready_at()), c.CountSlots(lane=lane, operation=operation))
        return
    at = max(at, station.start.ready_at())
    job, generation = record.job.key, record.generation
    secret = token(run.run_id, job, generation)
    name = job_name(station.lane.job_name_prefix, run.run_id, job, generation)
    yield Proposal(
        at,
        c.StartJob(job=job, generation=generation, lane=lane, operation=operation, token=secret, name=name),
        e.StartIntended(at=now, job=job, generation=generation, lane=lane, token=secret, name=name),
    )


def _next_job(run: Run, station: Station, now: float) -> tuple[JobRecord, float] | None:
    """The job to start next at a station and when it may: renewed ones whose time has come, else in input order."""
    delayed, queue = run.delayed[station.operation], run.queues[station.operation]
    heads: list[tuple[float, JobKey]] = []
    if delayed:
        heads.append(delayed[0])
    if queue:
        heads.append((0.0, queue[0][2]))
    for not_before, key in heads:
        if not_before <= now and _staged_at(run, key, station):
            return run.jobs[key], now
    return next(((run.jobs[key], at) for at, key in heads if at > now and _staged_at(run, key, station)), None)


def _staged_at(run: Run, key: JobKey, station: Station) -> bool:
    staged = run.staged.get(run.jobs[key].job.batch)
    return staged is not None and staged[0] == station.lane.name


def _staging(run: Run, now: float) -> Iterator[Proposal]:
    """Batches are staged in the order of their jobs, some ahead; the one that is needed first, always.

    Without that "always", batches staged past one that failed could use up all the room ahead, for ever.
    """
    staging = {command.batch for command in run.in_flight if isinstance(command, c.StageBatch)}
    room = run.config.staging_max - len(staging)
    ahead = run.config.staged_ahead_max - len(run.staged_idle) - len(staging)
    heads = [batch for _, _, batch in _heads(run.to_stage, run.config.staging_max + len(staging))]
    wanted = [batch for batch in dict.fromkeys(heads) if batch not in run.staged]
    lane = _lane_for_staging(run, now)
    for place, batch in enumerate(wanted):
        if batch in staging:
            continue
        if room <= 0 or (place and ahead <= 0):
            return
        room -= 1
        ahead -= 1
        yield Proposal(_not_before(run, lane, STAGING, now), c.StageBatch(batch=batch, lane=lane))


def _lane_for_staging(run: Run, now: float) -> str:
    """The lane with the least work before it, of those that are not parked."""

    def load(lane: str) -> tuple[bool, int]:
        parked = any(key[0] == lane and run.parked_until[key] > now for key in run.parked_until)
        return parked, sum(1 for batch in run.staged_idle if run.staged[batch][0] == lane)

    return min((lane.name for lane in run.config.lanes), key=load)


def _heads(heap: list[Entry], count: int) -> list[Entry]:
    """The `count` smallest of a heap, in order, without changing it: O(count log count)."""
    found: list[Entry] = []
    frontier: list[tuple[Entry, int]] = [(heap[0], 0)] if heap else []
    while frontier and len(found) < count:
        item, at = heapq.heappop(frontier)
        found.append(item)
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heapq.heappush(frontier, (heap[child], child))
    return found


# --- checks after an unanswered Start -----------------------------------------------------------------------------


def _checks(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    lane, operation = station.lane.name, station.operation
    base = _not_before(run, lane, operation, now)
    for record in station.occupied.values():
        if record.state is State.UNSURE:
            yield from _check(run, station, record, max(base, record.check_at), now)
    for record in run.to_confirm.values():
        if (record.lane, record.job.operation) == (lane, operation) and record.confirm_at is not None:
            at = max(base, record.confirm_at, station.read.ready_at())
            yield Proposal(at, _by_name(record, Check.CONFIRM))


def _check(run: Run, station: Station, record: JobRecord, at: float, now: float) -> Iterator[Proposal]:
    job, generation = record.job.key, record.generation
    if record.check_rounds > CHECK_ROUNDS_MAX:
        yield _park_unsure(station, record, at, now)
    elif record.check in {Check.LIST, Check.LIST_AGAIN}:
        yield Proposal(max(at, station.read.ready_at()), _by_name(record, record.check))
    elif record.check in {Check.PREFIX, Check.PREFIX_AGAIN}:
        lane = station.lane.name
        at = max(at, _not_before(run, lane, COLLECTING, now))
        yield Proposal(at, c.CheckByPrefix(job=job, generation=generation, lane=lane, step=record.check))
    elif not run.stopping:
        at = max(at, station.start.ready_at(), station.full_until)
        yield Proposal(at, _replay(station, record))


def _by_name(record: JobRecord, step: Check) -> c.CheckByName:
    return c.CheckByName(
        job=record.job.key,
        generation=record.generation,
        lane=record.lane,
        operation=record.job.operation,
        name=record.name,
        step=step,
    )


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


def _park_unsure(station: Station, record: JobRecord, at: float, now: float) -> Proposal:
    found = "S3 shows that the service took the job" if record.proven else "no trace of the job was found"
    fault = Fault(
        kind=FaultKind.UNKNOWN,
        scope=Scope.LANE,
        code="START_UNRESOLVED",
        message=f"the answer to the Start of {record.job.key} was lost, {found}, and List does not show it",
        hint=f"look for a job named {record.name} in the console, then run again",
    )
    parked = e.WorkParked(at=now, lane=station.lane.name, operation=station.operation, fault=fault)
    return Proposal(at, event=parked)


# --- watching and stopping ------------------------------------------------------------------------------------------


def _looks(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    lane, operation = station.lane.name, station.operation
    timing = run.timing(lane)
    active = [record for record in station.occupied.values() if record.state is State.ACTIVE]
    if not active:
        return
    base = max(_not_before(run, lane, operation, now), station.read.ready_at())
    looks = [next_look(timing, accepted_at=r.accepted_at, looked_at=r.looked_at) for r in active]
    since = min(r.submitted_at or r.accepted_at for r in active) - SWEEP_MARGIN_S
    if not any(
        isinstance(command, c.Sweep) and command.lane == lane and command.operation == operation
        for command in run.in_flight
    ):
        yield Proposal(max(base, min(looks)), c.Sweep(lane=lane, operation=operation, since=float(int(since))))
    for record in active:
        if record.missing >= timing.missing_max and record.remote_id is not None:
            yield Proposal(
                base,
                c.DescribeJob(
                    job=record.job.key,
                    generation=record.generation,
                    lane=lane,
                    operation=operation,
                    remote_id=record.remote_id,
                ),
            )


def _stops(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    lane, operation = station.lane.name, station.operation
    at = max(_not_before(run, lane, operation, now), station.stop.ready_at())
    if run.config.operations[operation]:
        wanted = [
            (record, record.remote_id)
            for record in (station.occupied.values() if run.cancelling else ())
            if record.state is State.ACTIVE and not record.stop_asked
        ]
        wanted += [(r, extra) for extra, r in run.extra_stops.items() if (r.lane, r.job.operation) == (lane, operation)]
        for record, remote_id in wanted[:1]:
            if remote_id is not None:
                yield Proposal(
                    at,
                    c.StopJob(
                        job=record.job.key,
                        generation=record.generation,
                        lane=lane,
                        operation=operation,
                        remote_id=remote_id,
                    ),
                )


# --- collecting, repairing, merging -------------------------------------------------------------------------------


def _collections(run: Run, now: float) -> Iterator[Proposal]:
    collecting = {command.job for command in run.in_flight if isinstance(command, c.CollectJob)}
    room = run.config.collecting_max - len(collecting)
    heads = _heads(run.to_collect, run.config.collecting_max + len(collecting) + 8)
    for place, (_, key) in enumerate(heads):
        record = run.jobs[key]
        if record.state is not State.ENDED or key in collecting:
            continue
        if record.output_failures >= OUTPUTS.attempts_max:
            yield _abandon(record, now)
            continue
        if room <= 0 or (place and run.spool_bytes > run.config.spool_bytes_max):
            return
        room -= 1
        at = max(record.collect_at, _not_before(run, record.lane, COLLECTING, now), _not_before(run, "", RESULTS, now))
        yield Proposal(
            at,
            c.CollectJob(
                job=key,
                generation=record.generation,
                lane=record.lane,
                output_uri=record.output_uri or "",
                partial=record.partial,
            ),
        )


def _abandon(record: JobRecord, now: float) -> Proposal:
    """An output that stays unusable: another generation, or none."""
    at = renewal(record, now)
    fault = record.fault
    assert fault is not None, record.job.key
    return _renew(record, now, at) if at is not None else _give_up(record, now, "JOB_FAILED", fault)


def _repairs(run: Run, now: float) -> Iterator[Proposal]:
    """Lines to send again are gathered once about a slot-count of jobs has some, or no more jobs are to come."""
    if any(isinstance(command, c.GatherRepair) for command in run.in_flight):
        return
    for (analysis, _, round_), jobs in run.to_repair.items():
        waiting = sum(len(keys) for (name, _, _), keys in run.to_repair.items() if name == analysis)
        slots = (
            max(run.stations[lane.name, run.jobs[jobs[0]].job.operation].slots for lane in run.config.lanes)
            if jobs
            else 1
        )
        if jobs and (len(jobs) >= slots or run.unsettled[analysis] == waiting):
            at = _not_before(run, "", RESULTS, now)
            serial = run.batches_planned + 1
            yield Proposal(at, c.GatherRepair(analysis=analysis, serial=serial, round=round_, jobs=tuple(jobs)))
            return


def _merges(run: Run, now: float) -> Iterator[Proposal]:
    busy = {command.corpus for command in run.in_flight if isinstance(command, c.MergeSegments | c.PatchFile)}
    room = run.config.merging_max - len(busy)
    at = _not_before(run, "", RESULTS, now)
    for corpus in run.books.corpora:
        if room <= 0:
            return
        if corpus in busy:
            continue
        segments = run.books.mergeable(corpus)
        file = None if segments else run.books.patchable(corpus)
        if segments:
            room -= 1
            yield Proposal(at, c.MergeSegments(corpus=corpus, segments=segments))
        elif file is not None:
            room -= 1
            yield Proposal(at, c.PatchFile(corpus=corpus, file=file))
