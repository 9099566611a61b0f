"""What jobs that ended teach about those that run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core import commands as c, events as e
from runner.core.states import State
from runner.engine.learning import Learner
from runner.model import RemoteJob
from tests.core.kit import Story, config, key

TOOK_S = 1_000.0
"""How long jobs take; they were predicted to take 400 s."""


def lived(segments: int) -> tuple[Story, list[e.Event]]:
    """A story whose learner watches every fact, and what the learner told."""
    story = Story(config(slots=2), segments=segments)
    told: list[e.Event] = []
    learner = Learner(story.run, told.append)
    applied = story.run.apply

    def apply(event: e.Event) -> None:
        applied(event)
        learner.notice(event)

    story.run.apply = apply  # type: ignore[method-assign]
    story.job_s = TOOK_S
    story.open()
    return story, told


def ended(story: Story, jobs: int) -> None:
    """Go on until so many jobs have ended, and another is at work if there is one."""
    states = story.run.by_state
    while states[State.COLLECTED] < jobs or (states[State.WAITING] and not states[State.ACTIVE]):
        commands = story.step()
        for command in commands:
            answer = story.good(command)
            if isinstance(command, c.Sweep) and isinstance(answer, c.Jobs):
                answer = c.Jobs(jobs=tuple(_with_end(job) for job in answer.jobs))
            story.answer(command, answer)
        if not commands:
            story.wait()


def _with_end(job: RemoteJob) -> RemoteJob:
    return replace(job, ended_at=(job.submitted_at or 0.0) + TOOK_S) if job.status.ended else job


def test_after_some_jobs_those_that_run_are_predicted_by_what_was_seen():
    story, told = lived(6)
    ended(story, 2)
    assert told == []

    ended(story, 4)
    predicted = [seconds for event in told if isinstance(event, e.Repredicted) for _, seconds in event.predictions]
    assert predicted
    assert predicted[-1] == pytest.approx(TOOK_S, rel=0.1)


def test_what_is_told_moves_the_looks():
    story = Story(config(), segments=1)
    story.open()
    story.job_s = 10 * TOOK_S
    while story.run.jobs[key(0)].state is not State.ACTIVE:
        commands = story.step()
        for command in commands:
            story.answer(command, story.good(command))
        if not commands:
            story.wait()
    story.answer(sweep := story.next(c.Sweep), story.good(sweep))
    story.tell(e.Repredicted(at=story.now, predictions=((key(0), 10 * TOOK_S),)))
    looked_at = story.now

    story.next(c.Sweep)
    assert story.now - looked_at > 4 * TOOK_S


def test_a_later_session_remembers_what_an_earlier_one_saw():
    story, _ = lived(8)
    ended(story, 4)
    told: list[e.Event] = []
    learner = Learner(story.run, told.append)
    accepted = next(
        event
        for event in reversed(story.events)
        if isinstance(event, e.StartAccepted) and story.run.jobs[event.job].state is State.ACTIVE
    )
    learner.notice(accepted)

    assert [type(event) for event in told] == [e.Repredicted]
