"""Faults on demand: which rules fire, and what clients then meet."""

from __future__ import annotations

import gzip
import json
import socket
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from runner.endpoint.effects import EFFECTS, table
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


def test_a_storm_comes_and_goes_by_the_clock() -> None:
    now = 100.0
    book = FaultBook([Rule(do="throttle", from_s=10, for_s=5, every_s=60)], lambda: now)
    hit = []
    for moment in (100.0, 109.9, 110.0, 114.9, 115.0, 169.9, 170.0, 175.0):
        now = moment
        hit += fired(book, 1)
    assert hit == [False, False, True, True, False, False, True, False]
    book.replace([Rule(do="throttle", for_s=5)])
    assert fired(book, 1) == [True]
    now = 180.0
    assert fired(book, 1) == [False]


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
    ([{"do": "drop", "probability": 2}], "probability 2.0 is no share"),
    ([{"do": "drop", "times": -1}], "times -1 is negative"),
    ([{"do": "throttle", "every_s": 5}], "every_s 5.0 needs a shorter for_s"),
    ([{"do": "slow", "bytes_per_s": 0}], "bytes_per_s 0.0 would never end"),
    ([{"do": "clock_skew"}], "needs skew_s"),
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
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="is not UTF-8: invalid start byte at byte 0"):
        read_rules(path)
    with pytest.raises(UserError, match="cannot be read: No such file or directory") as error:
        read_rules(tmp_path / "absent")
    assert "--list-faults" in error.value.hint


