"""The plan: what will be done, for how much and until when, as one value; and the gate that lets it pass or not.

Pure over manifest, survey and duration model: the same three give the same plan, to the byte of its JSON.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from runner.errors import LimitError, UserError
from runner.model import Job, Manifest, SegmentFacts
from runner.planning.durations import Basis, DurationModel
from runner.planning.fates import by_results, hopeful
from runner.planning.notices import warnings
from runner.planning.packing import PlannedWork, lane_kind, pack
from runner.planning.price import FamilyCost, Units, family_cost, price
from runner.planning.render import plan_json
from runner.planning.rows import Row, job_units, make_rows
from runner.planning.schedule import all_held_s, room, timeline
from runner.planning.training import TrainingCost, training_costs

PLAN_VERSION: Final = 1
_CENTS_NOISE: Final = 1e-9
"""Sums of floats may miss by this much; no price is as small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationForecast:
    """One operation of the run: its slots, its jobs, and when they are predicted to end.

    `work_s` is the sum of its jobs' predicted seconds; `all_held_s` for how long it takes every slot.
    """

    operation: str
    slots: int
    jobs: int
    finish_s: float
    work_s: float
    all_held_s: float
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rows corpus × analysis, the work, its price (upper end: `usd`) and its predicted finish.

    `usd` and `usd_lower` are what is known of the price; families without one are named in `unpriced`.
    `documents` counts each document once per corpus, `bytes` likewise.
    """

    name: str
    documents: tuple[tuple[str, int], ...]
    bytes: int
    rows: tuple[Row, ...]
    costs: tuple[FamilyCost, ...]
    usd: float
    usd_lower: float
    unpriced: tuple[str, ...]
    work: PlannedWork
    operations: tuple[OperationForecast, ...]
    finish_s: float
    basis: Basis
    warnings: tuple[str, ...]
    reused_usd: float = 0.0
    """What the answers that earlier runs have bought would cost now, as far as their prices are known."""
    trainings: tuple[TrainingCost, ...] = ()
    """Models to be trained; what that may cost is in `usd`."""
    first: PlannedWork | None = None
    """Where the results of an analysis tell languages, what is planned before: `work` is then the most that can follow.
    None: all of `work`."""

    @property
    def to_start(self) -> PlannedWork:
        """What is planned now."""
        return self.work if self.first is None else self.first

    @property
    def training_usd(self) -> float:
        """What training models may cost, of `usd`."""
        return sum(training.usd for training in self.trainings)

    @property
    def units(self) -> Units:
        """Billing units of all analyses."""
        return sum((cost.units for cost in self.costs), Units(upper=0, lower=0))

    @property
    def empty_corpora(self) -> tuple[str, ...]:
        """Corpora without a single document."""
        return tuple(corpus for corpus, count in self.documents if count == 0)

    def to_json(self) -> dict[str, object]:
        """For `plan --json` and `plan.json`: plain lists, dicts, strings and numbers, in a fixed order."""
        return plan_json(self, version=PLAN_VERSION)


def make_plan(manifest: Manifest, segments: Iterable[SegmentFacts], *, durations: DurationModel) -> Plan:
    """The plan of a run. `segments` come in input order within each corpus."""
    surveyed = tuple(segments)
    waits = any(map(by_results, manifest.corpora))
    work = pack(at_most(manifest) if waits else manifest, surveyed, durations=durations)
    costs = price(manifest, job_units(manifest, work))
    operations = _forecasts(manifest, work, durations)
    documents = _documents(manifest, surveyed)
    rows = make_rows(manifest, surveyed, work, costs)
    trainings = training_costs(manifest, {job.analysis for job in work.jobs})
    return Plan(
        name=manifest.name,
        documents=tuple(documents.items()),
        bytes=sum(segment.bytes for segment in surveyed),
        rows=rows,
        costs=costs,
        usd=sum(cost.usd or 0.0 for cost in costs) + sum(training.usd for training in trainings),
        usd_lower=sum(cost.usd_lower or 0.0 for cost in costs),
        unpriced=tuple(cost.family for cost in costs if cost.usd is None),
        work=work,
        operations=operations,
        finish_s=_finish_s(manifest, operations, trainings),
        basis="observed" if operations and all(row.basis == "observed" for row in operations) else "assumed",
        warnings=warnings(
            manifest,
            documents=documents,
            rows=rows,
            costs=costs,
            work=work,
            held_s={row.operation: row.all_held_s for row in operations},
        ),
        trainings=trainings,
        reused_usd=_reused_usd(manifest, rows, costs),
        first=pack(manifest, surveyed, durations=durations) if waits else None,
    )


def at_most(manifest: Manifest) -> Manifest:
    """The manifest as if every document without a language yet turned out to be in one that each analysis takes."""
    return replace(manifest, analyses=hopeful(manifest.analyses))


def _reused_usd(manifest: Manifest, rows: Iterable[Row], costs: Iterable[FamilyCost]) -> float:
    """What would be paid beyond the plan's price, had nothing been bought before."""
    units: Counter[str] = Counter()
    for row in rows:
        units[row.family] += row.reused_units
    saved = 0.0
    for cost in costs:
        more = Units(upper=units[cost.family], lower=0)
        whole = family_cost(manifest, cost.family, cost.units + more) if more.upper else cost
        saved += (whole.usd or 0.0) - (cost.usd or 0.0)
    return saved


