"""`runner doctor --probe` against endpoints that behave in different ways, as a user sees it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from runner.compose.doctoring.observations import Observed, facts
from runner.compose.doctoring.probejobs import ProbeJobs, probe_cost
from runner.manifest import load_manifest
from runner.model import Fault, FaultKind, JobStatus, LaneSpec, RemoteId, RemoteJob, Scope
from tests.acceptance.house import House, serving


def told(house: House) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the facts by their subject."""
    said = house.command("doctor", "m.yaml", "--probe", "--yes", "--json")
    return said.code, {fact["subject"]: fact for fact in json.loads(said.out)["facts"]}


def keys(house: House) -> bytes:
    assert house.endpoint is not None
    with urllib.request.urlopen(f"{house.endpoint.url}/{house.bucket}?list-type=2", timeout=10) as answer:
        found: bytes = answer.read()
        return found


def test_what_a_service_that_honours_tokens_does(house: House) -> None:
    assert house.endpoint is not None
    before = house.endpoint.accepted
    code, facts_ = told(house)
    assert code == 0
    assert facts_["token, same parameters"]["message"].startswith("the same job, at once and ")
    assert facts_["token, other parameters"]["message"].startswith("refused: ResourceInUseException")
    assert facts_["File in outputs"]["message"] == "the path below the prefix"
    assert facts_["path of sentiment outputs"]["message"] == "the code is SENTIMENT"
    assert facts_["blank lines"]["message"] == "empty: a row with a result; white space: a row with a result"
    assert facts_["jobs below 500 bytes"]["message"] == "such a job ended COMPLETED"
    assert facts_["unfiltered List"]["message"].startswith("newest first, of ")
    assert {fact["level"] for fact in facts_.values()} == {"ok"}
    assert house.endpoint.accepted - before == 2
    assert b"<Key>" not in keys(house)


def test_what_a_service_that_ignores_tokens_does(tmp_path: Path) -> None:
    strange = ("--tokens", "ignored", "--list-lag", "0.5", "--blank-lines", "skip", "--job-limits", "service")
    with serving(tmp_path / "serve", "--analyzers", "noop", "--workers", "1", *strange) as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("odd"))
        house.furnish()
        code, facts_ = told(house)
        assert endpoint.accepted == 4
        assert b"<Key>" not in keys(house)
    # The tests' lanes wait 0.2 s between the looks: shorter than the lag here, where a token is no safety.
    assert (code, facts_["List by name"]["level"]) == (2, "wrong")
    assert facts_["token, same parameters"]["message"] == "it begins a second job"
    assert facts_["token, other parameters"]["message"] == "another job"
    lag = float(facts_["List by name"]["message"].removeprefix("a new job is shown after ").removesuffix(" s"))
    assert lag >= 0.5
    assert facts_["blank lines"]["message"] == "empty: no row; white space: no row"
    assert "ended FAILED: INPUT_SIZE_TOO_SMALL" in facts_["jobs below 500 bytes"]["message"]


def test_it_says_first_what_it_does_and_costs_and_does_nothing_unless_somebody_agrees(house: House) -> None:
    assert house.endpoint is not None
    before = house.endpoint.accepted
    said = house.command("doctor", "m.yaml", "--probe")
    assert said.code == 4
    assert "on each lane up to 5 sentiment jobs" in said.talk
    assert "87 units at the most, up to $0.0087 (prices as of " in said.talk
    assert "say `--yes`" in said.talk
    assert house.endpoint.accepted == before
    assert b"<Key>" not in keys(house)


def test_a_lane_that_refuses_jobs_is_told_and_left_clean(house: House) -> None:
    assert house.endpoint is not None
    house.endpoint.set_faults({"operation": "StartSentimentDetectionJob", "do": "access_denied"})
    code, facts_ = told(house)
    assert code == 2
    assert facts_["first job"]["message"].startswith("it did not begin: AccessDenied")
    assert facts_["token, same parameters"]["level"] == "unknown"
    assert b"<Key>" not in keys(house)


def test_no_job_is_without_a_name(house: House) -> None:
    assert all(name.startswith("probe-") for name in ProbeJobs(LaneSpec(name="near", kind="url"), "probe-x").names)


def test_the_price_holds_for_every_job_of_every_lane(house: House) -> None:
    manifest = load_manifest(house.root / "m.yaml")
    # 5 + 2 lines in the larger input, which four jobs may read, and one in the smaller: three units each.
    assert probe_cost(manifest, 2).units.upper == 2 * 3 * (4 * 7 + 1)


NOW = RemoteJob(remote_id=RemoteId("1"), name="probe-x-first", status=JobStatus.COMPLETED)
SECOND = RemoteJob(remote_id=RemoteId("2"), name="probe-x-first", status=JobStatus.SUBMITTED)
BUSY = Fault(kind=FaultKind.REJECTED, scope=Scope.CALL, code="ResourceInUseException", message="in use")


@pytest.mark.parametrize(
    ("lag_s", "again", "level"),
    [(None, SECOND, "wrong"), (61.0, SECOND, "wrong"), (59.0, SECOND, "ok"), (None, NOW, "ok"), (None, BUSY, "ok")],
)
def test_a_lag_is_dangerous_only_where_it_is_longer_than_the_grace_and_tokens_begin_second_jobs(lag_s, again, level):
    seen = Observed(first=NOW, again=again, lag_s=lag_s, looked_s=180.0)
    found = {fact.subject: fact for fact in facts(ProbeJobs(LaneSpec(name="a", kind="aws"), "probe-x"), seen)}
    assert found["List by name"].level == level


def test_what_could_not_be_cleaned_up_is_told():
    seen = Observed(first=NOW, left="jobs go on")
    found = {fact.subject: fact for fact in facts(ProbeJobs(LaneSpec(name="a", kind="aws"), "probe-x"), seen)}
    assert found["cleaning"].level == "wrong"
