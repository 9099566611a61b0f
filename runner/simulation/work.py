"""Staging and local work as times: what they take follows from bytes and documents, and nothing is kept.

Implements the engine's ports for a run whose journal and results nobody will read. The service is expected to answer
every line, so that there is never anything to repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from runner.core import commands as c
from runner.core.commands import Keys, PlannedPieces, PlannedRepair, Released, Staged
from runner.core.run import Run
from runner.errors import InternalError
from runner.model import (
    AnalysisSpec,
    Batch,
    CollectReport,
    Fault,
    JobKey,
    MergedSegment,
    MergeReport,
    StartRequest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTimes:
    """How long work around the service takes, in seconds and bytes a second.

    Transfers are guesses for a machine beside its bucket; merging is what `benchmarks/bench_merge.py` measured, rounded
    down.
    """

    call_s: float = 0.2
    """What is fixed about work with S3: staging a batch, collecting an output."""
    merge_s: float = 0.02
    """What is fixed about a merge: a few files, synced."""
    upload_bytes_per_s: float = 50e6
    collect_bytes_per_s: float = 30e6
    merge_bytes_per_s: float = 30e6


AT_ONCE = WorkTimes(
    call_s=0.0,
    merge_s=0.0,
    upload_bytes_per_s=float("inf"),
    collect_bytes_per_s=float("inf"),
    merge_bytes_per_s=float("inf"),
)
"""Work that takes no time."""


class ModelledWork:
    """Staging and workshop of one simulated run. `follows` gives what is planned once languages are told."""

    def __init__(
        self, run: Run, times: WorkTimes = AT_ONCE, *, follows: Callable[[str], c.Routed] | None = None
    ) -> None:
        self._run = run
        self._times = times
        self._follows = follows
        self._analyses = {analysis.name: analysis for analysis in run.config.analyses}

    # --- staging --------------------------------------------------------------------------------------------------

    async def stage(self, command: c.StageBatch) -> Staged | Fault:
        """Put a batch where a lane's jobs can read it."""
        batch = self._run.batches[command.batch]
        await self._take(self._times.call_s + batch.bytes / self._times.upload_bytes_per_s)
        return Staged(uri=f"s3://{command.lane}/in/{command.batch}/", bytes=batch.bytes)

    async def output_keys(self, _: c.CheckByPrefix) -> Keys | Fault:
        """Nothing is found by prefix: List shows every job at once."""
        await self._take(self._times.call_s)
        return Keys(keys=())

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> StartRequest:
        """What a Start of a generation says."""
        planned = self._run.jobs[JobKey(job)].job
        analysis = self._analyses[planned.analysis]
        return StartRequest(
            family=analysis.family,
            generation=generation,
            job=planned.key,
            name=name,
            token=token,
            input_uri=f"s3://{lane}/in/{planned.batch}/",
            output_uri=f"s3://{lane}/out/{job}-{generation}/",
            language=self._language(analysis, self._run.batches[planned.batch]),
        )

    @staticmethod
    def _language(analysis: AnalysisSpec, batch: Batch) -> str | None:
        return batch.language if analysis.row.takes_language else None

    # --- local work -------------------------------------------------------------------------------------------------

    async def collect(self, command: c.CollectJob) -> CollectReport | Fault:
        """Every line has its answer."""
        batch = self._run.batches[self._run.jobs[command.job].job.batch]
        await self._take(self._times.call_s + batch.bytes / self._times.collect_bytes_per_s)
        return CollectReport(
            ok=batch.lines,
            errors=(),
            missing=0,
            repairable=0,
            rows=batch.lines,
            bytes=batch.bytes,
            spool_bytes=batch.bytes,
            digest="",
        )

    async def gather(self, command: c.GatherRepair) -> PlannedRepair | Fault:
        """There is nothing to repair."""
        raise InternalError(f"a simulated job of {command.analysis} left lines without an answer")

    async def cut(self, command: c.CutJob) -> PlannedPieces | Fault:
        """No job fails for its documents."""
        raise InternalError(f"a document is why {command.job} failed in a simulation")

    async def route(self, command: c.RouteLanguages) -> c.Routed | Fault:
        """What follows is known beforehand."""
        if self._follows is None:
            raise InternalError(f"nothing waits for the languages that {command.analysis} tells in a simulation")
        routed = self._follows(command.analysis)
        size = sum(facts.bytes for _, facts in routed.parts)
        await self._take(self._times.merge_s + size / self._times.merge_bytes_per_s)
        return routed

    async def merge(self, command: c.MergeSegments) -> MergeReport | Fault:
        """Append segments, a byte for each document."""
        _, end = self._run.books.tail(command.corpus)
        merged, size = [], 0
        for segment in command.segments:
            facts = self._run.books.segment(segment).facts
            end, size = end + facts.documents, size + facts.bytes
            merged.append(MergedSegment(id=segment, file=0, end=end, lines=facts.documents, tallies=()))
        await self._take(self._times.merge_s + size / self._times.merge_bytes_per_s)
        return MergeReport(corpus=command.corpus, segments=tuple(merged))

    async def patch(self, command: c.PatchFile) -> MergeReport | Fault:
        """Nothing is reopened."""
        raise InternalError(f"nobody reopens documents of {command.corpus} in a simulation")

    async def release(self, _: c.ReleaseSpools) -> Released | Fault:
        """Nothing is kept, and nothing deleted."""
        return Released()

    @staticmethod
    async def _take(seconds: float) -> None:
        if seconds:
            await anyio.sleep(seconds)
