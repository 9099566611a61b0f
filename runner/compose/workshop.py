"""The workshop port: turns commands about local work into tasks for worker processes, and their errors into faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from anyio import BrokenWorkerProcess

from runner.aws.faults import classify_response
from runner.compose.disks import DISK_FULL
from runner.compose.forms import changed_only, line_form
from runner.compose.routing import route
from runner.compose.staging import PAD_NAME
from runner.core.books import SegmentRecord
from runner.core.commands import (
    CollectJob,
    CutJob,
    GatherRepair,
    MergeSegments,
    PatchFile,
    PlannedPieces,
    PlannedRepair,
    Released,
    ReleaseSpools,
    Routed,
    RouteLanguages,
)
from runner.core.records import JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.engine.workers import WorkerPool
from runner.errors import MachineError, OutputError, RunDirectoryError, RunnerError, ServiceError
from runner.journal import RunDirectory
from runner.model import (
    UNDECIDED,
    AnalysisSpec,
    Batch,
    CollectPart,
    CollectReport,
    CollectTask,
    CutTask,
    Fault,
    FaultKind,
    GivenUp,
    JobKey,
    KeepTask,
    LaneSpec,
    Manifest,
    MergeReport,
    MergeSegment,
    MergeTask,
    PartFacts,
    PartId,
    PatchTask,
    RepairTask,
    Reusable,
    Scope,
    SpoolRef,
    corpus_of,
    segment_of,
)
from runner.planning.durations import DurationModel
from runner.planning.fates import FAMILY_CLOSED, JOB_FAILED
from runner.planning.pieces import Cut, pieces_of_lines, pieces_of_parts
from runner.planning.repair import repair_batch
from runner.results import collect, cut_part, gather_repair, merge_segments, patch_file
from runner.results.reuse import keep_answers, reused_spool

T = TypeVar("T")
R = TypeVar("R")

_BROKEN_OFF = frozenset({"IncompleteBody", "ProtocolError", "ReadTimeout"})
"""What a download that breaks off is called, by storage and by urllib3."""


class LocalWorkshop:
    """Collecting, repairing and merging in worker processes."""

    def __init__(
        self,
        run: Run,
        directory: RunDirectory,
        manifest: Manifest,
        *,
        lanes: Iterable[LaneSpec],
        pool: WorkerPool,
        reusable: Mapping[str, Reusable] | None = None,
    ) -> None:
        self._run = run
        self._directory = directory
        self._manifest = manifest
        self._lanes = {lane.name: lane for lane in lanes}
        self._analyses = {analysis.name: analysis for analysis in manifest.analyses}
        self._pool = pool
        self._reusable = reusable or {}
        self._lines = {part.id: part.lines for record in run.books.segments() for part in record.facts.parts}

    async def collect(self, command: CollectJob) -> CollectReport | Fault:
        """Fetch an output into its spool file."""
        record = self._run.jobs[command.job]
        batch = self._run.batches[record.job.batch]
        analysis = self._analyses[record.job.analysis]
        task = CollectTask(
            job=command.job,
            generation=command.generation,
            family=analysis.family,
            lane=self._lanes[command.lane],
            output_uri=command.output_uri,
            parts=self._parts(record),
            spool_path=str(self._directory.spool(command.job, command.generation)),
            pad_name=PAD_NAME if batch.padded else None,
            parameters=analysis.parameters,
            terms_path=self._terms_path(analysis, batch.covers[0]) if analysis.row.whole_corpus else None,
            partial=command.partial,
        )
        report = await self._do(collect, task)
        if isinstance(report, Fault) or not report.ok or analysis.name not in self._reusable:
            return report
        kept = await self._do(keep_answers, self._keep_task(task.spool_path, self._reusable[analysis.name], batch))
        return kept if isinstance(kept, Fault) else report

    async def gather(self, command: GatherRepair) -> PlannedRepair | Fault:
        """Gather lines to send again into a part, and plan the batch and job that answer them."""
        records = [self._run.jobs[key] for key in command.jobs]
        task = RepairTask(
            serial=command.serial,
            spools=tuple((self._spool(record), self._parts(record)) for record in records),
            directory=str(self._directory.root),
        )
        report = await self._do(gather_repair, task)
        if isinstance(report, Fault):
            return report
        batch, job = repair_batch(
            command.serial,
            report,
            analysis=self._analyses[command.analysis],
            language=self._run.batches[records[0].job.batch].language,
            repaired=[record.job for record in records],
            kind=self._manifest.lanes[0].kind,
            durations=DurationModel(),
            repair_round=command.round,
        )
        return PlannedRepair(batch=batch, job=job)

    async def cut(self, command: CutJob) -> PlannedPieces | Fault:
        """Cut what a failed job read in two: between its parts, or else its one part between its lines."""
        record = self._run.jobs[command.job]
        batch = self._run.batches[record.job.batch]
        cut = Cut(
            serial=command.serial,
            job=record.job,
            batch=batch,
            analysis=self._analyses[record.job.analysis],
            kind=self._manifest.lanes[0].kind,
            originals={part: self._run.routed[part][0] for part in batch.parts if part in self._run.routed},
        )
        if len(batch.parts) > 1:
            planned = pieces_of_parts(cut, [self._facts(part) for part in batch.parts], DurationModel())
        else:
            (part,) = self._parts(record)
            task = CutTask(serial=command.serial, part=part, directory=str(self._directory.root))
            reports = await self._do(cut_part, task)
            if isinstance(reports, Fault):
                return reports
            planned = pieces_of_lines(cut, reports, DurationModel())
        return PlannedPieces(batches=tuple(batch for batch, _ in planned), jobs=tuple(job for _, job in planned))

    async def route(self, command: RouteLanguages) -> Routed | Fault:
        """Decide the languages that an analysis was to tell, and plan what waited for them."""
        run, directory, manifest = self._run, self._directory, self._manifest
        return await route(command.analysis, run, directory, manifest, segment=self._segment, do=self._do)

    async def merge(self, command: MergeSegments) -> MergeReport | Fault:
        """Append closed segments to their corpus's results."""
        file, end = self._run.books.tail(command.corpus)
        task = MergeTask(
            corpus=command.corpus,
            analyses=self._of_corpus(command.corpus),
            segments=tuple(self._segment(self._run.books.segment(segment)) for segment in command.segments),
            directory=str(self._directory.root),
            results_directory=self._results(),
            file=file,
            end=end,
            file_bytes_max=self._manifest.output.file_bytes_max,
            form=line_form(self._manifest, command.corpus),
            compression=self._manifest.output.compression,
        )
        return await self._do(merge_segments, task)

    async def patch(self, command: PatchFile) -> MergeReport | Fault:
        """Write a result file anew."""
        records = self._run.books.file_segments(command.corpus, command.file)
        task = PatchTask(
            corpus=command.corpus,
            analyses=self._of_corpus(command.corpus),
            file=command.file,
            segments=tuple(
                self._segment(record) if record.dirty else MergeSegment(id=record.facts.id, spools=())
                for record in records
            ),
            directory=str(self._directory.root),
            results_directory=self._results(),
            compression=self._manifest.output.compression,
            changed=changed_only(self._manifest),
        )
        return await self._do(patch_file, task)

    async def release(self, command: ReleaseSpools) -> Released | Fault:
        """Delete the spool files of jobs that no unmerged segment needs."""
        _unlink(self._spool(self._run.jobs[key]) for key in command.jobs)
        return Released()

    # --- tasks ----------------------------------------------------------------------------------------------------

    def _of_corpus(self, corpus: str) -> tuple[AnalysisSpec, ...]:
        return self._manifest.analyses_of(corpus)

    def _results(self) -> str:
        return str(self._directory.results(self._manifest.output))

    def _terms_path(self, analysis: AnalysisSpec, part: PartId) -> str:
        corpus = self._manifest.corpora[corpus_of(part)]
        return str(self._directory.topic_terms(corpus.name, analysis.name))

    def _spool(self, record: JobRecord) -> str:
        return str(self._directory.spool(record.job.key, record.generation))

    def _parts(self, record: JobRecord) -> tuple[CollectPart, ...]:
        batch = self._run.batches[record.job.batch]
        return tuple(self._part(part, batch) for part in batch.parts)

    def _part(self, part: PartId, batch: Batch) -> CollectPart:
        """A part of the survey, or one with a map: gathered by language, or for a repair, which reads one part."""
        path = str(self._directory.part(part))
        if part in self._lines:
            return CollectPart(id=part, path=path, lines=self._lines[part])
        lines = self._facts(part).lines if part in self._run.routed else batch.lines
        return CollectPart(id=part, path=path, lines=lines, map_path=str(self._directory.part_map(part)))

    def _facts(self, part: PartId) -> PartFacts:
        if part in self._run.routed:
            return self._run.routed[part][1]
        facts = self._run.books.segment(segment_of(part)).facts
        return next(of for of in facts.parts if of.id == part)

    def _keep_task(self, spool: str, reusable: Reusable, batch: Batch) -> KeepTask:
        assert self._manifest.policy.reuse is not None
        pools = {part: self._facts(part).pool for part in batch.covers}
        if reusable.analysis.row.takes_language:
            pools = {part: pool for part, pool in pools.items() if pool != UNDECIDED}
        return KeepTask(
            store=self._manifest.policy.reuse,
            spool_path=spool,
            reusable=reusable,
            directory=str(self._directory.root),
            pools=tuple(pools.items()),
        )

    def _reused_spools(self, segment: SegmentRecord) -> Iterator[SpoolRef]:
        """What earlier runs have answered, of a segment and of those whose lines it shares.

        Of a line that is written anew, that stands in it.
        """
        if segment.merged is not None:
            return
        owners = dict.fromkeys((segment.facts.id, *map(segment_of, segment.facts.foreign_parts)))
        for owner in owners:
            for tally in self._run.books.segment(owner).facts.reused:
                if tally.units:
                    path = reused_spool(str(self._directory.root), owner, tally.analysis)
                    yield SpoolRef(analysis=tally.analysis, path=path)

    def _segment(self, segment: SegmentRecord) -> MergeSegment:
        records = sorted((self._run.jobs[key] for key in segment.jobs), key=_rank)
        own = frozenset(self._read_by(segment))
        return MergeSegment(
            id=segment.facts.id,
            spools=(
                *self._reused_spools(segment),
                *(
                    SpoolRef(analysis=record.job.analysis, path=self._spool(record))
                    for record in records
                    # Of a line that is written anew, what was known before stands in it, and those spools are gone.
                    if record.state is State.COLLECTED and self._run.books.needs_spool(record.job.key)
                ),
            ),
            given_up=tuple(
                GivenUp(
                    analysis=record.job.analysis,
                    part=part,
                    code=code,
                    message=message,
                )
                for record in records
                if record.state is State.GIVEN_UP
                for code, message in (self._closing(record),)
                for part in self._run.batches[record.job.batch].covers
                if part in own
            ),
        )

    def _closing(self, record: JobRecord) -> tuple[str, str]:
        """(code, message) of a job that was given up.

        Not the fault's message: it may name buckets and ids, and lines must not depend on those.
        """
        if record.fault is not None and record.fault.kind is FaultKind.CLOSED:
            family = self._analyses[record.job.analysis].family
            return FAMILY_CLOSED, f"the service has closed {family} to this account"
        return JOB_FAILED, f"the job was given up: {record.fault.code if record.fault else 'UNKNOWN'}"

    def _read_by(self, segment: SegmentRecord) -> Iterable[PartId]:
        yield from (part.id for part in segment.facts.parts)
        yield from segment.facts.foreign_parts

    # --- errors ---------------------------------------------------------------------------------------------------

    async def _do(self, function: Callable[[T], R], task: T) -> R | Fault:
        try:
            return await self._pool.run(function, task)
        except (RunnerError, OSError, BrokenWorkerProcess) as error:
            fault = fault_of(error)
            if fault is None:
                raise
            return fault


