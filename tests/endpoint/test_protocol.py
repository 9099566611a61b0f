"""What the service decides at the door: names, errors, tokens, filters, pages, stops, quotas."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.endpoint import Quotas

JSON = "application/x-amz-json-1.1"


def post(endpoint: Any, operation: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any], Any]:
    """A request as bytes: status, body, headers."""
    request = urllib.request.Request(endpoint.url, body, {"Content-Type": JSON, **headers}, method="POST")
    request.add_header("X-Amz-Target", f"Comprehend_20171127.{operation}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str, int]:
    """Code, message and HTTP status of an answer that must be an error."""
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    answer = error.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def source(endpoint: Any, bucket: str) -> tuple[str, str]:
    """Input and output URIs of a bucket with one document."""
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text")
    return f"s3://{bucket}/in/", f"s3://{bucket}/out/"


def test_answers_carry_a_request_id_and_the_protocols_content_type(endpoint: Any) -> None:
    status, body, headers = post(endpoint, "ListEntitiesDetectionJobs", b'{"MaxResults":1}')
    assert status == 200
    assert "EntitiesDetectionJobPropertiesList" in body
    assert headers["Content-Type"] == JSON
    assert len(headers["x-amzn-RequestId"]) == 36


@pytest.mark.parametrize(("operation", "body", "status", "code"), [
    ("DoSomethingElse", b"{}", 400, "UnknownOperationException"),
    ("StopTopicsDetectionJob", b"{}", 400, "UnknownOperationException"),
    ("ListEntitiesDetectionJobs", b"{", 400, "SerializationException"),
    ("ListEntitiesDetectionJobs", b"[]", 400, "SerializationException"),
    ("ListEntitiesDetectionJobs", b"[" * 100_000, 400, "SerializationException"),
    ("ListEntitiesDetectionJobs", b'{"MaxResults":"5"}', 400, "SerializationException"),
    ("ListEntitiesDetectionJobs", b'{"MaxResults":501}', 400, "ValidationException"),
    ("ListEntitiesDetectionJobs", b" " * (1 << 21), 413, "RequestEntityTooLargeException"),
    ("DescribeEntitiesDetectionJob", b"{}", 400, "ValidationException"),
    ("DescribeEntitiesDetectionJob", b'{"JobId":"absent"}', 400, "JobNotFoundException"),
    ("StopEntitiesDetectionJob", b'{"JobId":"absent"}', 400, "JobNotFoundException"),
])  # fmt: skip
def test_errors_have_the_services_codes(endpoint: Any, operation: str, body: bytes, status: int, code: str) -> None:
    answered, error, headers = post(endpoint, operation, body)
    assert (answered, error["__type"]) == (status, code)
    assert error.get("Message") or error.get("message")
    assert headers["x-amzn-RequestId"]


def test_a_signed_request_without_a_target_names_no_operation(endpoint: Any) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/comprehend/aws4_request, Signature=x"
    request = urllib.request.Request(endpoint.url, b"{}", {"Authorization": scope}, method="POST")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    with error.value:
        assert json.load(error.value)["__type"] == "UnknownOperationException"


def test_the_same_token_and_parameters_are_the_same_job(endpoint: Any, source: tuple[str, str]) -> None:
    before = endpoint.health()["jobs_accepted"]
    first = endpoint.start("entities", *source, ClientRequestToken="token-1")
    endpoint.ended("entities", first)
    assert endpoint.start("entities", *source, ClientRequestToken="token-1") == first
    assert endpoint.health()["jobs_accepted"] == before + 1


def test_a_token_of_another_operation_or_region_is_another_token(endpoint: Any, source: tuple[str, str]) -> None:
    elsewhere = endpoint.client("comprehend", "eu-west-1")
    ids = {
        endpoint.start("entities", *source, ClientRequestToken="token-2"),
        endpoint.start("key_phrases", *source, ClientRequestToken="token-2"),
        endpoint.start("entities", *source, ClientRequestToken="token-2", client=elsewhere),
    }
    assert len(ids) == 3


def test_a_token_with_other_parameters_is_refused(endpoint: Any, source: tuple[str, str]) -> None:
    first = endpoint.start("entities", *source, ClientRequestToken="token-3")
    code, message, status = refused(endpoint.start, "entities", *source, ClientRequestToken="token-3", JobName="other")
    assert (code, status) == ("ResourceInUseException", 400)
    assert first in message


def test_a_model_that_does_not_exist_is_not_found(endpoint: Any, source: tuple[str, str]) -> None:
    arn = "arn:aws:comprehend:us-east-1:000000000000:entity-recognizer/absent"
    assert refused(endpoint.start, "entities", *source, EntityRecognizerArn=arn)[0] == "ResourceNotFoundException"


def test_tokens_can_be_ignored(endpoint_with: Any) -> None:
    with endpoint_with(tokens="ignored") as forgetful:
        forgetful.bucket("bkt", {"in/a": b"x"})
        ids = {
            forgetful.start("entities", "s3://bkt/in/", "s3://bkt/out/", ClientRequestToken="same") for _ in range(3)
        }
        assert len(ids) == 3
        assert forgetful.health()["jobs_accepted"] == 3


def test_a_token_can_be_forgotten_after_a_while(endpoint_with: Any) -> None:
    with endpoint_with(token_life_s=0.5) as own:
        place = ("s3://absent/in/", "s3://absent/out/")
        first = own.start("entities", *place, ClientRequestToken="t")
        assert own.start("entities", *place, ClientRequestToken="t") == first
        submitted = own.describe("entities", first)["SubmitTime"].timestamp()
        while time.time() < submitted + 0.51:
            time.sleep(0.05)
        second = own.start("entities", *place, ClientRequestToken="t")
        assert second != first
        assert own.start("entities", *place, ClientRequestToken="t") == second


def test_a_list_that_lags_hides_new_jobs_from_list_alone(endpoint_with: Any) -> None:
    with endpoint_with(list_lag_s=0.5) as own:
        job_id = own.start("entities", "s3://absent/in/", "s3://absent/out/", JobName="new")
        seen_at_first = own.listed("entities", Filter={"JobName": "new"})
        submitted = own.describe("entities", job_id)["SubmitTime"].timestamp()
        if time.time() < submitted + 0.5:
            assert seen_at_first == []
        while time.time() < submitted + 0.51:
            time.sleep(0.05)
        assert [job["JobId"] for job in own.listed("entities", Filter={"JobName": "new"})] == [job_id]


def test_a_page_belongs_to_its_filter(endpoint_with: Any) -> None:
    with endpoint_with() as own:
        for _ in range(2):
            own.start("entities", "s3://absent/in/", "s3://absent/out/")
        token = own.comprehend.list_entities_detection_jobs(MaxResults=1)["NextToken"]
        assert len(own.listed("entities", NextToken=token)) == 1
        other = {"Filter": {"JobName": "x"}, "NextToken": token}
        assert refused(own.comprehend.list_entities_detection_jobs, **other)[0] == "InvalidRequestException"
        assert refused(own.comprehend.list_sentiment_detection_jobs, NextToken=token)[0] == "InvalidRequestException"


def test_a_page_has_a_hundred_jobs_unless_told_otherwise(endpoint_with: Any) -> None:
    with endpoint_with() as own:
        for _ in range(102):
            own.start("entities", "s3://absent/in/", "s3://absent/out/")
        assert len(own.listed("entities")) == 100
        assert len(own.listed("entities", MaxResults=500)) == 102
        pages = own.comprehend.get_paginator("list_entities_detection_jobs").paginate()
        assert [len(page["EntitiesDetectionJobPropertiesList"]) for page in pages] == [100, 2]


def test_an_operation_that_the_service_has_and_this_endpoint_has_not_is_named(endpoint: Any) -> None:
    _, unserved, _ = post(endpoint, "DetectSentiment", b"{}")
    _, unheard, _ = post(endpoint, "DetectLies", b"{}")
    assert unserved["__type"] == unheard["__type"] == "UnknownOperationException"
    assert "has the operation DetectSentiment, but this local endpoint does not serve it" in unserved["message"]
    assert "has no operation 'DetectLies'" in unheard["message"]


def test_a_stop_can_come_too_late(endpoint_with: Any, tmp_path: Any) -> None:
    """STOP_REQUESTED, and then COMPLETED with every row."""
    rules = tmp_path / "faults.yaml"
    rules.write_text("- {do: stop_late}\n")
    with endpoint_with(faults=rules, timing="service", time_scale=0.001) as own:
        own.bucket("bkt", {"in/a": b"x\ny\n"})
        job_id = own.start("entities", "s3://bkt/in/", "s3://bkt/out/")
        answer = own.comprehend.stop_entities_detection_job(JobId=job_id)
        assert answer["JobStatus"] == "STOP_REQUESTED"
        properties = own.ended("entities", job_id)
        assert properties["JobStatus"] == "COMPLETED"
        assert len(own.rows(properties)) == 2


def test_regions_and_families_do_not_see_each_others_jobs(endpoint: Any, source: tuple[str, str]) -> None:
    elsewhere = endpoint.client("comprehend", "eu-west-1")
    job_id = endpoint.start("entities", *source, client=elsewhere)
    properties = endpoint.ended("entities", job_id, client=elsewhere)
    assert properties["JobArn"].startswith("arn:aws:comprehend:eu-west-1:")
    assert refused(endpoint.describe, "entities", job_id)[0] == "JobNotFoundException"
    assert refused(endpoint.describe, "sentiment", job_id, client=elsewhere)[0] == "JobNotFoundException"


def test_lists_filter_by_one_thing_only(endpoint_with: Any) -> None:
    """Times by hand: boto3 sends whole seconds."""
    with endpoint_with() as own:
        own.bucket("bkt", {"in/a": b"x"})
        ids = []
        for name in ("one", "two", "three"):
            ids.append(own.start("sentiment", "s3://bkt/in/", "s3://bkt/out/", JobName=name))
            own.ended("sentiment", ids[-1])
            time.sleep(0.002)
        failed = own.start("sentiment", "s3://bkt/absent/", "s3://bkt/out/")
        own.ended("sentiment", failed)

        def listed(**chosen: Any) -> list[str]:
            status, answer, _ = post(own, "ListSentimentDetectionJobs", json.dumps({"Filter": chosen}).encode())
            assert status == 200
            return [job["JobId"] for job in answer["SentimentDetectionJobPropertiesList"]]

        middle = own.describe("sentiment", ids[1])["SubmitTime"].timestamp()
        assert listed(JobName="two") == [ids[1]]
        assert listed(JobName="tw") == []
        assert listed(JobStatus="FAILED") == [failed]
        assert listed(SubmitTimeAfter=middle) == [failed, ids[2]]
        assert listed(SubmitTimeBefore=middle) == [ids[0]]
        assert set(listed()) == {*ids, failed}
        both = {"JobName": "two", "JobStatus": "FAILED"}
        code, _, status = refused(own.comprehend.list_sentiment_detection_jobs, Filter=both)
        assert (code, status) == ("InvalidFilterException", 400)


@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_cover_every_job_once_though_new_ones_arrive(endpoint_with: Any, oldest_first: bool) -> None:
    with endpoint_with() as own:
        start = [own.start("entities", "s3://absent/in/", "s3://absent/out/") for _ in range(7)]
        for job_id in start:
            own.ended("entities", job_id)
        seen: list[str] = []
        asked: dict[str, Any] = {"MaxResults": 3}
        if oldest_first:
            asked["Filter"] = {"SubmitTimeBefore": time.time() + 60}
        while True:
            answer = own.comprehend.list_entities_detection_jobs(**asked)
            page = [job["JobId"] for job in answer["EntitiesDetectionJobPropertiesList"]]
            assert len(page) <= 3
            seen += page
            if "NextToken" not in answer:
                break
            asked["NextToken"] = answer["NextToken"]
            if len(seen) == 3 and not oldest_first:
                own.start("entities", "s3://absent/in/", "s3://absent/out/")
        assert seen == (start if oldest_first else start[::-1])
        assert refused(own.comprehend.list_entities_detection_jobs, NextToken="nonsense")[0] == (
            "InvalidRequestException"
        )


def test_a_running_job_stops_and_a_stopped_one_stays(endpoint_with: Any, tmp_path: Any) -> None:
    rules = tmp_path / "faults.yaml"
    rules.write_text("- {operation: StartEntitiesDetectionJob, do: job_stuck}\n")
    with endpoint_with(faults=rules) as own:
        own.bucket("bkt", {"in/a": b"x"})
        job_id = own.start("entities", "s3://bkt/in/", "s3://bkt/out/")
        while own.describe("entities", job_id)["JobStatus"] != "IN_PROGRESS":
            time.sleep(0.005)
        assert own.health()["jobs_active"] == 1
        answer = own.comprehend.stop_entities_detection_job(JobId=job_id)
        assert answer["JobStatus"] == "STOP_REQUESTED"
        properties = own.ended("entities", job_id)
        assert properties["JobStatus"] == "STOPPED"
        assert properties["EndTime"] >= properties["SubmitTime"]
        again = own.comprehend.stop_entities_detection_job(JobId=job_id)
        assert (again["JobId"], again["JobStatus"]) == (job_id, "STOPPED")
        assert own.health()["jobs_active"] == 0


def test_a_job_that_has_ended_cannot_be_stopped(endpoint: Any, source: tuple[str, str]) -> None:
    job_id = endpoint.start("entities", *source)
    endpoint.ended("entities", job_id)
    code, message, status = refused(endpoint.comprehend.stop_entities_detection_job, JobId=job_id)
    assert (code, status) == ("InvalidRequestException", 400)
    assert "COMPLETED" in message


def test_what_was_done_before_a_stop_is_written_out(endpoint_with: Any) -> None:
    """A job of several seconds' work is stopped early: its output has whole rows, and fewer than there are lines."""
    with endpoint_with(analyzers="default", workers=1) as own:
        line = b"This is a rather good day, and the weather is a disaster all the same.\n"
        own.bucket("bkt", {"in/a": line * 60_000})
        job_id = own.start("sentiment", "s3://bkt/in/", "s3://bkt/out/")
        while own.describe("sentiment", job_id)["JobStatus"] != "IN_PROGRESS":
            time.sleep(0.005)
        own.comprehend.stop_sentiment_detection_job(JobId=job_id)
        properties = own.ended("sentiment", job_id)
        assert properties["JobStatus"] == "STOPPED"
        rows = own.rows(properties)
        assert 0 < len(rows) < 60_000
        assert all("Sentiment" in row for row in rows)


