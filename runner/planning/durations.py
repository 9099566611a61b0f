"""How long jobs take: assumed from what is known of the service, then learnt from jobs that ended.

A prediction is `start + work`, where work grows with the bytes and lines that a job reads. On remote lanes an assumed
prediction ends on one of the service's steps: every successful record ended about 367, 487 or 607 seconds after its
submission (COMPREHEND.md section 5.1). The rate of work there is not documented anywhere; it is a guess, and says so.

Knows operations and kinds of lanes; knows neither manifests nor plans. A model is a value: `observe` answers a new one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

from runner.catalogue import MB
from runner.model import LaneKind

Basis = Literal["assumed", "observed"]

OBSERVATIONS_MIN: Final = 3
"""Fewer jobs than this are an anecdote: the assumption stands."""
OBSERVATIONS_MAX: Final = 48
"""The newest jobs count; the robust fit looks at each pair of them."""
_SPREAD_MIN: Final = 1.5
"""Largest work over smallest below which the observations cannot tell start-up from rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a job reads: bytes of UTF-8, lines, billing units."""

    bytes: int
    lines: int
    units: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(bytes=self.bytes + other.bytes, lines=self.lines + other.lines, units=self.units + other.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Seconds from a job's submission to its end, and what they rest on."""

    seconds: float
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`start_s`, then so many bytes and lines a second; the end falls on a step of `step_s` (0: none)."""

    start_s: float
    bytes_per_s: float
    lines_per_s: float
    step_s: float = 0.0

    def work_s(self, load: Load) -> float:
        """Seconds of work, without start-up and steps; additive over loads."""
        return load.bytes / self.bytes_per_s + load.lines / self.lines_per_s

    def seconds(self, load: Load) -> float:
        """Seconds from submission to end."""
        work = self.work_s(load)
        return self.start_s + (math.ceil(work / self.step_s) * self.step_s if self.step_s else work)


# Start-up and steps: COMPREHEND.md section 5.1. The rates are guesses until jobs have ended.
REMOTE: Final = Rate(start_s=367.0, bytes_per_s=1.0 * MB, lines_per_s=2_000.0, step_s=120.0)
# One core of a small machine; one worker process per job.
EMBEDDED: Final[Mapping[str, Rate]] = MappingProxyType(
    {
        "DominantLanguageDetection": Rate(start_s=0.1, bytes_per_s=20.0 * MB, lines_per_s=50_000.0),
        "EntitiesDetection": Rate(start_s=0.2, bytes_per_s=1.0 * MB, lines_per_s=50_000.0),
        "KeyPhrasesDetection": Rate(start_s=0.2, bytes_per_s=0.8 * MB, lines_per_s=50_000.0),
        "SentimentDetection": Rate(start_s=0.1, bytes_per_s=2.0 * MB, lines_per_s=50_000.0),
    }
)
_EMBEDDED_OTHER: Final = Rate(start_s=0.2, bytes_per_s=1.0 * MB, lines_per_s=50_000.0)


def assumed(kind: LaneKind, operation: str) -> Rate:
    """The rate assumed for an operation (a catalogue stem) before any of its jobs has ended."""
    return EMBEDDED.get(operation, _EMBEDDED_OTHER) if kind == "embedded" else REMOTE


@dataclass(frozen=True, slots=True)
class _Fit:
    """`start_s + slope * assumed work`, with the (assumed work, seconds) pairs that it rests on."""

    pairs: tuple[tuple[float, float], ...] = ()
    start_s: float = 0.0
    slope: float = 1.0

    @property
    def usable(self) -> bool:
        return len(self.pairs) >= OBSERVATIONS_MIN

    def with_pair(self, work: float, seconds: float) -> _Fit:
        pairs = (*self.pairs, (work, seconds))[-OBSERVATIONS_MAX:]
        return _Fit(pairs, *_line(pairs))


def _line(pairs: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """(start, slope) through the pairs, unmoved by a few outliers (Theil and Sen's medians), neither below zero."""
    works = [work for work, _ in pairs]
    slope = 1.0
    if max(works) > _SPREAD_MIN * min(works):
        slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(pairs) for x2, y2 in pairs[:i] if x2 != x1]
        slope = max(0.0, median(slopes))
    start = median(seconds - slope * work for work, seconds in pairs)
    if start >= 0:
        return start, slope
    return 0.0, median(seconds / work for work, seconds in pairs if work > 0)


Key = tuple[LaneKind, str, str | None]
"""(kind of lane, operation, lane); of all lanes of a kind together: None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationModel:
    """Predicted seconds of jobs by kind of lane, operation, and lane.

    A lane of which too little has been seen is predicted as all lanes of its kind together are.
    """

    _fits: Mapping[Key, _Fit] = field(default_factory=dict)

    def predict(self, kind: LaneKind, operation: str, load: Load, *, lane: str | None = None) -> Prediction:
        """Seconds from submission to end of one job, on a lane if that is known."""
        fit = self._fit(kind, operation, lane)
        rate = assumed(kind, operation)
        if fit is None:
            return Prediction(seconds=rate.seconds(load), basis="assumed")
        return Prediction(seconds=fit.start_s + fit.slope * rate.work_s(load), basis="observed")

    def work_s(self, kind: LaneKind, operation: str, load: Load, *, lane: str | None = None) -> float:
        """The part of a prediction that grows with the load, in seconds; additive, so that parts can be weighed."""
        fit = self._fit(kind, operation, lane)
        return assumed(kind, operation).work_s(load) * (1.0 if fit is None else fit.slope)

    def pattern(self, kind: LaneKind, operation: str, *, lane: str | None = None) -> tuple[float, float]:
        """(start-up, step): a prediction is the start-up and the work, rounded up to whole steps unless they are 0."""
        fit = self._fit(kind, operation, lane)
        rate = assumed(kind, operation)
        return (rate.start_s, rate.step_s) if fit is None else (fit.start_s, 0.0)

    def basis(self, kind: LaneKind, operation: str) -> Basis:
        """What predictions for an operation rest on."""
        return "assumed" if self._fit(kind, operation, None) is None else "observed"

    def observe(
        self, kind: LaneKind, operation: str, load: Load, seconds: float, *, lane: str | None = None
    ) -> DurationModel:
        """The model that has also seen a job of this load succeed after `seconds`, on a lane if that is known."""
        work = assumed(kind, operation).work_s(load)
        fits = dict(self._fits)
        for place in dict.fromkeys((None, lane)):
            key = (kind, operation, place)
            fits[key] = fits.get(key, _Fit()).with_pair(work, seconds)
        return replace(self, _fits=fits)

    def _fit(self, kind: LaneKind, operation: str, lane: str | None) -> _Fit | None:
        for place in dict.fromkeys((lane, None)):
            fit = self._fits.get((kind, operation, place))
            if fit is not None and fit.usable:
                return fit
        return None
