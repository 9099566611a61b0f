"""S3 for worker processes: objects streamed and listed through a synchronous client, one per lane and process.

Rules
1. botocore's own retries are off: what is to be done about a fault is decided by who gave out the work.
2. Every foreign exception becomes a ServiceError with S3's code, or with botocore's name for what went wrong; so does a
   body that breaks off, since a truncated read must never look like the end of the object.
3. An embedded lane looks at nothing of the user's AWS environment: no profile, no proxy, no key.

boto3 is imported when the first client is made: commands that need no S3 start without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

from runner.errors import InternalError, ServiceError
from runner.model import LaneSpec

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
LANES_MAX: Final = 64
LISTING_PAGE: Final = 1000
"""The most that S3 gives in one page."""

REFUSALS: Final = frozenset({400, 401, 403})
"""HTTP statuses with which S3 answers credentials that it does not (any more) take."""

_EMBEDDED_KEY: Final = "embedded"
_ROLE_SESSION_NAME: Final = "comprehend-runner"


class ListedObject(NamedTuple):
    """One object as a listing shows it; `etag` is without its quotation marks."""

    uri: str
    size: int
    etag: str


class ObjectReader:
    """An object being streamed; use it as a context manager, or close it.

    `size` is the object's length and `etag` its version, as answered when it was opened. A read that breaks off, or an
    object that ends before `size`, raises ServiceError.
    """

    def __init__(self, uri: str, body: Any, *, size: int, etag: str) -> None:
        self.uri = uri
        self.size = size
        self.etag = etag
        self._body = body
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that is left if negative; empty at the end."""
        with translated(self.uri):
            data: bytes = self._body.read(None if size < 0 else size)
        self._read += len(data)
        if not data and size and self._read < self.size:
            raise ServiceError("IncompleteBody", f"{self.uri} broke off after {self._read} of {self.size} bytes")
        return data

    def close(self) -> None:
        """Let go of the connection; may be called again."""
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key (or prefix, or nothing) of `s3://bucket/key`; a key's characters are kept as they are.

    Raises InternalError for anything else: what users write was checked with the manifest.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise InternalError(f"{uri!r} is no s3:// URI with a bucket")
    return bucket, key


def open_object(lane: LaneSpec, uri: str) -> ObjectReader:
    """Open an object for streaming. Raises ServiceError (`NoSuchKey`, `AccessDenied`, `EndpointConnectionError`, …)."""
    bucket, key = parse_uri(uri)
    with translated(uri):
        answer = _client(lane).get_object(Bucket=bucket, Key=key)
    return ObjectReader(uri, answer["Body"], size=int(answer["ContentLength"]), etag=answer.get("ETag", "").strip('"'))


def list_objects(lane: LaneSpec, prefix_uri: str) -> Iterator[ListedObject]:
    """Every object whose key begins with the prefix, in the order of UTF-8 bytes; a page at a time."""
    with translated(prefix_uri):
        client = _client(lane)
    return objects_below(client, prefix_uri)


def objects_below(client: Any, prefix_uri: str) -> Iterator[ListedObject]:
    """As `list_objects`, by a client of S3 that is there already."""
    bucket, prefix = parse_uri(prefix_uri)
    parameters = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": LISTING_PAGE}
    while True:
        with translated(prefix_uri):
            page = client.list_objects_v2(**parameters)
        for row in page.get("Contents", ()):
            yield ListedObject(f"s3://{bucket}/{row['Key']}", int(row["Size"]), row.get("ETag", "").strip('"'))
        if not page.get("IsTruncated"):
            return
        parameters["ContinuationToken"] = page["NextContinuationToken"]


def forget_clients() -> None:
    """Drop the cached clients, so that the next call looks for credentials anew."""
    _client.cache_clear()


def service_client(lane: LaneSpec, service: str) -> Any:
    """A client of any service, with the lane's credentials and endpoint; raises what boto3 raises."""
    session = _session(lane)
    if lane.assume_role:
        session = _assuming(session, lane)
    return _service_client(session, lane, service)


@lru_cache(maxsize=LANES_MAX)
def _client(lane: LaneSpec) -> Any:
    """The S3 client of a lane. Cached: making one costs 100 ms at first, and renews its credentials by itself."""
    return service_client(lane, "s3")


def _session(lane: LaneSpec) -> Any:
    import boto3
    import botocore.session

    if lane.kind != "embedded":
        return boto3.Session(profile_name=lane.profile, region_name=lane.region)
    # Session variables without an environment name: nothing of the user's can reach an embedded lane.
    alone = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    return boto3.Session(
        botocore_session=alone,
        region_name=lane.region,
        aws_access_key_id=_EMBEDDED_KEY,
        aws_secret_access_key=_EMBEDDED_KEY,
    )


def _assuming(base: Any, lane: LaneSpec) -> Any:
    """A session whose credentials are the lane's role, assumed with `base` and again before they expire."""
    import boto3
    import botocore.session
    from botocore.credentials import DeferredRefreshableCredentials

    parameters = {"RoleArn": lane.assume_role, "RoleSessionName": _ROLE_SESSION_NAME}
    if lane.external_id:
        parameters["ExternalId"] = lane.external_id

    def assume() -> dict[str, str]:
        answer = _service_client(base, lane, "sts").assume_role(**parameters)["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }

    core: Any = botocore.session.Session()
    core._credentials = DeferredRefreshableCredentials(assume, "assume-role")  # noqa: SLF001 - there is no door for it
    return boto3.Session(botocore_session=core, region_name=lane.region)


def _service_client(session: Any, lane: LaneSpec, service: str) -> Any:
    from botocore.config import Config

    url = lane.endpoint_url(service)
    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    if url is not None and service == "s3":
        settings["s3"] = {"addressing_style": "path"}
    if lane.kind == "embedded":
        settings |= {"proxies": {}, "ignore_configured_endpoint_urls": True}
    return session.client(service, endpoint_url=url, config=Config(**settings))


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Foreign exceptions become ServiceError; the original stays reachable as its cause."""
    try:
        yield
    except ServiceError:
        raise
    except Exception as error:
        code, message = _code_and_message(error)
        if _status_of(error) in REFUSALS:
            forget_clients()  # credentials may have expired, and been mended meanwhile
        raise ServiceError(code, f"{uri}: {message}") from error


def _status_of(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None


def _code_and_message(error: Exception) -> tuple[str, str]:
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        answer = response["Error"]
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        return str(answer.get("Code") or status or type(error).__name__), str(answer.get("Message") or "no message")
    return type(error).__name__, str(error) or type(error).__name__