def test_calls_beyond_the_rate_are_throttled_operation_by_operation(endpoint_with: Any) -> None:
    with endpoint_with(quotas=Quotas.named("service")) as own:
        place = ("s3://absent/in/", "s3://absent/out/")
        own.start("entities", *place)
        assert refused(own.start, "entities", *place) == ("ThrottlingException", "Rate exceeded", 429)
        own.start("key_phrases", *place)
        reads = [post(own, "ListEntitiesDetectionJobs", b"{}")[0] for _ in range(15)]
        assert 10 <= reads.count(200) < 15
        assert set(reads) == {200, 429}


def test_a_job_beyond_the_slots_of_its_operation_is_refused_otherwise(endpoint_with: Any, tmp_path: Any) -> None:
    rules = tmp_path / "faults.json"
    rules.write_text('[{"do": "job_stuck"}]')
    with endpoint_with(quotas=Quotas(active_jobs=2), faults=rules) as own:
        own.bucket("bkt", {"in/a": b"x"})
        place = ("s3://bkt/in/", "s3://bkt/out/")
        first = own.start("entities", *place, ClientRequestToken="again")
        own.start("entities", *place)
        assert refused(own.start, "entities", *place) == (
            "TooManyRequestsException",
            "ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit for this account is 2.",
            400,
        )
        own.start("key_phrases", *place)  # slots belong to the operation
        assert own.start("entities", *place, ClientRequestToken="again") == first  # the same job takes no further slot
        own.comprehend.stop_entities_detection_job(JobId=first)
        own.ended("entities", first)
        own.start("entities", *place)


