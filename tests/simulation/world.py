"""A run in a simulated world: the real core, engine, journal codec, planning and merge; the rest is modelled.

The world keeps what survives a crash (the service, the journal's encoded events, spool and result "files") apart from
what does not (the run, the driver, commands in flight). Everything follows from one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from runner.compose.boxes.keeper import KeptService
from runner.compose.boxes.lease import LEASE_S
from runner.core import events as e
from runner.core.polling import next_look
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.core.states import State
from runner.engine.clock import RunClock
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.engine.learning import Learner
from runner.engine.ports import Service
from runner.errors import ServiceError
from runner.journal import decode, encode
from runner.model import (
    AnalysisSpec,
    BatchId,
    Document,
    Fault,
    FaultKind,
    JobKey,
    PartId,
    RunId,
    Scope,
    SegmentId,
    StartRequest,
    segment_of,
    unit_interval,
)
from runner.planning.durations import DurationModel
from runner.planning.fates import closing
from runner.planning.plan import make_plan
from runner.results.entries import error_entry
from runner.results.merge import Answers, TallyBook, merge_lines
from runner.simulation.clock import run_virtually, virtual_now
from runner.simulation.service import SimulatedService
from tests.simulation.boxes import Bucket, BucketKeeper, take_up
from tests.simulation.documents import documents_of, manifest_of
from tests.simulation.ports import Place, SimulatedPorts
from tests.simulation.setting import EPOCH, Ending, Setting
from tests.simulation.stuck import left_undone
from tests.simulation.views import job_view, run_view

SESSIONS_MAX = 200
USD_PER_UNIT = 0.0001
PAUSE_S = 600.0
"""How long the user leaves a run alone that has come to an end without being done."""
COMMITS_BETWEEN_VIEWS = 40


class Crash(Exception):  # noqa: N818 - nobody's error: the end of a process
    """A process ends at a commit."""


@dataclass
class Disk:
    """What a crash leaves."""

    journal: list[tuple[str, bytes | str]] = field(default_factory=list)
    staged: set[tuple[str, BatchId]] = field(default_factory=set)
    spools: dict[tuple[JobKey, int], dict[tuple[PartId, int], bytes]] = field(default_factory=dict)
    repair_lines: dict[PartId, list[tuple[PartId, int]]] = field(default_factory=dict)
    results: dict[str, bytearray] = field(default_factory=dict)
    merged: dict[tuple[SegmentId, str], Answers] = field(default_factory=dict)
    """The answers in the result lines of a segment, per analysis: what reading the lines again would give."""


class World:
    """Builds the documents, plans them, and drives sessions until the books are closed."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.manifest = manifest_of(setting)
        self.ledgers, self.segments = documents_of(setting, self.manifest)
        self.lines = {part.id: part.lines for facts in self.segments for part in facts.parts}
        self.disk = Disk()
        self.bucket = Bucket()
        self.sent: dict[JobKey, tuple[str, list[Place]]] = {}
        """What the service was given to read: (analysis, lines)."""
        self.services = {
            lane.name: SimulatedService(
                behaviour, seed=f"service/{setting.seed}/{number}", now=self.now, number=number, doomed=self.doomed
            )
            for number, (lane, behaviour) in enumerate(
                zip(self.manifest.lanes, (setting.behaviour, *setting.others), strict=True)
            )
        }
        self.service = self.services["sim"]
        self.plan = make_plan(self.manifest, self.segments, durations=DurationModel())
        planned = sum(job.units for job in self.plan.work.jobs)
        self.budget_usd = None if setting.budget_share is None else setting.budget_share * planned * USD_PER_UNIT
        self.run: Run = self._fresh_run()
        self.driver: Driver | None = None
        self.draws = 0
        self.commits = 0
        self.sessions = 0
        self.largest_spool = 0
        self.mended = False
        self.healed_at: float | None = None
        self.closed_at = 0.0
        self.given_up: set[JobKey] = set()
        """Jobs given up before documents were reopened."""
        self._shadow = self._fresh_run()
        self._intended: set[tuple[JobKey, int]] = set()
        self._crash: Ending | None = None
        self._keeper: BucketKeeper | None = None
        self.taken_up = 0
        """How often a fresh box took the run up."""

    def now(self) -> float:
        """The service's clock."""
        return EPOCH + virtual_now()

    def draw(self, *what: object) -> float:
        """A number derived from the seed and what it is for."""
        return unit_interval("world", self.setting.seed, *what)

    def unlucky(self, kinds: tuple[FaultKind, ...]) -> Fault | None:
        """What befalls a piece of work, if anything does."""
        self.draws += 1
        if self.healed_at is not None or self.draw("work", self.draws) >= self.setting.bad_work:
            return None
        kind = kinds[int(self.draw("kind", self.draws) * len(kinds))]
        return Fault(kind=kind, scope=Scope.CALL, code="SIMULATED", message="simulated")

    def analysis(self, name: str) -> AnalysisSpec:
        """The analysis of that name."""
        return next(analysis for analysis in self.manifest.analyses if analysis.name == name)

    def events(self) -> list[e.Event]:
        """The journal."""
        return [decode(kind, payload, directory="sim") for kind, payload in self.disk.journal]

    # --- sessions -------------------------------------------------------------------------------------------------

    async def to_the_end(self) -> None:
        """Open sessions, end some before their time, and go on until the books are closed."""
        await self._until_closed()
        if self.setting.reopen and self.reopen():
            await self._until_closed()

    async def _until_closed(self) -> None:
        while self.sessions < SESSIONS_MAX:
            early = self.sessions < len(self.setting.endings)
            died = await self.session(self.setting.endings[self.sessions] if early else None)
            if self.run.closed and not died:
                self.closed_at = virtual_now()
                return
            if died and early and self.setting.endings[self.sessions - 1].loses_box:
                self._lose_box()
                await anyio.sleep(LEASE_S)
            if not early:
                await anyio.sleep(PAUSE_S)
        raise AssertionError(f"not closed after {self.sessions} sessions: {describe(self.run)}")

    async def session(self, ending: Ending | None = None) -> bool:
        """One process's work: fold the journal, drive, and perhaps die in the middle. Returns whether it died."""
        self.sessions += 1
        self.commits = 0
        self._crash = ending
        self._heal_if_due()
        self.run = self._fresh_run()
        if not any(kind == "PlanFinished" for kind, _ in self.disk.journal):
            # A run that was being taken up, and was not: that begins anew.
            self._lose_box()
        last = None
        for event in self.events():
            last = event.at
            self.run.apply(event)
        self._tidy()
        clock = RunClock(last, wall=self.now, monotonic=virtual_now)
        driver = self.driver = self._driver(clock.now)
        crashed = unanswered = False
        try:
            await self._drive(driver, clock.now, ending)
        except* Crash:
            crashed = True
        except* ServiceError:
            unanswered = True
        if unanswered:
            # A lane did not answer while the run was being taken up: the user runs again.
            return False
        died = crashed or (ending is not None and ending.kind == "kill")
        self._check_budget()
        if not (died or driver.halted):
            self._check_silence()
        return died

    def _check_budget(self) -> None:
        """No generation was bought that the budget did not cover; after that, the user raises it."""
        if self.budget_usd is None or not self.run.books.complete:
            return
        jobs = {
            job.request.name: job.request.job for service in self.services.values() for job in service.jobs.values()
        }
        spent = USD_PER_UNIT * sum(self.run.jobs[key].job.units for key in jobs.values())
        assert spent <= self.budget_usd + 1e-6, "over the budget"
        if self.run.budget_reached is not None:
            self.budget_usd *= 1.5

    def _driver(self, now: Callable[[], float]) -> Driver:
        ports = SimulatedPorts(self)
        services: Mapping[str, Service] = self.services
        if self.setting.loses_boxes:
            services = {name: KeptService(name, service, self) for name, service in self.services.items()}
        driver = Driver(
            self.run,
            executor=Executor(services=services, staging=ports, workshop=ports),
            recorder=self,
            now=now,
        )
        driver.watched_by(Learner(self.run, driver.tell))
        return driver

    async def before_start(self, lane: str, request: StartRequest) -> Fault | None:
        """What the record of the run forbids."""
        assert self._keeper is not None
        return await self._keeper.before_start(lane, request)

    async def start_refused(self, lane: str, request: StartRequest) -> None:
        """The record forgets a Start that took no effect."""
        assert self._keeper is not None
        await self._keeper.start_refused(lane, request)

    async def _drive(self, driver: Driver, now: Callable[[], float], ending: Ending | None) -> None:
        if self.run.began is None:
            self._begin(driver, now())
        driver.record(e.SessionOpened(at=now(), version="0", purpose="run", engines=()))
        if not self.run.books.complete and self.bucket.plan is not None:
            self.append(await take_up(self))
            self.taken_up += 1
        elif not self.run.books.complete:
            self._plan(driver, now())
        if self.setting.loses_boxes:
            self._keeper = BucketKeeper(self)
            driver.watched_by(self._keeper)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                if self.healed_at is None:
                    tasks.start_soon(self._heal_in_time)
                if ending is not None:
                    tasks.start_soon(_end, ending, driver, now, scope)
                await driver.drive()
                tasks.cancel_scope.cancel()

    def _check_silence(self) -> None:
        """A driver that ends of itself is done, or says what stands in its way."""
        told = self.run.parks or self.run.stopping or self.run.budget_reached
        assert self.run.closed or told, f"ended without a word: {describe(self.run)}"
        if not (self.run.closed or self.run.stopping or self.run.budget_reached):
            undone = left_undone(self.run)
            assert not undone, f"ended with {undone[:5]} undone: {describe(self.run)}"

    def append(self, events: Sequence[e.Event]) -> None:
        """The recorder: events survive as bytes, unless the process ends just before."""
        self.commits += 1
        strikes = self._crash is not None and self._crash.at == self.commits
        if strikes and self._crash is not None and self._crash.kind == "crash_before":
            raise Crash
        for event in events:
            row = encode(event)
            self.disk.journal.append(row)
            self._shadow.apply(decode(*row, directory="sim"))
        self._check_shadow(events)
        if strikes and self._crash is not None and self._crash.kind == "crash_after":
            raise Crash

    def _check_shadow(self, events: Sequence[e.Event]) -> None:
        """What the journal folds to is what the process believes: of the jobs concerned each time, of all sometimes."""
        for event in events:
            if isinstance(event, e.StartIntended):
                self._intended.add((event.job, event.generation))
            key = getattr(event, "job", None)
            if key in self.run.jobs:
                assert job_view(self._shadow.jobs[key]) == job_view(self.run.jobs[key]), event
        if self.commits % COMMITS_BETWEEN_VIEWS == 0:
            assert run_view(self._shadow) == run_view(self.run)
            self._check_kept()

    def _check_kept(self) -> None:
        """What the run keeps so that no step need work it out is what it would come to."""
        run = self.run
        for record in run.jobs.values():
            if record.state is State.ACTIVE:
                at = next_look(
                    run.timing(record.lane),
                    accepted_at=record.accepted_at,
                    looked_at=record.looked_at,
                    predicted_s=record.predicted_s,
                    probing=not run.is_proven(record.lane, record.job.analysis),
                )
                assert record.look_at == at, record
        writable = [
            corpus
            for corpus, book in run.books.corpora.items()
            if (run.books.patchable(corpus) is not None if book.dirty else run.books.mergeable(corpus))
        ]
        assert list(run.books.ripe()) == writable

    def check_intended(self, job: JobKey, generation: int) -> None:
        """No call is made before its intent is durable."""
        assert (job, generation) in self._intended, f"{job} was started before that was written down"

    def check_lane(self, batch: BatchId, lane: str) -> None:
        """No text leaves the lanes that its corpus is bound to."""
        bound = {corpus.name: corpus.lanes for corpus in self.manifest.corpora if corpus.lanes}
        for part in self.run.batches[batch].covers:
            allowed = bound.get(self.ledgers[segment_of(part)].corpus)
            assert allowed is None or lane in allowed, f"{batch} may not be read on {lane}"

    def _tidy(self) -> None:
        """What `runner.compose.upkeep` does when a run is taken up."""
        for key, generation in list(self.disk.spools):
            record = self.run.jobs[key]
            current = record.state is State.COLLECTED and record.generation == generation
            if not (current and (self.run.books.needs_spool(key) or not record.settled)):
                del self.disk.spools[key, generation]

    # --- healing --------------------------------------------------------------------------------------------------

    async def _heal_in_time(self) -> None:
        await anyio.sleep(max(0.0, self.setting.heal_after_s - virtual_now()))
        self._heal_if_due()

    def _heal_if_due(self) -> None:
        if self.healed_at is None and virtual_now() >= self.setting.heal_after_s:
            self.healed_at = virtual_now()
            for service in self.services.values():
                service.heal()

    # --- beginning and reopening ------------------------------------------------------------------------------------

    def _fresh_run(self) -> Run:
        config = CoreConfig(
            lanes=self.manifest.lanes,
            analyses=self.manifest.analyses,
            on_failure=self.setting.on_failure,
            recheck_denied_s=60.0 if self.setting.on_terminal else None,
            spool_bytes_max=self.setting.spool_rows_max,
            corpus_lanes=tuple((corpus.name, corpus.lanes) for corpus in self.manifest.corpora if corpus.lanes),
            budget_usd=self.budget_usd,
            upper_usd=lambda units: USD_PER_UNIT * sum(units.values()),
        )
        return Run(config)

    def _lose_box(self) -> None:
        """What was on the box's disk is gone; what was staged lies in the bucket."""
        self.disk = Disk(staged=self.disk.staged)
        self._shadow = self._fresh_run()
        self._intended.clear()

    def _begin(self, driver: Driver, at: float) -> None:
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
            e.RangeSurveyed(
                at=at,
                corpus=corpus.name,
                index=0,
                segments=tuple(facts for facts in self.segments if facts.corpus == corpus.name),
            )
            for corpus in self.manifest.corpora
        ]
        driver.record(begun, *surveyed, e.SurveyFinished(at=at, documents=0, bytes=0))

    def _plan(self, driver: Driver, at: float) -> None:
        plan = self.plan
        driver.record(
            *(e.BatchPlanned(at=at, batch=batch) for batch in plan.work.batches),
            *(e.JobPlanned(at=at, job=job) for job in plan.work.jobs),
            e.PlanFinished(at=at, jobs=len(plan.work.jobs), usd=None),
        )

    def reopen(self) -> int:
        """Open every document of a merged segment that closed as an error; returns for how many lines."""
        self.mended = True
        self._crash = None
        self.given_up |= {key for key, record in self.run.jobs.items() if record.state is State.GIVEN_UP}
        driver = self._driver(self.now)
        groups: dict[tuple[str, str, str | None, tuple[str, ...]], list[tuple[PartId, int]]] = {}
        for place, analysis, corpus in self._errors():
            language = self._language_of(analysis, place[0])
            lanes = self.manifest.corpus(self.ledgers[segment_of(place[0])].corpus).lanes
            groups.setdefault((corpus, analysis, language, lanes), []).append(place)
        for (corpus, analysis, language, _), lines in groups.items():
            planned = SimulatedPorts(self).plan_repair(
                self.run.batches_planned + 1,
                list(dict.fromkeys(lines)),
                analysis=self.analysis(analysis),
                language=language,
                repaired=[],
                round_=0,
            )
            at = self.now()
            jobs = (planned.job.key,)
            driver.record(
                e.Reopened(at=at, corpus=corpus, analysis=analysis, jobs=jobs, documents=len(lines)),
                e.BatchPlanned(at=at, batch=planned.batch),
                e.JobPlanned(at=at, job=planned.job),
            )
        return sum(map(len, groups.values()))

    def _errors(self) -> list[tuple[tuple[PartId, int], str, str]]:
        found = []
        for segment, ledger in self.ledgers.items():
            for analysis in self.manifest.analyses_of(ledger.corpus):
                answers = self.disk.merged.get((segment, analysis.name))
                for document in ledger.documents if answers is not None else ():
                    sent = document.part >= 0 and not closed_by_us(document, analysis)
                    if (
                        sent
                        and answers is not None
                        and answers.entries[document.part][document.line][:1] in {b"!", b""}
                    ):
                        found.append(((ledger.parts[document.part], document.line), analysis.name, ledger.corpus))
        return found

    def _language_of(self, analysis: str, part: PartId) -> str | None:
        for record in self.run.jobs.values():
            batch = self.run.batches[record.job.batch]
            if record.job.analysis == analysis and part in batch.covers:
                return batch.language
        raise AssertionError(part)

    # --- poison -----------------------------------------------------------------------------------------------------

    def poisoned(self, analysis: str, part: PartId, line: int) -> FaultKind | None:
        """How a line brings down jobs that read it: it is refused, the service breaks, or the output does."""
        if self.mended or self.draw("poison", analysis, part, line) >= self.setting.poison:
            return None
        kinds = (FaultKind.REJECTED, FaultKind.TRANSIENT, FaultKind.CORRUPT)
        return kinds[int(self.draw("poison kind", analysis, part, line) * len(kinds))]

    def doomed(self, request: StartRequest) -> Fault | None:
        """Why a job will fail, if it is for what it reads."""
        kinds = self._poison_in(request.job) - {FaultKind.CORRUPT}
        if not kinds:
            return None
        return Fault(kind=min(kinds), scope=Scope.BATCH, code="POISON", message="simulated")

    def spoils_output(self, job: JobKey) -> bool:
        """Whether a job writes an output that nobody can read, for what it reads."""
        return FaultKind.CORRUPT in self._poison_in(job)

    def _poison_in(self, key: JobKey) -> set[FaultKind]:
        if not self.setting.poison:
            return set()
        analysis, lines = self.sent[key]
        return {kind for line in lines if (kind := self.poisoned(analysis, *line)) is not None}

    # --- what is right ----------------------------------------------------------------------------------------------

    def row(self, analysis: str, part: PartId, line: int) -> bytes:
        """What the service says of a line, whenever it says anything: a payload, or an error row."""
        if not self.mended and self.draw("error", analysis, part, line) < 0.02:
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


