"""What an answer means: (run, command, answer) -> events. Pure, like everything here.

Every command is answered by a value or by a `Fault`. Whatever came, the last event is `Landed`: the command is no
longer in flight, and the operation's pace and troubles learn how it went.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runner.core import commands as c, events as e
from runner.core.commands import Answer, Check, Command
from runner.core.doubles import second_jobs
from runner.core.kinds import work_of
from runner.core.records import ACTIVE_STATUSES, DENIALS, JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.model import (
    CollectReport,
    Fault,
    FaultKind,
    JobKey,
    JobStatus,
    MergeReport,
    RemoteId,
    RemoteJob,
    Scope,
)

WRITE_CHECK: Final = ".write_access_check_file.temp"
"""The object that the service leaves at the requested output prefix once it has accepted a job (COMPREHEND.md 3.1)."""
_NOT_SHOWN: Final = Fault(
    kind=FaultKind.NOT_FOUND, scope=Scope.CALL, code="NOT_SHOWN", message="List does not show the job yet"
)


def interpret(run: Run, command: Command, answer: Answer, at: float) -> list[e.Event]:
    """The events that an answer amounts to, in the order in which they are to be applied."""
    fault = answer if isinstance(answer, Fault) else None
    events: list[e.Event] = list(_failure(run, command, fault, at) if fault else _success(run, command, answer, at))
    if fault is not None and fault.kind in DENIALS:
        lane, kind = work_of(command)
        events.append(e.WorkParked(at=at, lane=lane, operation=kind, fault=fault))
    events += _pace_changed(run, command, fault, at)
    events.append(e.Landed(at=at, command=command, fault=fault))
    return events


def _pace_changed(run: Run, command: Command, fault: Fault | None, at: float) -> list[e.Event]:
    paced = run.paced(command)
    if paced is None:
        return []
    station, call = paced
    pace = station.pace(call)
    rate = pace.rate
    if fault is None:
        rate = pace.after_success(at)
    elif fault.kind is FaultKind.THROTTLED:
        rate = pace.after_throttle(at)
    if rate == pace.rate:
        return []
    lane, operation = station.lane.name, station.operation
    return [e.PaceChanged(at=at, lane=lane, operation=operation, call=call, per_s=rate)]


# --- faults -------------------------------------------------------------------------------------------------------


def _failure(run: Run, command: Command, fault: Fault, at: float) -> list[e.Event]:
    match command:
        case c.StartJob(job=job, generation=generation):
            return _start_failed(run, job, generation, fault, at)
        case c.CheckByName(job=job, generation=generation) | c.CheckByPrefix(job=job, generation=generation):
            return [e.CheckFailed(at=at, job=job, generation=generation, fault=fault)]
        case c.StageBatch(batch=batch, lane=lane):
            return [e.StagingFailed(at=at, batch=batch, lane=lane, fault=fault)]
        case c.DescribeJob(job=job, generation=generation):
            if fault.kind is FaultKind.NOT_FOUND and _in(run, command, State.ACTIVE):
                return [e.GenerationLost(at=at, job=job, generation=generation, fault=fault)]
            return []
        case c.StopJob(job=job, generation=generation, remote_id=remote_id):
            return [e.StopFailed(at=at, job=job, generation=generation, remote_id=remote_id, fault=fault)]
        case c.CollectJob(job=job, generation=generation):
            if not _in(run, command, State.ENDED):
                return []
            return [e.CollectFailed(at=at, job=job, generation=generation, fault=fault)]
        case c.CutJob(job=job):
            return [e.RepairFailed(at=at, analysis=run.jobs[job].job.analysis, fault=fault)]
        case c.GatherRepair(analysis=analysis):
            return [e.RepairFailed(at=at, analysis=analysis, fault=fault)]
        case c.MergeSegments(corpus=corpus) | c.PatchFile(corpus=corpus):
            return [e.MergeFailed(at=at, corpus=corpus, fault=fault)]
        case c.Sweep() | c.CountSlots() | c.RouteLanguages() | c.ReleaseSpools():
            return []


def _start_failed(run: Run, job: JobKey, generation: int, fault: Fault, at: float) -> list[e.Event]:
    if fault.kind is FaultKind.UNANSWERED:
        return [e.StartUnanswered(at=at, job=job, generation=generation, fault=fault)]
    refused = e.StartRefused(at=at, job=job, generation=generation, fault=fault)
    if fault.kind not in {FaultKind.REJECTED, FaultKind.CLOSED}:
        return [refused]
    record = run.jobs[job]
    if record.state is State.UNSURE:
        # A refused replay says nothing of the first call: only the user can tell now.
        return [refused, e.WorkParked(at=at, lane=record.lane, operation=record.job.operation, fault=fault)]
    if fault.kind is FaultKind.CLOSED:
        return [refused]
    return [refused, e.JobGivenUp(at=at, job=job, code="JOB_FAILED", fault=fault)]


# --- answers ------------------------------------------------------------------------------------------------------


def _success(run: Run, command: Command, answer: Answer, at: float) -> list[e.Event]:
    match command, answer:
        case c.StageBatch(batch=batch, lane=lane), c.Staged(uri=uri, bytes=size):
            return [e.BatchStaged(at=at, batch=batch, lane=lane, uri=uri, bytes=size)]
        case c.StartJob() as start, RemoteJob(remote_id=remote_id):
            by = "replay" if start.replay else "answer"
            return [_accepted(start.job, start.generation, remote_id, by, at)]
        case c.CheckByName(step=Check.CONFIRM) as check, c.Jobs(jobs=jobs):
            return _confirmed(run, check, jobs, at)
        case c.CheckByName() as check, c.Jobs(jobs=jobs):
            return _found_by_name(run, check, jobs, at)
        case c.CheckByPrefix() as check, c.Keys(keys=keys):
            return _found_by_prefix(check, keys, at) if _in(run, check, State.UNSURE) else []
        case c.Sweep(lane=lane, operation=operation), c.Jobs(jobs=jobs):
            return _swept(run, lane, operation, jobs, at)
        case c.CountSlots() as count, c.Jobs(jobs=jobs):
            return _counted(run, count, jobs, at)
        case c.DescribeJob(job=job), RemoteJob() as remote:
            return _status_events(run.jobs[job], remote, at) if _in(run, command, State.ACTIVE) else []
        case c.StopJob() as stop, JobStatus() as status:
            answered = e.StopAnswered(
                at=at, job=stop.job, generation=stop.generation, remote_id=stop.remote_id, status=status
            )
            return [answered]
        case c.CollectJob(job=job, generation=generation), CollectReport() as report:
            collected = e.Collected(at=at, job=job, generation=generation, report=report)
            return [collected] if _in(run, command, State.ENDED) else []
        case c.GatherRepair(), c.PlannedRepair(batch=batch, job=planned):
            return [e.BatchPlanned(at=at, batch=batch), e.JobPlanned(at=at, job=planned)]
        case c.CutJob() as command, c.PlannedPieces() as pieces:
            return _cut(run, command, pieces, at)
        case c.RouteLanguages(analysis=analysis), c.Routed() as routed:
            return _routed(analysis, routed, at)
        case c.MergeSegments(corpus=corpus), MergeReport(segments=segments):
            return [e.SegmentMerged(at=at, corpus=corpus, merged=merged) for merged in segments]
        case c.PatchFile(corpus=corpus, file=file), MergeReport(segments=segments):
            return [e.FilePatched(at=at, corpus=corpus, file=file, segments=segments)]
        case c.ReleaseSpools(), c.Released():
            return []
        case _:
            raise TypeError(f"{type(command).__name__} cannot be answered by {type(answer).__name__}")


def _cut(run: Run, command: c.CutJob, pieces: c.PlannedPieces, at: float) -> list[e.Event]:
    """The pieces are planned before the job is done with, so that no segment closes in between."""
    record = run.jobs[command.job]
    if record.generation != command.generation or record.state not in {State.FAILED, State.ENDED}:
        return []
    assert record.fault is not None, command.job
    return [
        *(e.BatchPlanned(at=at, batch=batch) for batch in pieces.batches),
        *(e.JobPlanned(at=at, job=job) for job in pieces.jobs),
        e.JobCut(at=at, job=command.job, into=tuple(job.key for job in pieces.jobs), fault=record.fault),
    ]


def _routed(analysis: str, routed: c.Routed, at: float) -> list[e.Event]:
    """The jobs first: once the languages are decided, what no open job covers can be merged."""
    return [
        *(e.BatchPlanned(at=at, batch=batch) for batch in routed.batches),
        *(e.JobPlanned(at=at, job=job) for job in routed.jobs),
        e.LanguagesRouted(at=at, analysis=analysis, parts=routed.parts),
    ]


def _accepted(job: JobKey, generation: int, remote_id: RemoteId, by: str, at: float) -> e.StartAccepted:
    assert by in {"answer", "list", "prefix", "replay"}, by
    return e.StartAccepted(at=at, job=job, generation=generation, remote_id=remote_id, by=by)  # type: ignore[arg-type]


def _oldest_first(jobs: tuple[RemoteJob, ...], name: str) -> list[RemoteJob]:
    mine = [job for job in jobs if job.name == name]
    return sorted(mine, key=lambda job: (job.submitted_at or 0.0, job.remote_id))


def _in(run: Run, command: c.DescribeJob | c.CollectJob | c.CheckByName | c.CheckByPrefix, state: State) -> bool:
    """Whether a command's generation is the one that a job is at, and in a state in which its answer says something."""
    record = run.jobs[command.job]
    return record.generation == command.generation and record.state is state


