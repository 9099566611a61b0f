"""Second jobs of one name that a sweep shows: bought by a Start that was carried out when nobody believed it any more.

The checks after an unanswered Start wait a grace; a service whose lists lag further than that, and that does not honour
tokens either, makes two jobs of one. Whenever a later sweep shows the other, it is reported, and the newer is stopped.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.core import events as e
from runner.core.records import JobRecord, Station
from runner.core.run import Run
from runner.core.states import State
from runner.model import JobKey, RemoteId, RemoteJob, token

_UNDER_WAY = frozenset({State.INTENDED, State.UNSURE})
"""What a Start of the current generation bought is being looked for already."""


def second_jobs(run: Run, station: Station, shown: Iterable[RemoteJob], at: float) -> list[e.Event]:
    """A `DuplicateFound` for each job of our names that is not the one we know, and was not reported before."""
    jobs = {job.remote_id: job for job in shown}
    found: list[e.Event] = []
    for job in jobs.values():
        owner = _owner(run, station, job)
        if owner is None:
            continue
        record, generation = owner
        current = generation == record.generation and record.state is not State.WAITING
        if job.remote_id in {record.remote_id, *record.past} or job.remote_id in run.extras:
            continue
        if current and (record.state in _UNDER_WAY or record.remote_id is None):
            continue
        kept = record.remote_id if current else _of_generation(record, generation)
        rivals = jobs.get(kept or job.remote_id), job
        found.append(_report(record, generation, kept or job.remote_id, rivals, at))
    return found


def _owner(run: Run, station: Station, job: RemoteJob) -> tuple[JobRecord, int] | None:
    """The job and the generation that a JobName speaks of, if it is one of this run's (see `runner.model.job_name`)."""
    text, dot, secret = (job.name or "").rpartition(".")
    key, dash, number = text.removeprefix(station.lane.job_name_prefix).rpartition("-")
    record = run.jobs.get(JobKey(key)) if dot and dash and number.isdecimal() else None
    if record is None or record.remote_id == job.remote_id:
        return None
    return (record, int(number)) if token(run.run_id, record.job.key, int(number)) == secret else None


def _of_generation(record: JobRecord, generation: int) -> RemoteId | None:
    known = (*record.past, record.remote_id)
    return known[generation] if generation < len(known) else None


def _report(
    record: JobRecord, generation: int, kept: RemoteId, rivals: tuple[RemoteJob | None, RemoteJob], at: float
) -> e.DuplicateFound:
    """The older one is kept while both may still answer; one that has answered, always.

    One that has never been shown is younger than those that are.
    """
    own, job = rivals
    extra, over = job.remote_id, job.status.ended
    since = own.submitted_at or 0.0 if own is not None else record.submitted_at
    current = generation == record.generation and record.state is State.ACTIVE
    if current and not over and (since is None or (job.submitted_at or at) < since):
        kept, extra, over = job.remote_id, kept, own is not None and own.status.ended
    return e.DuplicateFound(
        at=at, job=record.job.key, generation=generation, kept=kept, extra=(extra,), over=(extra,) if over else ()
    )
