"""Jobs that a session has left undone although nothing stood in their way."""

from __future__ import annotations

from math import inf

from runner.core.kinds import COLLECTING, RESULTS, STAGING, watching
from runner.core.proposals.starting import probe
from runner.core.records import DENIALS, JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.model import JobKey


def left_undone(run: Run) -> list[JobKey]:
    """The jobs that could have gone on when a driver ended of itself, before the books were closed."""
    if _parked(run, "", RESULTS):
        return []
    return [key for key, record in run.jobs.items() if not record.settled and not _held_up(run, record)]


def _parked(run: Run, lane: str, kind: str) -> bool:
    return run.parked_until.get((lane, kind)) == inf


def _held_up(run: Run, record: JobRecord) -> bool:
    """Whether something that the user was told of stands in a job's way."""
    lane, operation = record.lane, record.job.operation
    unseen = _parked(run, lane, watching(operation))
    match record.state:
        case State.WAITING:
            return record.job.key in run.waiting_for or all(_shut(run, record, name) for name in record.lanes)
        case State.UNSURE:
            return unseen or _parked(run, lane, operation) or _parked(run, lane, COLLECTING)
        case State.ACTIVE:
            return unseen
        case State.FAILED:
            denied = record.fault is not None and record.fault.kind in DENIALS and _parked(run, lane, operation)
            return denied or (unseen and record.confirm_at is not None)
        case State.ENDED:
            full = run.spool_bytes > run.config.spool_bytes_max
            held = any(_parked(run, name, COLLECTING) for name in ([*run.to_collect] if full else [lane]))
            return held or (unseen and record.confirm_at is not None)
        case _:
            # Its lines are sent again where that can be; else what is gathered waits with it.
            return all(_shut(run, record, name) for name in record.lanes)


def _shut(run: Run, record: JobRecord, lane: str) -> bool:
    """Whether a job cannot be started on a lane in this session."""
    operation, analysis = record.job.operation, record.job.analysis
    shut = _parked(run, lane, operation) or _parked(run, lane, watching(operation)) or run.barred(lane, analysis)
    if shut or run.stations[lane, operation].free < 1:
        return True
    first = None if run.is_proven(lane, analysis) else probe(run, run.stations[lane, operation], analysis)
    wanted = {record.job.batch, record.job.batch if first is None else run.jobs[first].job.batch}
    unstaged = any(lane not in run.staged.get(batch, ()) for batch in wanted)
    return unstaged and _parked(run, lane, STAGING)
