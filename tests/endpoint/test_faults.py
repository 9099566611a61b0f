"""Faults on demand: which rules fire, and what clients then meet."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from runner.endpoint.faults import FaultBook, Rule, parse_rules, read_rules
from runner.errors import UserError

PLACE = ("s3://bkt/in/", "s3://bkt/out/")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, endpoint: Any) -> Iterator[Any]:
    """The shared endpoint; its rules are cleared after each test."""
    endpoint.bucket("bkt", {"in/a": b"\n".join(b"line %d" % number for number in range(300))})
    return endpoint


@pytest.fixture(autouse=True)
def _no_rules_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "faulty" in request.fixturenames:
        request.getfixturevalue("faulty").set_faults()


def failure(call: Any, *args: Any, **kwargs: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def fired(book: FaultBook, count: int, **request: str) -> list[bool]:
    asked = {"service": "s3", "operation": "GetObject"} | request
    return [bool(book.on_request(asked["service"], asked["operation"], key=asked.get("key", ""))) for _ in range(count)]


def test_a_rule_fires_after_some_and_at_most_so_often() -> None:
    book = FaultBook([Rule(do="throttle", after=2, times=3)])
    assert fired(book, 8) == [False, False, True, True, True, False, False, False]


def test_dice_are_seeded() -> None:
    def thrown(seed: int) -> list[bool]:
        return fired(FaultBook([Rule(do="throttle", probability=0.3, seed=seed)]), 200)

    assert thrown(1) == thrown(1) != thrown(2)
    assert 30 < sum(thrown(1)) < 90


@pytest.mark.parametrize(("rule", "hit"), [
    ({}, True),
    ({"service": "s3"}, True),
    ({"service": "comprehend"}, False),
    ({"operation": "Get*"}, True),
    ({"operation": "get*"}, False),
    ({"key": "bkt/in/*"}, True),
    ({"key": "other/*"}, False),
    ({"job_name": "x*"}, False),
])  # fmt: skip
def test_a_rule_chooses_by_everything_it_names(rule: dict[str, Any], hit: bool) -> None:
    assert fired(FaultBook([Rule(do="drop", **rule)]), 1, key="bkt/in/a") == [hit]


@pytest.mark.parametrize(("rules", "complaint"), [
    ([{"do": "explode"}], "no fault called 'explode'"),
    ([{"do": "drop", "opration": "x"}], "opration"),
    ([{"operation": "x"}], "`do`"),
    ([{"do": "error"}], "needs a code"),
    ([{"do": "drop", "times": "many"}], "times"),
    ("drop", "array"),
])  # fmt: skip
def test_rules_that_mean_nothing_are_refused_with_what_is_wrong(rules: Any, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        parse_rules(rules, "here")


def test_rules_are_read_from_yaml_and_json(tmp_path: Path) -> None:
    path = tmp_path / "rules"
    path.write_text("rules:\n- do: drop\n  operation: 'Start*'\n")
    assert read_rules(path) == [Rule(do="drop", operation="Start*")]
    path.write_text('[{"do": "throttle", "probability": 0.5}]')
    assert read_rules(path) == [Rule(do="throttle", probability=0.5)]
    path.write_text("")
    assert read_rules(path) == []
    path.write_text("{")
    with pytest.raises(UserError, match="is not YAML"):
        read_rules(path)


@pytest.mark.parametrize(("rule", "comprehend", "s3", "sts"), [
    ({"do": "throttle"}, ("ThrottlingException", 429), ("SlowDown", 503), ("Throttling", 400)),
    ({"do": "slow_down"}, ("ThrottlingException", 429), ("SlowDown", 503), ("Throttling", 400)),
    ({"do": "expired_token"}, ("ExpiredTokenException", 400), ("ExpiredToken", 400), ("ExpiredToken", 403)),
    ({"do": "access_denied"}, ("AccessDeniedException", 400), ("AccessDenied", 403), ("AccessDenied", 403)),
    ({"do": "error", "code": "Odd", "message": "no", "status": 418}, ("Odd", 418), ("Odd", 418), ("Odd", 418)),
])  # fmt: skip
def test_each_service_refuses_in_its_own_words(
    faulty: Any, rule: dict[str, Any], *, comprehend: Any, s3: Any, sts: Any
) -> None:
    faulty.set_faults(rule)
    assert failure(faulty.comprehend.list_entities_detection_jobs) == comprehend
    assert failure(faulty.s3.list_objects_v2, Bucket="bkt") == s3
    assert failure(faulty.client("sts").get_caller_identity) == sts


def test_a_refused_upload_leaves_nothing_and_the_next_one_works(faulty: Any) -> None:
    faulty.set_faults({"service": "s3", "operation": "PutObject", "do": "slow_down", "times": 1})
    body = b"x" * 2_000_000
    assert failure(faulty.s3.put_object, Bucket="bkt", Key="new", Body=body) == ("SlowDown", 503)
    assert faulty.s3.list_objects_v2(Bucket="bkt", Prefix="new")["KeyCount"] == 0
    faulty.s3.put_object(Bucket="bkt", Key="new", Body=body)
    assert faulty.s3.head_object(Bucket="bkt", Key="new")["ContentLength"] == len(body)


def test_a_start_whose_answer_is_lost_was_accepted_and_one_that_is_dropped_was_not(faulty: Any) -> None:
    token = {"ClientRequestToken": "lost-answer"}
    before = faulty.health()["jobs_accepted"]
    faulty.set_faults({"operation": "Start*", "do": "drop", "times": 1})
    with pytest.raises(BotoCoreError):
        faulty.start("entities", *PLACE, **token)
    assert faulty.health()["jobs_accepted"] == before
    faulty.set_faults({"operation": "Start*", "do": "answer_lost", "times": 1})
    with pytest.raises(BotoCoreError):
        faulty.start("entities", *PLACE, JobName="lost", **token)
    assert faulty.health()["jobs_accepted"] == before + 1
    (found,) = faulty.comprehend.list_entities_detection_jobs(Filter={"JobName": "lost"})[
        "EntitiesDetectionJobPropertiesList"
    ]
    assert faulty.start("entities", *PLACE, JobName="lost", **token) == found["JobId"]
    assert faulty.health()["jobs_accepted"] == before + 1


def test_an_upload_whose_answer_is_lost_is_there(faulty: Any) -> None:
    faulty.set_faults({"operation": "PutObject", "key": "bkt/lost", "do": "answer_lost"})
    with pytest.raises(BotoCoreError):
        faulty.s3.put_object(Bucket="bkt", Key="lost", Body=b"there")
    assert faulty.s3.get_object(Bucket="bkt", Key="lost")["Body"].read() == b"there"


def test_a_delay_only_delays(faulty: Any) -> None:
    faulty.set_faults({"operation": "HeadObject", "do": "delay", "delay_s": 0.2, "times": 1})
    begun = time.monotonic()
    faulty.s3.head_object(Bucket="bkt", Key="in/a")
    assert time.monotonic() - begun >= 0.2


def test_a_job_can_be_made_to_fail_by_its_name(faulty: Any) -> None:
    message = "INTERNAL_SERVER_ERROR: gone"
    faulty.set_faults({"job_name": "doomed-*", "do": "job_failed", "message": message})
    doomed = faulty.start("entities", *PLACE, JobName="doomed-1")
    spared = faulty.start("entities", *PLACE, JobName="spared-1")
    properties = faulty.ended("entities", doomed)
    assert (properties["JobStatus"], properties["Message"]) == ("FAILED", message)
    assert faulty.ended("entities", spared)["JobStatus"] == "COMPLETED"
    with pytest.raises(ClientError, match="NoSuchKey"):
        faulty.rows(properties)


def test_outputs_can_be_spoilt(faulty: Any) -> None:
    def lines(rule: dict[str, Any]) -> list[int]:
        faulty.set_faults({"seed": 5} | rule)
        return sorted(row["Line"] for row in faulty.analysed("entities", *PLACE))

    whole = list(range(300))
    missing = lines({"do": "rows_missing", "share": 0.2})
    assert set(missing) < set(whole)
    assert missing == lines({"do": "rows_missing", "share": 0.2})
    doubled = lines({"do": "rows_doubled", "share": 0.2})
    assert set(doubled) == set(whole)
    assert len(doubled) > 300
    faulty.set_faults({"do": "archive_truncated", "share": 0.5})
    properties = faulty.ended("entities", faulty.start("entities", *PLACE))
    assert properties["JobStatus"] == "COMPLETED"
    with pytest.raises(EOFError):
        faulty.rows(properties)


def test_rules_that_are_posted_badly_leave_the_others_in_force(faulty: Any) -> None:
    faulty.set_faults({"operation": "ListBuckets", "do": "access_denied"})
    for body in (b"{", b'[{"do": "explode"}]'):
        request = urllib.request.Request(f"{faulty.url}/_runner/faults", body, method="POST")
        with pytest.raises(urllib.error.HTTPError, match="400") as error:
            urllib.request.urlopen(request, timeout=10)
        assert b'"error"' in error.value.read()
        error.value.close()
    assert failure(faulty.s3.list_buckets) == ("AccessDenied", 403)
