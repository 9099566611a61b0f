"""Feeds: which parts an analysis reads, pool by pool, and which operations ask for the same.

A pool is a language for operations that take a LanguageCode, everything for those that take none, and never more than
one corpus for topics. Corpora that are bound to different lanes are never mixed. A feed is the sequence of parts of one
pool that an analysis reads, in input order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner.catalogue import MB, Family
from runner.errors import InternalError
from runner.model import AnalysisSpec, CorpusSpec, Manifest, PartFacts, PartId, SegmentFacts
from runner.planning.cutting import Limits
from runner.planning.durations import Load
from runner.planning.fates import reads
from runner.planning.schedule import Room, room

EMBEDDED_JOB_BYTES = 16 * MB
"""A job of one's own endpoint starts at once, so small jobs cost nothing, show progress, and lose little in a crash."""

Positions = tuple[int, ...]
"""Places of parts in the input: indexes into `PartTable.parts`."""


@dataclass(frozen=True, slots=True)
class PartTable:
    """Every part of a run in input order: corpora as in the manifest, then as surveyed; and who refers to it.

    `corpora[i]` is the index (in the manifest) of the corpus that owns `parts[i]`; `referring[i]` has those of other
    corpora with documents whose line lies in it.
    """

    parts: tuple[PartFacts, ...]
    corpora: tuple[int, ...]
    referring: dict[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Demand:
    """One sequence of parts that some analyses of one operation read, within the same limits."""

    parts: Positions
    limits: Limits
    analyses: tuple[AnalysisSpec, ...]
    lanes: tuple[str, ...] = ()
    """The lanes that may run its jobs; none: any."""


@dataclass(frozen=True, slots=True)
class OperationDemand:
    """Everything that one operation is asked for, in order of first input position, and the room it has."""

    operation: str
    room: Room
    demands: tuple[Demand, ...]

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for operations that are asked for the same within the same room: their plans are made together."""
        asked = tuple((demand.parts, demand.limits, len(demand.analyses)) for demand in self.demands)
        return (self.room, self.room.lanes, self.whole, asked)

    @property
    def whole(self) -> bool:
        """Whether each demand must be one job, because answers mean nothing beside those of another."""
        return any(analysis.row.whole_corpus for demand in self.demands for analysis in demand.analyses)


def load_of(part: PartFacts) -> Load:
    """What a job reads in one part."""
    return Load(bytes=part.bytes, lines=part.lines, units=part.units)


def part_table(manifest: Manifest, segments: Iterable[SegmentFacts]) -> PartTable:
    """The parts of all segments in input order; segments of one corpus must come in theirs.

    Raises InternalError if a segment refers to a part that no segment has.
    """
    index = {corpus.name: place for place, corpus in enumerate(manifest.corpora)}
    ordered = sorted(segments, key=lambda segment: index[segment.corpus])
    rows = [(part, index[segment.corpus]) for segment in ordered for part in segment.parts if part.lines]
    places = {part.id: place for place, (part, _) in enumerate(rows)}
    referring: dict[int, set[int]] = {}
    for segment in ordered:
        for part in segment.foreign_parts:
            place = _place(places, part, segment)
            if rows[place][1] != index[segment.corpus]:
                referring.setdefault(place, set()).add(index[segment.corpus])
    return PartTable(
        parts=tuple(part for part, _ in rows),
        corpora=tuple(corpus for _, corpus in rows),
        referring={place: frozenset(corpora) for place, corpora in referring.items()},
    )


def _place(places: dict[PartId, int], part: PartId, segment: SegmentFacts) -> int:
    if part not in places:
        raise InternalError(f"segment {segment.id} has lines in part {part}, which was not surveyed")
    return places[part]


def feeds(manifest: Manifest, analysis: AnalysisSpec, table: PartTable) -> list[Positions]:
    """The feeds of one analysis, each part in exactly one of them, by first input position."""
    wanted = frozenset(place for place, corpus in enumerate(manifest.corpora) if corpus.name in analysis.corpora)
    known: dict[tuple[str, int, int | None, tuple[str, ...]], bool] = {}
    pools: dict[tuple[object, ...], list[int]] = {}
    for place, (part, owner) in enumerate(zip(table.parts, table.corpora, strict=True)):
        if owner not in wanted and wanted.isdisjoint(table.referring.get(place, ())):
            continue
        kind = (part.pool, part.line_bytes_max, part.split_bytes, part.answered)
        if kind not in known:
            known[kind] = reads(analysis, part)
        if known[kind]:
            pool = _pool(analysis.row, part, manifest.corpora[owner])
            pools.setdefault(pool, []).append(place)
    return [tuple(places) for places in pools.values()]


def _pool(family: Family, part: PartFacts, corpus: CorpusSpec) -> tuple[object, ...]:
    """What parts must agree on to be read by one job of a family."""
    language = part.pool if family.takes_language else None
    alone = corpus.name if family.shape == "topics" else None
    return (language, alone, corpus.lanes)


def limits(family: Family, manifest: Manifest) -> Limits:
    """The most that one job of a family may hold: the service's limits (COMPREHEND.md section 2.1) and the user's.

    On an embedded lane jobs are kept small unless the user says otherwise. Where one job must read a whole corpus, only
    the service's limits count.
    """
    if family.whole_corpus:
        return Limits(bytes=family.job_bytes_max, lines=family.job_lines_max, files=family.job_files_max)
    policy = manifest.policy
    usual = EMBEDDED_JOB_BYTES if manifest.embedded else family.job_bytes_max
    return Limits(
        bytes=min(family.job_bytes_max, policy.max_job_bytes or usual),
        lines=min(family.job_lines_max, policy.max_job_documents or family.job_lines_max),
        files=family.job_files_max,
    )


def operation_demands(manifest: Manifest, table: PartTable) -> list[OperationDemand]:
    """What each operation is asked for, in the order in which the manifest first names it."""
    asked: dict[str, dict[tuple[Positions, Limits], list[AnalysisSpec]]] = {}
    for analysis in manifest.analyses:
        of_operation = asked.setdefault(analysis.operation, {})
        within = limits(analysis.row, manifest)
        for parts in feeds(manifest, analysis, table):
            of_operation.setdefault((parts, within), []).append(analysis)
    return [
        OperationDemand(operation, room(manifest.lanes, operation), _in_input_order(of_operation, manifest, table))
        for operation, of_operation in asked.items()
    ]


def _in_input_order(
    asked: dict[tuple[Positions, Limits], list[AnalysisSpec]], manifest: Manifest, table: PartTable
) -> tuple[Demand, ...]:
    demands = [
        Demand(parts, within, tuple(analyses), manifest.corpora[table.corpora[parts[0]]].lanes)
        for (parts, within), analyses in asked.items()
    ]
    return tuple(sorted(demands, key=lambda demand: demand.parts[0]))


def alike(operations: Sequence[OperationDemand]) -> list[list[OperationDemand]]:
    """The operations, gathered by equal signature."""
    classes: dict[tuple[object, ...], list[OperationDemand]] = {}
    for operation in operations:
        classes.setdefault(operation.signature, []).append(operation)
    return list(classes.values())
