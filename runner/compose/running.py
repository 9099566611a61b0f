"""`run` and `plan`: from a manifest to closed books, or as far as limits, faults and the user let it go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import anyio
from anyio import to_thread

from runner import __version__
from runner.aws import StagingClient
from runner.compose import finishing, planfile, publishing
from runner.compose.boxes.adopting import Adoption
from runner.compose.boxes.finding import take_up
from runner.compose.boxes.keeper import Keeper, KeptService
from runner.compose.capabilities import embedded_versions
from runner.compose.disks import full_disk_told, require_room
from runner.compose.duplicates import refuse_duplicates
from runner.compose.lanes import OpenLanes, open_lanes, session_events
from runner.compose.learning import learnt
from runner.compose.models.data import with_training_data
from runner.compose.models.trainer import Trainer, drive_beside, stop_trainings
from runner.compose.opening import (
    Choice,
    OpenRun,
    beginning_of,
    choose,
    is_complete,
    manifest_of,
    open_run,
    with_options,
)
from runner.compose.places import recall, remember
from runner.compose.quotas import Known, counted, with_quotas
from runner.compose.reporting import write_report
from runner.compose.reusing import reusable_analyses
from runner.compose.routing import as_routed
from runner.compose.shut import ShutLane
from runner.compose.signals import halt_at_deadline, halt_on_signal, watch_for_cancel
from runner.compose.staging import LaneStaging
from runner.compose.stopped import BudgetStop, budget_stop
from runner.compose.surveying import Surveyor
from runner.compose.upkeep import claim_results, tidy
from runner.compose.workshop import LocalWorkshop
from runner.core import events as e
from runner.core.run import Run
from runner.corpus.inflating import zstd
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.engine.learning import Learner
from runner.engine.ports import Observer, Service
from runner.engine.workers import WorkerPool
from runner.errors import EXIT_ERRORS, EXIT_INTERRUPTED, EXIT_LIMIT, EXIT_UNFINISHED, EXIT_USER, LimitError
from runner.journal import hold_worker_lock
from runner.model import LaneSpec, Manifest, SegmentFacts
from runner.planning.durations import DurationModel
from runner.planning.plan import Plan, gate, make_plan, usd_text
from runner.results import write_summary
from runner.results.reuse import discard_reused

Ending = Literal["finished", "parked", "interrupted", "deadline", "cancelled", "failed", "budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `run` and `plan` are told beside the manifest."""

    run_dir: Path | None = None
    lane: str | None = None
    limit: int | None = None
    budget_usd: float | None = None
    for_s: float | None = None
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    plan_file: Path | None = None
    """A plan made earlier: the run is refused if its identity, its sources or its price moved since."""
    again: bool = False
    yes: bool = False
    interactive: bool = False
    analyzers: Literal["default", "noop"] = "default"
    """What an embedded endpoint answers with; `noop` is for measuring."""

    def applied(self, manifest: Manifest) -> Manifest:
        """The manifest as these options change it, with what its training data says.

        Raises UserError for data that no model can be trained with.
        """
        manifest = with_options(manifest, lane=self.lane, limit=self.limit, budget_usd=self.budget_usd)
        return with_training_data(manifest)


