"""What answers mean, above all those about a Start that may have bought a job."""

from __future__ import annotations

from itertools import pairwise

import pytest

from runner.core import commands as c, events as e
from runner.core.agenda import consider
from runner.core.commands import Check
from runner.core.records import CHECK_ROUNDS_MAX
from runner.core.retry import GENERATIONS, OUTPUTS
from runner.core.states import State
from runner.model import FaultKind, JobStatus, RemoteId, RemoteJob, Scope
from tests.core.kit import OPERATION, Story, collected, config, fault, key

UNANSWERED = fault(FaultKind.UNANSWERED, "ReadTimeout")


def remote(
    name: str, number: int = 1, *, status: JobStatus = JobStatus.SUBMITTED, at: float | None = None
) -> RemoteJob:
    return RemoteJob(remote_id=RemoteId(f"r{number}"), name=name, status=status, submitted_at=at)


def unanswered() -> tuple[Story, c.StartJob]:
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, UNANSWERED)
    return story, start


def asked(story: Story) -> list[tuple[type, Check | None, float]]:
    """The checks that are made when each finds nothing, up to the next Start."""
    found: list[tuple[type, Check | None, float]] = []
    while True:
        commands = story.step()
        for command in commands:
            if not isinstance(command, c.CountSlots):
                found.append((type(command), getattr(command, "step", None), story.now))
            if isinstance(command, c.StartJob):
                return found
            story.answer(command, story.good(command))
        if not commands:
            story.wait()


def test_an_unanswered_start_is_checked_in_order_and_made_again_with_the_same_token_only_at_last():
    story, start = unanswered()
    lost_at = story.now

    (*checks, (_, _, replayed_at)) = asked(story)

    assert [(kind, step) for kind, step, _ in checks] == [
        (c.CheckByName, Check.LIST),
        (c.CheckByPrefix, Check.PREFIX),
        (c.CheckByName, Check.LIST_AGAIN),
        (c.CheckByPrefix, Check.PREFIX_AGAIN),
    ]
    assert checks[1][2] - lost_at < 2.0
    assert checks[2][2] >= lost_at + 60.0
    (replay,) = (command for command in story.run.in_flight if isinstance(command, c.StartJob))
    assert replay.replay
    assert (replay.token, replay.name, replay.generation) == (start.token, start.name, 0)
    assert replayed_at >= lost_at + 60.0


def test_a_job_found_by_its_name_is_taken_over():
    story, start = unanswered()
    story.answer(story.next(c.CheckByName), c.Jobs(jobs=(remote(start.name, 7),)))

    record = story.run.jobs[key(0)]
    assert (record.state, record.remote_id) == (State.ACTIVE, "r7")
    assert not story.run.to_confirm


def test_a_job_found_below_its_output_prefix_is_taken_over():
    story, _ = unanswered()
    story.answer(story.next(c.CheckByPrefix), c.Keys(keys=("123456789012-SENTIMENT-abc/output/output.tar.gz",)))

    assert story.run.jobs[key(0)].remote_id == "abc"


def test_a_write_check_proves_a_job_which_is_then_never_started_again():
    story, _ = unanswered()
    story.answer(story.next(c.CheckByPrefix), c.Keys(keys=(".write_access_check_file.temp",)))
    for _ in range(3_000):
        commands = story.step()
        assert not [command for command in commands if isinstance(command, c.StartJob)]
        for command in commands:
            story.answer(command, story.good(command))
        if story.run.parks:
            break
        if not commands:
            story.wait()

    (park,) = story.run.parks.values()
    assert park.fault.code == "START_UNRESOLVED"
    assert "S3 shows that the service took the job" in park.fault.message
    assert story.run.jobs[key(0)].state is State.UNSURE


def test_a_throttled_replay_says_nothing_of_the_first_call_and_keeps_its_token():
    """Once, a throttle after a lost answer made a new token, and the job was bought twice."""
    story, start = unanswered()
    asked(story)
    (replay,) = (command for command in story.run.in_flight if isinstance(command, c.StartJob))
    story.answer(replay, fault(FaultKind.THROTTLED))
    assert story.run.jobs[key(0)].state is State.UNSURE

    again = story.next(c.StartJob)
    assert (again.token, again.replay) == (start.token, True)


def replayed() -> tuple[Story, c.StartJob]:
    story, start = unanswered()
    story.job_s = 10_000.0
    asked(story)
    (replay,) = (command for command in story.run.in_flight if isinstance(command, c.StartJob))
    story.answer(replay, remote(start.name, 2))
    return story, start


def test_after_a_replay_the_service_is_asked_whether_it_has_two_and_the_newer_is_stopped():
    story, start = replayed()
    confirm = story.next(c.CheckByName)
    assert confirm.step is Check.CONFIRM
    story.answer(confirm, c.Jobs(jobs=(remote(start.name, 2, at=200.0), remote(start.name, 1, at=100.0))))

    record = story.run.jobs[key(0)]
    assert record.remote_id == "r1"
    stop = story.next(c.StopJob)
    assert stop.remote_id == "r2"
    story.answer(stop, JobStatus.STOP_REQUESTED)
    assert not story.run.extra_stops


