"""Pieces of a failed job: two batches, and a job for each, that read what the one job read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from runner.model import AnalysisSpec, Batch, BatchId, Job, LaneKind, PartFacts, PartId, RepairReport
from runner.planning.durations import DurationModel, Load
from runner.planning.packing import make_job, pad_units
from runner.planning.repair import repair_batch

Pieces = list[tuple[Batch, Job]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A job to be cut. `serial` numbers the first piece within the run's batches; pieces keep the job's round."""

    serial: int
    job: Job
    batch: Batch
    analysis: AnalysisSpec
    kind: LaneKind
    originals: Mapping[PartId, PartId] = field(default_factory=dict)
    """Parts of the batch that have lines of others, and which those are."""


def pieces_of_parts(cut: Cut, parts: Sequence[PartFacts], durations: DurationModel) -> Pieces:
    """Cut a batch of several parts between two of them, where its bytes are halved best."""
    ends = list(accumulate(part.bytes for part in parts))
    at = min(range(1, len(parts)), key=lambda place: abs(2 * ends[place - 1] - ends[-1]))
    return [_piece(cut, cut.serial + number, share, durations) for number, share in enumerate((parts[:at], parts[at:]))]


def _piece(cut: Cut, serial: int, parts: Sequence[PartFacts], durations: DurationModel) -> tuple[Batch, Job]:
    ids = tuple(part.id for part in parts)
    size, lines = sum(part.bytes for part in parts), sum(part.lines for part in parts)
    batch = Batch(
        id=BatchId(f"r{serial:06d}"),
        parts=ids,
        covers=tuple(dict.fromkeys(cut.originals.get(part, part) for part in ids)),
        language=cut.batch.language,
        lines=lines,
        bytes=size,
        padded=size < cut.analysis.row.job_bytes_min,
    )
    load = Load(bytes=size, lines=lines, units=sum(part.units for part in parts) + pad_units(batch))
    job = make_job(
        cut.analysis,
        batch,
        load,
        order=cut.job.order,
        kind=cut.kind,
        durations=durations,
        repairs=(cut.job.key,),
        repair_round=cut.job.round,
    )
    return batch, job


def pieces_of_lines(cut: Cut, reports: Sequence[RepairReport], durations: DurationModel) -> Pieces:
    """A batch and a job for each of the parts that a batch of one part was cut into."""
    return [
        repair_batch(
            cut.serial + number,
            report,
            analysis=cut.analysis,
            language=cut.batch.language,
            repaired=[cut.job],
            repair_round=cut.job.round,
            kind=cut.kind,
            durations=durations,
        )
        for number, report in enumerate(reports)
    ]
