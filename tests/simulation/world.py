"""A run in a simulated world: the real core, engine, journal codec, planning and merge; the rest is modelled.

The world keeps what survives a crash (the service, the journal's encoded events, spool and result "files") apart from
what does not (the run, the driver, commands in flight). Everything follows from one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from runner.core import commands as c, events as e
from runner.core.commands import Keys, PlannedRepair, Released, Staged
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.core.states import State
from runner.engine.clock import RunClock
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.journal import decode, encode
from runner.model import (
    AnalysisSpec,
    BatchId,
    CollectReport,
    CorpusSpec,
    Document,
    Fault,
    FaultKind,
    JobKey,
    LaneSpec,
    Ledger,
    Limit,
    Manifest,
    MergedSegment,
    MergeReport,
    PartFacts,
    PartId,
    Quotas,
    RepairReport,
    RunId,
    Scope,
    SegmentFacts,
    SegmentId,
    StartRequest,
    part_id,
    repair_part_id,
    segment_id,
    unit_interval,
)
from runner.planning.durations import DurationModel
from runner.planning.fates import closing
from runner.planning.plan import make_plan
from runner.planning.repair import repair_batch
from runner.results.entries import NO_ENTRY, error_entry, first_answer
from runner.results.merge import Answers, TallyBook, merge_lines
from runner.simulation.service import Behaviour, SimulatedService

LANGUAGES = ("en", "de", "ja")
EPOCH = 1_700_000_000.0


@dataclass(frozen=True)
class Setting:
    """One simulated run, drawn from a seed."""

    seed: int
    behaviour: Behaviour
    corpora: int = 2
    segments: int = 3
    documents: int = 12
    crashes: int = 0
    heal_after_s: float = 20_000.0
    missing_rows: float = 0.0
    bad_outputs: float = 0.0


@dataclass
class Disk:
    """What a crash leaves."""

    journal: list[tuple[str, bytes]] = field(default_factory=list)
    staged: set[tuple[str, BatchId]] = field(default_factory=set)
    spools: dict[tuple[JobKey, int], dict[tuple[PartId, int], bytes]] = field(default_factory=dict)
    repair_lines: dict[PartId, list[tuple[PartId, int]]] = field(default_factory=dict)
    results: dict[str, bytearray] = field(default_factory=dict)


class World:
    """Builds the documents, plans them, and drives sessions until the books are closed."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.manifest = _manifest(setting)
        self.ledgers, self.segments = _documents(setting, self.manifest)
        self.lines = {part.id: part.lines for facts in self.segments for part in facts.parts}
        self.disk = Disk()
        self.service = SimulatedService(
            setting.behaviour, seed=f"service/{setting.seed}", now=lambda: EPOCH + anyio.current_time()
        )
        self.run: Run = self._fresh_run()
        self.draws = 0
        self.bad_reads: dict[JobKey, int] = {}

    def draw(self, *what: object) -> float:
        """A number derived from the seed and what it is for."""
        return unit_interval("world", self.setting.seed, *what)

    # --- sessions -------------------------------------------------------------------------------------------------

    async def to_the_end(self, *, sessions_max: int = 40) -> None:
        """Open sessions, crash some, and go on until the books are closed."""
        for session in range(sessions_max):
            crash_after = None
            if session < self.setting.crashes:
                crash_after = 1.0 + 3_000.0 * self.draw("crash", session) ** 2
            await self.session(crash_after)
            if self.run.closed:
                return
            if session >= self.setting.crashes:
                self.service.healed = True
                await anyio.sleep(60.0)
        raise AssertionError(f"not closed after {sessions_max} sessions: {describe(self.run)}")

    async def session(self, crash_after: float | None = None) -> Driver:
        """One process's work: fold the journal, drive, and perhaps die in the middle."""
        self.run = self._fresh_run()
        last = None
        for kind, payload in self.disk.journal:
            event = decode(kind, payload, directory="sim")
            last = event.at
            self.run.apply(event)
        clock = RunClock(last, wall=lambda: EPOCH + anyio.current_time(), monotonic=anyio.current_time)
        ports = SimulatedPorts(self)
        driver = Driver(
            self.run,
            executor=Executor(services={"sim": self.service}, staging=ports, workshop=ports),
            recorder=self,
            now=clock.now,
        )
        if self.run.began is None:
            self._begin(driver, clock.now)
        driver.record(e.SessionOpened(at=clock.now(), version="0", purpose="run", engines=()))
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heal)
                if crash_after is not None:
                    tasks.start_soon(_cancel_after, crash_after, scope)
                await driver.drive()
                tasks.cancel_scope.cancel()
        return driver

    def append(self, events: Sequence[e.Event]) -> None:
        """The recorder: events survive as bytes."""
        self.disk.journal += [encode(event) for event in events]

    async def _heal(self) -> None:
        left = self.setting.heal_after_s - anyio.current_time()
        await anyio.sleep(max(0.0, left))
        self.service.healed = True

    def _fresh_run(self) -> Run:
        return Run(CoreConfig(lanes=self.manifest.lanes, analyses=self.manifest.analyses))

    def _begin(self, driver: Driver, now: Callable[[], float]) -> None:
        plan = make_plan(self.manifest, self.segments, durations=DurationModel())
        at = now()
        begun = e.RunBegan(
            at=at,
            run=RunId(f"sim-{self.setting.seed}"),
            name="sim",
            version="0",
            identity="{}",
            identity_digest="",
            form="{}",
            spec="{}",
        )
        surveyed = [
            e.RangeSurveyed(at=at, corpus=corpus.name, index=0, segments=tuple(self._of(corpus.name)))
            for corpus in self.manifest.corpora
        ]
        driver.record(
            begun,
            *surveyed,
            e.SurveyFinished(at=at, documents=0, bytes=0),
            *(e.BatchPlanned(at=at, batch=batch) for batch in plan.work.batches),
            *(e.JobPlanned(at=at, job=job) for job in plan.work.jobs),
            e.PlanFinished(at=at, jobs=len(plan.work.jobs), usd=None),
        )

    def _of(self, corpus: str) -> list[SegmentFacts]:
        return [facts for facts in self.segments if facts.corpus == corpus]

    # --- what is right ----------------------------------------------------------------------------------------------

    def row(self, analysis: str, part: PartId, line: int) -> bytes:
        """What the service says of a line, whenever it says anything: a payload, or an error row that stays."""
        if self.draw("error", analysis, part, line) < 0.02:
            return error_entry("DOCUMENT_SIZE_EXCEEDED", "too long")
        return f'"{analysis}/{part}/{line}"'.encode()

    def expected(self, corpus: str) -> bytes:
        """The results of a corpus, from the documents alone."""
        analyses = self.manifest.analyses_of(corpus)
        found = bytearray()
        for ledger in self.ledgers.values():
            if ledger.corpus == corpus:
                answers = [
                    Answers(
                        entries={
                            index: [self.row(a.name, part, line) for line in range(self.lines[part])]
                            for index, part in enumerate(ledger.parts)
                        }
                    )
                    for a in analyses
                ]
                found += b"".join(merge_lines(ledger, analyses, answers, TallyBook()))
        return bytes(found)


