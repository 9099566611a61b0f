"""The log: a name for every durable event, keys to search by, nothing that is nobody's business."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.core import events as e
from runner.model import JobKey
from runner.telemetry.log import JOB_DONE, NAMES, ConsoleLog, EventLog
from tests.telemetry.conftest import FAULT, Story, a_job


@pytest.fixture
def log(story: Story, tmp_path: Path) -> Any:
    made = EventLog(tmp_path / "log.jsonl", run=story.run)
    story.watchers.append(made.notice)
    yield made
    made.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_every_durable_event_has_a_name_of_its_own_and_no_other_has() -> None:
    assert set(NAMES) == set(e.DURABLE_EVENTS)
    names = [*NAMES.values(), JOB_DONE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in names)


def test_a_line_says_when_how_grave_what_and_of_which_run(story: Story, log: EventLog, tmp_path: Path) -> None:
    story.begin()
    story.list_sources(3)

    began, listed = lines(tmp_path)
    assert listed == {
        "v": 1,
        "at": "2026-07-01T09:30:00.000+00:00",
        "level": "info",
        "event": "survey.listing_taken",
        "run": "20260701T093000-aaaaaaaaaaaaaaaa",
        "corpus": "c",
        "digest": "d",
        "files": 1,
        "bytes": 1,
        "ranges": 3,
    }
    assert list(listed)[:5] == list(began)[:5] == ["v", "at", "level", "event", "run"]


def test_what_is_for_folding_is_there_as_its_length(story: Story, log: EventLog, tmp_path: Path) -> None:
    story.ready(1)

    by_name = {line["event"]: line for line in lines(tmp_path)}
    assert by_name["run.began"]["spec"] == len('{"secret": "Zanzibar"}')
    assert by_name["survey.range_surveyed"]["segments"] == 1
    assert by_name["plan.batch_planned"]["batch"]["parts"] == 1
    assert "Zanzibar" not in (tmp_path / "log.jsonl").read_text()


def test_the_end_of_a_job_has_one_canonical_line(story: Story, log: EventLog, tmp_path: Path) -> None:
    story.ready(1)
    story.start(0)
    story.at += 8.5
    story.end(0)
    story.collect(0)

    done = [line for line in lines(tmp_path) if line["event"] == JOB_DONE]
    assert done == [
        {
            "v": 1,
            "at": "2026-07-01T09:30:08.500+00:00",
            "level": "info",
            "event": "job.done",
            "run": "20260701T093000-aaaaaaaaaaaaaaaa",
            "job": "sentiment-b0",
            "analysis": "sentiment",
            "batch": "b0",
            "outcome": "collected",
            "code": None,
            "lane": "near",
            "remote_id": "r0",
            "generations": 1,
            "starts": 1,
            "ok": 98,
            "errors": 1,
            "missing": 1,
            "units": 300,
            "predicted_s": 10.0,
            "service_s": 6.0,
            "duration_s": 8.5,
        }
    ]


def test_a_job_given_up_without_a_start_says_so(story: Story, log: EventLog, tmp_path: Path) -> None:
    story.ready(1)
    story.tell(e.JobGivenUp(at=story.at, job=a_job(0).key, code="FAMILY_CLOSED", fault=FAULT))

    given_up, done = lines(tmp_path)[-2:]
    assert (given_up["event"], given_up["level"], given_up["fault"]["code"]) == (
        "job.given_up",
        "error",
        "AccessDenied",
    )
    assert (done["outcome"], done["code"], done["generations"], done["starts"]) == ("given_up", "FAMILY_CLOSED", 0, 0)
    assert (done["lane"], done["service_s"], done["duration_s"]) == (None, None, None)


def test_faults_are_warnings_and_what_waits_for_the_user_is_an_error(
    story: Story, log: EventLog, tmp_path: Path
) -> None:
    story.ready(1)
    story.tell(e.MergeFailed(at=story.at, corpus="c", fault=FAULT))
    story.park()

    assert [line["level"] for line in lines(tmp_path)[-2:]] == ["warning", "error"]


def test_what_is_only_true_of_a_tick_is_not_logged(story: Story, log: EventLog, tmp_path: Path) -> None:
    log.notice(e.Swept(at=0.0, lane="near", operation="x", missing=(JobKey("a"),)))

    assert lines(tmp_path) == []


def test_a_log_is_appended_to_and_its_owners_alone(story: Story, tmp_path: Path) -> None:
    for expected in (True, False):
        log = EventLog(tmp_path / "log.jsonl", run=story.run)
        assert log.fresh == expected
        log.notice(e.CancelAsked(at=0.0))
        log.close()

    assert [line["event"] for line in lines(tmp_path)] == ["run.cancel_asked"] * 2
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_people_are_told_what_is_as_grave_as_they_asked_for(story: Story) -> None:
    told: list[str] = []
    story.watchers.append(ConsoleLog(told.append, run=story.run, level="warning", colors=False).notice)
    story.ready(1)
    story.start(0)
    assert told == []
    story.park()
    (line,) = told
    assert line.startswith("09:30:00 [error")
    assert "work.parked" in line
    assert "AccessDenied" in line


def test_a_start_is_logged_without_its_token(story: Story, log: EventLog, tmp_path: Path) -> None:
    story.ready(1)
    story.start(0)
    intended = next(line for line in lines(tmp_path) if line["event"] == "job.start_intended")
    assert "token" not in intended
    assert "t" * 32 not in (tmp_path / "log.jsonl").read_text()
