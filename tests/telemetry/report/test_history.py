"""What a report makes of a journal: attempts, starts, slots."""

from __future__ import annotations

from runner.core import events as e
from runner.model import JobStatus, RemoteId
from runner.telemetry.report import fold_history
from runner.telemetry.report.history import Attempt, in_use, slots_of
from tests.telemetry.conftest import BEGAN, FAULT, Story, a_job

JOB = a_job(0)


def told(*later: e.Event) -> list[e.Event]:
    """A run with one job that is planned, and then whatever happens."""
    story = Story()
    events: list[e.Event] = []
    story.watchers.append(events.append)
    story.ready(1)
    return [*events, *later]


def intended(at: float, generation: int = 0) -> e.StartIntended:
    return e.StartIntended(at=BEGAN + at, job=JOB.key, generation=generation, lane="near", token="t", name="n")


def accepted(at: float, generation: int = 0, by: str = "answer") -> e.StartAccepted:
    return e.StartAccepted(
        at=BEGAN + at,
        job=JOB.key,
        generation=generation,
        remote_id=RemoteId(f"r{generation}"),
        by=by,  # type: ignore[arg-type]
    )


def seen(at: float, status: JobStatus, generation: int = 0) -> e.StatusSeen:
    failed = status is JobStatus.FAILED
    return e.StatusSeen(
        at=BEGAN + at,
        job=JOB.key,
        generation=generation,
        status=status,
        fault=FAULT if failed else None,
        submitted_at=1000.0,
        ended_at=1000.0 + at,
    )


def test_an_attempt_lasts_from_its_intent_to_the_sight_of_its_end() -> None:
    history = fold_history(
        told(intended(10), accepted(11), seen(20, JobStatus.IN_PROGRESS), seen(50, JobStatus.COMPLETED))
    )
    (attempt,) = history.attempts
    assert (attempt.begun - BEGAN, attempt.ended, attempt.ending) == (10, BEGAN + 50, "done")
    assert (attempt.service_s, attempt.remote_id, attempt.station) == (50.0, "r0", ("near", JOB.operation))
    assert history.starts.accepted == {"answer": 1}


def test_a_refused_start_is_counted_and_makes_no_attempt() -> None:
    refused = e.StartRefused(at=BEGAN + 11, job=JOB.key, generation=0, fault=FAULT)
    history = fold_history(told(intended(10), refused, intended(12), accepted(13)))
    assert [attempt.begun - BEGAN for attempt in history.attempts] == [12]
    assert (history.starts.made, history.starts.refused) == (2, {"AccessDenied": 1})


def test_a_replayed_start_is_the_same_attempt() -> None:
    unanswered = e.StartUnanswered(at=BEGAN + 11, job=JOB.key, generation=0, fault=FAULT)
    history = fold_history(told(intended(10), unanswered, intended(40), accepted(41, by="replay")))
    assert [attempt.begun - BEGAN for attempt in history.attempts] == [10]
    assert (history.starts.made, history.starts.unanswered, history.starts.accepted) == (2, 1, {"replay": 1})


def test_a_failed_generation_and_the_next_are_two_attempts() -> None:
    renewed = e.GenerationRenewed(at=BEGAN + 31, job=JOB.key, generation=1, not_before=BEGAN + 32)
    history = fold_history(
        told(intended(10), accepted(11), seen(30, JobStatus.FAILED), renewed, intended(33, 1), accepted(34, 1))
    )
    assert [(a.generation, a.ending, a.code) for a in history.attempts] == [
        (0, "failed", "AccessDenied"),
        (1, "open", ""),
    ]
    assert history.renewals == 1


def test_a_lost_generation_ends_where_it_was_missed() -> None:
    lost = e.GenerationLost(at=BEGAN + 30, job=JOB.key, generation=0, fault=FAULT)
    history = fold_history(told(intended(10), accepted(11), lost))
    assert [(a.ending, a.ended) for a in history.attempts] == [("failed", BEGAN + 30)]
    assert [what for _, _, what in history.troubles] == ["lost: AccessDenied: no"]


def an_attempt(begun: float, ended: float | None) -> Attempt:
    return Attempt(job=JOB, generation=0, lane="near", begun=begun, ended=ended)


def test_attempts_share_slots_only_one_after_the_other() -> None:
    attempts = [an_attempt(0, 10), an_attempt(1, 5), an_attempt(5, 9), an_attempt(6, None), an_attempt(10, 11)]
    assert slots_of(attempts, 20.0) == [0, 1, 1, 2, 0]
    assert in_use(attempts, 20.0) == [(0, 1), (1, 2), (5, 2), (6, 3), (9, 2), (10, 2), (11, 1), (20, 0)]


def test_what_jobs_read_is_known_before_they_answer() -> None:
    history = fold_history(told())
    assert (history.pairs, history.attempts) == (100, [])
