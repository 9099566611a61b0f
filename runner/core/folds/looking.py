"""When jobs that are at work want their next look, kept with each job: a step asks for the earliest, and no more.

What it follows from changes with few facts: a job is accepted or seen, a sweep has passed, a prediction is better
known, or a lane has proved to be in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.core.polling import next_look
from runner.core.states import State

if TYPE_CHECKING:
    from runner.core.records import JobRecord
    from runner.core.run import Run


def expect(run: Run, record: JobRecord) -> None:
    """Say anew when a job that is at work wants its next look."""
    record.look_at = next_look(
        run.timing(record.lane),
        accepted_at=record.accepted_at,
        looked_at=record.looked_at,
        predicted_s=record.predicted_s,
        probing=not run.is_proven(record.lane, record.job.analysis),
    )


def prove(run: Run, record: JobRecord) -> None:
    """A job shows that its family's permissions suffice on its lane."""
    proof = record.lane, run.families[record.job.analysis]
    if proof not in run.proven:
        run.proven.add(proof)
        _expect_all(run, record)


def disprove(run: Run, record: JobRecord) -> None:
    """A job shows that its family's permissions do not suffice on its lane any more."""
    run.proven.discard((record.lane, run.families[record.job.analysis]))
    _expect_all(run, record)


def _expect_all(run: Run, record: JobRecord) -> None:
    for other in run.stations[record.lane, record.job.operation].occupied.values():
        if other.state is State.ACTIVE:
            expect(run, other)
