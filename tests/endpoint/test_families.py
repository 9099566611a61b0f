"""Every family of jobs at the door: what Start asks, what Describe and List repeat, where output goes, what stops."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from runner.endpoint.families import FAMILIES, JobLimits

CODES = {
    "dominant_language": "LANGUAGE",
    "entities": "NER",
    "key_phrases": "KP",
    "sentiment": "SENTIMENT",
    "targeted_sentiment": "TS",
    "pii_entities": "PII",
    "events": "EVENTS",
    "topics": "TOPICS",
    "classification": "CLN",
}
RESOURCES = {family: f"{family.replace('_', '-')}-detection-job" for family in CODES} | {
    "classification": "document-classification-job"
}
FOLDERS = {"pii_entities", "events"}
UNSTOPPABLE = {"topics", "classification"}
WITHOUT_MODEL = sorted(CODES.keys() - {"classification"})
KEY = "arn:aws:kms:us-east-1:000000000000:key/0123"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


@pytest.fixture
def place(endpoint: Any, bucket: str) -> tuple[str, str]:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"A company went public.\nNothing else happened.\n")
    return f"s3://{bucket}/in/", f"s3://{bucket}/out"


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize("family", WITHOUT_MODEL)
def test_a_job_is_described_as_it_was_started(endpoint: Any, place: tuple[str, str], family: str) -> None:
    members: dict[str, Any] = {"JobName": f"of {family}", "Tags": [{"Key": "team", "Value": "x"}]}
    if family not in FOLDERS:
        members |= {"VolumeKmsKeyId": KEY, "VpcConfig": VPC}
    if family == "topics":
        members["NumberOfTopics"] = 7
    if family == "pii_entities":
        redaction = {"PiiEntityTypes": ["NAME"], "MaskMode": "MASK", "MaskCharacter": "#"}
        members |= {"Mode": "ONLY_REDACTION", "RedactionConfig": redaction}
    job_id = endpoint.start(family, *place, **members)
    job = endpoint.ended(family, job_id)
    assert job["JobStatus"] == "COMPLETED", job
    assert re.fullmatch(r"[0-9a-f]{32}", job_id)
    assert job["JobArn"] == f"arn:aws:comprehend:us-east-1:000000000000:{RESOURCES[family]}/{job_id}"
    end = "output/" if family in FOLDERS else "output/output.tar.gz"
    assert job["OutputDataConfig"] == {"S3Uri": f"{place[1]}/000000000000-{CODES[family]}-{job_id}/{end}"}
    assert job["InputDataConfig"] == {"S3Uri": place[0], "InputFormat": "ONE_DOC_PER_LINE"}
    del members["Tags"]
    for name, value in members.items():
        assert job[name] == value
    assert job["SubmitTime"] <= job["EndTime"]
    (listed,) = endpoint.listed(family, Filter={"JobName": f"of {family}"})
    assert listed == job


def test_topics_are_ten_where_nothing_is_said(endpoint: Any, place: tuple[str, str]) -> None:
    assert endpoint.describe("topics", endpoint.start("topics", *place))["NumberOfTopics"] == 10


def test_events_and_modes_are_repeated(endpoint: Any, place: tuple[str, str]) -> None:
    job = endpoint.describe("events", endpoint.start("events", *place))
    assert job["TargetEventTypes"] == ["IPO", "EMPLOYMENT"]
    assert endpoint.describe("pii_entities", endpoint.start("pii_entities", *place))["Mode"] == "ONLY_OFFSETS"


@pytest.mark.parametrize(("family", "members", "code", "said"), [
    ("pii_entities", {"Mode": "ONLY_REDACTION"}, "InvalidRequestException", "RedactionConfig is required"),
    ("events", {"TargetEventTypes": ["IPO", "PARTY"]}, "InvalidRequestException", "PARTY is no event type"),
    ("classification", {}, "InvalidRequestException", "one of DocumentClassifierArn and FlywheelArn"),
    ("sentiment", {"Tags": [{"Key": "a"}, {"Key": "a"}]}, "InvalidRequestException", "only once"),
    ("sentiment", {"Tags": [{"Key": "AWS:x"}]}, "InvalidRequestException", "reserved"),
    ("sentiment", {"Tags": [{"Key": str(n)} for n in range(51)]}, "TooManyTagsException", "50"),
])  # fmt: skip
def test_what_the_model_cannot_say_is_refused_at_the_door(
    endpoint: Any, place: tuple[str, str], family: str, *, members: dict[str, Any], code: str, said: str
) -> None:
    before = endpoint.health()["jobs_accepted"]
    answered, message = refused(endpoint.start, family, *place, **members)
    assert (answered, said in message) == (code, True), message
    assert endpoint.health()["jobs_accepted"] == before


def test_a_reader_that_analyses_needs_features(endpoint: Any, place: tuple[str, str]) -> None:
    reader = {"DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT"}
    assert refused(endpoint.start, "entities", *place, input={"DocumentReaderConfig": reader})[0] == (
        "InvalidRequestException"
    )
    reader["FeatureTypes"] = ["TABLES"]
    endpoint.start("entities", *place, input={"DocumentReaderConfig": reader})


@pytest.mark.parametrize(("family", "member", "kind"), [
    ("entities", "EntityRecognizerArn", "entity-recognizer"),
    ("entities", "FlywheelArn", "flywheel"),
    ("classification", "DocumentClassifierArn", "document-classifier"),
    ("classification", "FlywheelArn", "flywheel"),
])  # fmt: skip
def test_a_model_that_does_not_exist_is_not_found(
    endpoint: Any, place: tuple[str, str], family: str, *, member: str, kind: str
) -> None:
    arn = f"arn:aws:comprehend:us-east-1:000000000000:{kind}/absent"
    assert refused(endpoint.start, family, *place, **{member: arn})[0] == "ResourceNotFoundException"


def test_a_classifier_and_a_flywheel_at_once_are_refused(endpoint: Any, place: tuple[str, str]) -> None:
    arn = "arn:aws:comprehend:us-east-1:000000000000"
    both = {"DocumentClassifierArn": f"{arn}:document-classifier/x", "FlywheelArn": f"{arn}:flywheel/x"}
    assert refused(endpoint.start, "classification", *place, **both)[0] == "InvalidRequestException"


def test_members_that_a_family_does_not_have_are_not_in_the_model_and_change_nothing(
    endpoint: Any, place: tuple[str, str]
) -> None:
    with pytest.raises(ParamValidationError):
        endpoint.start("events", *place, VolumeKmsKeyId=KEY)


@pytest.mark.parametrize("family", sorted(CODES))
def test_only_what_the_service_can_stop_has_a_stop(endpoint: Any, family: str) -> None:
    assert FAMILIES[family].stoppable == (family not in UNSTOPPABLE)
    if family in UNSTOPPABLE:
        with pytest.raises(AttributeError):
            endpoint.call("Stop", family, JobId="absent")
    else:
        assert refused(endpoint.call, "Stop", family, JobId="absent")[0] == "JobNotFoundException"


@pytest.mark.parametrize("family", ["key_phrases", "topics"])
def test_topics_order_by_time_the_other_way_about(endpoint_with: Any, family: str) -> None:
    with endpoint_with() as own:
        ids = [own.start(family, "s3://absent/in/", "s3://absent/out/") for _ in range(3)]
        middle = time.time()
        before = [job["JobId"] for job in own.listed(family, Filter={"SubmitTimeBefore": middle + 60})]
        after = [job["JobId"] for job in own.listed(family, Filter={"SubmitTimeAfter": middle - 60})]
        assert before == (ids[::-1] if family == "topics" else ids)
        assert after == before[::-1]
        assert [job["JobId"] for job in own.listed(family)] == ids[::-1]


@pytest.mark.parametrize(("family", "bytes_max", "lines_max", "bytes_min"), [
    ("entities", 5 * 1024**3, 1_000_000, 500),
    ("targeted_sentiment", 300 * 1024**2, 30_000, 500),
    ("events", 50 * 1024**2, 5_000, 500),
    ("classification", 5 * 1024**3, 1_000_000, 1),
])  # fmt: skip
def test_jobs_have_the_documented_limits(family: str, *, bytes_max: int, lines_max: int, bytes_min: int) -> None:
    limits = FAMILIES[family].limits({})
    assert limits == JobLimits(bytes_max=bytes_max, files_max=lines_max, lines_max=lines_max, bytes_min=bytes_min)
    assert limits.breach(size=bytes_max, files=lines_max, lines=lines_max) is None
    assert limits.breach(size=bytes_min) is None
    for over in ({"size": bytes_max + 1}, {"files": lines_max + 1}, {"lines": lines_max + 1}):
        assert "INPUT_SIZE_LIMIT_EXCEEDED: " in str(limits.breach(**over))
    assert "INPUT_SIZE_TOO_SMALL: " in str(limits.breach(size=bytes_min - 1))


def test_a_recognizer_reads_a_single_byte() -> None:
    assert FAMILIES["entities"].limits({"EntityRecognizerArn": "arn"}).breach(size=1) is None


@pytest.mark.parametrize(("rule", "sizes"), [
    ("service", {"small": "FAILED", "right": "COMPLETED", "many": "FAILED"}),
    ("maximum", {"small": "COMPLETED", "right": "COMPLETED", "many": "FAILED"}),
    ("none", {"small": "COMPLETED", "right": "COMPLETED", "many": "COMPLETED"}),
])  # fmt: skip
def test_jobs_that_read_too_much_or_too_little_fail_by_setting(
    endpoint_with: Any, rule: str, *, sizes: dict[str, str]
) -> None:
    with endpoint_with(job_limits=rule) as own:
        own.bucket("bkt", {"small/a": b"x" * 499, "right/a": b"x" * 500, "many/a": b"some words\n" * 5_001})
        jobs = {size: own.start("events", f"s3://bkt/{size}/", "s3://bkt/out/") for size in sizes}
        ended = {size: own.ended("events", job_id) for size, job_id in jobs.items()}
        assert {size: job["JobStatus"] for size, job in ended.items()} == sizes
        if rule == "service":
            assert ended["small"]["Message"].startswith("INPUT_SIZE_TOO_SMALL: The input has 499 bytes.")
            assert "more than 5000 lines" in ended["many"]["Message"]
