from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import InternalError
from runner.model import Job, RepairReport, repair_part_id
from runner.planning import DurationModel, make_plan, repair_batch
from runner.planning.packing import PAD_UNITS


@pytest.fixture
def jobs(build) -> tuple[Job, ...]:
    """Two jobs or more of entities, in input order."""
    manifest = build.manifest(["entities"], lane=build.lane("embedded", slots=2, pace=None))
    return make_plan(manifest, build.segments([8_000_000] * 4), durations=DurationModel()).work.jobs


def report(size: int = 9_000) -> RepairReport:
    return RepairReport(part=repair_part_id(7), covers=("000-000000-00001-000",), lines=20, bytes=size, units=90)


def plan_repair(analysis, repaired, *, size: int = 9_000, repair_round: int = 1, language: str | None = "en", **given):
    return repair_batch(
        7,
        report(size),
        analysis=analysis,
        language=language,
        repaired=repaired,
        repair_round=repair_round,
        kind="embedded",
        durations=DurationModel(),
        **given,
    )


def test_a_repair_answers_for_the_parts_that_its_lines_came_from(build, jobs) -> None:
    batch, job = plan_repair(build.analysis("entities"), jobs[1:])

    assert (batch.id, batch.parts, batch.covers) == ("r000007", (repair_part_id(7),), ("000-000000-00001-000",))
    assert (batch.language, batch.lines, batch.bytes, batch.padded) == ("en", 20, 9_000, False)
    assert (job.key, job.operation, job.units) == ("entities-r000007", "EntitiesDetection", 90)
    assert (job.repairs, job.round, job.order) == (tuple(job.key for job in jobs[1:]), 1, jobs[1].order)


def test_a_small_repair_is_padded_and_pays_for_it(build, jobs) -> None:
    batch, job = plan_repair(build.analysis("entities"), jobs, size=120)

    assert batch.padded
    assert job.units == 90 + PAD_UNITS


def test_a_family_without_language_code_gets_none(build, jobs) -> None:
    of_language = [replace(job, analysis="dominant_language") for job in jobs]

    batch, _ = plan_repair(build.analysis("dominant_language"), of_language)

    assert batch.language is None


def test_what_a_stopped_job_left_keeps_its_round(build, jobs) -> None:
    _, job = plan_repair(build.analysis("entities"), jobs, repair_round=0)

    assert job.round == 0


def test_jobs_of_another_analysis_or_a_later_round_are_refused(build, jobs) -> None:
    with pytest.raises(InternalError, match="cannot repair"):
        plan_repair(build.analysis("key_phrases"), jobs)
    with pytest.raises(InternalError, match="of round 2"):
        plan_repair(build.analysis("entities"), [replace(jobs[0], round=2)])


def test_reopened_documents_need_a_place_in_the_input(build) -> None:
    with pytest.raises(InternalError, match="place in the input"):
        plan_repair(build.analysis("entities"), [], repair_round=0)

    _, job = plan_repair(build.analysis("entities"), [], repair_round=0, order=3)

    assert (job.order, job.repairs, job.round) == (3, (), 0)