async def _end(ending: Ending, driver: Driver, now: Callable[[], float], scope: anyio.CancelScope) -> None:
    """End a session at a time, in the way of that ending."""
    if ending.kind.startswith("crash"):
        return
    await anyio.sleep(ending.at)
    match ending.kind:
        case "kill":
            scope.cancel()
        case "halt":
            driver.halt("a signal")
        case "cancel":
            driver.tell(e.CancelAsked(at=now()))


def closed_by_us(document: Document, analysis: AnalysisSpec) -> bool:
    """Whether no job reads a document under an analysis."""
    fate, message = document.fate, document.message
    return closing(analysis, fate=fate, message=message, size=document.size, language=document.language) is not None


def simulate(setting: Setting) -> World:
    """Live through a whole run, in virtual time."""
    world = World(setting)
    run_through(world)
    return world


def run_through(world: World) -> None:
    """Live through a world's run, in virtual time."""
    run_virtually(world.to_the_end, seed=world.setting.seed)


def describe(run: Run) -> str:
    """A run in a line, for failures."""
    states = {
        str(key): (str(r.state), r.generation, str(r.check), str(r.fault))
        for key, r in run.jobs.items()
        if r.state is not State.COLLECTED
    }
    return f"parks={list(run.parks.values())} stops={run.extra_stops} confirm={list(run.to_confirm)} jobs={states}"