def _documents(manifest: Manifest, segments: Iterable[SegmentFacts]) -> dict[str, int]:
    counts = {corpus.name: 0 for corpus in manifest.corpora}
    for segment in segments:
        counts[segment.corpus] += segment.documents
    return counts


def _forecasts(manifest: Manifest, work: PlannedWork, durations: DurationModel) -> tuple[OperationForecast, ...]:
    """Each operation's jobs on its slots, in the order in which the manifest first names it."""
    jobs: dict[str, list[Job]] = {analysis.operation: [] for analysis in manifest.analyses}
    for job in work.jobs:
        jobs[job.operation].append(job)
    kind = lane_kind(manifest)
    forecasts = []
    for operation, of_jobs in jobs.items():
        within = room(manifest.lanes, operation)
        seconds = [job.predicted_s for job in of_jobs]
        spans = timeline(seconds, within, [work.bound.get(job.batch, ()) for job in of_jobs])
        forecasts.append(
            OperationForecast(
                operation=operation,
                slots=within.slots,
                jobs=len(of_jobs),
                finish_s=max((end for _, end in spans), default=0.0),
                work_s=sum(seconds),
                all_held_s=all_held_s(spans, max(1, within.slots)),
                basis=durations.basis(kind, operation),
            )
        )
    return tuple(forecasts)


def _finish_s(manifest: Manifest, operations: Iterable[OperationForecast], trainings: Iterable[TrainingCost]) -> float:
    """When the last job is predicted to end; those of an operation are predicted to wait for its longest training.

    Operations run beside one another; on the embedded lane they also share its cores, as many as an operation has
    slots, so that the whole of the work bounds the finish from below.
    """
    forecasts = tuple(operations)
    operation_of = {analysis.name: analysis.operation for analysis in manifest.analyses}
    waits_s: dict[str, float] = {}
    for training in trainings:
        for operation in {operation_of[name] for name in training.analyses}:
            waits_s[operation] = max(training.seconds, waits_s.get(operation, 0.0))
    finish = max((row.finish_s + waits_s.get(row.operation, 0.0) for row in forecasts), default=0.0)
    if not manifest.embedded:
        return finish
    cores = max((row.slots for row in forecasts), default=1) or 1
    return max(finish, sum(row.work_s for row in forecasts) / cores)


def gate(plan: Plan, manifest: Manifest, *, committed_usd: float = 0.0) -> None:
    """Let a plan pass, or refuse it before anything is sent.

    `committed_usd` is what earlier work of the run has or may have cost already. The budget is compared with the upper
    end of the price. Raises UserError for a corpus without documents or an operation without slots, LimitError for a
    budget that would be exceeded, or an unknown price that the budget cannot cover.
    """
    _refuse_empty(plan)
    _refuse_slotless(plan)
    budget = manifest.policy.budget_usd
    if budget is None or manifest.embedded:
        return
    if plan.unpriced and not manifest.policy.allow_unknown_price:
        raise LimitError(
            f"no price is known for {', '.join(plan.unpriced)}, and the budget is {usd_text(budget)}",
            hint="give the price under prices:, or set policy.allow_unknown_price: true",
        )
    expected = committed_usd + plan.usd
    if expected > budget + _CENTS_NOISE:
        spent = f" ({usd_text(committed_usd)} of it committed already)" if committed_usd else ""
        raise LimitError(
            f"the run may cost up to {usd_text(expected)}{spent}, more than its budget of {usd_text(budget)}",
            hint=f"raise policy.budget_usd (or --budget) to {math.ceil(expected * 100) / 100:.2f}, or analyse less",
        )


def _refuse_empty(plan: Plan) -> None:
    if plan.empty_corpora:
        named = ", ".join(plan.empty_corpora)
        raise UserError(
            f"{'corpora' if len(plan.empty_corpora) > 1 else 'corpus'} {named}: not a single document was found",
            hint="correct source, format or limit, or leave the corpus out",
        )


def _refuse_slotless(plan: Plan) -> None:
    for row in plan.operations:
        if row.jobs and row.slots < 1:
            raise UserError(
                f"{row.operation}: no lane leaves a slot for its {row.jobs} jobs",
                hint="quotas.reserve_slots must be below quotas.active_jobs on some lane",
            )


def usd_text(usd: float) -> str:
    """An amount as people write it; cents are not enough for small ones."""
    return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:.4f}"
