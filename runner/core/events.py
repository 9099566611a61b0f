"""Facts, in the past tense. `Run.apply` folds them; the journal keeps those that are not volatile.

`at` is the run clock in seconds since the epoch (see `runner.engine.clock`). Events hold ids, counts and faults, never
document text or secrets. A field may be added with a default; none may be renamed or removed, since journals
written by earlier versions must still fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from runner.core.commands import Command
from runner.model import (
    Batch,
    BatchId,
    CollectReport,
    Fault,
    Job,
    JobKey,
    JobStatus,
    MergedSegment,
    PartFacts,
    PartId,
    QuotaSource,
    RemoteId,
    RunId,
    SegmentFacts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact and when it was learnt."""

    volatile: ClassVar[bool] = False
    at: float


# --- the run and its plan -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan(Event):
    """The journal's first event. `identity`, `form` and `spec` are JSON; `spec` is the manifest's values."""

    run: RunId
    name: str
    version: str
    identity: str
    identity_digest: str
    form: str
    spec: str
    adopted: bool = False
    """Whether another box began it: then nothing may be started before its plan is taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Event):
    """A process took the run up. Whatever was in flight in an earlier one is not any more; parks are lifted.

    `engines` holds (lane, engine, incarnation, account): what answers at each lane. `analyzers` holds
    (family, version) of an embedded lane. `quotas` holds (lane, operation, active jobs, who says so) of remote lanes.
    """

    version: str
    purpose: Literal["run", "plan", "cancel", "retry"]
    engines: tuple[tuple[str, str, str, str], ...] = ()
    analyzers: tuple[tuple[str, str], ...] = ()
    quotas: tuple[tuple[str, str, float | None, QuotaSource], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingTaken(Event):
    """The sources of a corpus were listed, once and for all; the list lies in `ledger/<corpus>.listing`."""

    corpus: str
    digest: str
    files: int
    bytes: int
    ranges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSurveyed(Event):
    """A range of a corpus's listing was read; its ledgers and parts are on disk."""

    corpus: str
    index: int
    segments: tuple[SegmentFacts, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFinished(Event):
    """Every range of every corpus has been surveyed."""

    documents: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlanned(Event):
    """There is a batch. May come at any time."""

    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlanned(Event):
    """There is a job; its batch is known already. May come at any time."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFinished(Event):
    """The plan of the survey is complete: a segment that no open job covers can be merged."""

    jobs: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassed(Event):
    """Price, budget and disk were looked at, and the user's limits allow the plan."""

    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The books are closed and `run.json` is written."""

    exit_code: int


# --- models of the user's own -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingIntended(Event):
    """A model is about to be asked for in a lane. Durable before the call: from here on it may have been bought.

    `usd` is what its training may cost; of a model that several analyses share, the first one's holds it.
    """

    lane: str
    analysis: str
    arn: str
    token: str
    usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReady(Event):
    """A lane has the model of an analysis, and jobs of it can be started there.

    `trained_s` is the time that the service bills, `usd` what that costs this run: 0 for a model that was there before.
    `metrics` are the service's own figures on documents that it held out.
    """

    lane: str
    analysis: str
    arn: str
    trained_s: float | None = None
    usd: float = 0.0
    documents: int | None = None
    tested: int | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    message: str | None = None


# --- staging and starting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStaged(Event):
    """All objects of a batch lie under its prefix in a lane's bucket."""

    batch: BatchId
    lane: str
    uri: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingFailed(Event):
    """A batch could not be staged."""

    batch: BatchId
    lane: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingLost(Event):
    """What was staged in a lane is gone (an embedded endpoint that lost its data): it will be staged again."""

    lane: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StartIntended(Event):
    """A Start call is about to be made. Durable before the call: from here on a job may have been bought."""

    job: JobKey
    generation: int
    lane: str
    token: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAccepted(Event):
    """The service has the job. `by` says how that is known."""

    job: JobKey
    generation: int
    remote_id: RemoteId
    by: Literal["answer", "list", "prefix", "replay"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefused(Event):
    """The service answered that it did not take the job (or the call was never sent)."""

    job: JobKey
    generation: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUnanswered(Event):
    """The call was sent and no answer came."""

    job: JobKey
    generation: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StartNotFound(Event):
    """One check for an unanswered Start found no job. `proven`: S3 shows that there must be one."""

    job: JobKey
    generation: int
    step: int
    proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFailed(Event):
    """One check for an unanswered Start could not be made."""

    job: JobKey
    generation: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateFound(Event):
    """The service shows two jobs of one name: the older is kept, the newer is to be stopped. Reported, loudly."""

    job: JobKey
    generation: int
    kept: RemoteId
    extra: tuple[RemoteId, ...]
    over: tuple[RemoteId, ...] = ()
    """Of `extra`, those that have ended: there is nothing left to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleConfirmed(Event):
    """After a replayed Start the service shows one job of that name."""

    job: JobKey
    generation: int


# --- watching -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSeen(Event):
    """The service shows a job in another status than before. `fault` explains FAILED."""

    job: JobKey
    generation: int
    status: JobStatus
    fault: Fault | None = None
    submitted_at: float | None = None
    ended_at: float | None = None
    output_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationLost(Event):
    """The service says that it does not know a job it had accepted."""

    job: JobKey
    generation: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRenewed(Event):
    """The last generation came to nothing and the cause can pass: another will be started, not before a time."""

    job: JobKey
    generation: int
    not_before: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobGivenUp(Event):
    """No further generation: what the job's lines have no answer for closes as `code`."""

    job: JobKey
    code: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCut(Event):
    """One of a job's documents may be why it came to nothing: other jobs, planned just before, read its lines."""

    job: JobKey
    into: tuple[JobKey, ...]
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkParked(Event):
    """Work of one kind on a lane waits for the user (`lane` and `operation` empty: local work)."""

    lane: str
    operation: str
    fault: Fault
    lasting: bool = False
    """Whether it is not looked at again in this session: the lane did not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceChanged(Event):
    """Calls of one kind are made faster or slower from now on (`per_s` None: unpaced)."""

    lane: str
    operation: str
    call: Literal["start", "read", "stop"]
    per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Event):
    """A Start was refused by us: with it the run might cost more than its budget. Nothing more is started.

    `committed_usd` is what was started may cost, `usd` what it would come to with that job.
    """

    job: JobKey
    committed_usd: float
    usd: float
    budget_usd: float


# --- collecting and merging ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Event):
    """A generation's output is in the spool, checked and durable."""

    job: JobKey
    generation: int
    report: CollectReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectFailed(Event):
    """A generation's output could not be fetched, or was not what it should be."""

    job: JobKey
    generation: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairFailed(Event):
    """The lines to send again could not be gathered."""

    analysis: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagesRouted(Event):
    """The languages that an analysis was to tell are decided, and the jobs that waited for them are planned.

    `parts` are those that the jobs read, each with the one whose lines it has.
    """

    analysis: str
    parts: tuple[tuple[PartId, PartFacts], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMerged(Event):
    """A segment's lines are appended and durable; the result file ends here."""

    corpus: str
    merged: MergedSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeFailed(Event):
    """Segments could not be merged."""

    corpus: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Event):
    """Documents of a corpus that had closed as errors are open again; the jobs planned next answer them."""

    corpus: str
    analysis: str
    jobs: tuple[JobKey, ...]
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatched(Event):
    """A result file was written anew; `segments` are all of its segments, with their new ends."""

    corpus: str
    file: int
    segments: tuple[MergedSegment, ...]


# --- stopping -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked(Event):
    """The user wants remote jobs stopped; nothing more is started until the next session that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAnswered(Event):
    """The service took a Stop (`status` STOP_REQUESTED or STOPPED)."""

    job: JobKey
    generation: int
    remote_id: RemoteId
    status: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFailed(Event):
    """The service did not take a Stop."""

    job: JobKey
    generation: int
    remote_id: RemoteId
    fault: Fault


# --- volatile: true of this process only ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched(Event):
    """A command is being carried out."""

    volatile: ClassVar[bool] = True
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed(Event):
    """A command has been carried out, with whatever result; `fault` if that was a fault."""

    volatile: ClassVar[bool] = True
    command: Command
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept(Event):
    """A sweep looked at an operation; `missing` are our active jobs that it did not show."""

    volatile: ClassVar[bool] = True
    lane: str
    operation: str
    missing: tuple[JobKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangersSeen(Event):
    """Jobs of an operation in one active status that are not ours."""

    volatile: ClassVar[bool] = True
    lane: str
    operation: str
    status: JobStatus
    strangers: tuple[RemoteId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsCounted(Event):
    """How many active jobs of an operation are not ours, all active statuses having been looked at."""

    volatile: ClassVar[bool] = True
    lane: str
    operation: str
    strangers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repredicted(Event):
    """How long jobs of the service take is known better by now: (job, seconds from acceptance to end)."""

    volatile: ClassVar[bool] = True
    predictions: tuple[tuple[JobKey, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAwaited(Event):
    """No job of an analysis is started in a lane until its model is ready there."""

    volatile: ClassVar[bool] = True
    lane: str
    analysis: str


DURABLE_EVENTS: tuple[type[Event], ...] = (
    RunBegan,
    SessionOpened,
    ListingTaken,
    RangeSurveyed,
    SurveyFinished,
    BatchPlanned,
    JobPlanned,
    PlanFinished,
    GatePassed,
    RunFinished,
    TrainingIntended,
    ModelReady,
    BatchStaged,
    StagingFailed,
    StagingLost,
    StartIntended,
    StartAccepted,
    StartRefused,
    StartUnanswered,
    StartNotFound,
    CheckFailed,
    DuplicateFound,
    SingleConfirmed,
    StatusSeen,
    GenerationLost,
    GenerationRenewed,
    JobGivenUp,
    JobCut,
    WorkParked,
    PaceChanged,
    BudgetReached,
    Collected,
    CollectFailed,
    RepairFailed,
    LanguagesRouted,
    SegmentMerged,
    MergeFailed,
    Reopened,
    FilePatched,
    CancelAsked,
    StopAnswered,
    StopFailed,
)