async def _cancel_after(seconds: float, scope: anyio.CancelScope) -> None:
    await anyio.sleep(seconds)
    scope.cancel()


class SimulatedPorts:
    """Staging and workshop over a world's disk."""

    def __init__(self, world: World) -> None:
        self._world = world

    # --- staging --------------------------------------------------------------------------------------------------

    async def stage(self, command: c.StageBatch) -> Staged | Fault:
        await anyio.sleep(2.0)
        if self._unlucky("stage", command.batch):
            return _passing("SlowDown")
        self._world.disk.staged.add((command.lane, command.batch))
        return Staged(uri=f"s3://sim/in/{command.batch}/", bytes=1)

    async def output_keys(self, command: c.CheckByPrefix) -> Keys | Fault:
        await anyio.sleep(0.1)
        return Keys(keys=self._world.service.keys_below(_output(command.job, command.generation)))

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> StartRequest:
        record = self._world.run.jobs[JobKey(job)]
        assert (lane, record.job.batch) in self._world.disk.staged, "started before it was staged"
        analysis = next(a for a in self._world.manifest.analyses if a.name == record.job.analysis)
        return StartRequest(
            family=analysis.family,
            generation=generation,
            job=record.job.key,
            name=name,
            token=token,
            input_uri=f"s3://sim/in/{record.job.batch}/",
            output_uri=_output(job, generation),
            language=self._world.run.batches[record.job.batch].language,
        )

    # --- workshop -------------------------------------------------------------------------------------------------

    async def collect(self, command: c.CollectJob) -> CollectReport | Fault:
        world = self._world
        await anyio.sleep(1.0)
        record = world.run.jobs[command.job]
        remote = world.service.output_of(command.output_uri)
        assert remote is not None, "collected from nowhere"
        assert remote.request.job == command.job, "collected another job's output"
        if self._unlucky("collect", command.job):
            return _passing("SlowDown")
        if not world.service.healed and world.draw("bad", command.job, command.generation) < world.setting.bad_outputs:
            return Fault(kind=FaultKind.CORRUPT, scope=Scope.BATCH, code="TRUNCATED", message="simulated")
        rows, missing, errors = {}, 0, 0
        for part, line in self._lines_of(record.job.batch):
            first = not record.job.repairs
            if first and world.draw("missing", command.job, part, line) < world.setting.missing_rows:
                missing += 1
                continue
            row = world.row(record.job.analysis, part, line)
            errors += row[:1] == b"!"
            rows[part, line] = row
        world.disk.spools[command.job, command.generation] = rows
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
        world = self._world
        await anyio.sleep(0.5)
        records = [world.run.jobs[key] for key in command.jobs]
        lines = [
            place
            for record in records
            for place in self._lines_of(record.job.batch)
            if place not in world.disk.spools[record.job.key, record.generation]
        ]
        part = repair_part_id(command.serial)
        world.disk.repair_lines[part] = lines
        report = RepairReport(
            part=part,
            covers=tuple(dict.fromkeys(place[0] for place in lines)),
            lines=len(lines),
            bytes=600,
            units=3 * len(lines),
        )
        batch, job = repair_batch(
            command.serial,
            report,
            analysis=next(a for a in world.manifest.analyses if a.name == command.analysis),
            language=world.run.batches[records[0].job.batch].language,
            repaired=[record.job for record in records],
            repair_round=command.round,
            kind="aws",
            durations=DurationModel(),
        )
        return PlannedRepair(batch=batch, job=job)

    async def merge(self, command: c.MergeSegments) -> MergeReport | Fault:
        world = self._world
        _, end = world.run.books.tail(command.corpus)
        results = world.disk.results.setdefault(command.corpus, bytearray())
        assert len(results) >= end, "results are shorter than the journal says"
        del results[end:]
        merged = []
        for segment in command.segments:
            await anyio.sleep(0.05)
            ledger = world.ledgers[segment]
            analyses = world.manifest.analyses_of(command.corpus)
            answers = [self._answers(ledger, analysis) for analysis in analyses]
            results += b"".join(merge_lines(ledger, analyses, answers, TallyBook()))
            merged.append(MergedSegment(id=segment, file=0, end=len(results), lines=len(ledger.documents), tallies=()))
        await anyio.sleep(0.05)
        return MergeReport(corpus=command.corpus, segments=tuple(merged))

    async def patch(self, command: c.PatchFile) -> MergeReport | Fault:
        raise NotImplementedError

    async def release(self, command: c.ReleaseSpools) -> Released | Fault:
        for key in command.jobs:
            self._world.disk.spools.pop((key, self._world.run.jobs[key].generation), None)
        return Released()

    # --- within ---------------------------------------------------------------------------------------------------

    def _lines_of(self, batch: BatchId) -> list[tuple[PartId, int]]:
        world = self._world
        found = []
        for part in world.run.batches[batch].parts:
            if part in world.disk.repair_lines:
                found += world.disk.repair_lines[part]
            else:
                found += [(part, line) for line in range(world.lines[part])]
        return found

    def _answers(self, ledger: Ledger, analysis: AnalysisSpec) -> Answers:
        run, disk = self._world.run, self._world.disk
        record = run.books.segment(ledger.segment)
        spools = [
            disk.spools[key, run.jobs[key].generation]
            for key in record.jobs
            if run.jobs[key].state is State.COLLECTED and run.jobs[key].job.analysis == analysis.name
        ]
        entries = {
            index: [
                first_answer([spool.get((part, line), NO_ENTRY) for spool in spools])
                for line in range(self._world.lines[part])
            ]
            for index, part in enumerate(ledger.parts)
        }
        return Answers(entries=entries)

    def _unlucky(self, *what: object) -> bool:
        self._world.draws += 1
        share = self._world.setting.behaviour.read_faults
        return not self._world.service.healed and self._world.draw(*what, self._world.draws) < share


