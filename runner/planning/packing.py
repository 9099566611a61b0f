"""Packing: which batches there will be, and which jobs read them.

Rules:

1. Each operation is planned for its own slots: the fewest jobs whose predicted finish is within 2 % of the best. They
   are equal in predicted time and contiguous in input order, unless unequal ones end more than 2 % sooner. No number is
   rounded up to fill a wave, nor past one: it is where the predicted finish says.
2. Operations that are asked for the same within the same room (equal feeds, limits, slots) are planned together and cut
   alike. Whatever is cut alike is one batch; no plan is ever bent to save a copy in S3.
3. What must read a whole corpus (topics) is one job, or refused: what two jobs find cannot be compared.
4. Jobs start in input order, never pool by pool, or in the order in which their slots were filled; on remote lanes
   small ones first. Batches are numbered by the first input position.

Knows no clock and no price; how feeds are cut is decided in `search`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.errors import InternalError, UserError
from runner.model import (
    AnalysisSpec,
    Batch,
    BatchId,
    Job,
    JobKey,
    LaneKind,
    Manifest,
    PartFacts,
    SegmentFacts,
    job_key,
)
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import Demand, OperationDemand, PartTable, Positions, alike, operation_demands, part_table
from runner.planning.search import Cut, choose

PAD_UNITS: Final = 6
"""Billing units of a pad object: one line of at most 600 characters, which lifts a batch over the service's 500 bytes
(COMPREHEND.md section 2.1)."""

Reader = tuple[AnalysisSpec, int]
"""An analysis that reads a batch, and the order of the job in which it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """Batches by id, and jobs in the order in which they start."""

    batches: tuple[Batch, ...]
    jobs: tuple[Job, ...]
    bound: Mapping[BatchId, tuple[str, ...]] = field(default_factory=dict)
    """The lanes of batches that only some lanes may read."""


def lane_kind(manifest: Manifest) -> LaneKind:
    """The kind of lane that a run's durations are predicted for (kinds are never mixed with the embedded one)."""
    return manifest.lanes[0].kind


def pad_units(batch: Batch) -> int:
    """Billing units of the pad object of a batch."""
    return PAD_UNITS if batch.padded else 0


def pack(manifest: Manifest, segments: Iterable[SegmentFacts], *, durations: DurationModel) -> PlannedWork:
    """All batches and jobs of a first round.

    `segments` come in input order within each corpus. Raises UserError if a corpus that one job must read whole is
    larger than the service takes, InternalError if a part is larger than a job of an analysis that reads it.
    """
    table = part_table(manifest, segments)
    operations = operation_demands(manifest, table)
    kind = lane_kind(manifest)
    readers: dict[Positions, list[Reader]] = {}
    for together in alike(operations):
        for operation in together:
            _check_parts(operation, table)
        if together[0].whole:
            chosen = [_one_job(index, demand, table) for index, demand in enumerate(together[0].demands)]
        else:
            chosen = choose(together, table, kind=kind, durations=durations)
        for cut in chosen:
            analyses = (analysis for operation in together for analysis in operation.demands[cut.demand].analyses)
            readers.setdefault(cut.parts, []).extend((analysis, cut.order) for analysis in analyses)
    return _number(manifest, table, readers, kind, durations)


def _one_job(index: int, demand: Demand, table: PartTable) -> Cut:
    """The one job that reads all of a demand."""
    parts, within = [table.parts[place] for place in demand.parts], demand.limits
    size, lines = sum(part.bytes for part in parts), sum(part.lines for part in parts)
    if size > within.bytes or lines > within.lines or len(parts) > within.files:
        raise UserError(
            f"analysis {demand.analyses[0].name} reads {size} bytes in {lines} documents of one corpus, and its one "
            f"job may hold {within.bytes} bytes and {within.lines} documents",
            hint="topics of different jobs cannot be compared: use limit or sample, or make it several corpora",
        )
    return Cut(index, demand.parts, demand.parts[0])


def _check_parts(operation: OperationDemand, table: PartTable) -> None:
    """Parts are atoms: the survey keeps them below what the service takes in one job."""
    for demand in operation.demands:
        rows = {analysis.row.name: analysis.row for analysis in demand.analyses}
        for family in rows.values():
            for part in (table.parts[place] for place in demand.parts):
                if part.bytes > family.job_bytes_max or part.lines > family.job_lines_max:
                    raise InternalError(
                        f"part {part.id} has {part.bytes} bytes and {part.lines} lines, and a job of {family.name} "
                        f"takes {family.job_bytes_max} bytes and {family.job_lines_max} lines"
                    )


def _number(
    manifest: Manifest,
    table: PartTable,
    readers: dict[Positions, list[Reader]],
    kind: LaneKind,
    durations: DurationModel,
) -> PlannedWork:
    """Name batches by first input position, and make a job of each analysis that reads one."""
    place_of = {analysis.name: place for place, analysis in enumerate(manifest.analyses)}
    batches: list[Batch] = []
    jobs: list[tuple[int, int, Job]] = []
    bound: dict[BatchId, tuple[str, ...]] = {}
    for serial, parts in enumerate(sorted(readers), start=1):
        batch = _batch(
            BatchId(f"b{serial:06d}"),
            [table.parts[place] for place in parts],
            [analysis for analysis, _ in readers[parts]],
        )
        batches.append(batch)
        if lanes := manifest.corpora[table.corpora[parts[0]]].lanes:
            bound[batch.id] = lanes
        load = Load(
            bytes=batch.bytes,
            lines=batch.lines,
            units=sum(table.parts[place].units for place in parts) + pad_units(batch),
        )
        for analysis, order in readers[parts]:
            job = make_job(analysis, batch, load, order=order, kind=kind, durations=durations)
            jobs.append((job.order, place_of[analysis.name], job))
    jobs.sort(key=lambda entry: (entry[0], entry[1], entry[2].batch))
    return PlannedWork(batches=tuple(batches), jobs=tuple(job for _, _, job in jobs), bound=bound)


def _batch(batch: BatchId, parts: Sequence[PartFacts], analyses: Sequence[AnalysisSpec]) -> Batch:
    ids = tuple(part.id for part in parts)
    size = sum(part.bytes for part in parts)
    return Batch(
        id=batch,
        parts=ids,
        covers=ids,
        # A batch that one family reads in its language may be read, without it, by one that takes none.
        language=parts[0].pool if any(analysis.row.takes_language for analysis in analyses) else None,
        lines=sum(part.lines for part in parts),
        bytes=size,
        padded=size < max(analysis.row.job_bytes_min for analysis in analyses),
    )


def make_job(
    analysis: AnalysisSpec,
    batch: Batch,
    load: Load,
    *,
    order: int,
    kind: LaneKind,
    durations: DurationModel,
    repairs: tuple[JobKey, ...] = (),
    repair_round: int = 0,
) -> Job:
    """One analysis of one batch, with its predicted seconds; `load` is what it reads, pad included."""
    return Job(
        key=job_key(analysis.name, batch.id),
        analysis=analysis.name,
        operation=analysis.operation,
        batch=batch.id,
        order=order,
        units=load.units,
        predicted_s=durations.predict(kind, analysis.operation, load).seconds,
        repairs=repairs,
        round=repair_round,
    )
