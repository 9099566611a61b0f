"""Why a run stopped at its budget: what would have crossed it, what is left, and what finishing may come to."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from runner.compose.opening import OpenRun
from runner.core import events as e
from runner.core.records import JobRecord
from runner.core.states import TERMINAL, State
from runner.model import JobKey

TO_BUY = frozenset({State.WAITING, State.FAILED})
"""States of jobs that are yet to be bought, or bought again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStop:
    """A Start that the budget forbade. Amounts are what it may cost at most, in USD.

    `what` says what it was; `usd` is what the run would have come to with it, `finish_usd` what it may come to with all
    that is known to be left: lines that have no answer yet may have to be sent again, and jobs may fail again.
    """

    job: JobKey
    what: str
    committed_usd: float
    usd: float
    budget_usd: float
    open_jobs: int
    finish_usd: float

    @property
    def enough_usd(self) -> float:
        """The least budget in whole cents with which the rest, as it is known, can be bought."""
        return math.ceil(round(self.finish_usd * 100, 6)) / 100


def budget_stop(opened: OpenRun) -> BudgetStop | None:
    """Why this session stopped at the budget; None if it did not."""
    run, reached = opened.run, opened.run.budget_reached
    if reached is None:
        return None
    record = run.jobs[reached.job]
    model = any(analysis == record.job.analysis for _, analysis in run.awaited)
    more = _left_to_buy(opened)
    price = run.config.upper_usd
    jobs_usd = price(run.committed + more) if price is not None else 0.0
    models_usd = reached.usd - reached.committed_usd if model else 0.0
    return BudgetStop(
        job=reached.job,
        what="the model of" if model else _what(record),
        committed_usd=reached.committed_usd,
        usd=reached.usd,
        budget_usd=reached.budget_usd,
        open_jobs=sum(other.state not in TERMINAL for other in run.jobs.values()),
        finish_usd=max(reached.usd, jobs_usd + run.training_usd + models_usd),
    )


def _what(record: JobRecord) -> str:
    if record.generation:
        return f"try {record.generation + 1} of"
    if record.piece_of is not None:
        return f"a piece of {record.piece_of}:"
    return "lines sent again:" if record.job.repairs else "the Start of"


def _left_to_buy(opened: OpenRun) -> Counter[str]:
    """Family -> units that are still to be bought, as far as that is known."""
    run = opened.run
    more: Counter[str] = Counter()
    for record in run.jobs.values():
        if record.state in TO_BUY:
            more[run.families[record.job.analysis]] += record.job.units
    to_repair = {key for keys in run.to_repair.values() for key in keys}
    for _, event in opened.journal.read() if to_repair else ():
        if isinstance(event, e.Collected) and event.job in to_repair:
            job = run.jobs[event.job].job
            share = event.report.repairable / max(1, run.batches[job.batch].lines)
            more[run.families[job.analysis]] += math.ceil(job.units * share)
    return more