def _passing(code: str) -> Fault:
    return Fault(kind=FaultKind.TRANSIENT, scope=Scope.CALL, code=code, message="simulated")


def _output(job: str, generation: int) -> str:
    return f"s3://sim/out/{job}-{generation}/"


# --- documents --------------------------------------------------------------------------------------------------------


def _manifest(setting: Setting) -> Manifest:
    slots = setting.behaviour.slots
    quotas = Quotas(
        active_jobs=Limit(default=slots),
        start_per_s=Limit(default=setting.behaviour.start_per_s),
        read_per_s=Limit(default=setting.behaviour.read_per_s),
    )
    lane = LaneSpec(name="sim", kind="aws", staging="s3://sim/", data_access_role="role", quotas=quotas)
    corpora = tuple(CorpusSpec(name=f"c{number}", sources=("x",), format="lines") for number in range(setting.corpora))
    names = tuple(corpus.name for corpus in corpora)
    latin = frozenset({"en", "de"})
    analyses = (
        AnalysisSpec(
            name="language", family="dominant_language", corpora=names, document_bytes_max=1_000_000, languages=None
        ),
        AnalysisSpec(name="entities", family="entities", corpora=names, document_bytes_max=1_000_000, languages=latin),
        AnalysisSpec(name="sentiment", family="sentiment", corpora=names[:1], document_bytes_max=50, languages=latin),
    )
    manifest = Manifest(path="sim.yaml", name="sim", lanes=(lane,), corpora=corpora, analyses=analyses)
    # Small batches, so that small worlds have many jobs.
    return replace(manifest, policy=replace(manifest.policy, max_job_documents=max(4, setting.documents // 2)))


def _documents(setting: Setting, manifest: Manifest) -> tuple[dict[SegmentId, Ledger], list[SegmentFacts]]:
    ledgers: dict[SegmentId, Ledger] = {}
    segments = []
    lines: dict[tuple[str, bool], tuple[PartId, int]] = {}
    for index, corpus in enumerate(manifest.corpora):
        for number in range(setting.segments):
            segment = segment_id(index, 0, number)
            ledger, facts = _segment(setting, corpus.name, segment, lines)
            ledgers[segment] = ledger
            segments.append(facts)
    return ledgers, segments


def _segment(
    setting: Setting, corpus: str, segment: SegmentId, shared: dict[tuple[str, bool], tuple[PartId, int]]
) -> tuple[Ledger, SegmentFacts]:
    """A segment with three pools, two size classes, skipped documents, and lines shared with earlier segments."""
    parts: list[PartId] = []
    counts: dict[PartId, int] = {}
    kinds: dict[tuple[str, bool], PartId] = {}
    foreign: list[PartId] = []
    documents = []
    for ordinal in range(setting.documents):
        draw = lambda *what: unit_interval("document", setting.seed, segment, ordinal, *what)  # noqa: B023, E731
        language = LANGUAGES[int(draw("language") * 3)]
        small = draw("size") < 0.7
        size = 40 if small else 400
        common = dict(id=f"{segment}:{ordinal}", source=0, position=ordinal, size=size, characters=size)
        if draw("fate") < 0.1:
            documents.append(Document(**common, language=language, fate="EMPTY", message="the text is blank"))
            continue
        pool = language if language != "ja" else "rest"
        key = (pool, small)
        if draw("shared") < 0.15 and key in shared and shared[key][0].rpartition("-")[0] != segment:
            part, line = shared[key]
            if part not in parts:
                parts.append(part)
                foreign.append(part)
        else:
            part = kinds.get(key)  # type: ignore[assignment]
            if part is None:
                part = kinds[key] = part_id(segment, len(kinds))
                parts.append(part)
            line = counts.get(part, 0)
            counts[part] = line + 1
            shared[key] = (part, line)
        documents.append(Document(**common, language=language, part=parts.index(part), line=line))
    facts = SegmentFacts(
        id=segment,
        corpus=corpus,
        documents=len(documents),
        bytes=sum(document.size for document in documents),
        ledger_digest="",
        parts=tuple(
            PartFacts(
                id=part,
                pool=pool,
                line_bytes_max=50 if small else 1_000_000,
                lines=counts[part],
                bytes=counts[part] * (40 if small else 400),
                units=counts[part] * 3,
                digest="",
            )
            for (pool, small), part in kinds.items()
        ),
        foreign_parts=tuple(foreign),
    )
    ledger = Ledger(segment=segment, corpus=corpus, parts=tuple(parts), documents=tuple(documents))
    return ledger, facts


def describe(run: Run) -> str:
    """A run in a line, for failures."""
    states = {
        str(key): (str(r.state), r.generation, str(r.check), str(r.fault))
        for key, r in run.jobs.items()
        if r.state is not State.COLLECTED
    }
    return f"parks={list(run.parks.values())} jobs={states}"


__all__ = ["Setting", "World", "closing", "describe"]
