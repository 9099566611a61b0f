"""Requests, in the imperative. `Run.due` proposes them, the engine carries them out and answers with a value.

Each class says what answers it: that value, or a `Fault`; `runner.core.answers` turns either into events.
Commands are values: two equal ones are the same request, and one that is in flight is not proposed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from runner.model import (
    Batch,
    BatchId,
    CollectReport,
    Fault,
    Job,
    JobKey,
    JobStatus,
    MergeReport,
    PartFacts,
    PartId,
    RemoteId,
    RemoteJob,
    SegmentId,
)


class Check(IntEnum):
    """The checks after an unanswered Start, in their order (DESIGN section 3, "Start once")."""

    LIST = 1
    """`List*Jobs` by JobName."""
    PREFIX = 2
    """Keys under the generation's own output prefix."""
    LIST_AGAIN = 3
    """After a grace."""
    PREFIX_AGAIN = 4
    REPLAY = 5
    """The same Start with the same token."""
    CONFIRM = 6
    """`List*Jobs` by JobName after a replay: two of one name?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBatch:
    """Put a batch's objects under its prefix. Answer: `Staged`."""

    batch: BatchId
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartJob:
    """Start a generation, or replay its Start with the same token. Answer: `RemoteJob`."""

    job: JobKey
    generation: int
    lane: str
    operation: str
    token: str
    name: str
    replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckByName:
    """List the jobs of a generation's JobName. Answer: `Jobs`."""

    job: JobKey
    generation: int
    lane: str
    operation: str
    name: str
    step: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckByPrefix:
    """List the keys under a generation's output prefix. Answer: `Keys`."""

    job: JobKey
    generation: int
    lane: str
    step: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """List an operation's jobs submitted since a time (service's clock, seconds). Answer: `Jobs`."""

    lane: str
    operation: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CountSlots:
    """List an operation's jobs in one of the active statuses, whoever's they are. Answer: `Jobs`."""

    lane: str
    operation: str
    status: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob:
    """Look at one job. Answer: `RemoteJob`."""

    job: JobKey
    generation: int
    lane: str
    operation: str
    remote_id: RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """Stop one remote job. Answer: `JobStatus`."""

    job: JobKey
    generation: int
    lane: str
    operation: str
    remote_id: RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectJob:
    """Fetch a generation's output into the spool. Answer: `CollectReport`."""

    job: JobKey
    generation: int
    lane: str
    output_uri: str
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherRepair:
    """Gather what some jobs of an analysis left unanswered into a new batch and job. Answer: `PlannedRepair`."""

    analysis: str
    serial: int
    round: int
    jobs: tuple[JobKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutJob:
    """Cut what a failed job read in two, and plan a job for each, from `serial` on. Answer: `PlannedPieces`."""

    job: JobKey
    generation: int
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLanguages:
    """Plan what waits for the languages that an analysis was to tell: all its answers are in. Answer: `Routed`."""

    analysis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSegments:
    """Append closed segments of a corpus to its results. Answer: `MergeReport`."""

    corpus: str
    segments: tuple[SegmentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchFile:
    """Write a result file anew with the answers of reopened documents. Answer: `MergeReport`."""

    corpus: str
    file: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpools:
    """Delete spool files that no unmerged document needs. Answer: `Released`."""

    jobs: tuple[JobKey, ...]


Command = (
    StageBatch
    | StartJob
    | CheckByName
    | CheckByPrefix
    | Sweep
    | CountSlots
    | DescribeJob
    | StopJob
    | CollectJob
    | GatherRepair
    | RouteLanguages
    | CutJob
    | MergeSegments
    | PatchFile
    | ReleaseSpools
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A batch's prefix, closed by `/`, and the bytes put there."""

    uri: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What a List showed, in the service's order."""

    jobs: tuple[RemoteJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Object keys below an output prefix, relative to it."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRepair:
    """The batch and the job that answer the gathered lines."""

    batch: Batch
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPieces:
    """The batches and the jobs that answer what a failed job read."""

    batches: tuple[Batch, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What follows from decided languages. `parts` are new ones, each after the one whose lines it has."""

    batches: tuple[Batch, ...]
    jobs: tuple[Job, ...]
    parts: tuple[tuple[PartId, PartFacts], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Spool files are gone."""


Answer = (
    Staged
    | RemoteJob
    | Jobs
    | Keys
    | JobStatus
    | CollectReport
    | PlannedRepair
    | PlannedPieces
    | Routed
    | MergeReport
    | Released
    | Fault
)
