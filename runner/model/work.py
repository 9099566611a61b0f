"""Work: batches, jobs, generations, and the faults that befall them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import NewType

from runner.model.data import PartId

RunId = NewType("RunId", str)
BatchId = NewType("BatchId", str)
JobKey = NewType("JobKey", str)
RemoteId = NewType("RemoteId", str)


class FaultKind(StrEnum):
    """What can be done about a fault."""

    THROTTLED = "throttled"
    """Too many calls: slow down and call again."""
    NO_SLOT = "no_slot"
    """As many jobs are active as the account may have: wait for one to end."""
    TRANSIENT = "transient"
    """Passing (5xx, connection refused, slow S3): the same call again, later."""
    UNANSWERED = "unanswered"
    """The call was sent and no answer came: whether it took effect is unknown."""
    DENIED = "denied"
    """Credentials, permissions, keys, networks, buckets, disk: only the user can mend it."""
    REJECTED = "rejected"
    """The service or its answer says that this very work cannot be done."""
    CLOSED = "closed"
    """The service has closed the family to this account."""
    NOT_FOUND = "not_found"
    """The thing asked for does not exist."""
    CORRUPT = "corrupt"
    """An answer that is truncated, mixed up, or belongs to something else."""
    UNKNOWN = "unknown"
    """A code that no table knows: treated like DENIED, loudly."""


class Scope(StrEnum):
    """How far a fault reaches."""

    CALL = "call"
    DOCUMENT = "document"
    BATCH = "batch"
    LANE = "lane"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A classified failure. `message` may hold names of buckets and roles, never document text or secrets."""

    kind: FaultKind
    scope: Scope
    code: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Parts under one prefix: what one job reads.

    `covers` are the parts whose lines it answers: its own, or, for a repair, those its lines were taken from.
    `language` is the LanguageCode of its jobs, None where they take none.
    """

    id: BatchId
    parts: tuple[PartId, ...]
    covers: tuple[PartId, ...]
    language: str | None
    lines: int
    bytes: int
    padded: bool = False
    """Whether a pad object brings it above the service's minimum of 500 bytes; its rows are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One analysis of one batch. `order` is the place of its first document in the input: jobs start in that order."""

    key: JobKey
    analysis: str
    operation: str
    batch: BatchId
    order: int
    units: int
    predicted_s: float
    waits_for: tuple[JobKey, ...] = ()
    repairs: tuple[JobKey, ...] = ()
    """The jobs whose missing or failed rows it answers; their `round` is one less."""
    round: int = 0


class JobStatus(StrEnum):
    """Comprehend's job statuses (COMPREHEND.md section 1.4)."""

    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What a Start call needs beyond what its lane gives (role, keys, VPC, tags)."""

    family: str
    generation: int
    job: JobKey
    name: str
    token: str
    input_uri: str
    output_uri: str
    language: str | None
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteJob:
    """A job as the service shows it; times are seconds since the epoch, by the service's clock."""

    remote_id: RemoteId
    name: str | None
    status: JobStatus
    message: str | None = None
    submitted_at: float | None = None
    ended_at: float | None = None
    output_uri: str | None = None
    fault: Fault | None = None
    """Of a job that FAILED: what its message means."""


def job_key(analysis: str, batch: BatchId) -> JobKey:
    """The key of a job: follows from the plan, never from time."""
    return JobKey(f"{analysis}-{batch}")


def token(run: RunId, job: JobKey, generation: int) -> str:
    """ClientRequestToken of a generation: 32 hex digits of (run, job, generation), never of the attempt."""
    return blake2b(f"{run}\0{job}\0{generation}".encode(), digest_size=16).hexdigest()


def job_name(prefix: str, run: RunId, job: JobKey, generation: int) -> str:
    """JobName of a generation: readable, unique for the run, and carrying the token; at most 256 characters."""
    return f"{prefix}{job}-{generation}.{token(run, job, generation)}"[-256:]


def unit_interval(*seed: object) -> float:
    """A number in [0, 1) derived from `seed`: randomness that a replay repeats (jitter, choices)."""
    text = "\0".join(map(str, seed)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
