"""What of a run follows from the journal alone, as plain values that can be compared.

Left out is what only a process knows: when calls may be made, strangers, troubles, what is in flight, what sweeps have
looked at.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from runner.core.records import JobRecord, PacedCall
from runner.core.run import Run

_VOLATILE = frozenset({"looked_at", "look_at", "missing", "predicted_s"})
_FIELDS = tuple(field.name for field in fields(JobRecord) if field.name not in _VOLATILE)
CALLS: tuple[PacedCall, ...] = ("start", "read", "stop")
_PLAIN = (
    "run_id",
    "sessions",
    "finished",
    "surveyed",
    "survey_finished",
    "gate_passed",
    "cancelling",
    "by_state",
    "unsettled",
    "batches_planned",
    "repairs_planned",
    "given_up",
    "spool_bytes",
    "staged",
    "readers",
    "unplaced",
    "all_waiting",
    "closed_to",
    "committed",
    "budget_reached",
    "extras",
    "waiting_for",
    "dependents",
    "to_collect",
    "to_repair",
    "parks",
    "parked_until",
)


def job_view(record: JobRecord) -> tuple[Any, ...]:
    """One job."""
    return tuple(getattr(record, name) for name in _FIELDS)


def run_view(run: Run) -> dict[str, Any]:
    """A run."""
    view: dict[str, Any] = {name: getattr(run, name) for name in _PLAIN}
    view["jobs"] = {key: job_view(record) for key, record in run.jobs.items()}
    view["occupied"] = {key: set(station.occupied) for key, station in run.stations.items()}
    view["ready"] = {key: station.ready for key, station in run.stations.items()}
    view["rates"] = {key: [station.pace(call).rate for call in CALLS] for key, station in run.stations.items()}
    for name in ("undecided", "to_confirm"):
        view[name] = set(getattr(run, name))
    view["extra_stops"] = dict(run.extra_stops)
    books = run.books
    view["segments"] = [(s.facts.id, s.open, s.jobs, s.merged, s.dirty) for s in books.segments()]
    view["corpora"] = {name: (book.merged, book.dirty) for name, book in books.corpora.items()}
    view["needed"] = {key for key in run.jobs if books.needs_spool(key)}
    view["ends"] = (books.complete, books.documents, books.lines)
    return view