def test_the_services_timing_can_be_had_at_scale(endpoint_with: Any) -> None:
    with endpoint_with(timing="service", time_scale=0.001) as own:
        own.bucket("bkt", {"in/a": b"x"})
        done = own.ended("entities", own.start("entities", "s3://bkt/in/", "s3://bkt/out/"))
        refused_ = own.ended("entities", own.start("entities", "s3://bkt/absent/", "s3://bkt/out/"))
        seconds = [(job["EndTime"] - job["SubmitTime"]).total_seconds() for job in (done, refused_)]
        assert 0.36 <= seconds[0] < 2
        assert 0.011 <= seconds[1] < 0.3


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:5"])
def test_the_control_routes_answer_to_the_names_of_this_machine(endpoint: Any, host: str) -> None:
    request = urllib.request.Request(f"{endpoint.url}/_runner/health", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_a_domain_rebound_to_this_machine_does_not_reach_the_control_routes(endpoint: Any) -> None:
    request = urllib.request.Request(f"{endpoint.url}/_runner/health", headers={"Host": "evil.example:80"})
    with pytest.raises(urllib.error.HTTPError, match="403") as error:
        urllib.request.urlopen(request, timeout=10)
    error.value.close()


def test_health_says_what_answers_here(endpoint: Any) -> None:
    health = endpoint.health()
    assert health["engine"] == "comprehend-runner-local"
    assert {"engine", "version", "incarnation", "analyzers", "languages", "jobs_accepted", "jobs_active"} <= set(health)
    assert set(health["analyzers"]) == set(health["languages"]) >= {"sentiment", "topics", "pii_entities", "events"}
    for key in ("incarnation", "analyzers", "languages"):
        assert endpoint.facts[key] == health[key]
