"""What two lanes of an operation leave to each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.core import commands as c, events as e
from runner.core.kinds import COLLECTING, STAGING
from runner.core.records import CoreConfig
from runner.model import BatchId, FaultKind, JobStatus, Limit, RemoteId
from tests.core.kit import OPERATION, T0, Story, collected, config, facts, fault, key

NEAR, FAR = "near", "far"


def two_lanes(*, segments: int) -> Story:
    """Two lanes of one slot, each with room for one job ahead; jobs take 400 s as predicted."""
    one = config(kind="embedded", slots=1, staged_ahead_max=1)
    (lane,) = one.lanes
    story = Story(replace(one, lanes=(replace(lane, name=NEAR), replace(lane, name=FAR))), segments=segments)
    story.job_s = 400.0
    story.open()
    return story


def put(story: Story, number: int, lane: str) -> None:
    """A job runs on a lane from now on."""
    job, at = key(number), story.now
    story.tell(
        e.BatchStaged(at=at, batch=story.run.jobs[job].job.batch, lane=lane, uri="s3://b/", bytes=1),
        e.StartIntended(at=at, job=job, generation=0, lane=lane, token="", name=f"j{number}"),
        e.StartAccepted(at=at, job=job, generation=0, remote_id=RemoteId(f"x{number}")),
    )


def side_by_side(**more: Any) -> CoreConfig:
    """Two lanes of a service."""
    one = config(**more)
    (lane,) = one.lanes
    return replace(one, lanes=(replace(lane, name=NEAR), replace(lane, name=FAR)))


def park(story: Story, lane: str, kind: str) -> None:
    """Work of a kind on a lane waits for the user."""
    story.tell(e.WorkParked(at=story.now, lane=lane, operation=kind, fault=fault(FaultKind.DENIED)))


def staged(story: Story) -> list[str]:
    """The lanes to which batches go now."""
    lanes = []
    while commands := story.step():
        lanes += [command.lane for command in commands if isinstance(command, c.StageBatch)]
        for command in commands:
            story.answer(command, story.good(command))
    return lanes


@pytest.mark.parametrize(("far_s", "expected"), [(900.0, [NEAR]), (500.0, [NEAR, FAR])])
def test_what_comes_next_is_kept_for_the_lane_that_opens_much_sooner(far_s: float, expected: list[str]):
    """Near is free after 400 s, and after 800 s again: a second job waits for that, unless far is free before."""
    story = two_lanes(segments=0)
    for number, seconds in enumerate((400.0, far_s, 400.0, 400.0)):
        story.tell(e.RangeSurveyed(at=T0, corpus="c0", index=number, segments=(facts(number),)))
        story.plan(number, predicted_s=seconds)
    put(story, 0, NEAR)
    put(story, 1, FAR)

    assert staged(story) == expected


def test_a_lane_that_never_opens_keeps_no_work_from_the_other():
    """Its only slot is held by a job that is always about to end, and never does."""
    story = two_lanes(segments=5)
    put(story, 0, NEAR)

    started: list[str] = []
    while len(started) < 4:
        commands = story.step()
        for command in commands:
            answer = story.good(command)
            if isinstance(command, c.StartJob):
                started.append(command.lane)
            if isinstance(answer, c.Jobs):
                jobs = (replace(job, status=JobStatus.IN_PROGRESS) if job.name == "j0" else job for job in answer.jobs)
                answer = c.Jobs(jobs=tuple(jobs))
            story.answer(command, answer)
        if not commands:
            story.wait()

    assert started == [FAR] * 4


def test_outputs_that_cannot_be_fetched_keep_no_others_from_being_collected():
    """There are more of them than are fetched at once, and they come first."""
    story = Story(side_by_side(collecting_max=2), segments=6)
    story.open()
    for number in range(6):
        put(story, number, FAR if number < 3 else NEAR)
    park(story, FAR, COLLECTING)

    assert story.as_far_as_it_goes() == [key(number) for number in range(3)]


def test_work_moves_away_from_a_lane_on_which_the_job_that_goes_first_cannot_be_staged():
    """That job is bound to the lane; the others wait for it to show that the lane is in order, which it never will."""
    bound = (("c0", (FAR,)),)
    story = Story(side_by_side(corpus_lanes=bound), corpora=[0, 1, 1])
    story.open()
    for batch in ("b000001", "b000002"):
        story.tell(e.BatchStaged(at=T0, batch=BatchId(batch), lane=FAR, uri="s3://b/", bytes=1))
    park(story, FAR, STAGING)

    assert story.as_far_as_it_goes() == [key(0)]


def test_work_moves_away_from_a_lane_however_much_lies_there_that_is_bound_to_it():
    bound = (("c0", (FAR,)),)
    story = Story(side_by_side(corpus_lanes=bound), corpora=[0] * 20 + [1] * 3)
    story.open()
    for record in story.run.jobs.values():
        story.tell(e.BatchStaged(at=T0, batch=record.job.batch, lane=FAR, uri="s3://b/", bytes=1))
    park(story, FAR, OPERATION)

    assert story.as_far_as_it_goes() == [key(number) for number in range(20)]


@pytest.mark.parametrize("asked", [False, True])
def test_a_lane_whose_slots_are_all_left_to_others_waits_for_the_user_if_no_other_may_have_its_jobs(asked: bool):
    """The account has fewer slots there than was thought. A Start that was lost cannot be made again there, either."""
    lanes = side_by_side(corpus_lanes=(("c0", (FAR,)),))
    near, far = lanes.lanes
    quotas = replace(far.quotas, active_jobs=Limit(default=4.0), reserve_slots=Limit(default=5.0))
    story = Story(replace(lanes, lanes=(near, replace(far, quotas=quotas))), corpora=[0, 1])
    if asked:
        story.tell(e.StartIntended(at=T0, job=key(0), generation=0, lane=FAR, token="", name="j0"))
    story.open()

    assert story.as_far_as_it_goes() == [key(0)]
    assert [(park.lane, park.fault.code) for park in story.run.parks.values()] == [(FAR, "NO_SLOTS")]


def test_lines_are_sent_again_though_jobs_of_their_analysis_wait_on_a_lane_that_is_shut():
    """None of those can end in this session, and what one lane lacks need not wait for the other."""
    story = Story(side_by_side(corpus_lanes=(("c0", (FAR,)),)), corpora=[1, 0, 1])
    story.open()
    park(story, FAR, OPERATION)
    for _ in range(2):
        story.answer(story.next(c.CollectJob), collected(missing=3))

    assert story.next(c.GatherRepair).jobs == (key(0), key(2))


def test_a_second_job_is_stopped_where_it_runs_though_the_first_has_gone_to_another_lane():
    """Asked elsewhere, the service knows of no such job: it would run to its end, and be paid for."""
    story = Story(side_by_side(), corpora=[0])
    put(story, 0, NEAR)
    at, job = story.now, key(0)
    denied = fault(FaultKind.DENIED, "NO_READ_ACCESS_TO_INPUT")
    story.tell(
        e.StatusSeen(at=at, job=job, generation=0, status=JobStatus.FAILED, fault=denied),
        e.DuplicateFound(at=at, job=job, generation=0, kept=RemoteId("x0"), extra=(RemoteId("x1"),)),
        e.GenerationRenewed(at=at, job=job, generation=1, not_before=at),
        e.StartIntended(at=at, job=job, generation=1, lane=FAR, token="", name="j0"),
    )
    story.open()

    stop = story.next(c.StopJob)
    assert (stop.lane, stop.generation, stop.remote_id) == (NEAR, 0, "x1")
    story.answer(stop, JobStatus.STOP_REQUESTED)
    assert not story.run.extra_stops
