"""What is due and when: decisions change nothing, and keep to budgets and order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from runner.core import commands as c, events as e
from runner.core.agenda import consider, due, next_wakeup
from runner.core.proposals.starting import RECOUNT_FULL_S
from runner.core.records import ACTIVE_STATUSES, COUNT_GAP_S, CoreConfig
from runner.core.run import Run
from runner.core.states import State
from runner.model import BatchId, FaultKind, JobStatus, Limit, RemoteId, RemoteJob
from tests.core.kit import T0, Story, collected, config, facts, fault, key


@pytest.mark.parametrize("steps", range(0, 60, 4))
def test_looking_changes_nothing_and_the_same_moment_gives_the_same_decision(steps: int):
    story = Story(config(), segments=6)
    story.open()
    for _ in range(steps):
        commands = story.step()
        for command in commands:
            story.answer(command, story.good(command))
        if story.run.closed:
            break
        if not commands:
            story.wait()
    before = story.snapshot()

    first = consider(story.run, story.now)
    assert story.snapshot() == before
    assert consider(story.run, story.now) == first
    assert (due(story.run, story.now), next_wakeup(story.run, story.now)) == (first.decision, first.wakeup)


def test_a_run_folded_from_the_same_facts_decides_the_same():
    story = Story(config(), segments=4)
    story.open()
    story.next(c.Sweep)
    again = Run(story.run.config)
    for event in story.events:
        again.apply(event)

    for ahead in (0.0, 1.0, 100.0, 1_000.0):
        assert consider(again, story.now + ahead) == consider(story.run, story.now + ahead)


@pytest.mark.parametrize("families", [("sentiment",), ("sentiment", "entities", "key_phrases")])
@pytest.mark.parametrize("kind", ["aws", "embedded"])
def test_what_is_set_going_makes_nothing_else_due_unless_the_decision_says_so(kind, families):
    """Else a driver that waits after it has set something going would miss what could be done."""
    story = Story(config(kind=kind, slots=3, families=families), segments=8)
    story.open()
    steps = 0
    while not story.run.closed:
        outlook = consider(story.run, story.now)
        commands = story.step()
        after = consider(story.run, story.now)
        if outlook.decision and not outlook.again:
            steps += 1
            assert not after.decision
            assert after.wakeup is None or (outlook.wakeup is not None and after.wakeup >= outlook.wakeup)
        for command in commands:
            story.answer(command, story.good(command))
        if not outlook.decision and not story.run.closed:
            story.wait()
    assert steps


def test_nothing_falls_between_what_is_due_and_what_is_to_come():
    """Whatever is not done now, and is not in the way of anything, has a time at which it will be."""
    story = Story(config(), segments=6)
    story.open()
    for _ in range(40):
        outlook = consider(story.run, story.now)
        assert outlook.decision or outlook.wakeup is not None or story.run.in_flight or story.run.closed
        commands = story.step()
        for command in commands:
            story.answer(command, story.good(command))
        if not commands and not story.run.closed:
            story.wait()


def test_everything_ends_when_nothing_fails():
    story = Story(config(), segments=20)
    story.open()

    story.to_the_end()

    assert story.run.by_state[State.COLLECTED] == 20
    assert [event.merged.id[-5:] for event in story.events if isinstance(event, e.SegmentMerged)] == [
        f"{number:05d}" for number in range(20)
    ]


# --- staging and starting ---------------------------------------------------------------------------------------------


def test_batches_are_staged_in_order_some_at_once_and_some_ahead():
    story = Story(config(slots=1, staging_max=2, staged_ahead_max=3), segments=9)
    story.open()
    staged = []
    for _ in range(6):
        for command in story.step():
            if isinstance(command, c.StageBatch):
                staged.append(command.batch)
                assert sum(isinstance(other, c.StageBatch) for other in story.run.in_flight) <= 2
                story.answer(command, story.good(command))

    assert staged == ["b000000", "b000001", "b000002"]
    assert story.run.ahead(story.run.stations["here", "SentimentDetection"]) == 3


def test_a_batch_that_many_analyses_read_is_staged_once_and_takes_no_other_s_place():
    families = ("sentiment", "entities", "key_phrases", "dominant_language")
    story = Story(config(families=families, staging_max=4), segments=4)
    story.open()

    staged = [command.batch for command in story.step() if isinstance(command, c.StageBatch)]

    assert staged == ["b000000", "b000001", "b000002", "b000003"]


def test_the_job_that_goes_first_has_its_batch_staged_however_many_others_lie_there():
    """Another box has staged them; until that one job has shown that the lane is in order, none of them is started."""
    story = Story(config(staged_ahead_max=2), segments=4)
    story.open()
    for batch in ("b000001", "b000002"):
        story.tell(e.BatchStaged(at=T0, batch=BatchId(batch), lane="here", uri="s3://b/", bytes=1))

    first = story.next(c.StageBatch)
    assert first.batch == "b000000"
    story.answer(first, story.good(first))
    assert story.next(c.StartJob).job == key(0)


def test_jobs_start_in_the_order_of_their_first_position_and_repairs_before_them():
    story = Story(config(kind="embedded"), segments=0)
    story.open()
    for number, (order, round_) in enumerate([(30, 0), (10, 0), (20, 1)]):
        story.tell(e.RangeSurveyed(at=T0, corpus="c0", index=number, segments=(facts(number),)))
        story.plan(number, order=order, round=round_)
    for number in range(3):
        batch = story.run.jobs[key(number)].job.batch
        story.tell(e.BatchStaged(at=T0, batch=batch, lane="here", uri="s3://b/", bytes=1))

    started = []
    while len(started) < 3:
        started += [command.job for command in story.step() if isinstance(command, c.StartJob)]

    assert started == [key(2), key(1), key(0)]


def test_never_more_jobs_than_slots_and_one_start_a_second():
    story = Story(config(slots=3), segments=8)
    story.open()
    starts = []
    story.job_s = 1_000.0
    for _ in range(100):
        commands = story.step()
        for command in commands:
            if isinstance(command, c.StartJob):
                starts.append(story.now)
            story.answer(command, story.good(command))
        if len(starts) == 3 or not commands:
            if len(starts) == 3:
                break
            story.wait()

    assert len(story.run.stations["here", "SentimentDetection"].occupied) == 3
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(starts))
    assert not [command for command in story.look().commands if isinstance(command, c.StartJob)]


def with_quotas(**quotas: Limit) -> CoreConfig:
    one = config()
    (lane,) = one.lanes
    return replace(one, lanes=(replace(lane, quotas=replace(lane.quotas, **quotas)),))


@pytest.mark.parametrize("answered", [False, True])
def test_strangers_are_counted_however_seldom_a_lane_may_be_looked_at(answered: bool):
    """Three looks take longer than a count is good for elsewhere; a replay needs one look more after it."""
    story = Story(with_quotas(read_per_s=Limit(default=0.01)), segments=2)
    story.open()
    if not answered:
        story.answer(story.next(c.StartJob), fault(FaultKind.UNANSWERED))

    assert story.as_far_as_it_goes() == []


@pytest.mark.parametrize("during", [False, True])
def test_a_count_of_strangers_that_was_broken_off_begins_anew(during: bool):
    """Its job may have been started elsewhere meanwhile; what it saw minutes ago says nothing of now."""
    story = Story(config(slots=1), segments=1)
    story.open()
    nobody = c.Jobs(jobs=())
    story.answer(story.next(c.CountSlots), nobody)
    story.answer(story.next(c.CountSlots), nobody)
    if during:
        last = story.next(c.CountSlots)
        assert last.status is JobStatus.STOP_REQUESTED
        story.now += COUNT_GAP_S + 1.0
        story.answer(last, nobody)
        assert not [event for event in story.events if isinstance(event, e.SlotsCounted)]
    else:
        story.now += COUNT_GAP_S + 1.0

    seen = []
    for _ in range(3):
        count = story.next(c.CountSlots)
        seen.append(count.status)
        story.answer(count, nobody)
    assert tuple(seen) == ACTIVE_STATUSES
    assert [event for event in story.events if isinstance(event, e.SlotsCounted)]


def test_strangers_are_counted_before_the_first_start_and_again_while_they_hold_the_last_slot():
    """Once counted away, nothing else would ever say that the slot is free again."""
    story = Story(config(slots=1), segments=1)
    story.open()
    stranger = RemoteJob(remote_id=RemoteId("s"), name="theirs", status=JobStatus.IN_PROGRESS)
    for status in (JobStatus.SUBMITTED, JobStatus.IN_PROGRESS, JobStatus.STOP_REQUESTED):
        count = story.next(c.CountSlots)
        assert count.status is status
        story.answer(count, c.Jobs(jobs=(stranger,) if status is JobStatus.IN_PROGRESS else ()))
    counted_at = story.now
    assert story.run.stations["here", "SentimentDetection"].free == 0

    assert isinstance(story.next(c.CountSlots), c.CountSlots)
    assert story.now >= counted_at + RECOUNT_FULL_S


def test_a_start_waits_for_a_while_after_the_service_said_that_it_is_full():
    story = Story(config(), segments=1)
    story.open()
    start = story.next(c.StartJob)
    story.answer(start, fault(FaultKind.NO_SLOT))

    assert not [command for command in story.look().commands if isinstance(command, c.StartJob)]
    refused_at = story.now
    again = story.next(c.StartJob)
    assert story.now >= refused_at + 30.0
    assert again.token == start.token


def test_nothing_is_started_while_jobs_could_not_be_watched():
    story = Story(config(), segments=2)
    story.open()
    story.tell(
        e.WorkParked(at=story.now, lane="here", operation="SentimentDetection/watch", fault=fault(FaultKind.DENIED))
    )
    for _ in range(5):
        for command in story.step():
            assert isinstance(command, c.StageBatch)
            story.answer(command, story.good(command))

    assert consider(story.run, story.now).wakeup is None


def test_jobs_that_run_are_watched_and_collected_though_starts_are_refused():
    story = Story(config(), segments=2)
    story.open()
    story.answer(story.next(c.StartJob), _accepted(story))
    story.tell(e.WorkParked(at=story.now, lane="here", operation="SentimentDetection", fault=fault(FaultKind.DENIED)))

    assert story.next(c.CollectJob).job == key(0)


def _accepted(story: Story) -> RemoteJob:
    story.remote += 1
    return RemoteJob(remote_id=RemoteId(f"r{story.remote}"), name="n", status=JobStatus.SUBMITTED)


# --- collecting, repairing, merging ---------------------------------------------------------------------------------


def in_the_spool(spool_bytes_max: int) -> Story:
    """Four jobs have ended; none is collected."""
    story = Story(config(kind="embedded", spool_bytes_max=spool_bytes_max, collecting_max=2), segments=4)
    story.open()
    while story.run.by_state[State.ENDED] < 4:
        commands = story.step()
        for command in commands:
            if not isinstance(command, c.CollectJob):
                story.answer(command, story.good(command))
        if not commands:
            story.wait()
    story.step()
    return story


def test_outputs_are_collected_in_input_order_some_at_once():
    story = in_the_spool(10**9)

    assert sorted(command.job for command in story.run.in_flight) == [key(0), key(1)]


def test_a_full_spool_takes_only_the_output_that_the_results_wait_for():
    story = in_the_spool(15)
    first, second = sorted(story.run.in_flight, key=lambda command: command.job)  # type: ignore[union-attr,return-value]
    story.answer(second, collected(spool_bytes=100))

    assert not [command for command in story.look().commands if isinstance(command, c.CollectJob)]
    story.answer(first, collected(spool_bytes=1))
    assert [command.job for command in story.step() if isinstance(command, c.CollectJob)] == [key(2)]


def test_an_output_that_stays_bad_is_doubted_after_three_readings_and_its_job_started_anew():
    story = Story(config(), segments=1)
    story.open()
    for _ in range(3):
        story.answer(story.next(c.CollectJob), fault(FaultKind.CORRUPT))
    start = story.next(c.StartJob)

    assert start.generation == 1
    assert start.token != next(event.token for event in story.events if isinstance(event, e.StartIntended))


def test_an_output_is_fetched_once_at_a_time_though_its_job_ended_twice():
    """The entry of the first end is still in the queue, behind the output that is in the way."""
    story = Story(config(kind="embedded"), segments=2)
    story.open()
    failures = 0
    for _ in range(400):
        commands = story.step()
        for command in commands:
            if isinstance(command, c.CollectJob) and command.job == key(0):
                story.answer(command, fault(FaultKind.TRANSIENT))
            elif isinstance(command, c.CollectJob) and command.generation == 0:
                failures += 1
                story.answer(command, fault(FaultKind.CORRUPT))
            elif not (isinstance(command, c.CollectJob)):
                story.answer(command, story.good(command))
        collecting = [command for command in story.run.in_flight if isinstance(command, c.CollectJob)]
        assert len(commands) == len(set(commands))
        if collecting:
            break
        if not commands:
            story.wait()
    assert failures == 3
    assert [(command.job, command.generation) for command in collecting] == [(key(1), 1)]


def test_repairs_are_gathered_once_a_slot_count_of_jobs_has_some():
    story = Story(config(kind="embedded", slots=2), segments=5)
    story.open()
    gathered = None
    done = 0
    while gathered is None:
        commands = story.step()
        for command in commands:
            if isinstance(command, c.GatherRepair):
                gathered = command
            elif isinstance(command, c.CollectJob):
                done += 1
                story.answer(command, collected(missing=3))
            else:
                story.answer(command, story.good(command))
        if not commands:
            story.wait()

    assert len(gathered.jobs) == 2
    assert gathered.round == 1
    assert done < 5


def test_a_corpus_has_one_merge_at_a_time_and_a_faulty_one_is_not_tried_again_at_once():
    """Whatever the fault: what waits for nothing would be proposed for ever."""
    for kind in FaultKind:
        story = Story(config(kind="embedded"), segments=1)
        story.open()
        merge = story.next(c.MergeSegments)
        assert not [command for command in story.look().commands if isinstance(command, c.MergeSegments)]
        story.answer(merge, fault(kind))

        assert not [command for command in story.look().commands if isinstance(command, c.MergeSegments)], kind


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("command", [c.StageBatch, c.Sweep, c.CollectJob, c.CountSlots, c.MergeSegments])
def test_no_fault_of_any_kind_makes_a_busy_loop(command: type[c.Command], kind: FaultKind):
    story = Story(config(), segments=1)
    story.open()
    times = []
    for _ in range(12):
        try:
            met = story.next(command)
        except AssertionError:
            break  # parked, given up, or nothing to wait for
        times.append(story.now)
        story.answer(met, fault(kind))

    assert len(times) >= 1
    # Local work is tried again sooner than calls.
    assert len(times) < 4 or times[3] - times[0] >= (0.3 if command is c.MergeSegments else 1.5)


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_cancel_stops_what_can_be_stopped_and_does_not_wait_for_the_rest():
    story = Story(config(families=("sentiment", "classification")), segments=1)
    story.open()
    while story.run.by_state[State.ACTIVE] < 2:
        commands = story.step()
        for command in commands:
            story.answer(command, story.good(command))
        if not commands:
            story.wait()
    story.tell(e.CancelAsked(at=story.now))

    stop = story.next(c.StopJob)
    assert stop.operation == "SentimentDetection"
    story.answer(stop, JobStatus.STOP_REQUESTED)
    sweep = story.next(c.Sweep)
    assert sweep.operation == "SentimentDetection"
    (remote,) = (job for job in story.shown(JobStatus.STOPPED) if job.remote_id == stop.remote_id)
    story.answer(sweep, c.Jobs(jobs=(remote,)))
    collect = story.next(c.CollectJob)
    assert collect.partial
    story.answer(collect, collected(missing=4))

    assert story.look().commands == ()
    assert consider(story.run, story.now).wakeup is None
    assert not story.run.closed


def test_with_on_failure_stop_nothing_is_started_after_a_job_was_given_up_until_documents_are_reopened():
    story = Story(config(kind="embedded", slots=1, on_failure="stop"), segments=2)
    story.open()
    story.answer(story.next(c.StartJob), fault(FaultKind.REJECTED))
    assert story.run.stopping
    assert not [command for command in story.look().commands if isinstance(command, c.StartJob)]

    story.tell(e.Reopened(at=story.now, corpus="c0", analysis="sentiment", jobs=(), documents=1))
    assert story.next(c.StartJob).job == key(1)
