"""The staging bucket over the wire: what is sent, what comes back, what is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from runner.aws import LaneSession, StagingClient
from runner.errors import InternalError
from runner.model import Fault, FaultKind, Kms, LaneSpec, Scope

pytestmark = pytest.mark.anyio

URI = "s3://staging/runs/r/in/b1/part.txt"
CHUNKS = b"0123456789abcdef" * 16_384 * 9  # over two megabytes: more than one read of any buffer


def error(code: str, message: str = "no") -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


def listing(*keys: str, more: str | None = None) -> str:
    contents = "".join(f"<Contents><Key>{escape(key)}</Key><Size>{len(key)}</Size></Contents>" for key in keys)
    token = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"


def fault_of(answer: object) -> Fault:
    assert isinstance(answer, Fault)
    return answer


# --- put ---------------------------------------------------------------------------------------------------------


async def test_a_file_is_uploaded_whole(staging: StagingClient, service: Any, tmp_path: Path) -> None:
    path = tmp_path / "part.txt"
    path.write_bytes(CHUNKS)
    service.answer("")
    assert await staging.put_file(URI, str(path)) == len(CHUNKS)
    (sent,) = service.requests
    assert (sent.method, sent.path) == ("PUT", "/staging/runs/r/in/b1/part.txt")
    assert sent.headers["Content-Length"] == str(len(CHUNKS))
    assert hashlib.sha256(sent.body).digest() == hashlib.sha256(CHUNKS).digest()


@pytest.mark.parametrize("data", [b"", b"one line\n"])
async def test_bytes_are_uploaded(data: bytes, staging: StagingClient, service: Any) -> None:
    service.answer("")
    assert await staging.put_bytes(URI, data) == len(data)
    assert service.requests[0].body == data


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_an_upload_that_the_http_client_repeats_begins_at_the_start(
    how: Any, staging: StagingClient, service: Any, tmp_path: Path
) -> None:
    """It repeats a PUT by itself when a connection turns out closed, with the same open file."""
    path = tmp_path / "part.txt"
    path.write_bytes(CHUNKS)
    service.instead(how)
    service.answer("")
    assert await staging.put_file(URI, str(path)) == len(CHUNKS)
    first, second = service.requests
    assert second.body == first.body == CHUNKS


async def test_keys_are_sent_as_they_are(staging: StagingClient, service: Any) -> None:
    service.answer("")
    await staging.put_bytes("s3://staging/a b/ü+%41&=?.txt", b"x")
    assert service.requests[0].path == "/staging/a b/ü+%41&=?.txt"


async def test_the_lanes_key_encrypts_what_is_staged(lane: LaneSpec, service: Any) -> None:
    service.answer("")
    async with LaneSession(replace(lane, kms=Kms(staging="alias/staging", output="alias/other"))) as session:
        await StagingClient(session).put_bytes(URI, b"x")
    headers = service.requests[0].headers
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/staging"


async def test_without_a_key_the_bucket_decides(staging: StagingClient, service: Any) -> None:
    service.answer("")
    await staging.put_bytes(URI, b"x")
    assert "x-amz-server-side-encryption" not in service.requests[0].headers


async def test_a_file_that_is_not_there_is_a_fault_of_the_run(
    staging: StagingClient, service: Any, tmp_path: Path
) -> None:
    fault = fault_of(await staging.put_file(URI, str(tmp_path / "gone.txt")))
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.DENIED, Scope.RUN, "FileNotFoundError")
    assert service.requests == []


async def test_a_file_above_five_gigabytes_is_refused_before_it_is_sent(
    staging: StagingClient, service: Any, tmp_path: Path
) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(5 * 1024**3 + 1)
    fault = fault_of(await staging.put_file(URI, str(path)))
    assert (fault.kind, fault.code) == (FaultKind.REJECTED, "EntityTooLarge")
    assert service.requests == []


@pytest.mark.parametrize(
    ("code", "status", "kind", "scope"),
    [
        ("SlowDown", 503, FaultKind.THROTTLED, Scope.CALL),
        ("InternalError", 500, FaultKind.TRANSIENT, Scope.CALL),
        ("ServiceUnavailable", 503, FaultKind.TRANSIENT, Scope.CALL),
        ("RequestTimeout", 400, FaultKind.TRANSIENT, Scope.CALL),
        ("AccessDenied", 403, FaultKind.DENIED, Scope.LANE),
        ("NoSuchBucket", 404, FaultKind.DENIED, Scope.LANE),
        ("EntityTooLarge", 400, FaultKind.REJECTED, Scope.BATCH),
        ("InsufficientStorage", 507, FaultKind.DENIED, Scope.LANE),
    ],
)
async def test_a_refused_upload_is_classified(
    code: str, status: int, kind: FaultKind, scope: Scope, *, staging: StagingClient, service: Any
) -> None:
    service.answer(error(code), status=status)
    fault = fault_of(await staging.put_bytes(URI, b"x"))
    assert (fault.kind, fault.scope, fault.code) == (kind, scope, code)
    assert len(service.requests) == 1, "the SDK retried"


@pytest.mark.parametrize("body", ["", "<html><body>Service Unavailable</body></html>"])
async def test_a_proxys_error_page_is_transient(body: str, staging: StagingClient, service: Any) -> None:
    service.answer(body, status=503)
    assert fault_of(await staging.put_bytes(URI, b"x")).kind is FaultKind.TRANSIENT


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_an_upload_whose_connection_breaks_is_transient(how: Any, lane: LaneSpec, service: Any) -> None:
    for _ in range(2):  # the HTTP client repeats a PUT once, whoever asks
        service.instead(how)
    async with LaneSession(lane) as session:
        fault = fault_of(await StagingClient(session).put_bytes(URI, CHUNKS))
    assert fault.kind is FaultKind.TRANSIENT


async def test_an_upload_that_stalls_is_given_up(
    staging: StagingClient, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.aws.transfer.UPLOAD_SECONDS_MIN", 0.2)
    service.instead("hang")
    fault = fault_of(await staging.put_bytes(URI, b"x"))
    assert (fault.kind, fault.code) == (FaultKind.TRANSIENT, "TimeoutError")


@pytest.mark.parametrize("uri", ["s3://staging/", "s3://staging", "s3://staging/folder/", "/local/path", "s3:///key"])
async def test_an_upload_to_no_object_is_our_bug(uri: str, staging: StagingClient, service: Any) -> None:
    with pytest.raises(InternalError):
        await staging.put_bytes(uri, b"x")
    assert service.requests == []


# --- list --------------------------------------------------------------------------------------------------------


async def test_keys_are_listed_over_pages(staging: StagingClient, service: Any) -> None:
    service.answer(listing("out/a", "out/b", more="next"))
    service.answer(listing("out/ccc"))
    assert await staging.list_keys("s3://staging/out/", 10) == [("out/a", 5), ("out/b", 5), ("out/ccc", 7)]
    assert [request.query.get("prefix") for request in service.requests] == ["out/", "out/"]
    assert service.requests[1].query["continuation-token"] == "next"


async def test_a_limit_ends_the_listing(staging: StagingClient, service: Any) -> None:
    service.answer(listing("out/a", more="next"))
    assert await staging.list_keys("s3://staging/out/", 1) == [("out/a", 5)]
    assert [request.query["max-keys"] for request in service.requests] == ["1"]


async def test_odd_keys_survive_the_listing(staging: StagingClient, service: Any) -> None:
    service.answer(listing("out/a b+c&d<ü>"))
    assert await staging.list_keys("s3://staging/out/", 9) == [("out/a b+c&d<ü>", 14)]


async def test_an_empty_prefix_has_no_keys(staging: StagingClient, service: Any) -> None:
    service.answer(listing())
    assert await staging.list_keys("s3://staging/out/", 10) == []


async def test_a_failed_page_is_the_answer(staging: StagingClient, service: Any) -> None:
    service.answer(listing("out/a", more="next"))
    service.answer(error("SlowDown"), status=503)
    assert fault_of(await staging.list_keys("s3://staging/out/", 10)).kind is FaultKind.THROTTLED


# --- delete ------------------------------------------------------------------------------------------------------


async def test_a_prefix_is_deleted_until_it_is_empty(staging: StagingClient, service: Any) -> None:
    service.answer(listing("out/a", "out/b"))
    service.answer("<DeleteResult/>")
    service.answer(listing("out/c"))
    service.answer("<DeleteResult/>")
    service.answer(listing())
    assert await staging.delete_prefix("s3://staging/out/") == 3
    deletes = [request.body.decode() for request in service.requests if request.method == "POST"]
    assert [body.count("<Key>") for body in deletes] == [2, 1]
    assert "<Key>out/a</Key>" in deletes[0]


async def test_a_key_that_cannot_be_deleted_is_a_fault(staging: StagingClient, service: Any) -> None:
    """S3 answers 200 and hides the failure in the body."""
    service.answer(listing("out/a"))
    service.answer(
        "<DeleteResult><Error><Key>out/a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    )
    fault = fault_of(await staging.delete_prefix("s3://staging/out/"))
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.DENIED, Scope.LANE, "AccessDenied")


async def test_a_prefix_that_never_empties_is_a_fault(
    staging: StagingClient, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.aws.transfer.DELETE_ROUNDS_MAX", 2)
    for _ in range(2):
        service.answer(listing("out/a"))
        service.answer("<DeleteResult/>")
    assert fault_of(await staging.delete_prefix("s3://staging/out/")).kind is FaultKind.CORRUPT


@pytest.mark.parametrize("uri", ["s3://staging", "s3://staging/", "s3://staging//", "s3://staging/runs/r", "/runs/"])
async def test_nothing_but_a_folder_is_deleted(uri: str, staging: StagingClient, service: Any) -> None:
    """`runs/r` would take `runs/r2/` with it, and a bucket is never ours to empty."""
    with pytest.raises(InternalError):
        await staging.delete_prefix(uri)
    assert service.requests == []


# --- check and ensure --------------------------------------------------------------------------------------------


async def test_a_bucket_that_is_there_is_fine(staging: StagingClient, service: Any) -> None:
    service.answer(listing())
    service.answer("", headers={"x-amz-bucket-region": "us-east-1"})
    assert await staging.check("s3://staging/runs/") is None


@pytest.mark.parametrize(
    ("code", "status"),
    [("NoSuchBucket", 404), ("AccessDenied", 403), ("AuthorizationHeaderMalformed", 400), ("ExpiredToken", 400)],
)
async def test_a_bucket_that_cannot_be_used_is_a_fault_of_the_lane(
    code: str, status: int, staging: StagingClient, service: Any
) -> None:
    service.answer(error(code), status=status)
    fault = await staging.check("s3://staging/runs/")
    assert fault is not None
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.DENIED, Scope.LANE, code)
    assert fault.hint


async def test_a_bucket_of_another_region_is_a_fault(
    lane: LaneSpec, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comprehend reads and writes in its own region only, and would say so minutes later."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAX")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    urls = tuple((name, service.url) for name in ("comprehend", "s3", "sts"))
    service.answer(listing())
    service.answer("", headers={"x-amz-bucket-region": "eu-west-1"})
    async with LaneSession(replace(lane, kind="aws", url=None, endpoint_urls=urls)) as session:
        fault = await StagingClient(session).check("s3://staging/runs/")
    assert fault is not None
    assert fault.code == "WRONG_REGION"
    assert "eu-west-1" in fault.message


@pytest.mark.parametrize(
    ("answer", "status"),
    [("", 200), (error("BucketAlreadyOwnedByYou"), 409), (error("BucketAlreadyExists"), 409)],
)
async def test_a_bucket_is_made_unless_it_is_there(
    answer: str, status: int, staging: StagingClient, service: Any
) -> None:
    service.answer(answer, status=status)
    assert await staging.ensure_bucket("s3://staging/runs/") is None
    assert (service.requests[0].method, service.requests[0].path) == ("PUT", "/staging")


async def test_a_bucket_elsewhere_says_where(lane: LaneSpec, service: Any) -> None:
    service.answer("")
    async with LaneSession(replace(lane, region="eu-west-1")) as session:
        assert await StagingClient(session).ensure_bucket("s3://staging/") is None
    assert b"<LocationConstraint>eu-west-1</LocationConstraint>" in service.requests[0].body


async def test_buckets_of_real_accounts_are_never_made(lane: LaneSpec, service: Any) -> None:
    client = StagingClient(LaneSession(replace(lane, kind="url")))
    with pytest.raises(InternalError, match="embedded lanes only"):
        await client.ensure_bucket("s3://staging/")
    assert service.requests == []