def _found_by_name(run: Run, check: c.CheckByName, jobs: tuple[RemoteJob, ...], at: float) -> list[e.Event]:
    if not _in(run, check, State.UNSURE):
        return []
    mine = _oldest_first(jobs, check.name)
    if not mine:
        return [e.StartNotFound(at=at, job=check.job, generation=check.generation, step=check.step)]
    kept, *extra = (job.remote_id for job in mine)
    accepted = _accepted(check.job, check.generation, kept, "list", at)
    return [accepted, _duplicate(check, kept, extra, at)] if extra else [accepted]


def _confirmed(run: Run, check: c.CheckByName, jobs: tuple[RemoteJob, ...], at: float) -> list[e.Event]:
    """Whether a replayed Start made a second job. A List that does not show the first yet cannot tell."""
    record = run.jobs[check.job]
    own = record.remote_id
    if check.job not in run.to_confirm or record.generation != check.generation or own is None:
        return []
    shown = [job.remote_id for job in _oldest_first(jobs, check.name) if job.remote_id not in run.extras]
    if not set(shown) - {own}:
        if own in shown or record.status is not None or record.state is not State.ACTIVE:
            return [e.SingleConfirmed(at=at, job=check.job, generation=check.generation)]
        return [e.CheckFailed(at=at, job=check.job, generation=check.generation, fault=_NOT_SHOWN)]
    # One that is not shown yet is younger than those that are. Once a job has ended, it is the one that counts.
    candidates = [*shown, *({own} - set(shown))]
    kept = candidates[0] if record.state is State.ACTIVE else own
    return [_duplicate(check, kept, [job for job in candidates if job != kept], at)]


