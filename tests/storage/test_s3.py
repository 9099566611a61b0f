"""The synchronous S3 client, against a small server of our own and against one that breaks off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from runner.errors import InternalError, ServiceError
from runner.model import LaneSpec
from runner.storage import s3
from runner.storage.s3 import forget_clients, list_objects, open_object, parse_uri

OBJECTS = {"out/a": b"alpha", "out/b c+d": b"x" * 70_000, "outside": b"o"}
"""What the bucket `staging` holds."""


class FakeAmazon(BaseHTTPRequestHandler):
    """GetObject, ListObjectsV2 and AssumeRole, as far as these tests go."""

    protocol_version = "HTTP/1.1"
    assumed: list[dict[str, list[str]]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        _, bucket, *key = unquote(url.path).split("/", 2)
        query = parse_qs(url.query)
        if bucket != "staging":
            self.answer(404, _error("NoSuchBucket"))
        elif "list-type" in query:
            self.answer(200, _page(query))
        elif key[0] in OBJECTS:
            self.answer(200, OBJECTS[key[0]])
        else:
            self.answer(404, _error("NoSuchKey"))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.assumed.append(form)
        self.answer(200, ASSUMED)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"version"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>not here</Message></Error>".encode()


def _page(query: dict[str, list[str]]) -> bytes:
    keys = sorted(key for key in OBJECTS if key.startswith(query["prefix"][0]))
    begin = int(query.get("continuation-token", ["0"])[0])
    end = begin + int(query["max-keys"][0])
    rows = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(OBJECTS[key])}</Size><ETag>&quot;e&quot;</ETag></Contents>"
        for key in keys[begin:end]
    )
    more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(keys) else ""
    truncated = str(bool(more)).lower()
    return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{rows}</ListBucketResult>".encode()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    FakeAmazon.assumed = []
    forget_clients()
    yield
    forget_clients()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeAmazon) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def lane_at(url: str, **more: object) -> LaneSpec:
    return LaneSpec(name="here", kind="url", url=url, **more)  # type: ignore[arg-type]


@pytest.fixture
def lane(server: str) -> LaneSpec:
    return lane_at(server)


def test_uris_are_split_and_nothing_in_a_key_is_touched() -> None:
    assert parse_uri("s3://bucket/a/b%20c//d") == ("bucket", "a/b%20c//d")
    assert parse_uri("s3://bucket") == ("bucket", "")
    for bad in ("/local/path", "s3:///key", "http://bucket/key"):
        with pytest.raises(InternalError):
            parse_uri(bad)


def test_an_object_is_streamed(lane: LaneSpec) -> None:
    with open_object(lane, "s3://staging/out/b c+d") as reader:
        assert reader.size == 70_000
        assert reader.etag
        assert reader.read(1000) == b"x" * 1000
        assert len(reader.read()) == 69_000
        assert reader.read(10) == b""


def test_a_listing_goes_over_pages(lane: LaneSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "LISTING_PAGE", 1)
    rows = list(list_objects(lane, "s3://staging/out/"))
    assert [(row.uri, row.size) for row in rows] == [("s3://staging/out/a", 5), ("s3://staging/out/b c+d", 70_000)]
    assert all(row.etag and '"' not in row.etag for row in rows)


@pytest.mark.parametrize(
    ("uri", "code"), [("s3://staging/nothing", "NoSuchKey"), ("s3://no-such-bucket/key", "NoSuchBucket")]
)
def test_refusals_carry_the_services_code(lane: LaneSpec, uri: str, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        open_object(lane, uri)
    assert caught.value.code == code
    assert uri in caught.value.detail
    assert caught.value.__cause__ is not None


def test_a_server_that_is_not_there_is_a_service_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(ServiceError) as caught:
        open_object(lane_at(f"http://127.0.0.1:{port}"), "s3://staging/key")
    assert caught.value.code == "EndpointConnectionError"


def test_a_profile_that_is_not_there_is_a_service_error(server: str) -> None:
    with pytest.raises(ServiceError) as caught:
        open_object(lane_at(server, profile="nobody"), "s3://staging/key")
    assert caught.value.code == "ProfileNotFound"


@pytest.mark.parametrize("asked", [4, -1])
def test_a_body_that_breaks_off_is_never_taken_for_the_end(asked: int) -> None:
    """The server promises ten bytes, sends four, and closes."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: "e"\r\nConnection: close\r\n\r\nfour'
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer_once, args=(listening, answer))
        thread.start()
        lane = lane_at(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with open_object(lane, "s3://staging/key") as reader, pytest.raises(ServiceError):
            list(iter(lambda: reader.read(asked), b""))
        thread.join()


def _answer_once(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_an_embedded_lane_looks_at_nothing_of_the_users(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    embedded = LaneSpec(name="here", kind="embedded", url=server)
    with pytest.raises(ServiceError) as caught:
        open_object(embedded, "s3://no-such-bucket/key")
    assert caught.value.code == "NoSuchBucket"
    credentials = s3._client(embedded)._request_signer._credentials
    assert credentials.access_key == "embedded"


def test_a_role_is_assumed_with_its_external_id(server: str) -> None:
    role = "arn:aws:iam::123456789012:role/reader"
    client = s3._client(lane_at(server, assume_role=role, external_id="abc"))
    credentials = client._request_signer._credentials.get_frozen_credentials()
    assert (credentials.access_key, credentials.token) == ("ASSUMED", "t")
    assert (FakeAmazon.assumed[0]["RoleArn"], FakeAmazon.assumed[0]["ExternalId"]) == ([role], ["abc"])


def test_one_client_serves_a_lane_and_retries_nothing(lane: LaneSpec) -> None:
    assert s3._client(lane) is s3._client(lane_at(lane.url or ""))
    assert s3._client(lane).meta.config.retries == {"total_max_attempts": 1, "mode": "standard"}
    assert s3._client(lane).meta.config.s3["addressing_style"] == "path"