def _unlink(paths: Iterable[str]) -> None:
    """Delete files; a handful at a time, so without a thread."""
    for path in paths:
        Path(path).unlink(missing_ok=True)


def _rank(record: JobRecord) -> tuple[int, int, JobKey]:
    return record.job.round, record.job.order, record.job.key


def fault_of(error: Exception) -> Fault | None:
    """The fault that an error of local work amounts to; None: it is a bug, or nothing a run can live with."""
    match error:
        case OutputError():
            return Fault(kind=FaultKind.CORRUPT, scope=Scope.BATCH, code=error.code, message=error.detail)
        case ServiceError() if error.code in _BROKEN_OFF:
            return Fault(kind=FaultKind.TRANSIENT, scope=Scope.CALL, code=error.code, message=error.detail)
        case ServiceError():
            response = {"Error": {"Code": error.code, "Message": error.detail}}
            return classify_response(response, operation="GetObject")
        case MachineError() | RunDirectoryError():
            return _local(type(error).__name__, error.message, error.hint)
        case OSError() if error.errno in DISK_FULL:
            return _local(
                "DISK_FULL", f"the disk is full: {error.filename or error}", "free some space, then run again"
            )
        case OSError():
            return _local("LOCAL_IO", str(error), None)
        case BrokenWorkerProcess():
            return Fault(
                kind=FaultKind.TRANSIENT, scope=Scope.CALL, code="WORKER_DIED", message="a worker process ended"
            )
        case _:
            return None


def _local(code: str, message: str, hint: str | None) -> Fault:
    return Fault(kind=FaultKind.DENIED, scope=Scope.RUN, code=code, message=message, hint=hint)