def test_one_job_after_a_replay_is_confirmed_twice_the_second_time_before_it_can_end():
    story, start = replayed()
    accepted_at = story.now
    times = []
    while story.run.to_confirm:
        story.answer(story.next(c.CheckByName), c.Jobs(jobs=(remote(start.name, 2),)))
        times.append(story.now - accepted_at)
        assert isinstance(story.events[-2], e.SingleConfirmed)

    assert [round(after, -1) for after in times] == [60.0, 330.0]


def test_a_replay_that_had_to_wait_looks_again_first():
    """By now the service may show what the first call bought."""
    story, _ = unanswered()
    asked(story)
    (replay,) = (command for command in story.run.in_flight if isinstance(command, c.StartJob))
    story.answer(replay, fault(FaultKind.NO_SLOT))

    again = [kind for kind, *_ in asked(story)]
    assert again[-3:] == [c.CheckByName, c.CheckByPrefix, c.StartJob]


def test_starts_that_another_box_left_without_an_answer_are_made_again_one_by_one_though_more_than_there_are_slots():
    """It may have been refused all of them; and while one waits for the others to end, nobody would ever look."""
    story = Story(config(slots=1), segments=3)
    story.open()
    for number in range(3):
        job, name = key(number), f"j{number}"
        story.tell(
            e.StartIntended(at=story.now, job=job, generation=0, lane="here", token=f"t{number}", name=name),
            e.StartUnanswered(at=story.now, job=job, generation=0, fault=UNANSWERED),
        )
    story.job_s = 400.0

    started = []
    while len(started) < 3:
        commands = story.step()
        assert sum(isinstance(command, c.StartJob) for command in story.run.in_flight) <= 1
        for command in commands:
            if isinstance(command, c.StartJob):
                assert command.replay
                started.append(story.now)
            story.answer(command, story.good(command))
        if not commands:
            story.wait()

    assert all(later - earlier >= story.job_s for earlier, later in pairwise(started))


def test_an_older_job_alone_in_the_list_is_a_duplicate_though_ours_is_not_shown_yet():
    story, start = replayed()
    story.answer(story.next(c.CheckByName), c.Jobs(jobs=(remote(start.name, 1),)))

    assert story.run.jobs[key(0)].remote_id == "r1"
    assert list(story.run.extra_stops) == ["r2"]


def test_an_older_job_in_a_sweep_is_kept_though_ours_is_not_shown_yet():
    story, start = replayed()
    story.answer(story.next(c.Sweep), c.Jobs(jobs=(remote(start.name, 1),)))

    assert story.run.jobs[key(0)].remote_id == "r1"
    assert list(story.run.extra_stops) == ["r2"]


def test_a_list_that_does_not_show_our_job_yet_confirms_nothing():
    story, _ = replayed()
    story.shown = lambda _: []  # type: ignore[method-assign]
    story.answer(story.next(c.CheckByName), c.Jobs(jobs=()))
    asked_at = story.now

    assert story.run.to_confirm
    again = story.next(c.CheckByName)
    assert again.step is Check.CONFIRM
    assert story.now >= asked_at + 60.0


def test_a_replay_whose_answer_was_lost_too_is_confirmed_however_it_was_found():
    story, start = unanswered()
    asked(story)
    (replay,) = (command for command in story.run.in_flight if isinstance(command, c.StartJob))
    story.answer(replay, UNANSWERED)
    story.answer(story.next(c.CheckByName), c.Jobs(jobs=(remote(start.name, 2),)))

    assert story.run.jobs[key(0)].state is State.ACTIVE
    assert key(0) in story.run.to_confirm


def test_a_second_job_that_cannot_be_stopped_is_reported_and_does_not_keep_the_books_open():
    story = Story(config(families=("classification",)), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, UNANSWERED)
    pair = (remote(start.name, 1, at=1.0), remote(start.name, 2, at=2.0))
    events = story.answer(story.next(c.CheckByName), c.Jobs(jobs=pair))

    assert [type(event).__name__ for event in events][:2] == ["StartAccepted", "DuplicateFound"]
    assert not story.run.extra_stops


def test_a_failed_job_is_not_renewed_before_it_is_known_to_have_been_the_only_one():
    story, start = replayed()
    failed = remote(start.name, 2, status=JobStatus.FAILED, at=story.now)
    story.answer(story.next(c.Sweep), c.Jobs(jobs=(failed,)))
    assert story.run.jobs[key(0)].state is State.FAILED
    assert not story.look().events

    story.answer(story.next(c.CheckByName), c.Jobs(jobs=(failed,)))
    assert story.run.jobs[key(0)].confirm_at is None