@pytest.mark.parametrize(("rule", "comprehend", "s3", "sts"), [
    ({"do": "throttle"}, ("ThrottlingException", 429), ("SlowDown", 503), ("Throttling", 400)),
    ({"do": "slow_down"}, ("ThrottlingException", 429), ("SlowDown", 503), ("Throttling", 400)),
    ({"do": "expired_token"}, ("ExpiredTokenException", 400), ("ExpiredToken", 400), ("ExpiredToken", 403)),
    ({"do": "access_denied"}, ("AccessDeniedException", 400), ("AccessDenied", 403), ("AccessDenied", 403)),
    ({"do": "error", "code": "Odd", "message": "no", "status": 418}, ("Odd", 418), ("Odd", 418), ("Odd", 418)),
    ({"do": "error", "code": "Odd"}, ("Odd", 500), ("Odd", 500), ("Odd", 500)),
    ({"do": "server_error"}, ("InternalServerException", 500), ("InternalError", 500), ("InternalFailure", 500)),
    ({"do": "unavailable"}, *[("ServiceUnavailable", 503)] * 3),
    ({"do": "no_slot"}, ("TooManyRequestsException", 400), ("SlowDown", 503), ("Throttling", 400)),
    ({"do": "kms_refused"}, ("KmsKeyValidationException", 400), ("KMS.DisabledException", 400), ("AccessDenied", 403)),
    ({"do": "family_closed"}, ("AccessDeniedException", 400), ("AccessDenied", 403), ("AccessDenied", 403)),
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


def test_the_rules_in_force_can_be_read(faulty: Any) -> None:
    rule = {"do": "throttle", "operation": "StopEntities*", "times": 2}
    faulty.set_faults(rule)
    with urllib.request.urlopen(f"{faulty.url}/_runner/faults", timeout=10) as answer:
        assert json.load(answer) == {"rules": [rule]}


def test_a_reset_is_a_reset(faulty: Any) -> None:
    faulty.set_faults({"service": "s3", "do": "reset"})
    address = urlsplit(faulty.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_an_outage_refuses_connections_breaks_those_there_are_and_ends(endpoint_with: Any) -> None:
    with endpoint_with() as own:
        own.listed("entities")
        own.set_faults({"operation": "ListSentiment*", "do": "refuse", "for_s": 0.5, "times": 1})
        with pytest.raises(BotoCoreError):
            own.listed("sentiment")
        address = urlsplit(own.url)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port), timeout=10).close()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert own.listed("entities") == []
                break
            except BotoCoreError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


@pytest.mark.parametrize("size", [1_000, 400_000])
def test_an_answer_can_break_off_in_its_body(faulty: Any, size: int) -> None:
    faulty.s3.put_object(Bucket="bkt", Key=f"cut-{size}", Body=b"x" * size)
    faulty.set_faults({"operation": "GetObject", "do": "answer_cut", "share": 0.25})
    with pytest.raises(IncompleteRead) as error:
        urllib.request.urlopen(f"{faulty.url}/bkt/cut-{size}", timeout=10).read()
    assert error.value.partial == b"x" * (size // 4)
    faulty.set_faults({"operation": "List*", "do": "answer_cut", "share": 0.5})
    with pytest.raises((BotoCoreError, ClientError)):
        faulty.comprehend.list_entities_detection_jobs()


def test_bodies_can_be_slow_both_ways(faulty: Any) -> None:
    """Sleeps are never shorter than they are told to be, so these bounds hold on any machine."""
    faulty.set_faults({"service": "s3", "do": "slow", "bytes_per_s": 200_000})
    begun = time.monotonic()
    faulty.s3.put_object(Bucket="bkt", Key="slow", Body=b"x" * 60_000)
    assert time.monotonic() - begun >= 0.29
    begun = time.monotonic()
    assert len(faulty.s3.get_object(Bucket="bkt", Key="slow")["Body"].read()) == 60_000
    assert time.monotonic() - begun >= 0.29


@pytest.mark.parametrize(("do", "said"), [
    ("no_read_access", "NO_READ_ACCESS_TO_INPUT: "),
    ("no_write_access", "NO_WRITE_ACCESS_TO_OUTPUT: "),
    ("no_vpc_access", "NOT_ENOUGH_ACCESS_TO_VPC: "),
])  # fmt: skip
def test_jobs_fail_with_the_messages_of_the_field(faulty: Any, do: str, said: str) -> None:
    faulty.set_faults({"do": do})
    properties = faulty.ended("entities", faulty.start("entities", *PLACE))
    assert properties["JobStatus"] == "FAILED"
    assert properties["Message"].startswith(f"{said}The provided data access role does not have ")


def test_an_output_can_be_corrupt(faulty: Any) -> None:
    faulty.set_faults({"do": "archive_corrupt"})
    properties = faulty.ended("entities", faulty.start("entities", *PLACE))
    assert properties["JobStatus"] == "COMPLETED"
    with pytest.raises((zlib.error, gzip.BadGzipFile, tarfile.TarError, ValueError)):
        faulty.rows(properties)


def test_a_clock_that_is_off_shows_in_dates_and_refuses_what_was_signed_elsewhen(endpoint_with: Any) -> None:
    with endpoint_with() as own:
        own.bucket("bkt", {"in/a": b"x"})
        own.set_faults({"do": "clock_skew", "skew_s": 200})  # within what both services allow
        before = time.time()
        properties = own.ended("entities", own.start("entities", "s3://bkt/in/", "s3://bkt/out/"))
        assert properties["SubmitTime"].timestamp() >= before + 199
        dates = own.comprehend.list_entities_detection_jobs()["ResponseMetadata"]["HTTPHeaders"]
        assert parsedate_to_datetime(dates["date"]).timestamp() >= before + 198
        own.set_faults({"do": "clock_skew", "skew_s": -600})  # beyond Comprehend's five minutes, within S3's fifteen
        with pytest.raises(ClientError, match=r"Signature not yet current: .* is still later than ") as early:
            own.comprehend.list_entities_detection_jobs()
        assert early.value.response["Error"]["Code"] == "InvalidSignatureException"
        assert own.s3.get_object(Bucket="bkt", Key="in/a")["Body"].read() == b"x"
        own.set_faults({"do": "clock_skew", "skew_s": 1200})
        with pytest.raises(ClientError, match=r"Signature expired: .* is now earlier than "):
            own.comprehend.list_entities_detection_jobs()
        assert failure(own.s3.get_object, Bucket="bkt", Key="in/a") == ("RequestTimeTooSkewed", 403)
        assert failure(own.client("sts").get_caller_identity) == ("SignatureDoesNotMatch", 403)
        own.set_faults()
        assert len(own.listed("entities")) == 1


def test_every_effect_is_explained_and_none_else() -> None:
    lines = table().splitlines()
    assert [line.split()[0] for line in lines] == list(EFFECTS)
    assert all(len(line.split()) > 2 for line in lines)


def test_a_fault_may_be_for_jobs_that_read_a_certain_text(faulty: Any) -> None:
    faulty.s3.put_object(Bucket="bkt", Key="poison/a", Body=b"one\nwith arsenic\n" + b"more\n" * 200)
    faulty.set_faults({"do": "job_failed", "text": "arsenic"})
    clean = faulty.ended("entities", faulty.start("entities", *PLACE))
    poisoned = faulty.ended("entities", faulty.start("entities", "s3://bkt/poison/", PLACE[1]))
    assert (clean["JobStatus"], poisoned["JobStatus"]) == ("COMPLETED", "FAILED")


def test_a_text_goes_only_with_what_happens_to_jobs(faulty: Any) -> None:
    with pytest.raises(UserError, match="throttle knows nothing of what a job reads"):
        parse_rules([{"do": "throttle", "text": "arsenic"}], "here")