@dataclass(slots=True)
class Hooks:
    """How a run speaks to whoever started it. `observe` is asked once the run is open, before anything happens."""

    say: Callable[[str], None] = lambda _: None
    confirm: Callable[[Plan], bool] = lambda _: False
    observe: Callable[[OpenRun], Sequence[Observer]] = lambda _: ()
    planned: Callable[[Plan], None] = lambda _: None
    forecast: Callable[[Manifest, Sequence[SegmentFacts], Plan, DurationModel], None] = lambda *_: None
    """Told what a plan was made of."""
    signals: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a `run` ended. `summary` is what `run.json` holds, or would hold, of it."""

    exit_code: int
    directory: Path
    results: Path
    run_id: str
    ended: Ending
    summary: finishing.Summary
    parks: tuple[e.WorkParked, ...] = ()
    resumed: bool = False
    calls: Mapping[str, int] = field(default_factory=dict)
    """Calls that this session sent, by operation."""
    published: str | None = None
    """The folder in S3 that the results are copied to once the run is finished."""
    budget: BudgetStop | None = None
    """What the budget forbade, if that is why it ended."""


async def run_manifest(manifest: Manifest, options: RunOptions, hooks: Hooks) -> Outcome:
    """Carry a manifest out, or go on with it.

    Raises UserError and its kin for what the user must mend before anything goes on, LimitError for a budget or a price
    that nobody confirmed. Everything else is in the outcome.
    """
    manifest = options.applied(manifest)
    choice = choose(manifest, run_dir=options.run_dir, again=options.again)
    choice = await take_up(choice, manifest, again=options.again)
    known = (
        Known(manifest=manifest)
        if _is_done(choice, manifest)
        else await with_quotas(manifest, before=recall(choice.directory))
    )
    manifest = known.manifest
    with (
        full_disk_told(),
        open_run(choice, manifest, interactive=options.interactive, workers=options.workers) as opened,
    ):
        for notice in (*opened.notices, *known.notices):
            hooks.say(notice)
        if opened.run.finished is not None and opened.complete:
            return _outcome(opened, ("finished", opened.run.finished.exit_code), resumed=True)
        observers = list(hooks.observe(opened))
        return await _Session(opened, options, hooks, observers, adopting=choice.adopting).run()


async def plan_manifest(
    manifest: Manifest, options: RunOptions, hooks: Hooks, choice: Choice
) -> tuple[Plan, dict[str, object]]:
    """Survey a manifest's corpora and plan. The survey stays in the chosen directory.

    Nothing is sent anywhere but the question for an account's quotas. Returns the plan, and the document that
    `run --plan` holds a run to.
    """
    known = await with_quotas(options.applied(manifest), before=recall(choice.directory))
    with full_disk_told(), open_run(choice, known.manifest, workers=options.workers) as opened:
        for notice in known.notices:
            hooks.say(notice)
        session = _Session(opened, options, hooks, list(hooks.observe(opened)))
        plan = await session.plan()
        return plan, planfile.document(opened, plan)


def _is_done(choice: Choice, manifest: Manifest) -> bool:
    """Whether the chosen directory holds a run whose results are whole: then there is nobody to ask anything."""
    began = beginning_of(choice.directory) if choice.directory.begun else None
    return began is not None and is_complete(choice.directory, manifest, began.run)


class _Session:
    """One process's work on one run."""

    def __init__(
        self, opened: OpenRun, options: RunOptions, hooks: Hooks, observers: list[Observer], *, adopting: bool = False
    ) -> None:
        self._adopting = adopting
        self._opened = opened
        self._run: Run = opened.run
        self._manifest = opened.manifest
        self._options = options
        self._hooks = hooks
        self._observers = observers
        self._resumed = opened.run.sessions > 0
        self._pool = WorkerPool(options.workers, prepare=hold_worker_lock, directory=opened.directory.root)

    async def plan(self) -> Plan:
        """Survey what is not surveyed, and plan."""
        if self._manifest.output.compression == "zstd":
            zstd("output.compression is zstd")
        surveyor = Surveyor(
            self._run,
            self._opened.directory,
            self._manifest,
            pool=self._pool,
            record=self._record,
            now=self._opened.clock.now,
            reusable=reusable_analyses(self._manifest, embedded_versions(self._options.analyzers)),
        )
        await surveyor.survey()
        if self._manifest.policy.duplicate_ids == "stop" and not self._run.books.complete:
            surveyed = list(self._run.books.surveyed())
            await to_thread.run_sync(refuse_duplicates, self._opened.directory, self._manifest, surveyed)
        segments = [record.facts for record in self._run.books.segments()]
        durations = await to_thread.run_sync(learnt, self._opened)
        plan = make_plan(self._manifest, segments, durations=durations)
        self._hooks.forecast(self._manifest, segments, plan, durations)
        return plan

    async def run(self) -> Outcome:
        """Everything, in order."""
        tidy(self._opened.directory, self._run, self._manifest)
        claim_results(self._opened.directory, self._run.run_id, self._manifest)
        await self._require_folder()
        plan = await self.plan()
        self._hooks.planned(plan)
        document = planfile.document(self._opened, plan)
        if self._options.plan_file is not None:
            planfile.require_same(self._options.plan_file, document)
        gate(plan, self._unlimited() if self._run.books.complete or self._adopting else self._manifest)
        require_room(self._opened, plan)
        self._confirm(plan)
        await to_thread.run_sync(publishing.claim, self._manifest, self._run.run_id)
        write_summary(self._opened.directory.plan_path, document)
        async with open_lanes(
            self._manifest,
            self._opened.directory,
            workers=self._options.workers,
            analyzers=self._options.analyzers,
        ) as lanes:
            keeper = Keeper(self._opened, lanes)
            async with keeper.holding(adopting=self._adopting, anew=self._options.again):
                self._open_session(lanes)
                if self._adopting:
                    await self._adopt(plan, lanes)
                elif not self._run.books.complete:
                    self._record_plan(plan)
                await keeper.keep_record()
                ending = await self._ending(plan, await self._drive(lanes, keeper))
                keeper.finished = ending[0] == "finished"
            calls = sum((lane.service.calls for lane in lanes.lanes), Counter[str]())
        self._report()
        return _outcome(self._opened, ending, resumed=self._resumed, calls=calls)

    def _unlimited(self) -> Manifest:
        """The manifest without its budget: of a run that is under way, each Start is held against that by itself."""
        return replace(self._manifest, policy=replace(self._manifest.policy, budget_usd=None))

    def _report(self) -> None:
        """Write the page about the run, as far as it is; a run does not fail for its report."""
        try:
            write_report(self._opened)
        except Exception as error:  # noqa: BLE001 - whatever it is, what was bought and written stands
            self._hooks.say(f"report.html could not be written: {type(error).__name__}: {error}")

    def _confirm(self, plan: Plan) -> None:
        """Ask, or refuse, where money would be spent that no budget covers."""
        remote = not self._manifest.embedded
        if not remote or self._run.gate_passed or self._options.yes or self._manifest.policy.budget_usd is not None:
            return
        if self._adopting:
            return
        if plan.usd <= 0 and not plan.unpriced:
            return
        if self._options.interactive and self._hooks.confirm(plan):
            return
        raise LimitError(
            f"this run may cost up to {usd_text(plan.usd)}, and nobody agreed to that",
            hint="give it a budget (`--budget USD`), or say `--yes`",
        )

    def _open_session(self, lanes: OpenLanes) -> None:
        opened = e.SessionOpened(
            at=self._opened.clock.now(),
            version=__version__,
            purpose="run",
            engines=lanes.engines,
            analyzers=lanes.analyzers,
            quotas=counted(self._manifest),
        )
        self._record(*session_events(self._run, lanes, opened, self._opened.directory))
        for lane in lanes.shut:
            self._hooks.say(f"{lane.fault.message}; the other lanes go on")
        remember(self._opened.directory, lanes.places, shut=(lane.spec.name for lane in lanes.shut))

    def _record_plan(self, plan: Plan) -> None:
        now = self._opened.clock.now()
        usd = plan.usd if not self._manifest.embedded else 0.0
        self._record(
            *(e.BatchPlanned(at=now, batch=batch) for batch in plan.to_start.batches),
            *(e.JobPlanned(at=now, job=job) for job in plan.to_start.jobs),
            e.GatePassed(at=now, usd=usd),
            e.PlanFinished(at=now, jobs=len(plan.to_start.jobs), usd=usd),
        )

    async def _adopt(self, plan: Plan, lanes: OpenLanes) -> None:
        """Take over what another box has planned and bought."""
        adoption = Adoption(self._opened, lanes, make_workshop(self._opened, lanes, self._pool))
        facts = await adoption.take_up(plan.usd)
        self._opened.journal.append(facts)
        for observer in self._observers:
            for fact in facts:
                observer.notice(fact)
        self._hooks.say(f"{adoption.adopted} of {len(self._run.jobs)} jobs were started there")

    def _record(self, *events: e.Event) -> None:
        self._opened.record_and_tell(events, self._observers)

    async def _drive(self, lanes: OpenLanes, keeper: Keeper) -> str | None:
        """Drive the run; returns why it was halted, if it was."""
        driver = make_driver(self._opened, lanes, self._pool, self._observers, keeper)
        now, say = self._opened.clock.now, self._hooks.say
        trainer = Trainer(self._run, self._manifest, lanes, driver, now=now, say=say, keep=keeper.before_buying)
        trainer.hold_back()
        async with anyio.create_task_group() as tasks:
            if self._hooks.signals:
                tasks.start_soon(halt_on_signal, driver, self._hooks.say)
            if self._options.for_s is not None:
                tasks.start_soon(halt_at_deadline, driver, self._options.for_s)
            tasks.start_soon(watch_for_cancel, driver, self._opened.directory.root, self._opened.clock.now)
            tasks.start_soon(trainer.train)
            await drive_beside(driver, trainer)
            tasks.cancel_scope.cancel()
        if self._run.cancelling:
            for arn in await stop_trainings(self._run, lanes):
                self._hooks.say(f"the training of {arn} is being stopped")
        return driver.halted

    async def _ending(self, plan: Plan, halted: str | None) -> tuple[Ending, int]:
        """How this session ends, with its exit code; closes the books if they can be closed."""
        if self._run.closed:
            code = await self._close_books(self._opened, as_routed(plan, self._opened))
            self._record(e.RunFinished(at=self._opened.clock.now(), exit_code=code))
            discard_reused(self._opened.directory.root)
            return "finished", code
        if self._run.cancelling:
            return "cancelled", EXIT_UNFINISHED
        if halted is not None:
            return ("deadline", EXIT_UNFINISHED) if halted == "deadline" else ("interrupted", EXIT_INTERRUPTED)
        if self._run.budget_reached is not None:
            return "budget", EXIT_LIMIT
        return ("failed", EXIT_ERRORS) if self._run.stopping else ("parked", EXIT_USER)

    async def _require_folder(self) -> None:
        """Refuse a folder in S3 that cannot be this run's, before anything is done."""
        assert self._run.began is not None, "a run that is open has begun"
        began_with = manifest_of(self._run.began).output
        await to_thread.run_sync(publishing.require_free, self._manifest, began_with, self._run.run_id)

    async def _close_books(self, opened: OpenRun, plan: Plan) -> int:
        """The exit code. Copies for S3 come before the local `run.json`, which says that the run is complete."""
        code, document = finishing.prepare_books(opened, plan)
        if self._manifest.output.published is not None:
            self._hooks.say(f"Copying the results to {self._manifest.output.published}")
            results = opened.directory.results(self._manifest.output)
            await to_thread.run_sync(publishing.publish, self._manifest, results, document, abandon_on_cancel=True)
        finishing.close_books(opened, document)
        return code