def _duplicate(check: c.CheckByName, kept: RemoteId, extra: Sequence[RemoteId], at: float) -> e.DuplicateFound:
    return e.DuplicateFound(at=at, job=check.job, generation=check.generation, kept=kept, extra=tuple(extra))


def _found_by_prefix(check: c.CheckByPrefix, keys: tuple[str, ...], at: float) -> list[e.Event]:
    """`<account>-<CODE>-<job id>/…` names the job; the write check alone proves that there is one."""
    for key in keys:
        folder, slash, _ = key.partition("/")
        remote_id = folder.rpartition("-")[2]
        if slash and folder.count("-") >= 2 and remote_id:
            return [_accepted(check.job, check.generation, RemoteId(remote_id), "prefix", at)]
    proven = any(key.rpartition("/")[2] == WRITE_CHECK for key in keys)
    return [e.StartNotFound(at=at, job=check.job, generation=check.generation, step=check.step, proven=proven)]


def _swept(run: Run, lane: str, operation: str, jobs: tuple[RemoteJob, ...], at: float) -> list[e.Event]:
    station = run.stations[lane, operation]
    shown = {job.remote_id: job for job in jobs}
    events: list[e.Event] = []
    missing = []
    for record in station.occupied.values():
        if record.state is not State.ACTIVE or record.remote_id is None:
            continue
        remote = shown.get(record.remote_id)
        if remote is None:
            missing.append(record.job.key)
        elif remote.status is not record.status:
            events += _status_events(record, remote, at)
    doubles = second_jobs(run, station, jobs, at)
    return [*doubles, *events, e.Swept(at=at, lane=lane, operation=operation, missing=tuple(missing))]


def _status_events(record: JobRecord, remote: RemoteJob, at: float) -> list[e.Event]:
    seen = _status(record, remote, at)
    events: list[e.Event] = [seen]
    if seen.fault is not None and seen.fault.kind in DENIALS:
        events.append(e.WorkParked(at=at, lane=record.lane, operation=record.job.operation, fault=seen.fault))
    return events


def _status(record: JobRecord, remote: RemoteJob, at: float) -> e.StatusSeen:
    fault = None
    if remote.status is JobStatus.FAILED:
        fault = remote.fault or Fault(
            kind=FaultKind.UNKNOWN, scope=Scope.LANE, code="FAILED", message=remote.message or "no message"
        )
    return e.StatusSeen(
        at=at,
        job=record.job.key,
        generation=record.generation,
        status=remote.status,
        fault=fault,
        submitted_at=remote.submitted_at,
        ended_at=remote.ended_at,
        output_uri=remote.output_uri,
    )


def _counted(run: Run, count: c.CountSlots, jobs: tuple[RemoteJob, ...], at: float) -> list[e.Event]:
    """Strangers' jobs; a second job of one of our names is a stranger's too, until it is stopped."""
    station = run.stations[count.lane, count.operation]
    ours = {record.remote_id for record in station.occupied.values()}
    unknown = {record.name for record in station.occupied.values() if record.remote_id is None}
    strangers = [job.remote_id for job in jobs if job.remote_id not in ours and job.name not in unknown]
    seen = station.counted(count.status, strangers, at)
    lane, operation = count.lane, count.operation
    events: list[e.Event] = [
        e.StrangersSeen(at=at, lane=lane, operation=operation, status=count.status, strangers=tuple(strangers))
    ]
    if len(seen) == len(ACTIVE_STATUSES):
        everybody = frozenset(remote_id for ids in seen.values() for remote_id in ids)
        events.append(e.SlotsCounted(at=at, lane=lane, operation=operation, strangers=len(everybody)))
    return events
