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
    kind: LaneKind,
    durations: DurationModel,
    order: int | None = None,
) -> tuple[Batch, Job]:
    """Batch and job that send the lines of `report` again.

    `serial` numbers repairs within the run; `language` is that of the repaired jobs' batches. The job takes the place
    in the input of the first of the `repaired` jobs, and a round one above theirs. Without any (documents that were
    closed and are reopened) it belongs to round 0 and `order` must be given.

    Raises InternalError if the repaired jobs are of other analyses or of different rounds.
    """
    rounds = {job.round for job in repaired}
    if len(rounds) > 1 or any(job.analysis != analysis.name for job in repaired):
        told = ", ".join(f"{job.key} (round {job.round})" for job in repaired)
        raise InternalError(f"a repair of {analysis.name} answers jobs of that analysis and of one round, not {told}")
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
        repair_round=max(rounds) + 1 if rounds else 0,
    )
    return batch, job
