"""Bisection: which jobs are cut, what their pieces cost at most, and that nothing closes or begins in between."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core import commands as c, events as e
from runner.core.proposals.cutting import PIECES_AT_FIRST, PIECES_MAX, can_be_cut
from runner.core.states import State
from runner.model import (
    BatchId,
    Fault,
    FaultKind,
    Job,
    JobKey,
    JobStatus,
    RemoteId,
    RepairReport,
    job_key,
    part_id,
    repair_part_id,
    segment_id,
)
from runner.planning.durations import DurationModel
from runner.planning.pieces import Cut, pieces_of_lines
from tests.core.kit import T0, Story, collected, config, fault, key

PART = part_id(segment_id(0, 0, 0), 0)
REFUSED = fault(FaultKind.REJECTED, "INVALID_DOCUMENT")


def begun(**more: Any) -> Story:
    story = Story(config(**more), segments=1)
    story.open()
    story.tell(e.BatchStaged(at=T0, batch=BatchId("b000000"), lane="here", uri="s3://b/", bytes=1))
    return story


def end(story: Story, job: JobKey, why: Fault | None) -> None:
    """A job is started and ends: as FAILED, or collected."""
    generation = story.run.jobs[job].generation
    story.tell(
        e.StartIntended(at=story.now, job=job, generation=generation, lane="here", token="t", name="n"),
        e.StartAccepted(at=story.now, job=job, generation=generation, remote_id=RemoteId(f"r{job}-{generation}")),
    )
    status = JobStatus.FAILED if why else JobStatus.COMPLETED
    story.tell(
        e.StatusSeen(at=story.now, job=job, generation=generation, status=status, fault=why, output_uri="s3://o/")
    )
    if why is None:
        story.tell(e.Collected(at=story.now, job=job, generation=generation, report=collected()))


def pieces(story: Story, command: c.CutJob) -> c.PlannedPieces:
    """The answer to a cut: two halves of the lines."""
    record = story.run.jobs[command.job]
    batch = story.run.batches[record.job.batch]
    half = batch.lines // 2
    reports = [
        RepairReport(part=repair_part_id(command.serial + n), covers=(PART,), lines=lines, bytes=600, units=lines)
        for n, lines in enumerate((half, batch.lines - half))
    ]
    cut = Cut(serial=command.serial, job=record.job, batch=batch, analysis=story.run.config.analyses[0], kind="aws")
    planned = pieces_of_lines(cut, reports, DurationModel())
    return c.PlannedPieces(batches=tuple(batch for batch, _ in planned), jobs=tuple(job for _, job in planned))


def test_a_refused_job_is_replaced_by_two_that_read_half_of_its_lines_each():
    story = begun()
    end(story, key(0), REFUSED)

    command = story.next(c.CutJob)
    story.answer(command, pieces(story, command))

    run = story.run
    first, second = (record for record in run.jobs.values() if record.piece_of == key(0))
    assert run.jobs[key(0)].state is State.CUT
    assert {first.state, second.state} == {State.WAITING}
    assert [run.batches[record.job.batch].lines for record in (first, second)] == [5, 5]
    assert (first.job.repairs, first.job.round, first.job.order) == ((key(0),), 0, 0)
    assert run.given_up == 0
    assert not run.books.mergeable("c0"), "its lines are not answered yet"
    end(story, first.job.key, None)
    assert not run.books.mergeable("c0")
    end(story, second.job.key, None)
    assert run.books.mergeable("c0") == (segment_id(0, 0, 0),)


def test_what_waits_for_a_job_that_is_cut_waits_for_its_pieces():
    story = begun()
    record = story.run.jobs[key(0)]
    later = Job(
        key=job_key("sentiment", record.job.batch + "later"),  # type: ignore[arg-type]
        analysis="sentiment",
        operation=record.job.operation,
        batch=record.job.batch,
        order=9,
        units=1,
        predicted_s=1.0,
        waits_for=(key(0),),
    )
    story.tell(e.JobPlanned(at=T0, job=later))
    end(story, key(0), REFUSED)
    command = story.next(c.CutJob)
    planned = pieces(story, command)
    story.answer(command, planned)

    first, second = (job.key for job in planned.jobs)
    assert story.run.waiting_for == {later.key: {first, second}}
    end(story, first, None)
    assert story.run.waiting_for == {later.key: {second}}
    end(story, second, None)
    assert not story.run.waiting_for


@pytest.mark.parametrize(
    ("kind", "cut"),
    [
        (FaultKind.REJECTED, True),
        (FaultKind.TRANSIENT, True),
        (FaultKind.CORRUPT, True),
        (FaultKind.CLOSED, False),
        (FaultKind.NOT_FOUND, False),
        (FaultKind.DENIED, False),
        (FaultKind.UNKNOWN, False),
    ],
)
def test_only_what_a_document_may_have_brought_down_is_cut(kind: FaultKind, cut: bool):
    story = begun()
    end(story, key(0), fault(kind))

    assert can_be_cut(story.run, story.run.jobs[key(0)], fault(kind)) is cut


@pytest.mark.parametrize("more", [{"repair_rounds": 0}, {"families": ("topics",)}], ids=["no repairs", "whole corpora"])
def test_nothing_is_cut_that_may_not_be_sent_again_or_must_be_read_whole(more: dict[str, Any]):
    story = begun(**more)
    (job,) = story.run.jobs
    end(story, job, REFUSED)
    story.step()

    assert story.run.jobs[job].state is State.GIVEN_UP


def test_a_passing_failure_is_tried_three_times_before_its_job_is_cut_and_pieces_are_cut_at_once():
    story = begun()
    for generation in range(3):
        assert story.run.jobs[key(0)].generation == generation
        end(story, key(0), fault(FaultKind.TRANSIENT))
        story.now += 1_000.0
        if generation < 2:
            story.tell(e.GenerationRenewed(at=story.now, job=key(0), generation=generation + 1, not_before=story.now))
    command = story.next(c.CutJob)
    planned = pieces(story, command)
    story.answer(command, planned)
    end(story, planned.jobs[0].key, fault(FaultKind.TRANSIENT))

    assert story.next(c.CutJob).job == planned.jobs[0].key


def test_nothing_is_cut_while_nothing_is_started():
    story = begun()
    story.tell(e.CancelAsked(at=T0))
    end(story, key(0), REFUSED)
    story.step()

    assert story.run.jobs[key(0)].state is State.FAILED


def test_pieces_are_few_as_long_as_none_is_answered_and_never_many():
    story = begun()
    end(story, key(0), REFUSED)
    first = story.run.jobs[key(0)]

    first.pieces = PIECES_AT_FIRST - 2
    assert can_be_cut(story.run, first, REFUSED)
    first.pieces = PIECES_AT_FIRST - 1
    assert not can_be_cut(story.run, first, REFUSED)
    first.pieces_collected = 1
    assert can_be_cut(story.run, first, REFUSED)
    first.pieces, first.pieces_collected = PIECES_MAX - 1, 1_000
    assert not can_be_cut(story.run, first, REFUSED)
