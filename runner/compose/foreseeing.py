"""What a simulated run learns on its way: languages that an analysis tells, and models that it trains.

Neither is known before: of languages what can follow at most is taken, every document in one that each analysis takes;
of trainings the time and the price that the plan assumes, and that no lane has the model already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio

from runner.compose.models.training import pauses
from runner.compose.routing import NewPart, plan_routed
from runner.core import events as e
from runner.core.commands import Routed
from runner.engine.driver import Driver
from runner.model import UNDECIDED, Manifest, SegmentFacts, routed_part_id
from runner.planning.fates import by_results
from runner.planning.plan import at_most
from runner.planning.training import TrainingCost

_CODE: Final = "en"
"""For the ids of parts in a language that nobody knows."""


def routed_at_most(analysis: str, manifest: Manifest, segments: Sequence[SegmentFacts]) -> Routed:
    """What is planned at most once an analysis has told the languages of the corpora that wait for it. Pure."""
    corpora = {corpus.name for corpus in manifest.corpora if by_results(corpus) == analysis}
    parts = list(_parts(manifest, [facts for facts in segments if facts.corpus in corpora]))
    planned = plan_routed(analysis, at_most(manifest), segments, parts)
    return Routed(batches=planned.batches, jobs=planned.jobs, parts=tuple(parts))


def _parts(manifest: Manifest, segments: Sequence[SegmentFacts]) -> Iterator[NewPart]:
    for segment in segments:
        told = tuple(spec.name for spec in manifest.analyses_of(segment.corpus) if not spec.row.takes_language)
        for part in segment.parts:
            if part.pool == UNDECIDED:
                facts = replace(part, id=routed_part_id(part.id, _CODE), answered=(*part.answered, *told))
                yield part.id, facts


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTale:
    """One training on one lane; seconds after the beginning. `looks` counts the Describe calls that watched it."""

    lane: str
    analyses: tuple[str, ...]
    ends_s: float
    looks: int
    usd: float


class SimulatedTrainings:
    """The trainings of a run, beside its driver."""

    def __init__(self, trainings: Sequence[TrainingCost], driver: Driver, *, now: Callable[[], float]) -> None:
        self._driver = driver
        self._now = now
        self._wants = [(training, lane) for training in trainings for lane in training.lanes]
        self._left = len(self._wants)
        self.tales: list[TrainingTale] = []

    @property
    def over(self) -> bool:
        """Whether no model is to come."""
        return not self._left

    def begin(self) -> None:
        """Let the jobs that need a model wait for it, and put its price on record; before the run is driven."""
        for training, lane in self._wants:
            for place, analysis in enumerate(training.analyses):
                usd = _usd(training) if not place else 0.0
                self._driver.record(
                    e.ModelAwaited(at=self._now(), lane=lane, analysis=analysis),
                    e.TrainingIntended(
                        at=self._now(), lane=lane, analysis=analysis, arn=_arn(training), token="", usd=usd
                    ),
                )

    async def train(self) -> None:
        """Until every model is ready."""
        async with anyio.create_task_group() as tasks:
            for training, lane in self._wants:
                tasks.start_soon(self._train, training, lane)

    async def _train(self, training: TrainingCost, lane: str) -> None:
        waited_s, looks = 0.0, 1
        for pause_s in pauses():
            await anyio.sleep(pause_s)
            waited_s, looks = waited_s + pause_s, looks + 1
            if waited_s >= training.seconds:
                break
        ends_s, usd = anyio.current_time(), _usd(training)
        self.tales.append(TrainingTale(lane=lane, analyses=training.analyses, ends_s=ends_s, looks=looks, usd=usd))
        self._left -= 1
        for place, analysis in enumerate(training.analyses):
            ready = e.ModelReady(
                at=self._now(), lane=lane, analysis=analysis, arn=_arn(training), usd=0.0 if place else usd
            )
            self._driver.tell(ready)


def _usd(training: TrainingCost) -> float:
    """Of one lane."""
    return training.usd / len(training.lanes)


def _arn(training: TrainingCost) -> str:
    return f"simulated:{training.kind}/{'+'.join(training.analyses)}"
