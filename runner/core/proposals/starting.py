"""Putting batches where jobs can read them, and starting jobs: in input order, within slots and pace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from runner.core import commands as c, events as e
from runner.core.kinds import STAGING, watching
from runner.core.proposals.proposal import Proposal, not_before, smallest
from runner.core.records import ACTIVE_STATUSES, JobRecord, Station
from runner.core.run import Run
from runner.model import JobKey, job_name, token

RECOUNT_S: Final = 60.0
"""How often strangers' jobs are counted while our own wait for a slot."""


def start_at(run: Run, station: Station, now: float) -> float:
    """The earliest time of a Start: not while the service says that it is full, nor while jobs cannot be watched."""
    lane, operation = station.lane.name, station.operation
    at = max(not_before(run, (lane, operation), now), not_before(run, (lane, watching(operation)), now))
    return max(at, station.full_until)


def starts(run: Run, station: Station, now: float) -> Iterator[Proposal]:
    """The next Start of an operation on a lane, or the count of strangers' jobs that has to come before it."""
    found = _next_job(run, station, now) if station.left > 0 else None
    if found is None:
        return
    record, at = found
    at = max(at, start_at(run, station, now))
    if station.lane.kind == "aws" and (now - station.counted_at >= RECOUNT_S or station.free <= 0):
        at = max(at, station.counted_at + RECOUNT_S, station.read.ready_at())
        status = next(status for status in ACTIVE_STATUSES if status not in station.strangers_seen)
        yield Proposal(at, c.CountSlots(lane=station.lane.name, operation=station.operation, status=status))
    elif station.free > 0:
        yield _start(run, station, record, max(at, station.start.ready_at()), now)


def _start(run: Run, station: Station, record: JobRecord, at: float, now: float) -> Proposal:
    job, generation, lane = record.job.key, record.generation, station.lane.name
    secret = token(run.run_id, job, generation)
    name = job_name(station.lane.job_name_prefix, run.run_id, job, generation)
    operation = station.operation
    return Proposal(
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
        heads.append((now, queue[0][2]))
    staged = [(max(at, now), key) for at, key in heads if _staged_at(run, key, station)]
    if not staged:
        return None
    at, key = min(staged, key=lambda head: head[0])
    return run.jobs[key], at


def _staged_at(run: Run, key: JobKey, station: Station) -> bool:
    staged = run.staged.get(run.jobs[key].job.batch)
    return staged is not None and staged[0] == station.lane.name


def stagings(run: Run, now: float) -> Iterator[Proposal]:
    """Batches are staged in the order of their jobs, some ahead; the one that is needed first, always.

    Without that "always", batches staged past one that failed could use up all the room ahead, for ever.
    """
    if not run.to_stage:
        return
    staging = {command.batch for command in run.in_flight if isinstance(command, c.StageBatch)}
    room = run.config.staging_max - len(staging)
    ahead = run.config.staged_ahead_max - len(run.staged_idle) - len(staging)
    # Entries of batches that were staged out of turn are still in the heap.
    heads = smallest(run.to_stage, run.config.staging_max + run.config.staged_ahead_max)
    wanted = [batch for _, _, batch in heads if batch in run.unstaged]
    lane = _lane_for_staging(run, now)
    for place, batch in enumerate(wanted):
        if batch in staging:
            continue
        if room <= 0 or (place and ahead <= 0):
            return
        room -= 1
        ahead -= 1
        yield Proposal(not_before(run, (lane, STAGING), now), c.StageBatch(batch=batch, lane=lane))


def _lane_for_staging(run: Run, now: float) -> str:
    """The lane with the least work before it, of those that are not parked."""
    if len(run.config.lanes) == 1:
        return run.config.lanes[0].name

    def load(lane: str) -> tuple[bool, int]:
        parked = any(key[0] == lane and until > now for key, until in run.parked_until.items())
        return parked, sum(1 for batch in run.staged_idle if run.staged[batch][0] == lane)

    return min((lane.name for lane in run.config.lanes), key=load)
