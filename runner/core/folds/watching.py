"""Facts about generations that the service has: what it shows of them, how they end, what follows, and Stops."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from runner.core import events as e
from runner.core.folds.looking import disprove, expect, prove
from runner.core.folds.starting import forget_confirmation
from runner.core.records import DENIALS, JobRecord
from runner.core.states import State
from runner.model import FaultKind, JobStatus

if TYPE_CHECKING:
    from runner.core.run import Run

_AT_WORK: Final = frozenset({JobStatus.IN_PROGRESS, JobStatus.STOP_REQUESTED})
NOTHING_TO_STOP: Final = frozenset({FaultKind.REJECTED, FaultKind.NOT_FOUND})
"""Answers to Stop that mean the job has ended, or is not there; after any other the Stop is still to be made."""


def swept(run: Run, event: e.Swept) -> None:
    """All active jobs of an operation were looked at; some were not shown."""
    for record in run.stations[event.lane, event.operation].occupied.values():
        if record.state is State.ACTIVE:
            record.looked_at = max(record.looked_at, event.at)
            expect(run, record)
            _prove(run, record, event.at)
    for key in event.missing:
        run.jobs[key].missing += 1


def _prove(run: Run, record: JobRecord, at: float) -> None:
    """A job that is at work longer than a missing permission takes to show proves that its lane is in order."""
    past = at - record.accepted_at >= run.timing(record.lane).permission_s
    if past and record.status in _AT_WORK:
        prove(run, record)


def repredicted(run: Run, event: e.Repredicted) -> None:
    """Jobs that run take longer or shorter than was thought."""
    for key, seconds in event.predictions:
        record = run.jobs[key]
        record.predicted_s = seconds
        if record.state is State.ACTIVE:
            expect(run, record)


def status_seen(run: Run, event: e.StatusSeen, record: JobRecord) -> None:
    """A job goes on, has an output, or has failed."""
    record.status = event.status
    record.looked_at, record.missing = event.at, 0
    record.submitted_at = event.submitted_at or record.submitted_at
    record.ended_at = event.ended_at
    record.output_uri = event.output_uri or record.output_uri
    if record.confirmed and record.state is not State.ACTIVE:
        forget_confirmation(run, record)
    if record.state is State.FAILED:
        _failed(run, event, record)
    elif record.state is State.ACTIVE:
        expect(run, record)
        _prove(run, record, event.at)
    elif record.state is State.ENDED:
        prove(run, record)
        record.partial = event.status is JobStatus.STOPPED
        record.output_failures, record.collect_at = 0, 0.0
        entry = record.job.order, record.job.key, record.generation
        heapq.heappush(run.to_collect.setdefault(record.lane, []), entry)


def generation_lost(run: Run, event: e.GenerationLost, record: JobRecord) -> None:
    """The service does not know a job that it had accepted."""
    _failed(run, event, record)


def _failed(run: Run, event: e.StatusSeen | e.GenerationLost, record: JobRecord) -> None:
    fault = event.fault
    assert fault is not None, record.job.key
    record.fault = fault
    record.failed_in, record.failed_at = run.sessions, event.at
    if fault.kind in DENIALS:
        disprove(run, record)
    else:
        record.failures += 1
    record.output_failures = 0
    run.trim_collect()
    run.undecided[record.job.key] = record


def generation_renewed(run: Run, event: e.GenerationRenewed, record: JobRecord) -> None:
    """A job waits again, with its next generation."""
    if record.output_failures:
        record.failures += 1
        record.output_failures = 0
    record.generation = event.generation
    record.check_rounds = 0
    run.trim_collect()
    run.enqueue(record)


def job_given_up(run: Run, event: e.JobGivenUp, record: JobRecord) -> None:
    """A job will answer nothing."""
    record.fault = event.fault
    run.given_up += 1
    run.trim_collect()
    run.settle(record)


def job_cut(run: Run, event: e.JobCut, record: JobRecord) -> None:
    """Other jobs answer for a job's lines."""
    record.fault = event.fault
    run.trim_collect()
    run.replace(record.job.key, event.into)
    run.settle(record)


def stop_answered(run: Run, event: e.StopAnswered, record: JobRecord) -> None:
    """A Stop need not be made again."""
    if run.extra_stops.pop(event.remote_id, None) is None:
        record.stop_asked = True


def stop_failed(run: Run, event: e.StopFailed, record: JobRecord) -> None:
    """A Stop that found nothing to stop need not be made again."""
    if event.fault.kind in NOTHING_TO_STOP and run.extra_stops.pop(event.remote_id, None) is None:
        record.stop_asked = True
