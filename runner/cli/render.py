"""Text for people: tables and summaries, as lines. Nothing is printed here."""

from __future__ import annotations

from collections.abc import Iterator

from runner.compose.running import Outcome
from runner.planning.plan import Plan


def plan_lines(plan: Plan) -> Iterator[str]:
    yield f"{plan.name}: {sum(count for _, count in plan.documents)} documents, {len(plan.work.jobs)} jobs"


def summary_lines(outcome: Outcome, manifest: str) -> Iterator[str]:
    yield f"{outcome.ended}: {outcome.summary}"
    for park in outcome.parks:
        yield f"parked: {park.lane} {park.operation}: {park.fault}"
        if park.fault.hint:
            yield f"hint: {park.fault.hint}"
