"""What S3 clients send that boto3 hides: framing, methods, hosts, targets."""

from __future__ import annotations

import http.client
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


def call(endpoint: Any, method: str, target: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def chunked(*pieces: bytes, trailers: str = "") -> bytes:
    framed = b"".join(b"%x;chunk-signature=abc\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return framed + b"0;chunk-signature=abc\r\n" + trailers.encode() + b"\r\n"


def test_aws_chunked_bodies_are_stored_without_their_framing(endpoint: Any, bucket: str) -> None:
    crc = b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()
    status, _, headers = call(
        endpoint,
        "PUT",
        f"/{bucket}/k",
        chunked(b"hello ", b"world", trailers=f"x-amz-checksum-crc32:{crc}\r\n"),
        Content_Encoding="aws-chunked,gzip",
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length="11",
        x_amz_trailer="x-amz-checksum-crc32",
    )
    assert status == 200
    assert headers["x-amz-checksum-crc32"] == crc
    got = endpoint.s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello world"
    assert got["ContentEncoding"] == "gzip"
    assert got["ChecksumCRC32"] == crc


@pytest.mark.parametrize(("body", "length", "code"), [
    (chunked(b"hello"), "6", b"IncompleteBody"),
    (chunked(b"hello")[:-9], "5", b"IncompleteBody"),
    (b"no framing at all\r\n", "5", b"InvalidRequest"),
    (b"3\r\nhello\r\n0\r\n\r\n", "5", b"InvalidRequest"),
    (chunked(b"hello", trailers="x-amz-checksum-crc32:AAAAAA==\r\n"), "5", b"BadDigest"),
])  # fmt: skip
def test_framing_that_lies_is_refused_and_leaves_nothing(
    endpoint: Any, bucket: str, body: bytes, length: str, code: bytes
) -> None:
    status, answer, _ = call(
        endpoint,
        "PUT",
        f"/{bucket}/k",
        body,
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length=length,
        x_amz_trailer="x-amz-checksum-crc32",
    )
    assert status == 400
    assert b"<Code>%b</Code>" % code in answer
    assert endpoint.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_payload_hash_that_does_not_match_is_refused(endpoint: Any, bucket: str) -> None:
    status, answer, _ = call(endpoint, "PUT", f"/{bucket}/k", b"body", x_amz_content_sha256="0" * 64)
    assert status == 400
    assert b"XAmzContentSHA256Mismatch" in answer


def test_a_body_beyond_what_one_request_may_hold_is_refused_unread(endpoint: Any, bucket: str) -> None:
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("PUT", f"/{bucket}/k")
    connection.putheader("Content-Length", str(5 * 1024**3 + 1))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"<Code>EntityTooLarge</Code>" in answer.read()) == (400, True)
    connection.close()


def test_virtual_hosts_name_their_bucket(endpoint: Any, bucket: str) -> None:
    port = urlsplit(endpoint.url).port
    for host in (f"{bucket}.localhost:{port}", f"{bucket}.s3.localhost:{port}"):
        assert call(endpoint, "PUT", "/deep/key", b"virtual", Host=host)[0] == 200
        assert call(endpoint, "GET", f"/{bucket}/deep/key")[1] == b"virtual"


@pytest.mark.parametrize(("method", "target", "status", "code"), [
    ("POST", "/{}", 405, "MethodNotAllowed"),
    ("PATCH", "/{}/k", 405, "MethodNotAllowed"),
    ("GET", "/{}?policy", 501, "NotImplemented"),
    ("GET", "/{}/k?tagging", 501, "NotImplemented"),
    ("PUT", "/{}/%ff", 400, "InvalidArgument"),
    ("PUT", "/{}/" + "k" * 1025, 400, "KeyTooLongError"),
    ("GET", "/{}?list-type=2&max-keys=many", 400, "InvalidArgument"),
    ("GET", "/{}?list-type=2&continuation-token=%21", 400, "InvalidArgument"),
    ("POST", "/{}?delete", 400, "MalformedXML"),
])  # fmt: skip
def test_what_is_not_served_is_refused_by_name(
    endpoint: Any, bucket: str, *, method: str, target: str, status: int, code: str
) -> None:
    answered, body, headers = call(endpoint, method, target.format(bucket), b"")
    assert (answered, f"<Code>{code}</Code>".encode() in body) == (status, True)
    assert headers["x-amz-request-id"].encode() in body


def test_no_key_can_leave_the_data_directory(tmp_path: Path, endpoint_with: Any) -> None:
    with endpoint_with() as own:
        own.bucket("safe")
        for target in ("/safe/../../escape", "/safe/%2e%2e/%2e%2e/escape", "/safe//etc/passwd", "/safe/%00"):
            assert call(own, "PUT", target, b"x")[0] == 200
        names = {path.name for path in tmp_path.rglob("*")}
    assert not names & {"escape", "passwd", ".."}
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_who_am_i_is_answered_at_the_same_url(endpoint: Any) -> None:
    identity = endpoint.client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    with pytest.raises(endpoint.client("sts").exceptions.ClientError, match="InvalidAction"):
        endpoint.client("sts").get_session_token()
