"""All models of a run, beside its driver: what is not ready yet holds back the jobs that need it, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio

from runner.aws.models import RemoteModel
from runner.compose.lanes import OpenLane, OpenLanes, patiently
from runner.compose.models.training import MODEL_FAILED, Training, TrainingLane
from runner.core import events as e
from runner.core.run import Run
from runner.core.states import State
from runner.engine.driver import Driver
from runner.model import AnalysisSpec, Fault, FaultKind, JobKey, Manifest, ModelSpec, Scope
from runner.planning.plan import usd_text
from runner.planning.training import assumed_s, lanes_of, training_usd
from runner.telemetry.words import counted, duration

TO_START = frozenset({State.WAITING, State.INTENDED, State.UNSURE, State.FAILED})
"""States from which a job may yet be started."""
USD_NOISE = 1e-9
"""Sums of floats may miss by this much."""
ABOVE_BUDGET = "ABOVE_BUDGET"
SHOWN = ("Accuracy", "Precision", "Recall", "F1Score")
"""Of the service's figures on a model, those that people are told while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A model that analyses with jobs need in a lane."""

    lane: OpenLane
    model: ModelSpec
    analyses: tuple[str, ...]


class Trainer:
    """Finds or trains the models that a run's jobs need in its open lanes.

    `keep` is awaited with a lane before anything is bought there; a Fault forbids it.
    """

    def __init__(
        self,
        run: Run,
        manifest: Manifest,
        lanes: OpenLanes,
        driver: Driver,
        *,
        now: Callable[[], float],
        say: Callable[[str], None],
        keep: Callable[[str], Awaitable[Fault | None]],
    ) -> None:
        self._say = say
        self._keep = keep
        self._run = run
        self._driver = driver
        self._now = now
        self._embedded = manifest.embedded
        self._budget = None if manifest.embedded else manifest.policy.budget_usd
        self._wants = tuple(_wants(run, manifest, lanes))
        self._left = len(self._wants)

    @property
    def over(self) -> bool:
        """Whether no model is to come; what became of the last is told to the driver at the same moment."""
        return not self._left

    def hold_back(self) -> None:
        """Let no job be started that needs one of the models; before the run is driven."""
        self._driver.record(
            *(
                e.ModelAwaited(at=self._now(), lane=want.lane.spec.name, analysis=analysis)
                for want in self._wants
                for analysis in want.analyses
            )
        )

    async def train(self) -> None:
        """Until every model is ready, or refused."""
        async with anyio.create_task_group() as tasks:
            for want in self._wants:
                tasks.start_soon(self._train, want)

    async def _train(self, want: Want) -> None:
        lane = want.lane
        training = Training(
            lane=TrainingLane(spec=lane.spec, account=lane.account, models=lane.models, staging=lane.staging),
            model=want.model,
            intend=lambda arn, token: self._intend(want, arn, token),
        )
        got = await training.obtain()
        recheck_s = self._run.config.recheck_denied_s
        while recheck_s is not None and isinstance(got, Fault) and got.code not in {MODEL_FAILED, ABOVE_BUDGET}:
            await anyio.sleep(recheck_s)
            got = await training.obtain()
        if isinstance(got, RemoteModel):
            self._say(f"{_place(want)}: {_words(got)}")
        self._left -= 1
        for event in self._told(want, got):
            self._driver.tell(event)

    def _told(self, want: Want, got: RemoteModel | Fault) -> Iterator[e.Event]:
        lane, at = want.lane.spec.name, self._now()
        if isinstance(got, Fault):
            kind = f"training {' '.join(want.analyses)}"
            yield (
                self._above_budget(want)
                if got.code == ABOVE_BUDGET
                else e.WorkParked(at=at, lane=lane, operation=kind, fault=got, lasting=True)
            )
            return
        for place, analysis in enumerate(want.analyses):
            asked = self._run.trainings.get((lane, analysis))
            ours = asked is not None and asked.arn == got.arn and not place and not self._embedded
            yield e.ModelReady(
                at=at,
                lane=lane,
                analysis=analysis,
                arn=got.arn,
                trained_s=got.trained_s,
                usd=training_usd(assumed_s(want.model) if got.trained_s is None else got.trained_s) if ours else 0.0,
                documents=got.documents,
                tested=got.tested,
                metrics=got.metrics,
                message=got.message,
            )

    def _usd(self, want: Want) -> float:
        return 0.0 if self._embedded else training_usd(assumed_s(want.model))

    def _committed(self, want: Want) -> float:
        """What was bought may cost, but for an earlier call for the same model."""
        key = (want.lane.spec.name, want.analyses[0])
        before = self._run.trainings.get(key)
        return self._run.committed_usd() - (before.usd if before is not None and key not in self._run.models else 0.0)

    def _above_budget(self, want: Want) -> e.BudgetReached:
        assert self._budget is not None
        committed = self._committed(want)
        return e.BudgetReached(
            at=self._now(),
            job=next(_to_start(self._run, want.analyses[0])),
            committed_usd=committed,
            usd=committed + self._usd(want),
            budget_usd=self._budget,
        )

    async def _intend(self, want: Want, arn: str, token: str) -> Fault | None:
        """Put it on record that a model is about to be bought, if the budget allows it."""
        lane = want.lane.spec.name
        usd = self._usd(want)
        if self._budget is not None and self._committed(want) + usd > self._budget + USD_NOISE:
            return Fault(kind=FaultKind.DENIED, scope=Scope.RUN, code=ABOVE_BUDGET, message="the budget is reached")
        self._driver.record(
            *(
                e.TrainingIntended(
                    at=self._now(), lane=lane, analysis=analysis, arn=arn, token=token, usd=0.0 if place else usd
                )
                for place, analysis in enumerate(want.analyses)
            )
        )
        fault = await patiently(partial(self._keep, lane))
        if fault is not None:
            return fault
        took = "" if self._embedded else f", for {duration(assumed_s(want.model))} or so and up to {usd_text(usd)}"
        self._say(f"{_place(want)}: training a {want.model.kind}{took}")
        return None


