"""A plan as JSON-able values: the form of `plan --json` and of `plan.json`, versioned.

Seconds are rounded to milliseconds and amounts to millionths of a dollar; jobs and batches are counted, not listed:
the journal has them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from runner.planning.price import FamilyCost
from runner.planning.rows import Row
from runner.planning.training import TrainingCost

if TYPE_CHECKING:
    from runner.planning.plan import OperationForecast, Plan


def plan_json(plan: Plan, *, version: int) -> dict[str, object]:
    """The whole plan; keys are always the same, in the same order."""
    jobs = Counter(job.analysis for job in plan.work.jobs)
    return {
        "plan_version": version,
        "name": plan.name,
        "corpora": [{"corpus": corpus, "documents": documents} for corpus, documents in plan.documents],
        "rows": [_row(row) for row in plan.rows],
        "totals": {
            "documents": sum(documents for _, documents in plan.documents),
            "bytes": plan.bytes,
            "pairs": sum(row.documents for row in plan.rows),
            "sent": sum(row.sent for row in plan.rows),
            "units": plan.units.upper,
            "units_lower": plan.units.lower,
            "shared_units": sum(row.shared_units for row in plan.rows),
            "reused": sum(row.reused for row in plan.rows),
            "reused_units": sum(row.reused_units for row in plan.rows),
            "reused_usd": _usd(plan.reused_usd),
            "usd": _usd(plan.usd),
            "usd_lower": _usd(plan.usd_lower),
            "unpriced": list(plan.unpriced),
            "batches": len(plan.work.batches),
            "jobs": len(plan.work.jobs),
        },
        "jobs": {row.analysis: jobs[row.analysis] for row in plan.rows},
        "prices": [_cost(cost) for cost in plan.costs],
        "trainings": [_training(training) for training in plan.trainings],
        "operations": [_operation(row) for row in plan.operations],
        "finish_s": round(plan.finish_s, 3),
        "basis": plan.basis,
        "warnings": list(plan.warnings),
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "corpus": row.corpus,
        "analysis": row.analysis,
        "family": row.family,
        "documents": row.documents,
        "bytes": row.bytes,
        "sent": row.sent,
        "sent_bytes": row.sent_bytes,
        "sent_by_language": [{"language": language, "documents": count} for language, count in row.sent_by_language],
        "skipped": [{"language": language, "code": code, "documents": count} for language, code, count in row.skipped],
        "errors": [{"code": code, "documents": count} for code, count in row.errors],
        "units": row.units.upper,
        "units_lower": row.units.lower,
        "usd": _usd(row.usd),
        "usd_lower": _usd(row.usd_lower),
        "shared": row.shared,
        "shared_units": row.shared_units,
        "reused": row.reused,
        "reused_units": row.reused_units,
    }


def _cost(cost: FamilyCost) -> dict[str, object]:
    return {
        "family": cost.family,
        "units": cost.units.upper,
        "units_lower": cost.units.lower,
        "usd": _usd(cost.usd),
        "usd_lower": _usd(cost.usd_lower),
        "source": cost.source,
        "as_of": cost.as_of,
    }


def _training(training: TrainingCost) -> dict[str, object]:
    return {
        "analyses": list(training.analyses),
        "kind": training.kind,
        "documents": training.documents,
        "lanes": list(training.lanes),
        "seconds": round(training.seconds, 3),
        "usd": _usd(training.usd),
        "basis": "assumed",
    }


def _operation(row: OperationForecast) -> dict[str, object]:
    return {
        "operation": row.operation,
        "slots": row.slots,
        "jobs": row.jobs,
        "finish_s": round(row.finish_s, 3),
        "all_held_s": round(row.all_held_s, 3),
        "basis": row.basis,
    }


def _usd(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 6)
