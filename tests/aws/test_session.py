"""Where a lane's calls go and with whose credentials; and that no secret shows anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.aws.connection import AMAZON_HOSTS
from runner.errors import CredentialsError, InternalError, UserError
from runner.model import Fault, FaultKind, LaneSpec, Scope

pytestmark = pytest.mark.anyio

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{account}:user/x</Arn><UserId>x</UserId><Account>{account}</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAASSUMED{n}</AccessKeyId><SecretAccessKey>assumed-secret</SecretAccessKey>
<SessionToken>assumed-token</SessionToken><Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""
STS_ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
AWS = LaneSpec(name="virginia", kind="aws", region="eu-west-1", data_access_role="arn:aws:iam::1:role/x")


def fault_of(answer: object) -> Fault:
    assert isinstance(answer, Fault)
    return answer


def signer(request: Any) -> str:
    """The access key that a request was signed with."""
    match = re.search(r"Credential=([^/]+)/", request.headers["Authorization"])
    assert match
    return match[1]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


# --- embedded lanes ----------------------------------------------------------------------------------------------


async def test_an_embedded_lane_ignores_the_users_aws_environment(
    service: Any, lane: LaneSpec, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    """Each of these would break, divert or sign differently a session that looked at it."""
    for name, value in {
        "AWS_PROFILE": "does-not-exist",
        "AWS_CONFIG_FILE": "/does/not/exist",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9/",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9/",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/does/not/exist",
        "AWS_MAX_ATTEMPTS": "9",
        "AWS_DEFAULT_REGION": "mars-1",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    service.answer(IDENTITY.format(account="000000000000"))
    service.answer({"SentimentDetectionJobPropertiesList": []})
    service.answer("<ListBucketResult/>")
    async with LaneSession(lane) as session:
        assert await session.identity() == "000000000000"
        assert await ComprehendClient(session).list_jobs("sentiment") == []
        assert await StagingClient(session).list_keys("s3://staging/", 1) == []
        assert {session.endpoint("comprehend"), session.endpoint("s3"), session.endpoint("sts")} == {service.url}
    assert [signer(request) for request in service.requests] == ["embedded"] * 3


async def test_buckets_stay_in_the_path_on_a_local_endpoint(session: LaneSession, service: Any) -> None:
    service.answer("<ListBucketResult/>")
    await session.call("s3", "ListObjectsV2", {"Bucket": "staging"})
    assert service.requests[0].path == "/staging"


# --- credentials -------------------------------------------------------------------------------------------------


async def test_missing_credentials_are_the_users_to_mend() -> None:
    with pytest.raises(CredentialsError, match="lane virginia: no AWS credentials") as caught:
        async with LaneSession(AWS):
            pass
    assert "aws configure" in (caught.value.hint or "")


async def test_a_missing_profile_is_named() -> None:
    with pytest.raises(CredentialsError, match="wrok") as caught:
        async with LaneSession(replace(AWS, profile="wrok")):
            pass
    assert "list-profiles" in (caught.value.hint or "")


async def test_half_a_key_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    with pytest.raises(CredentialsError, match="PartialCredentialsError"):
        async with LaneSession(AWS):
            pass


async def test_the_profile_of_the_lane_signs_its_calls(
    service: Any, lane: LaneSpec, aws_config: Callable[..., None]
) -> None:
    aws_config(credentials=f"[work]\naws_access_key_id=AKIAWORK\naws_secret_access_key={SECRET}\n")
    service.answer(IDENTITY.format(account="123456789012"))
    async with LaneSession(replace(lane, kind="url", profile="work")) as session:
        assert await session.identity() == "123456789012"
    assert signer(service.requests[0]) == "AKIAWORK"


async def test_renewed_credentials_are_used_from_then_on(
    service: Any, lane: LaneSpec, aws_config: Callable[..., None]
) -> None:
    """What a terminal does each minute while credentials are expired."""
    aws_config(credentials=f"[work]\naws_access_key_id=AKIAOLD\naws_secret_access_key={SECRET}\n")
    service.refuse("ExpiredTokenException", "The security token included in the request is expired")
    service.answer({"SentimentDetectionJobPropertiesList": []})
    async with LaneSession(replace(lane, kind="url", profile="work")) as session:
        client = ComprehendClient(session)
        fault = fault_of(await client.list_jobs("sentiment"))
        assert (fault.kind, fault.scope) == (FaultKind.DENIED, Scope.LANE)
        assert "aws sso login --profile work" in (fault.hint or "")
        aws_config(credentials=f"[work]\naws_access_key_id=AKIANEW\naws_secret_access_key={SECRET}\n")
        await session.renew()
        assert await client.list_jobs("sentiment") == []
    assert [signer(request) for request in service.requests] == ["AKIAOLD", "AKIANEW"]


async def test_a_renewal_that_fails_leaves_the_session_as_it_was(
    service: Any, lane: LaneSpec, aws_config: Callable[..., None]
) -> None:
    aws_config(credentials=f"[work]\naws_access_key_id=AKIAOLD\naws_secret_access_key={SECRET}\n")
    service.answer({"SentimentDetectionJobPropertiesList": []})
    async with LaneSession(replace(lane, kind="url", profile="work")) as session:
        aws_config()
        with pytest.raises(CredentialsError):
            await session.renew()
        assert await ComprehendClient(session).list_jobs("sentiment") == []


async def test_no_secret_shows_in_a_repr_or_a_fault(
    service: Any, lane: LaneSpec, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "FwoGZXIvYXdzEBYaDEXAMPLE")
    service.refuse("InvalidSignatureException", f"no match.\n\nThe Canonical String should be 'x:{SECRET}'")
    async with LaneSession(replace(lane, kind="url")) as session:
        fault = fault_of(await ComprehendClient(session).list_jobs("sentiment"))
        shown = f"{session!r} {session} {session.__dict__} {fault!r}"
    for secret in (KEY, SECRET, "FwoGZ"):
        assert secret not in shown


# --- assumed roles -----------------------------------------------------------------------------------------------

ROLE = "arn:aws:iam::123456789012:role/runner"


def assumed(n: int, **lasting: int) -> str:
    return ASSUMED.format(n=n, expires=(datetime.now(UTC) + timedelta(**lasting)).isoformat())


async def test_an_assumed_role_signs_the_calls(service: Any, lane: LaneSpec, keys: None) -> None:
    service.answer(assumed(1, hours=1))
    service.answer({"SentimentDetectionJobPropertiesList": []})
    service.answer({"SentimentDetectionJobPropertiesList": []})
    async with LaneSession(replace(lane, kind="url", assume_role=ROLE, external_id="xid")) as session:
        assert await ComprehendClient(session).list_jobs("sentiment") == []
        assert await ComprehendClient(session).list_jobs("sentiment") == []
    assert [signer(request) for request in service.requests] == [KEY, "ASIAASSUMED1", "ASIAASSUMED1"]
    sent = service.requests[0].body.decode()
    assert "Action=AssumeRole" in sent
    assert "RoleSessionName=comprehend-runner" in sent
    assert "ExternalId=xid" in sent
    assert service.requests[1].headers["X-Amz-Security-Token"] == "assumed-token"


async def test_an_assumed_role_is_assumed_again_before_it_expires(service: Any, lane: LaneSpec, keys: None) -> None:
    service.answer(assumed(1, minutes=5))
    service.answer(assumed(2, hours=1))
    service.answer({"SentimentDetectionJobPropertiesList": []})
    async with LaneSession(replace(lane, kind="url", assume_role=ROLE)) as session:
        assert await ComprehendClient(session).list_jobs("sentiment") == []
    assert [signer(request) for request in service.requests] == [KEY, KEY, "ASIAASSUMED2"]


async def test_a_garbled_answer_with_credentials_in_it_shows_none(service: Any, lane: LaneSpec, keys: None) -> None:
    """botocore quotes an answer that it cannot parse, and its loggers print it."""
    service.answer(assumed(1, hours=1)[:-40])
    async with LaneSession(replace(lane, kind="url", assume_role=ROLE)) as session:
        fault = fault_of(await ComprehendClient(session).list_jobs("sentiment"))
    assert fault.code == "ResponseParserError"
    assert "assumed-secret" not in fault.message
    assert "assumed-token" not in fault.message


async def test_a_role_that_may_not_be_assumed_is_a_fault_with_a_hint(service: Any, lane: LaneSpec, keys: None) -> None:
    service.answer(STS_ERROR.format(code="AccessDenied"), status=403)
    async with LaneSession(replace(lane, kind="url", assume_role=ROLE)) as session:
        fault = fault_of(await ComprehendClient(session).list_jobs("sentiment"))
    assert (fault.kind, fault.scope) == (FaultKind.DENIED, Scope.LANE)
    assert "`assume_role`" in (fault.hint or "")


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_start_that_failed_while_its_credentials_were_fetched_was_not_sent(
    how: Any, service: Any, lane: LaneSpec, keys: None
) -> None:
    service.instead(how)
    parameters = {
        "InputDataConfig": {"S3Uri": "s3://b/in/"},
        "OutputDataConfig": {"S3Uri": "s3://b/out/"},
        "DataAccessRoleArn": ROLE,
        "LanguageCode": "en",
    }
    async with LaneSession(replace(lane, kind="url", assume_role=ROLE)) as session:
        fault = fault_of(await session.call("comprehend", "StartSentimentDetectionJob", parameters))
        assert fault.kind is FaultKind.TRANSIENT
        assert session.calls == {}


# --- identity ----------------------------------------------------------------------------------------------------


async def test_another_account_than_the_lanes_is_a_fault(service: Any, lane: LaneSpec, keys: None) -> None:
    service.answer(IDENTITY.format(account="999999999999"))
    async with LaneSession(replace(lane, kind="url", account="123456789012")) as session:
        fault = fault_of(await session.identity())
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.DENIED, Scope.LANE, "WRONG_ACCOUNT")
    assert "999999999999" in fault.message
    assert "123456789012" in fault.message


async def test_wrong_keys_are_a_fault(session: LaneSession, service: Any) -> None:
    service.answer(STS_ERROR.format(code="InvalidClientTokenId"), status=403)
    assert fault_of(await session.identity()).kind is FaultKind.DENIED


async def test_an_identity_without_an_account_is_corrupt(session: LaneSession, service: Any) -> None:
    service.answer("<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>")
    assert fault_of(await session.identity()).kind is FaultKind.CORRUPT


# --- whose endpoint ----------------------------------------------------------------------------------------------


async def test_an_aws_lane_speaks_to_its_region(keys: None) -> None:
    async with LaneSession(AWS) as session:
        assert session.endpoint("comprehend") == "https://comprehend.eu-west-1.amazonaws.com"
        assert session.endpoint("sts").endswith("amazonaws.com")


@pytest.mark.parametrize(
    ("variable", "service"),
    [
        ("AWS_ENDPOINT_URL", "comprehend"),
        ("AWS_ENDPOINT_URL_COMPREHEND", "comprehend"),
        ("AWS_ENDPOINT_URL_S3", "s3"),
        ("AWS_ENDPOINT_URL_STS", "sts"),
    ],
)
async def test_an_exported_endpoint_is_refused_on_an_aws_lane(
    variable: str, service: str, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://user:hunter2@localhost:4566/x")
    with pytest.raises(UserError, match=f"{service} resolves to localhost.*{variable}") as caught:
        async with LaneSession(AWS):
            pass
    assert f"`endpoint_urls: {{{service}: http://localhost:4566}}`" in (caught.value.hint or "")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


async def test_an_endpoint_of_a_profile_is_refused_on_an_aws_lane(keys: None, aws_config: Callable[..., None]) -> None:
    aws_config(config="[profile work]\nendpoint_url = https://comprehend.example.org\n")
    with pytest.raises(UserError, match=r"comprehend\.example\.org.*profile work"):
        async with LaneSession(replace(AWS, profile="work")):
            pass


@pytest.mark.parametrize(
    "url", ["https://evilamazonaws.com", "https://amazonaws.com.evil.org", "https://comprehend.amazonaws.com@evil.org"]
)
async def test_hosts_that_only_look_like_amazons_are_refused(
    url: str, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", url)
    with pytest.raises(UserError, match="is not Amazon's"):
        async with LaneSession(AWS):
            pass


async def test_an_exported_endpoint_of_amazons_is_taken(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://vpce-1.comprehend.eu-west-1.vpce.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", url)
    async with LaneSession(AWS) as session:
        assert session.endpoint("comprehend") == url


async def test_an_endpoint_named_on_purpose_is_taken(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", "http://localhost:1")
    lane = replace(AWS, endpoint_urls=(("comprehend", "http://localhost:2"),))
    async with LaneSession(lane) as session:
        assert session.endpoint("comprehend") == "http://localhost:2"
        assert session.endpoint("s3").endswith("amazonaws.com")


def test_amazons_hosts_are_those_of_botocores_partitions() -> None:
    import botocore.session

    partitions = botocore.session.Session().get_component("data_loader").load_data("partitions")["partitions"]
    outputs = [partition["outputs"] for partition in partitions]
    suffixes = {output[key] for output in outputs for key in ("dnsSuffix", "dualStackDnsSuffix")}
    assert suffixes == set(AMAZON_HOSTS)


# --- opening and closing -----------------------------------------------------------------------------------------


async def test_a_session_is_used_inside_its_block(lane: LaneSpec) -> None:
    session = LaneSession(lane)
    assert repr(session) == "<LaneSession home embedded us-east-1 closed>"
    with pytest.raises(InternalError, match="outside"):
        await session.identity()
    async with session:
        assert repr(session) == "<LaneSession home embedded us-east-1 open>"
        with pytest.raises(InternalError, match="twice"):
            await session.__aenter__()


async def test_a_cancelled_session_closes_its_connections(lane: LaneSpec, service: Any) -> None:
    """A leak would be a ResourceWarning, and those are errors here."""
    service.instead("hang")
    with anyio.move_on_after(0.2) as scope:
        async with LaneSession(lane) as session:
            await session.identity()
    assert scope.cancelled_caught
    assert session._connection is None


async def test_cancellation_is_never_taken_for_a_fault(session: LaneSession, service: Any) -> None:
    service.instead("hang")
    answered = False
    with anyio.move_on_after(0.05):
        await session.identity()
        answered = True
    assert not answered