def test_a_job_whose_output_is_of_no_use_is_not_renewed_before_it_is_known_to_have_been_the_only_one():
    """Else its next generation would be asked for that, too, and for ever if the answer to its Start is lost."""
    story, start = replayed()
    done = remote(start.name, 2, status=JobStatus.COMPLETED, at=story.now)
    story.answer(story.next(c.Sweep), c.Jobs(jobs=(done,)))
    confirm = None
    while confirm is None or story.run.jobs[key(0)].output_failures < OUTPUTS.attempts_max:
        commands = story.step()
        for command in commands:
            if isinstance(command, c.CheckByName):
                confirm = command
            else:
                story.answer(command, fault(FaultKind.CORRUPT))
        if not commands:
            story.wait()
    story.now += GENERATIONS.cap_s
    assert not story.look().events

    story.answer(confirm, c.Jobs(jobs=(done,)))
    assert [type(event) for event in story.look().events] == [e.GenerationRenewed]


def test_checks_that_lead_nowhere_are_bounded_and_then_the_user_is_asked():
    story, _ = unanswered()
    replays = 0
    while not story.run.parks:
        for command in story.step():
            replays += isinstance(command, c.StartJob)
            story.answer(command, UNANSWERED if isinstance(command, c.StartJob) else story.good(command))
        if not story.run.parks:
            story.wait()

    assert replays == CHECK_ROUNDS_MAX
    assert story.look().commands == ()
    assert consider(story.run, story.now).wakeup is None


# --- denials, gone and closed -----------------------------------------------------------------------------------------


def test_a_refused_start_for_want_of_permission_leaves_the_job_open_and_parks_the_operation():
    story = Story(config(), segments=2)
    story.open()
    story.answer(story.next(c.StartJob), fault(FaultKind.DENIED, "AccessDenied", Scope.LANE))

    assert story.run.by_state[State.WAITING] == 2
    assert list(story.run.parks) == [("here", OPERATION)]
    for command in story.step():
        assert not isinstance(command, c.StartJob)

    story.open()
    assert not story.run.parks
    assert story.next(c.StartJob).job == key(0)


def test_a_job_that_fails_for_want_of_permission_is_renewed_in_the_next_session_and_that_is_no_failure_of_its_own():
    story = Story(config(), segments=1)
    for _ in range(5):
        story.open()
        start = story.next(c.StartJob)
        story.answer(start, remote(start.name, story.run.sessions))
        denied = RemoteJob(
            remote_id=RemoteId(f"r{story.run.sessions}"),
            name=start.name,
            status=JobStatus.FAILED,
            fault=fault(FaultKind.DENIED, "NO_READ_ACCESS_TO_INPUT", Scope.LANE),
        )
        story.answer(story.next(c.Sweep), c.Jobs(jobs=(denied,)))
        assert story.run.parks
        assert not story.look().events

    assert story.run.jobs[key(0)].generation == 4
    assert story.run.jobs[key(0)].failures == 0


def test_a_closed_family_closes_its_documents_and_the_rest_goes_on():
    story = Story(config(families=("sentiment", "entities")), segments=1)
    story.open()
    closed = story.next(c.StartJob)
    story.answer(closed, fault(FaultKind.CLOSED))

    story.step()
    given_up = [event for event in story.events if isinstance(event, e.JobGivenUp)]
    assert [(event.job, event.code) for event in given_up] == [(closed.job, "FAMILY_CLOSED")]
    assert story.run.jobs[key(0, "entities")].state is not State.GIVEN_UP


def test_a_job_missing_from_three_sweeps_is_described_and_lost_loudly_if_the_service_does_not_know_it():
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, remote(start.name))
    accepted_at = story.now
    for _ in range(3):
        story.answer(story.next(c.Sweep), c.Jobs(jobs=()))
    story.shown = lambda _: []  # type: ignore[method-assign]
    describe = story.next(c.DescribeJob)
    assert story.now >= accepted_at + 120.0
    story.answer(describe, fault(FaultKind.NOT_FOUND, "JobNotFoundException"))

    assert any(isinstance(event, e.GenerationLost) for event in story.events)
    assert story.next(c.StartJob).generation == 1


def test_a_late_answer_about_an_earlier_generation_changes_nothing():
    story = Story(config(), segments=1)
    story.open()
    collect = story.next(c.CollectJob)
    lost = fault(FaultKind.NOT_FOUND)
    story.tell(e.GenerationLost(at=story.now, job=key(0), generation=0, fault=lost))

    events = story.answer(collect, collected())

    assert [type(event) for event in events] == [e.Landed]


def test_a_second_job_of_our_name_counts_against_the_slots_like_a_stranger_s():
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, remote(start.name, 1))
    for status in (JobStatus.SUBMITTED, JobStatus.IN_PROGRESS, JobStatus.STOP_REQUESTED):
        count = c.CountSlots(lane="here", operation=OPERATION, status=status)
        shown = (remote(start.name, 1), remote(start.name, 2)) if status is JobStatus.SUBMITTED else ()
        story.answer(count, c.Jobs(jobs=shown))

    assert story.run.stations["here", OPERATION].strangers == 1


def test_an_answer_of_the_wrong_kind_is_a_bug():
    story = Story(config(), segments=1)
    story.open()

    with pytest.raises(TypeError, match="Sweep cannot be answered by Keys"):
        story.answer(c.Sweep(lane="here", operation=OPERATION, since=0.0), c.Keys(keys=()))
