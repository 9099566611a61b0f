"""What an account says of its quotas, and that nothing which stands in the way of hearing it is a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from runner.aws import quotas as room
from runner.aws.quotas import ACTIVE_JOBS, URL_VARIABLE, AccountQuotas, account_quotas, read_quotas
from runner.catalogue import FAMILIES
from runner.model import Fault, LaneSpec, Limit, Quotas

pytestmark = pytest.mark.anyio

LANE = LaneSpec(name="virginia", kind="aws", region="us-east-1", data_access_role="arn:aws:iam::1:role/x")
LISTED: list[dict[str, Any]] = [
    {"QuotaCode": "L-32ABBB12", "QuotaName": "DetectSentiment max active jobs", "Value": 25.0},
    {"QuotaCode": "L-D88E2B98", "QuotaName": "DetectPiiEntities max active jobs", "Value": 7.0},
    {
        "QuotaCode": "L-1",
        "QuotaName": "StartEntitiesDetectionJob throttle limit in transactions per second",
        "Value": 5,
    },
    {
        "QuotaCode": "L-2",
        "QuotaName": "ListEntitiesDetectionJobs throttle limit in transactions per second",
        "Value": 9,
    },
    {
        "QuotaCode": "L-3",
        "QuotaName": "DescribeEntitiesDetectionJob throttle limit in transactions per second",
        "Value": 20.0,
    },
    {"QuotaCode": "L-4", "QuotaName": "StopEntitiesDetectionJob throttle limit in transactions per second", "Value": 2},
    {"QuotaCode": "L-5", "QuotaName": "DetectEntities throttle limit in transactions per second", "Value": 20.0},
    {"QuotaCode": "L-6", "QuotaName": "ListEntityRecognizers throttle limit in transactions per second", "Value": 10.0},
]


@pytest.fixture
async def there(service: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Service Quotas on this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv(URL_VARIABLE, service.url)
    yield service
    service.forget()


def test_every_operation_has_a_code() -> None:
    assert set(ACTIVE_JOBS.values()) == {row.stem for row in FAMILIES.values()}


def test_active_jobs_are_told_apart_by_code_and_rates_by_name() -> None:
    assert account_quotas(LISTED) == AccountQuotas(
        active_jobs={"SentimentDetection": 25, "PiiEntitiesDetection": 7},
        start_per_s={"EntitiesDetection": 5.0},
        read_per_s={"EntitiesDetection": 9.0},
        stop_per_s={"EntitiesDetection": 2.0},
    )


@pytest.mark.parametrize("value", [None, "10", True, 0, -1.0, 0.5])
def test_numbers_that_make_no_sense_are_passed_over(value: object) -> None:
    assert not account_quotas([{**LISTED[0], "Value": value}])


def test_the_manifest_wins_and_the_account_fills_what_it_leaves_out() -> None:
    written = Quotas(active_jobs=Limit(default=10, by_operation=(("SentimentDetection", 3),), source="assumed"))

    known = account_quotas(LISTED).filling(written)

    jobs = known.active_jobs
    operations = ("SentimentDetection", "PiiEntitiesDetection", "EventsDetection")
    assert [(jobs.of(each), jobs.source_of(each)) for each in operations] == [
        (3, "manifest"),
        (7, "observed"),
        (10, "assumed"),
    ]
    assert known.start_per_s.of("EntitiesDetection") == 5.0
    assert AccountQuotas.among(known).active_jobs == {"PiiEntitiesDetection": 7}
    everything = Quotas(active_jobs=Limit(default=12))
    assert account_quotas(LISTED).filling(everything).active_jobs.of("SentimentDetection") == 12


async def test_all_pages_are_read(there: Any) -> None:
    there.answer({"Quotas": LISTED[:1], "NextToken": "more"})
    there.answer({"Quotas": LISTED[1:2]})

    found = await read_quotas(LANE, {URL_VARIABLE: there.url})

    assert isinstance(found, AccountQuotas)
    assert found.active_jobs == {"SentimentDetection": 25, "PiiEntitiesDetection": 7}
    assert [request.operation for request in there.requests] == ["ListServiceQuotas"] * 2
    assert there.requests[1].json == {"ServiceCode": "comprehend", "MaxResults": 100, "NextToken": "more"}


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException", "TooManyRequestsException"])
async def test_a_refusal_is_a_value(there: Any, code: str) -> None:
    there.refuse(code)

    found = await read_quotas(LANE, {URL_VARIABLE: there.url})

    assert isinstance(found, Fault)
    assert found.code == code


async def test_an_endpoint_that_hangs_is_not_waited_for(there: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WITHIN_S", 0.3)
    there.instead("hang")

    found = await read_quotas(LANE, {URL_VARIABLE: there.url})

    assert isinstance(found, Fault)
    assert found.code == "TIMEOUT"


async def test_without_credentials_there_is_a_fault(there: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    found = await read_quotas(LANE, {URL_VARIABLE: there.url})

    assert isinstance(found, Fault)
    assert found.code == "NoCredentialsError"
    assert there.requests == []


@pytest.mark.parametrize(
    "lane",
    [
        LaneSpec(name="a", kind="embedded"),
        LaneSpec(name="b", kind="url", url="http://127.0.0.1:9"),
        LaneSpec(name="c", kind="aws", endpoint_urls=(("comprehend", "http://127.0.0.1:9"),)),
    ],
    ids=lambda lane: lane.name,
)
async def test_who_has_no_account_with_amazon_is_not_asked(lane: LaneSpec) -> None:
    assert await read_quotas(lane, {}) is None


async def test_a_general_endpoint_url_sends_the_question_nowhere(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)

    assert await read_quotas(LANE, {}) is None
    assert service.requests == []
