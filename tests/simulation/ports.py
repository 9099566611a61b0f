"""Staging and workshop over a world's disk: what outlives a crash is written there, in the order of the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from runner.core import commands as c
from runner.core.commands import Keys, PlannedPieces, PlannedRepair, Released, Staged
from runner.core.records import JobRecord
from runner.core.states import State
from runner.model import (
    AnalysisSpec,
    BatchId,
    CollectReport,
    Fault,
    FaultKind,
    JobKey,
    JobStatus,
    Ledger,
    MergedSegment,
    MergeReport,
    PartId,
    RepairReport,
    Scope,
    SegmentId,
    StartRequest,
    repair_part_id,
)
from runner.planning.durations import DurationModel
from runner.planning.pieces import Cut, pieces_of_lines, pieces_of_parts
from runner.planning.repair import repair_batch
from runner.results.entries import NO_ENTRY, first_answer, is_error
from runner.results.merge import Answers, TallyBook, merge_lines

if TYPE_CHECKING:
    from tests.simulation.world import World

Place = tuple[PartId, int]
OUTPUTS = "s3://sim/out/"

S3_FAULTS = (FaultKind.TRANSIENT, FaultKind.THROTTLED)
LOCAL_FAULTS = (FaultKind.TRANSIENT, FaultKind.CORRUPT)


class SimulatedPorts:
    """One session's staging and workshop."""

    def __init__(self, world: World) -> None:
        self._world = world

    # --- staging --------------------------------------------------------------------------------------------------

    async def stage(self, command: c.StageBatch) -> Staged | Fault:
        await anyio.sleep(2.0)
        if fault := self._world.unlucky(S3_FAULTS):
            return fault
        self._world.disk.staged.add((command.lane, command.batch))
        return Staged(uri=f"s3://{command.lane}/in/{command.batch}/", bytes=1)

    async def output_keys(self, command: c.CheckByPrefix) -> Keys | Fault:
        await anyio.sleep(0.1)
        if fault := self._world.unlucky(S3_FAULTS):
            return fault
        service = self._world.services[command.lane]
        return Keys(keys=service.keys_below(output_prefix(command.job, command.generation)))

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> StartRequest:
        record = self._world.run.jobs[JobKey(job)]
        assert (lane, record.job.batch) in self._world.disk.staged, "started before it was staged"
        self._world.check_lane(record.job.batch, lane)
        self._world.check_intended(JobKey(job), generation)
        self._world.sent[record.job.key] = record.job.analysis, self.lines_of(record.job.batch)
        return StartRequest(
            family=self._world.analysis(record.job.analysis).family,
            generation=generation,
            job=record.job.key,
            name=name,
            token=token,
            input_uri=f"s3://sim/in/{record.job.batch}/",
            output_uri=output_prefix(job, generation),
            language=self._world.run.batches[record.job.batch].language,
        )

    # --- collecting and repairing ---------------------------------------------------------------------------------

    async def collect(self, command: c.CollectJob) -> CollectReport | Fault:
        world = self._world
        await anyio.sleep(1.0)
        record = world.run.jobs[command.job]
        remote = world.services[command.lane].output_of(command.output_uri)
        assert remote is not None, "collected from nowhere"
        assert remote.request.job == command.job, "collected another job's output"
        status = remote.status(world.now())
        assert status in {JobStatus.COMPLETED, JobStatus.STOPPED}, "collected before its time"
        assert command.partial == (status is JobStatus.STOPPED), "a stopped job's output is partial, no other is"
        if fault := self._world.unlucky(S3_FAULTS):
            return fault
        if world.healed_at is None and world.draw("bad", command.job, command.generation) < world.setting.bad_outputs:
            return Fault(kind=FaultKind.CORRUPT, scope=Scope.BATCH, code="TRUNCATED", message="simulated")
        if world.spoils_output(command.job):
            return Fault(kind=FaultKind.CORRUPT, scope=Scope.BATCH, code="POISON", message="simulated")
        done = remote.done(world.now())
        more_rounds = record.job.round < world.run.config.repair_rounds
        rows, missing, errors = {}, 0, 0
        for part, line in self.lines_of(record.job.batch):
            lost = more_rounds and world.draw("missing", command.job, part, line) < world.setting.missing_rows
            if lost or world.draw("done", command.job, command.generation, part, line) >= done:
                missing += 1
            else:
                row = world.row(record.job.analysis, part, line)
                errors += is_error(row)
                rows[part, line] = row
        world.disk.spools[command.job, command.generation] = rows
        world.largest_spool = max(world.largest_spool, len(rows))
        return CollectReport(
            ok=len(rows) - errors,
            errors=(("DOCUMENT_SIZE_EXCEEDED", errors),) if errors else (),
            missing=missing,
            repairable=missing,
            rows=len(rows),
            bytes=0,
            spool_bytes=len(rows),
            digest="",
        )

    async def gather(self, command: c.GatherRepair) -> PlannedRepair | Fault:
        await anyio.sleep(0.5)
        if fault := self._world.unlucky(LOCAL_FAULTS):
            return fault
        spools = self._world.disk.spools
        records = [self._world.run.jobs[key] for key in command.jobs]
        lines = [
            place
            for record in records
            for place in self.lines_of(record.job.batch)
            if place not in spools[record.job.key, record.generation]
        ]
        return self.plan_repair(
            command.serial,
            lines,
            analysis=self._world.analysis(command.analysis),
            language=self._world.run.batches[records[0].job.batch].language,
            repaired=records,
            round_=command.round,
        )

    async def cut(self, command: c.CutJob) -> PlannedPieces | Fault:
        await anyio.sleep(0.5)
        if fault := self._world.unlucky(LOCAL_FAULTS):
            return fault
        world = self._world
        record = world.run.jobs[command.job]
        batch, analysis = world.run.batches[record.job.batch], world.analysis(record.job.analysis)
        cut = Cut(serial=command.serial, job=record.job, batch=batch, analysis=analysis, kind="aws")
        if len(batch.parts) > 1:
            facts = {part.id: part for segment in world.segments for part in segment.parts}
            planned = pieces_of_parts(cut, [facts[part] for part in batch.parts], DurationModel())
        else:
            lines = self.lines_of(record.job.batch)
            half = len(lines) // 2
            reports = [
                self._report(command.serial + number, share)
                for number, share in enumerate((lines[:half], lines[half:]))
            ]
            planned = pieces_of_lines(cut, reports, DurationModel())
        return PlannedPieces(batches=tuple(batch for batch, _ in planned), jobs=tuple(job for _, job in planned))

    def _report(self, serial: int, lines: list[Place]) -> RepairReport:
        part = repair_part_id(serial)
        self._world.disk.repair_lines[part] = lines
        return RepairReport(
            part=part,
            covers=tuple(dict.fromkeys(place[0] for place in lines)),
            lines=len(lines),
            bytes=600,
            units=3 * len(lines),
        )

    def plan_repair(
        self,
        serial: int,
        lines: list[Place],
        *,
        analysis: AnalysisSpec,
        language: str | None,
        repaired: list[JobRecord],
        round_: int,
    ) -> PlannedRepair:
        """A batch and a job for lines that are sent again."""
        batch, job = repair_batch(
            serial,
            self._report(serial, lines),
            analysis=analysis,
            language=language,
            repaired=[record.job for record in repaired],
            repair_round=round_,
            kind="aws",
            durations=DurationModel(),
            order=None if repaired else 0,
        )
        return PlannedRepair(batch=batch, job=job)

    def lines_of(self, batch: BatchId) -> list[Place]:
        """The lines that a batch's jobs read."""
        found: list[Place] = []
        for part in self._world.run.batches[batch].parts:
            repair = self._world.disk.repair_lines.get(part)
            found += repair if repair is not None else [(part, line) for line in range(self._world.lines[part])]
        return found

    async def route(self, command: c.RouteLanguages) -> c.Routed | Fault:
        raise NotImplementedError(command.analysis)

    # --- merging --------------------------------------------------------------------------------------------------

    async def merge(self, command: c.MergeSegments) -> MergeReport | Fault:
        world = self._world
        _, end = world.run.books.tail(command.corpus)
        results = world.disk.results.setdefault(command.corpus, bytearray())
        assert len(results) >= end, "results are shorter than the journal says"
        del results[end:]
        merged = []
        for segment in command.segments:
            await anyio.sleep(0.05)
            if fault := self._world.unlucky(LOCAL_FAULTS):
                return fault
            entries = {a.name: self._answers(segment, a) for a in world.manifest.analyses_of(command.corpus)}
            results += self._lines(segment, entries)
            merged.append(self._merged(segment, len(results)))
        await anyio.sleep(0.05)
        return MergeReport(corpus=command.corpus, segments=tuple(merged))

    async def patch(self, command: c.PatchFile) -> MergeReport | Fault:
        """Every segment of the file again: its old answers where they stand, new ones where those were errors."""
        world = self._world
        await anyio.sleep(0.5)
        if fault := self._world.unlucky(LOCAL_FAULTS):
            return fault
        anew, merged = bytearray(), []
        for record in world.run.books.file_segments(command.corpus, command.file):
            segment = record.facts.id
            entries = {a.name: self._patched(segment, a) for a in world.manifest.analyses_of(command.corpus)}
            anew += self._lines(segment, entries)
            merged.append(self._merged(segment, len(anew)))
        world.disk.results[command.corpus] = anew
        await anyio.sleep(0.05)
        return MergeReport(corpus=command.corpus, segments=tuple(merged))

    async def release(self, command: c.ReleaseSpools) -> Released | Fault:
        for key in command.jobs:
            self._world.disk.spools.pop((key, self._world.run.jobs[key].generation), None)
        return Released()

    def _lines(self, segment: SegmentId, answers: dict[str, Answers]) -> bytes:
        ledger = self._world.ledgers[segment]
        analyses = self._world.manifest.analyses_of(ledger.corpus)
        for name, known in answers.items():
            self._world.disk.merged[segment, name] = known
        return b"".join(merge_lines(ledger, analyses, [answers[a.name] for a in analyses], TallyBook()))

    def _merged(self, segment: SegmentId, end: int) -> MergedSegment:
        return MergedSegment(id=segment, file=0, end=end, lines=len(self._world.ledgers[segment].documents), tallies=())

    def _answers(self, segment: SegmentId, analysis: AnalysisSpec) -> Answers:
        """What all jobs of a segment say of its lines: every one of their spool files must be there."""
        disk, run = self._world.disk, self._world.run
        records = self._of_segment(segment, analysis)
        spools = [disk.spools[r.job.key, r.generation] for r in records if r.state is State.COLLECTED]
        ledger = self._world.ledgers[segment]
        given_up = {
            index: ("JOB_FAILED", "")
            for index, part in enumerate(ledger.parts)
            if any(r.state is State.GIVEN_UP and part in run.batches[r.job.batch].covers for r in records)
        }
        return Answers(entries=self._entries(ledger, spools, None), given_up=given_up)

    def _patched(self, segment: SegmentId, analysis: AnalysisSpec) -> Answers:
        disk = self._world.disk
        keys = [(r.job.key, r.generation) for r in self._of_segment(segment, analysis)]
        spools = [disk.spools[key] for key in keys if key in disk.spools]
        old = disk.merged[segment, analysis.name]
        return Answers(entries=self._entries(self._world.ledgers[segment], spools, old), given_up=old.given_up)

    def _of_segment(self, segment: SegmentId, analysis: AnalysisSpec) -> list[JobRecord]:
        run = self._world.run
        records = [run.jobs[key] for key in run.books.segment(segment).jobs]
        mine = [record for record in records if record.job.analysis == analysis.name]
        return sorted(mine, key=lambda record: (record.job.round, record.job.order, record.job.key))

    def _entries(self, ledger: Ledger, spools: list[dict[Place, bytes]], old: Answers | None) -> dict[int, list[bytes]]:
        return {
            index: [
                first_answer(
                    [
                        old.entries[index][line] if old is not None else NO_ENTRY,
                        *(spool.get((part, line), NO_ENTRY) for spool in spools),
                    ]
                )
                for line in range(self._world.lines[part])
            ]
            for index, part in enumerate(ledger.parts)
        }


def output_prefix(job: str, generation: int) -> str:
    """Where a generation's output is asked to go."""
    return f"{OUTPUTS}{job}-{generation}/"
