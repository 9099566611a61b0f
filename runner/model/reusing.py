"""Answers of earlier runs, looked up before a plan is made and kept once they are there: the tasks of workers."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.data import PartFacts, PartId, SegmentFacts, SegmentId
from runner.model.spec import AnalysisSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reusable:
    """An analysis whose answers may come from earlier runs.

    `context` digests what decides an answer beside a line's text and its language: family, parameters, the version of
    the model or analyzer, and the kind of lane.
    """

    analysis: AnalysisSpec
    context: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTask:
    """Find the lines of some segments that are answered already; part them from the others.

    Everything is written below `<directory>/reused`, and counts once its facts are recorded.
    """

    directory: str
    store: str
    """The folder with the answers."""
    bought_after: float | None
    """Older answers are not taken; seconds since the epoch."""
    reusable: tuple[Reusable, ...]
    """Of the corpus of these segments."""
    segments: tuple[SegmentFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSegment:
    """What is known of a segment that has answered lines of its own.

    `units` are those of its lines that need not be bought, by analysis: each of these has a spool file of the segment.
    `divided` names parts whose lines stand in several now.
    """

    id: SegmentId
    parts: tuple[PartFacts, ...]
    units: tuple[tuple[str, int], ...]
    divided: tuple[PartId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupReport:
    """The segments with answered lines, in the order of the task."""

    segments: tuple[KnownSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTask:
    """Let the ledgers of some segments name lines where they stand now, and say which of them are answered.

    `segments` have their parts as they are now, and foreign parts as they were.
    """

    directory: str
    analyses: tuple[AnalysisSpec, ...]
    """Those of the corpus."""
    segments: tuple[SegmentFacts, ...]
    units: tuple[tuple[SegmentId, tuple[tuple[str, int], ...]], ...]
    answered: tuple[tuple[PartId, tuple[str, ...]], ...]
    """The parts of which lines are answered, as far as these segments may name them."""
    divided: tuple[PartId, ...]
    """The divided ones of the parts that these segments named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameReport:
    """The segments, as they are to be known from now on."""

    segments: tuple[SegmentFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepTask:
    """Add what a job answered to the store: payloads alone, those of a collected and checked output."""

    store: str
    spool_path: str
    reusable: Reusable
    directory: str
    pools: tuple[tuple[PartId, str], ...]
    """The parts that the spool answers, each with its pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepReport:
    """How many answers the store had not, or had older."""

    kept: int