def make_workshop(opened: OpenRun, lanes: OpenLanes, pool: WorkerPool) -> LocalWorkshop:
    """Local work for jobs of open lanes, and of those that are shut."""
    specs = [*(lane.spec for lane in lanes.lanes), *(lane.spec for lane in lanes.shut)]
    reusable = reusable_analyses(opened.manifest, dict(lanes.analyzers))
    return LocalWorkshop(opened.run, opened.directory, opened.manifest, lanes=specs, pool=pool, reusable=reusable)


def make_driver(
    opened: OpenRun, lanes: OpenLanes, pool: WorkerPool, observers: Sequence[Observer], keeper: Keeper | None = None
) -> Driver:
    """A driver over open lanes; with a keeper, nothing is started that is not on record."""
    services: dict[str, Service] = {lane.spec.name: lane.service for lane in lanes.lanes}
    if keeper is not None and keeper.keeps:
        services = {name: KeptService(name, service, keeper) for name, service in services.items()}
    clients: dict[str, tuple[LaneSpec, StagingClient | ShutLane]] = {
        lane.spec.name: (lane.spec, lane.staging) for lane in lanes.lanes
    }
    for shut in lanes.shut:
        services[shut.spec.name] = shut
        clients[shut.spec.name] = shut.spec, shut
    executor = Executor(
        services=services,
        staging=LaneStaging(opened.run, opened.directory, opened.manifest, clients),
        workshop=make_workshop(opened, lanes, pool),
    )
    driver = Driver(opened.run, executor=executor, recorder=opened.journal, now=opened.clock.now, observers=observers)
    driver.watched_by(Learner(opened.run, driver.tell))
    if keeper is not None:
        keeper.driver = driver
        driver.watched_by(keeper)
    return driver


def _outcome(
    opened: OpenRun, ending: tuple[Ending, int], *, resumed: bool, calls: Mapping[str, int] | None = None
) -> Outcome:
    ended, code = ending
    return Outcome(
        exit_code=code,
        directory=opened.directory.root,
        results=opened.directory.results(opened.manifest.output),
        run_id=opened.run.run_id,
        ended=ended,
        summary=finishing.summarise(opened),
        parks=tuple(opened.run.parks.values()),
        resumed=resumed,
        calls=calls or {},
        published=opened.manifest.output.published,
        budget=budget_stop(opened) if ended == "budget" else None,
    )
