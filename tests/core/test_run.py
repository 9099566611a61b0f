"""The fold: sessions, crashes, dependencies, releases."""

from __future__ import annotations

import pytest

from runner.core import commands as c, events as e
from runner.core.commands import Check
from runner.core.run import Run
from runner.core.states import State
from runner.model import FaultKind, JobStatus, RemoteId, RemoteJob
from tests.core.kit import T0, Story, collected, config, fault, key


def test_a_crash_with_an_intent_and_no_call_is_checked_before_anything_is_started():
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.now += 5.0
    story.open()

    assert story.run.jobs[key(0)].state is State.UNSURE
    check = story.next(c.CheckByName)
    assert (check.name, check.step) == (start.name, Check.LIST)


def test_the_grace_counts_from_the_last_moment_at_which_the_call_can_have_been_taken():
    """A run taken up a day later does not wait; one taken up at once waits for calls that were on their way."""
    for pause, waits in ((1.0, 60.0), (86_400.0, 0.0)):
        story = Story(config(), segments=1)
        story.open()
        story.next(c.StartJob)
        story.now += pause
        story.open()
        opened_at = story.now
        while (check := story.next(c.CheckByName)).step is not Check.LIST_AGAIN:
            story.answer(check, c.Jobs(jobs=()))

        assert waits <= story.now - opened_at <= waits + 3.0


def test_what_only_a_process_knows_is_forgotten_by_the_next():
    story = Story(config(), segments=3)
    story.open()
    story.next(c.Sweep)
    story.tell(
        e.WorkParked(at=story.now, lane="here", operation="staging", fault=fault(FaultKind.DENIED)),
        e.SlotsCounted(at=story.now, lane="here", operation="SentimentDetection", strangers=4),
    )
    folded = Run(story.run.config)
    for event in story.events:
        if not event.volatile:
            folded.apply(event)
    opened = e.SessionOpened(at=story.now, version="0", purpose="run")
    story.tell(opened)
    folded.apply(opened)

    assert not any((story.run.in_flight, story.run.parks, story.run.troubles, story.run.sweeping))
    assert vars(folded).keys() == vars(story.run).keys()
    other = Story(config(), segments=0)
    other.run = folded
    assert other.snapshot() == story.snapshot()


def test_released_spools_are_deleted_once_and_not_again_by_every_later_session():
    """What a crash left of them is tidied from the books, not from memory."""
    story = Story(config(kind="embedded"), segments=2)
    story.open()
    story.to_the_end()
    assert story.run.spool_bytes == 0
    folded = Run(story.run.config)
    for event in story.events:
        if not event.volatile:
            folded.apply(event)
    folded.apply(e.SessionOpened(at=story.now, version="0", purpose="run"))

    assert folded.to_release == []


def test_a_job_waits_until_those_it_depends_on_are_settled():
    story = Story(config(kind="embedded"), segments=1)
    story.plan(0, waits_for=(key(0),))
    story.open()
    started = []
    for _ in range(400):
        commands = story.step()
        for command in commands:
            if isinstance(command, c.StartJob):
                started.append(command.job)
                if command.job == key(1):
                    assert story.run.jobs[key(0)].settled
            story.answer(command, story.good(command))
        if story.run.closed:
            break
        if not commands:
            story.wait()

    assert started == [key(0), key(1)]


def test_a_lost_endpoint_has_everything_staged_and_started_again():
    story = Story(config(kind="embedded"), segments=2)
    story.open()
    story.answer(story.next(c.StartJob), RemoteJob(remote_id=RemoteId("r1"), name="n", status=JobStatus.SUBMITTED))
    lost = fault(FaultKind.NOT_FOUND, "ENDPOINT_LOST")
    story.open()
    story.tell(e.StagingLost(at=story.now, lane="here", fault=lost))
    for record in list(story.run.jobs.values()):
        if record.state in {State.ACTIVE, State.UNSURE}:
            story.tell(e.GenerationLost(at=story.now, job=record.job.key, generation=record.generation, fault=lost))

    assert not story.run.staged
    assert {story.next(c.StageBatch).batch, story.next(c.StageBatch).batch} == {"b000000", "b000001"}


def test_a_transient_failure_is_tried_twice_more_and_then_given_up():
    story = Story(config(repair_rounds=0), segments=1)
    story.open()
    for generation in range(3):
        start = story.next(c.StartJob)
        assert start.generation == generation
        remote_id = RemoteId(f"r{generation}")
        story.answer(start, RemoteJob(remote_id=remote_id, name=start.name, status=JobStatus.SUBMITTED))
        failed = RemoteJob(
            remote_id=remote_id, name=start.name, status=JobStatus.FAILED, fault=fault(FaultKind.TRANSIENT)
        )
        story.answer(story.next(c.Sweep), c.Jobs(jobs=(failed,)))
    story.step()

    assert story.run.jobs[key(0)].state is State.GIVEN_UP
    assert story.run.given_up == 1


def test_a_failed_job_of_no_known_reason_is_parked_not_closed():
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, RemoteJob(remote_id=RemoteId("r"), name=start.name, status=JobStatus.SUBMITTED))
    failed = RemoteJob(remote_id=RemoteId("r"), name=start.name, status=JobStatus.FAILED, message="SOMETHING_NEW: ?")
    story.answer(story.next(c.Sweep), c.Jobs(jobs=(failed,)))

    assert story.run.jobs[key(0)].state is State.FAILED
    assert [park.fault.code for park in story.run.parks.values()] == ["FAILED"]


def test_an_outage_longer_than_the_patience_parks_the_work():
    story = Story(config(), segments=1)
    story.open()
    begun = story.now
    while not story.run.parks:
        for command in story.step():
            story.answer(command, fault(FaultKind.TRANSIENT))
        if not story.run.parks:
            story.wait()

    assert 1_200 <= story.now - begun <= 4_000


def test_on_a_terminal_parked_work_is_looked_at_again_each_minute():
    story = Story(config(recheck_denied_s=60.0), segments=1)
    story.open()
    story.answer(story.next(c.StartJob), fault(FaultKind.DENIED))
    refused_at = story.now

    story.next(c.StartJob)
    assert 60.0 <= story.now - refused_at < 65.0


@pytest.mark.parametrize("missing", [0, 4])
def test_a_stopped_job_leaves_the_rest_of_its_lines_for_a_repair_of_the_same_round(missing: int):
    story = Story(config(repair_rounds=0), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, RemoteJob(remote_id=RemoteId("r"), name=start.name, status=JobStatus.SUBMITTED))
    stopped = RemoteJob(remote_id=RemoteId("r"), name=start.name, status=JobStatus.STOPPED, output_uri="s3://o/")
    story.answer(story.next(c.Sweep), c.Jobs(jobs=(stopped,)))
    story.answer(story.next(c.CollectJob), collected(missing=missing))

    assert story.run.jobs[key(0)].settled is (missing == 0)
    if missing:
        assert story.next(c.GatherRepair).round == 0


def test_the_costs_of_a_start_do_not_grow_with_the_jobs_that_wait():
    """Counted in proposals looked at, not in seconds."""
    from runner.core.agenda import agenda

    counts = []
    for segments in (20, 400):
        story = Story(config(), segments=segments, at=T0)
        story.open()
        story.next(c.StartJob)
        counts.append(len(list(agenda(story.run, story.now))))

    assert counts[1] <= counts[0] + 2
