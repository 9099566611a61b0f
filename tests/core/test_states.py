"""The table of moves, complete: every state by every fact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core import events as e
from runner.core.diagram import state_diagram
from runner.core.folds import CALLS, MOVES, RUN_EVENTS
from runner.core.states import OCCUPYING, TERMINAL, TRANSITIONS, IllegalMove, State
from runner.model import FaultKind, JobStatus, RemoteId
from tests.core.kit import T0, Story, collected, config, fault, key

JOB = key(0)
FACTS: dict[type[e.Event], e.Event] = {
    e.StartIntended: e.StartIntended(at=T0, job=JOB, generation=0, lane="here", token="t", name="n"),
    e.StartAccepted: e.StartAccepted(at=T0, job=JOB, generation=0, remote_id=RemoteId("r")),
    e.StartRefused: e.StartRefused(at=T0, job=JOB, generation=0, fault=fault(FaultKind.THROTTLED)),
    e.StartUnanswered: e.StartUnanswered(at=T0, job=JOB, generation=0, fault=fault(FaultKind.UNANSWERED)),
    e.StartNotFound: e.StartNotFound(at=T0, job=JOB, generation=0, step=1),
    e.StatusSeen: e.StatusSeen(at=T0, job=JOB, generation=0, status=JobStatus.IN_PROGRESS),
    e.GenerationLost: e.GenerationLost(at=T0, job=JOB, generation=0, fault=fault(FaultKind.NOT_FOUND)),
    e.GenerationRenewed: e.GenerationRenewed(at=T0, job=JOB, generation=1, not_before=T0 + 5),
    e.JobGivenUp: e.JobGivenUp(at=T0, job=JOB, code="JOB_FAILED", fault=fault(FaultKind.REJECTED)),
    e.JobCut: e.JobCut(at=T0, job=JOB, into=(), fault=fault(FaultKind.CORRUPT)),
    e.Collected: e.Collected(at=T0, job=JOB, generation=0, report=collected()),
    e.CollectFailed: e.CollectFailed(at=T0, job=JOB, generation=0, fault=fault(FaultKind.CORRUPT)),
}
ENDED = e.StatusSeen(at=T0, job=JOB, generation=0, status=JobStatus.COMPLETED, output_uri="s3://o/")
FAILED = e.StatusSeen(at=T0, job=JOB, generation=0, status=JobStatus.FAILED, fault=fault(FaultKind.TRANSIENT))
STAGED = e.BatchStaged(at=T0, batch="b000000", lane="here", uri="s3://bucket/in/", bytes=1)  # type: ignore[arg-type]
WAY_TO: dict[State, list[e.Event]] = {
    State.WAITING: [],
    State.INTENDED: [FACTS[e.StartIntended]],
    State.UNSURE: [FACTS[e.StartIntended], FACTS[e.StartUnanswered]],
    State.ACTIVE: [FACTS[e.StartIntended], FACTS[e.StartAccepted]],
    State.FAILED: [FACTS[e.StartIntended], FACTS[e.StartAccepted], FAILED],
    State.ENDED: [FACTS[e.StartIntended], FACTS[e.StartAccepted], ENDED],
    State.COLLECTED: [FACTS[e.StartIntended], FACTS[e.StartAccepted], ENDED, FACTS[e.Collected]],
    State.GIVEN_UP: [FACTS[e.JobGivenUp]],
    State.CUT: [FACTS[e.StartIntended], FACTS[e.StartAccepted], FAILED, FACTS[e.JobCut]],
}


def story_in(state: State) -> Story:
    story = Story(config(), segments=1)
    story.open()
    story.tell(STAGED, *WAY_TO[state])
    assert story.run.jobs[JOB].state is state
    return story


@pytest.mark.parametrize("event", FACTS.values(), ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("state", State)
def test_a_fact_moves_a_job_as_the_table_says_or_is_refused_and_changes_nothing(state: State, event: e.Event):
    story = story_in(state)
    legal = TRANSITIONS[state].get(type(event))
    before = story.snapshot()

    if legal is None:
        with pytest.raises(IllegalMove):
            story.run.apply(event)
        assert story.snapshot() == before
    else:
        story.run.apply(event)
        assert story.snapshot() != before
        assert story.run.jobs[JOB].state in legal


def test_the_table_speaks_of_every_state_and_of_every_fact_that_moves_a_job():
    assert set(TRANSITIONS) == set(State)
    assert {event for moves in TRANSITIONS.values() for event in moves} - {e.SessionOpened} == set(MOVES) == set(FACTS)


def test_every_kind_of_fact_has_one_effect():
    kinds = [*RUN_EVENTS, *MOVES, *CALLS]

    assert len(kinds) == len(set(kinds))
    assert set(kinds) == {
        *e.DURABLE_EVENTS,
        e.Launched,
        e.Landed,
        e.Swept,
        e.StrangersSeen,
        e.SlotsCounted,
        e.Repredicted,
        e.ModelAwaited,
    }


@pytest.mark.parametrize("state", State)
def test_a_new_session_makes_a_start_under_way_unsure_and_leaves_every_other_job_where_it_is(state: State):
    story = story_in(state)
    story.open()

    assert story.run.jobs[JOB].state is (State.UNSURE if state is State.INTENDED else state)


@pytest.mark.parametrize("state", [state for state in State if state not in {State.WAITING, State.GIVEN_UP, State.CUT}])
def test_a_fact_about_another_generation_is_refused(state: State):
    story = story_in(state)
    (event,) = (fact for fact in FACTS.values() if type(fact) is next(iter(_moves(state))))
    other = replace(event, generation=7)  # type: ignore[call-arg]

    with pytest.raises(IllegalMove):
        story.run.apply(other)


def _moves(state: State) -> list[type[e.Event]]:
    found = [event for event in TRANSITIONS[state] if event not in {e.SessionOpened, e.JobGivenUp, e.JobCut}]
    return found or [e.Collected]


@pytest.mark.parametrize("state", State)
def test_slots_are_counted_from_the_intent_until_the_service_is_done(state: State):
    story = story_in(state)
    (station,) = story.run.stations.values()

    assert (JOB in station.occupied) is (state in OCCUPYING)
    assert story.run.by_state[state] == 1
    assert sum(story.run.by_state.values()) == 1


def test_nothing_leads_out_of_the_last_states():
    for state in TERMINAL:
        assert set(TRANSITIONS[state]) == {e.SessionOpened}


def test_the_diagram_shows_every_state_and_every_move():
    text = state_diagram()

    for state in State:
        assert f" {state}" in text
    for move in ("waiting --> intended: start intended", "intended --> unsure: start unanswered, crash"):
        assert f"    {move}\n" in text
    assert "    ended --> failed: generation lost\n" in text
    assert text.startswith("stateDiagram-v2\n    [*] --> waiting\n")
    assert text.endswith("    collected --> [*]\n    given_up --> [*]\n    cut --> [*]\n")
