"""What the engine needs of the world. Adapters implement these; tests and the simulation implement them too.

A method answers with a value or a `Fault` and raises only for bugs; nothing here knows of botocore or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runner.core.commands import (
    CheckByPrefix,
    CollectJob,
    CutJob,
    GatherRepair,
    Keys,
    MergeSegments,
    PatchFile,
    PlannedPieces,
    PlannedRepair,
    Released,
    ReleaseSpools,
    Routed,
    RouteLanguages,
    StageBatch,
    Staged,
)
from runner.core.events import Event
from runner.model import CollectReport, Fault, JobStatus, MergeReport, RemoteId, RemoteJob, StartRequest


class Service(Protocol):
    """Comprehend, on one lane. `operation` is a catalogue stem."""

    async def start(self, request: StartRequest) -> RemoteJob | Fault:
        """Start a job, or learn which job the same token started."""
        ...

    async def list_jobs(
        self,
        operation: str,
        *,
        name: str | None = None,
        status: JobStatus | None = None,
        submitted_after: float | None = None,
    ) -> Sequence[RemoteJob] | Fault:
        """Every job that one filter lets through, all pages."""
        ...

    async def describe(self, operation: str, remote_id: RemoteId) -> RemoteJob | Fault:
        """One job."""
        ...

    async def stop(self, operation: str, remote_id: RemoteId) -> JobStatus | Fault:
        """Ask for a job to be stopped."""
        ...


class Staging(Protocol):
    """The lanes' buckets."""

    async def stage(self, command: StageBatch) -> Staged | Fault:
        """Put a batch's objects under its prefix; done twice, it leaves the same objects."""
        ...

    async def output_keys(self, command: CheckByPrefix) -> Keys | Fault:
        """Keys below a generation's output prefix."""
        ...

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> StartRequest:
        """What a Start of a generation says."""
        ...


class Workshop(Protocol):
    """Local work, in worker processes."""

    async def collect(self, command: CollectJob) -> CollectReport | Fault:
        """Fetch an output into the spool."""
        ...

    async def gather(self, command: GatherRepair) -> PlannedRepair | Fault:
        """Gather lines to send again."""
        ...

    async def cut(self, command: CutJob) -> PlannedPieces | Fault:
        """Cut what a failed job read in two."""
        ...

    async def route(self, command: RouteLanguages) -> Routed | Fault:
        """Decide languages, and plan what waits for them."""
        ...

    async def merge(self, command: MergeSegments) -> MergeReport | Fault:
        """Append segments to the results."""
        ...

    async def patch(self, command: PatchFile) -> MergeReport | Fault:
        """Write a result file anew."""
        ...

    async def release(self, command: ReleaseSpools) -> Released | Fault:
        """Delete spool files."""
        ...


class Recorder(Protocol):
    """The journal."""

    def append(self, events: Sequence[Event]) -> None:
        """Make events durable, all or none, before returning."""
        ...


class Observer(Protocol):
    """Somebody who watches: log, progress. Must be quick; one that raises is dropped."""

    def notice(self, event: Event) -> None:
        """An event was applied (durable ones after they were recorded)."""
        ...
