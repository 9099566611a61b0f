"""What the models cost that a run trains: assumed, since only the service knows how long a training takes.

Facts: COMPREHEND.md sections 1.8 and 4. A training is billed by the second, at 3 USD an hour; keeping a model costs
0.50 USD a month, which is not in a run's price. Trainings on record: a classifier of 5,573 documents took 33 minutes
(38 with its preparation), a recognizer of 2,300 took 10 (14); people are told to expect 30 to 40. Models are per lane.
The price is an upper end: a lane that has the model already trains nothing, which is known only once it is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from runner.model import AnalysisSpec, LaneSpec, Manifest, ModelSpec

USD_PER_HOUR: Final = 3.0
USD_PER_MONTH: Final = 0.5
"""For keeping a model."""
ASSUMED_S: Final = {"classifier": 2400.0, "recognizer": 2400.0}
"""Of a training of ordinary size, from Create to TRAINED: the longest that people are told to expect."""
ORDINARY: Final = {"classifier": 5_573, "recognizer": 2_300}
"""Documents of that size; more are assumed to take in proportion longer."""
EMBEDDED_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCost:
    """One model of a run, for all analyses that share it; `usd` over all lanes, `seconds` in one of them."""

    analyses: tuple[str, ...]
    kind: str
    documents: int
    lanes: tuple[str, ...]
    seconds: float
    usd: float


def training_costs(manifest: Manifest, working: Collection[str]) -> tuple[TrainingCost, ...]:
    """The models that analyses with jobs need, in the manifest's order."""
    by_data: dict[ModelSpec, list[AnalysisSpec]] = {}
    for analysis in manifest.analyses:
        if analysis.name in working and analysis.model is not None and analysis.model.trained:
            by_data.setdefault(analysis.model, []).append(analysis)
    return tuple(_cost(manifest, model, analyses) for model, analyses in by_data.items())


def _cost(manifest: Manifest, model: ModelSpec, analyses: list[AnalysisSpec]) -> TrainingCost:
    lanes = tuple(dict.fromkeys(lane.name for analysis in analyses for lane in lanes_of(manifest, analysis)))
    seconds = EMBEDDED_S if manifest.embedded else assumed_s(model)
    usd = 0.0 if manifest.embedded else training_usd(seconds) * len(lanes)
    return TrainingCost(
        analyses=tuple(analysis.name for analysis in analyses),
        kind=model.kind,
        documents=model.samples,
        lanes=lanes,
        seconds=seconds,
        usd=usd,
    )


def lanes_of(manifest: Manifest, analysis: AnalysisSpec) -> Iterator[LaneSpec]:
    """The lanes that may run jobs of an analysis: those of its corpora."""
    corpora = [corpus for corpus in manifest.corpora if corpus.name in analysis.corpora]
    for lane in manifest.lanes:
        if any(not corpus.lanes or lane.name in corpus.lanes for corpus in corpora):
            yield lane


def assumed_s(model: ModelSpec) -> float:
    """How long the service is assumed to train a model."""
    return ASSUMED_S[model.kind] * max(1.0, model.samples / ORDINARY[model.kind])


def training_usd(seconds: float) -> float:
    """What a training of so many seconds costs."""
    return USD_PER_HOUR * seconds / 3600