def _place(want: Want) -> str:
    """`genre on virginia`."""
    return f"{', '.join(want.analyses)} on {want.lane.spec.name}"


def _words(got: RemoteModel) -> str:
    """`model runner-5f2b is trained; Accuracy 0.97, F1Score 0.97 on 557 documents held out`."""
    figures = dict(got.metrics)
    shown = ", ".join(f"{name} {figures[name]:g}" for name in SHOWN if name in figures)
    rated = f"; {shown} on {counted(got.tested or 0, 'document')} held out" if shown else ""
    warned = f" ({got.message})" if got.message else ""
    return f"model {got.arn.rpartition('/')[2]} is trained{rated}{warned}"


class Beside(Protocol):
    """Whoever has models yet to come."""

    @property
    def over(self) -> bool:
        """Whether no model is to come."""
        ...


async def drive_beside(driver: Driver, trainer: Beside) -> None:
    """Drive a run while its models are trained: until nothing can be done and no model is to come, or a halt."""
    while True:
        over = trainer.over
        await driver.drive()
        if over or driver.halted is not None or not driver.run.starting:
            return
        if not trainer.over:
            await driver.wait_for_news()


async def stop_trainings(run: Run, lanes: OpenLanes) -> list[str]:
    """Stop the trainings that a run has asked for and that go on; the ARNs of those that were."""
    stopped = []
    for lane in lanes.lanes:
        under_way = {
            training.arn
            for (name, analysis), training in run.trainings.items()
            if name == lane.spec.name
            and not ((ready := run.models.get((name, analysis))) is not None and ready.arn == training.arn)
        }
        for arn in sorted(under_way):
            seen = await lane.models.describe(arn)
            if isinstance(seen, RemoteModel) and seen.status in {"SUBMITTED", "TRAINING"}:
                fault = await lane.models.stop(arn)
                if fault is None:
                    stopped.append(arn)
    return stopped


def _wants(run: Run, manifest: Manifest, lanes: OpenLanes) -> Iterator[Want]:
    for lane in lanes.lanes:
        needed: dict[ModelSpec, list[str]] = {}
        for analysis in manifest.analyses:
            if analysis.model is not None and analysis.model.trained and _needs(run, manifest, analysis, lane):
                needed.setdefault(analysis.model, []).append(analysis.name)
        for model, analyses in needed.items():
            yield Want(lane=lane, model=model, analyses=tuple(analyses))


def _needs(run: Run, manifest: Manifest, analysis: AnalysisSpec, lane: OpenLane) -> bool:
    allowed = any(spec.name == lane.spec.name for spec in lanes_of(manifest, analysis))
    return allowed and next(_to_start(run, analysis.name), None) is not None


def _to_start(run: Run, analysis: str) -> Iterator[JobKey]:
    """The jobs of an analysis that may yet be started."""
    return (key for key, record in run.jobs.items() if record.job.analysis == analysis and record.state in TO_START)
