"""Repairs: lines that came back without an answer, gathered into a part, become a batch and a job like any other."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import InternalError
from runner.model import AnalysisSpec, Batch, BatchId, Job, LaneKind, RepairReport
from runner.planning.durations import DurationModel, Load
from runner.planning.packing import make_job, pad_units


def repair_batch(
    serial: int,
    report: RepairReport,
    *,
    analysis: AnalysisSpec,
    language: str | None,
    repaired: Sequence[Job],
    repair_round: int,
    kind: LaneKind,
    durations: DurationModel,
    order: int | None = None,
) -> tuple[Batch, Job]:
    """Batch and job that send the lines of `report` again.

    `serial` numbers repairs within the run; `language` is that of the repaired jobs' batches; `repair_round` is the new
    job's (one above the repaired jobs', unless those were stopped before they were done). The job takes the place
    in the input of the first of the `repaired` jobs; without any (documents that were closed and are reopened) `order`
    must be given.

    Raises InternalError if a repaired job is of another analysis or of a later round, or if no place is known.
    """
    for job in repaired:
        if job.analysis != analysis.name or job.round > repair_round:
            raise InternalError(f"round {repair_round} of {analysis.name} cannot repair {job.key} of round {job.round}")
    if order is None:
        if not repaired:
            raise InternalError(f"a job that reopens documents of {analysis.name} needs a place in the input")
        order = min(job.order for job in repaired)
    batch = Batch(
        id=BatchId(f"r{serial:06d}"),
        parts=(report.part,),
        covers=report.covers,
        language=language if analysis.row.takes_language else None,
        lines=report.lines,
        bytes=report.bytes,
        padded=report.bytes < analysis.row.job_bytes_min,
    )
    job = make_job(
        analysis,
        batch,
        Load(bytes=report.bytes, lines=report.lines, units=report.units + pad_units(batch)),
        order=order,
        kind=kind,
        durations=durations,
        repairs=tuple(job.key for job in repaired),
        repair_round=repair_round,
    )
    return batch, job
