"""The client's calls as they go over the wire, and what it makes of every kind of answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import runner.aws.connection
from runner.aws import ComprehendClient, LaneSession, classify_failed
from runner.aws.comprehend import PAGE_JOBS_MAX
from runner.catalogue import FAMILIES
from runner.errors import InternalError
from runner.model import Fault, FaultKind, JobKey, JobStatus, LaneSpec, RemoteId, RemoteJob, Scope, StartRequest

pytestmark = pytest.mark.anyio

ID = RemoteId("0123456789abcdef0123456789abcdef")
STATUSES = list(JobStatus)


def request(family: str = "sentiment", **changes: Any) -> StartRequest:
    values: dict[str, Any] = {
        "family": family,
        "generation": 1,
        "job": JobKey("sentiment-b0001"),
        "name": "run/sentiment-b0001-1.token",
        "token": "0123456789abcdef0123456789abcdef",
        "input_uri": "s3://staging/runs/r/in/b0001/",
        "output_uri": "s3://staging/runs/r/out/sentiment-b0001-1/",
        "language": "en" if FAMILIES[family].takes_language else None,
    }
    return StartRequest(**(values | changes))


def properties(remote_id: str = ID, status: str = "IN_PROGRESS", **members: Any) -> dict[str, Any]:
    return {"JobId": remote_id, "JobStatus": status, "JobName": "a name", "SubmitTime": 1686606439.177} | members


def fault_of(answer: object) -> Fault:
    assert isinstance(answer, Fault)
    return answer


# --- start -------------------------------------------------------------------------------------------------------


async def test_start_sends_our_token_and_name_and_gives_the_job(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"JobId": ID, "JobArn": "arn", "JobStatus": "SUBMITTED"})
    job = await comprehend.start(request())
    assert job == RemoteJob(remote_id=ID, name="run/sentiment-b0001-1.token", status=JobStatus.SUBMITTED)
    (sent,) = service.requests
    assert sent.operation == "StartSentimentDetectionJob"
    assert sent.json == {
        "JobName": "run/sentiment-b0001-1.token",
        "ClientRequestToken": "0123456789abcdef0123456789abcdef",
        "DataAccessRoleArn": "arn:aws:iam::123456789012:role/ComprehendAccess",
        "InputDataConfig": {"S3Uri": "s3://staging/runs/r/in/b0001/", "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": "s3://staging/runs/r/out/sentiment-b0001-1/"},
        "LanguageCode": "en",
    }


@pytest.mark.parametrize("how", ["reset", "close", "half"])
async def test_a_start_whose_connection_breaks_is_unanswered(
    how: Any, comprehend: ComprehendClient, service: Any
) -> None:
    service.instead(how)
    fault = fault_of(await comprehend.start(request()))
    assert (fault.kind, fault.scope) == (FaultKind.UNANSWERED, Scope.CALL)
    assert len(service.requests) == 1, "nobody but the scheduler repeats a Start"


async def test_a_start_over_a_kept_connection_is_not_repeated_behind_our_back(
    comprehend: ComprehendClient, service: Any
) -> None:
    """HTTP clients like to send again when a kept connection turns out closed; for a Start that buys a second job."""
    service.answer({"SentimentDetectionJobPropertiesList": []})
    assert await comprehend.list_jobs("sentiment") == []
    service.instead("close")
    assert fault_of(await comprehend.start(request())).kind is FaultKind.UNANSWERED
    assert [sent.operation for sent in service.requests].count("StartSentimentDetectionJob") == 1


async def test_a_start_without_an_answer_in_time_is_unanswered(
    lane: LaneSpec, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.aws.connection, "READ_TIMEOUT_S", 0.2)
    service.instead("hang")
    async with LaneSession(lane) as session:
        fault = fault_of(await ComprehendClient(session).start(request()))
    assert (fault.kind, fault.code) == (FaultKind.UNANSWERED, "ReadTimeoutError")


async def test_a_start_that_found_nobody_listening_was_not_sent(lane: LaneSpec, own_service: Any) -> None:
    async with LaneSession(replace(lane, url=own_service.url)) as session:
        await own_service.stop()
        fault = fault_of(await ComprehendClient(session).start(request()))
    assert fault.kind is FaultKind.TRANSIENT
    assert own_service.requests == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [{"__type": "InternalServerException"}, "<html>bad gateway</html>", ""])
async def test_a_start_answered_by_a_server_error_is_unanswered(
    status: int, body: Any, comprehend: ComprehendClient, service: Any
) -> None:
    service.answer(body, status=status)
    assert fault_of(await comprehend.start(request())).kind is FaultKind.UNANSWERED


@pytest.mark.parametrize("body", ["{}", "", "null", "[]", "not json", '{"JobId": 5}', '{"JobId": ""}', "\xff"])
async def test_a_start_with_a_garbled_answer_is_unanswered(
    body: str, comprehend: ComprehendClient, service: Any
) -> None:
    """Status 200 says that it was accepted: the job may exist, whatever the body says."""
    service.answer(body.encode("latin-1"))
    assert fault_of(await comprehend.start(request())).kind is FaultKind.UNANSWERED


@pytest.mark.parametrize("status", [None, "QUEUED"])
async def test_a_start_with_an_id_is_accepted_whatever_its_status_says(
    status: str | None, comprehend: ComprehendClient, service: Any
) -> None:
    service.answer({"JobId": ID} | ({"JobStatus": status} if status else {}))
    job = await comprehend.start(request())
    assert isinstance(job, RemoteJob)
    assert job.status is JobStatus.SUBMITTED


async def test_the_two_overload_errors_are_told_apart(comprehend: ComprehendClient, service: Any) -> None:
    service.refuse("ThrottlingException", "Rate exceeded", status=429)
    assert fault_of(await comprehend.start(request())).kind is FaultKind.THROTTLED
    service.refuse("TooManyRequestsException", "ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit is 10.")
    assert fault_of(await comprehend.start(request())).kind is FaultKind.NO_SLOT
    assert len(service.requests) == 2, "the SDK retried"


async def test_a_bad_parameter_is_a_fault_of_the_lane_and_not_sent(lane: LaneSpec, service: Any) -> None:
    async with LaneSession(replace(lane, data_access_role="short")) as session:
        fault = fault_of(await ComprehendClient(session).start(request()))
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.DENIED, Scope.LANE, "ParamValidationError")
    assert "DataAccessRoleArn" in fault.message
    assert service.requests == []


# --- list --------------------------------------------------------------------------------------------------------


async def test_list_follows_pages_of_five_hundred(comprehend: ComprehendClient, service: Any) -> None:
    service.answer(
        {"SentimentDetectionJobPropertiesList": [properties(f"{n:032x}") for n in range(2)], "NextToken": "a"}
    )
    service.answer({"SentimentDetectionJobPropertiesList": [properties(f"{2:032x}")], "NextToken": ""})
    jobs = await comprehend.list_jobs("sentiment", status=JobStatus.IN_PROGRESS)
    assert isinstance(jobs, list)
    assert [job.remote_id for job in jobs] == [f"{n:032x}" for n in range(3)]
    assert [sent.json for sent in service.requests] == [
        {"MaxResults": PAGE_JOBS_MAX, "Filter": {"JobStatus": "IN_PROGRESS"}},
        {"MaxResults": PAGE_JOBS_MAX, "Filter": {"JobStatus": "IN_PROGRESS"}, "NextToken": "a"},
    ]


async def test_list_reads_every_member_of_a_job(comprehend: ComprehendClient, service: Any) -> None:
    members = {
        "Message": "NO_READ_ACCESS_TO_INPUT: no",
        "EndTime": 1686606453.5,
        "OutputDataConfig": {"S3Uri": "s3://b/out/1-SENTIMENT-2/output/output.tar.gz"},
    }
    service.answer({"SentimentDetectionJobPropertiesList": [properties(status="FAILED", **members)]})
    assert await comprehend.list_jobs("SentimentDetection") == [
        RemoteJob(
            remote_id=ID,
            name="a name",
            status=JobStatus.FAILED,
            message="NO_READ_ACCESS_TO_INPUT: no",
            submitted_at=1686606439.177,
            ended_at=1686606453.5,
            output_uri="s3://b/out/1-SENTIMENT-2/output/output.tar.gz",
            fault=classify_failed("NO_READ_ACCESS_TO_INPUT: no"),
        )
    ]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (1686606439.177, 1686606439.177),
        (1686606439, 1686606439.0),
        ("1686606439.5", 1686606439.5),
        ("2023-06-12T21:47:19.500Z", 1686606439.5),
        ("2023-06-12T21:47:19.500", 1686606439.5),
        ("yesterday", None),
        (None, None),
    ],
)
async def test_times_are_seconds_however_they_travel(
    sent: Any, read: float | None, comprehend: ComprehendClient, service: Any
) -> None:
    service.answer({"SentimentDetectionJobPropertiesList": [properties(SubmitTime=sent)]})
    jobs = await comprehend.list_jobs("sentiment")
    assert isinstance(jobs, list)
    assert jobs[0].submitted_at == read


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ({"name": "n"}, {"JobName": "n"}),
        ({"status": JobStatus.SUBMITTED}, {"JobStatus": "SUBMITTED"}),
        ({"submitted_after": 1686606439.9}, {"SubmitTimeAfter": 1686606439}),
        ({"submitted_after": 0.0}, {"SubmitTimeAfter": 0}),
    ],
)
async def test_list_sends_one_filter(filters: Any, sent: Any, comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"SentimentDetectionJobPropertiesList": []})
    assert await comprehend.list_jobs("sentiment", **filters) == []
    assert service.requests[0].json["Filter"] == sent


async def test_two_filters_are_our_bug(comprehend: ComprehendClient, service: Any) -> None:
    with pytest.raises(InternalError, match="JobName, JobStatus"):
        await comprehend.list_jobs("sentiment", name="n", status=JobStatus.FAILED)
    assert service.requests == []


async def test_a_limit_ends_the_paging(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"SentimentDetectionJobPropertiesList": [properties(), properties()], "NextToken": "a"})
    jobs = await comprehend.list_jobs("sentiment", limit=1)
    assert isinstance(jobs, list)
    assert len(jobs) == 1
    assert service.requests[0].json == {"MaxResults": 1}


async def test_pages_that_go_in_a_circle_are_a_fault(comprehend: ComprehendClient, service: Any) -> None:
    for _ in range(2):
        service.answer({"SentimentDetectionJobPropertiesList": [], "NextToken": "again"})
    assert fault_of(await comprehend.list_jobs("sentiment")).kind is FaultKind.CORRUPT


async def test_endless_pages_are_a_fault(
    comprehend: ComprehendClient, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.aws.comprehend.PAGES_MAX", 3)
    for n in range(3):
        service.answer({"SentimentDetectionJobPropertiesList": [], "NextToken": str(n)})
    assert "3 pages" in fault_of(await comprehend.list_jobs("sentiment")).message


async def test_a_fault_on_a_later_page_is_the_answer(comprehend: ComprehendClient, service: Any) -> None:
    """Half a list would look like jobs that vanished."""
    service.answer({"SentimentDetectionJobPropertiesList": [properties()], "NextToken": "a"})
    service.refuse("ThrottlingException", status=429)
    assert fault_of(await comprehend.list_jobs("sentiment")).kind is FaultKind.THROTTLED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"SentimentDetectionJobPropertiesList": None},
        {"SentimentDetectionJobPropertiesList": ["job"]},
        {"SentimentDetectionJobPropertiesList": [{"JobStatus": "FAILED"}]},
        {"SentimentDetectionJobPropertiesList": [{"JobId": ID}]},
        {"SentimentDetectionJobPropertiesList": [{"JobId": 5, "JobStatus": "FAILED"}]},
        "[]",
        "not json",
        "",
    ],
)
async def test_a_malformed_list_is_a_fault(body: Any, comprehend: ComprehendClient, service: Any) -> None:
    service.answer(body)
    assert fault_of(await comprehend.list_jobs("sentiment")).kind in {FaultKind.CORRUPT, FaultKind.UNKNOWN}


async def test_a_status_nobody_knows_parks_instead_of_crashing(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"SentimentDetectionJobPropertiesList": [properties(status="HIBERNATING")]})
    fault = fault_of(await comprehend.list_jobs("sentiment"))
    assert (fault.kind, fault.code) == (FaultKind.UNKNOWN, "UNKNOWN_JOB_STATUS")
    assert "HIBERNATING" in fault.message


@pytest.mark.parametrize("what", ["reset", "close", "half"])
async def test_a_list_whose_connection_breaks_is_merely_transient(
    what: Any, comprehend: ComprehendClient, service: Any
) -> None:
    service.instead(what)
    assert fault_of(await comprehend.list_jobs("sentiment")).kind is FaultKind.TRANSIENT


# --- describe and stop -------------------------------------------------------------------------------------------


async def test_describe_gives_the_job(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"EntitiesDetectionJobProperties": properties(status="COMPLETED")})
    job = await comprehend.describe("entities", ID)
    assert isinstance(job, RemoteJob)
    assert job.status is JobStatus.COMPLETED
    assert service.requests[0].json == {"JobId": ID}


async def test_an_unknown_job_is_not_found(comprehend: ComprehendClient, service: Any) -> None:
    service.refuse("JobNotFoundException")
    assert fault_of(await comprehend.describe("entities", ID)).kind is FaultKind.NOT_FOUND


@pytest.mark.parametrize("body", [{}, {"EntitiesDetectionJobProperties": properties("f" * 32)}])
async def test_an_answer_about_something_else_is_corrupt(body: Any, comprehend: ComprehendClient, service: Any) -> None:
    service.answer(body)
    assert fault_of(await comprehend.describe("entities", ID)).kind is FaultKind.CORRUPT


async def test_stop_gives_the_status(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"JobId": ID, "JobStatus": "STOP_REQUESTED"})
    assert await comprehend.stop("key_phrases", ID) is JobStatus.STOP_REQUESTED
    assert service.requests[0].operation == "StopKeyPhrasesDetectionJob"


@pytest.mark.parametrize("family", [row.name for row in FAMILIES.values() if not row.stoppable])
async def test_what_the_service_cannot_stop_is_refused_without_a_call(
    family: str, comprehend: ComprehendClient, service: Any
) -> None:
    assert fault_of(await comprehend.stop(family, ID)).code == "NOT_STOPPABLE"
    assert service.requests == []


@pytest.mark.parametrize("family", list(FAMILIES))
async def test_every_family_lists_and_describes_under_its_own_names(
    family: str, comprehend: ComprehendClient, service: Any
) -> None:
    stem = FAMILIES[family].stem
    service.answer({f"{stem}JobPropertiesList": [properties()]})
    service.answer({f"{stem}JobProperties": properties()})
    jobs = await comprehend.list_jobs(family)
    assert isinstance(jobs, list)
    assert jobs == [await comprehend.describe(stem, ID)]
    assert [sent.operation for sent in service.requests] == [f"List{stem}Jobs", f"Describe{stem}Job"]


async def test_a_family_that_does_not_exist_is_our_bug(comprehend: ComprehendClient) -> None:
    with pytest.raises(InternalError, match="syntax"):
        await comprehend.describe("syntax", ID)


# --- counting ----------------------------------------------------------------------------------------------------


async def test_every_call_is_counted_by_operation_failed_ones_too(comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"SentimentDetectionJobPropertiesList": [], "NextToken": "a"})
    service.answer({"SentimentDetectionJobPropertiesList": []})
    service.refuse("ThrottlingException", status=429)
    await comprehend.list_jobs("sentiment")
    await comprehend.start(request())
    await comprehend.stop("topics", ID)
    assert comprehend.calls == {"ListSentimentDetectionJobs": 2, "StartSentimentDetectionJob": 1}


@pytest.mark.parametrize("status", STATUSES)
async def test_every_status_of_the_model_is_read(status: JobStatus, comprehend: ComprehendClient, service: Any) -> None:
    service.answer({"SentimentDetectionJobProperties": properties(status=status.value)})
    job = await comprehend.describe("sentiment", ID)
    assert isinstance(job, RemoteJob)
    assert job.status is status
    assert (job.fault is not None) is (status is JobStatus.FAILED)
