"""Reading a corpus's sources in S3: listed with their versions, streamed or read here and there, never mixed versions.

Unlike what a lane stages and collects, sources are read with credentials of the corpus's own (`profile`, else those of
the environment), whatever the lane; an endpoint named by the environment or the profile is used, as by any AWS tool.
A bucket in another region is followed: botocore asks for its region and signs anew.

Nobody above decides about repeats here, so botocore repeats calls that fail, and a body that breaks off is asked for
again from where it broke. Every request after the listing names the listed ETag, so bytes of two versions are never
given out as one object.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from runner.errors import RunnerError, ServiceError
from runner.storage.s3 import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, ListedObject, objects_below, parse_uri, translated

ATTEMPTS_MAX: Final = 4
RESUMES_MAX: Final = 3
"""How often a body that gives nothing more is asked for again."""
PROFILES_MAX: Final = 64
REGION_DEFAULT: Final = "us-east-1"
"""Where buckets of any region can be asked for, if neither profile nor environment names a region."""

_CHANGED: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404", "InvalidRange"})


class ObjectChangedError(RunnerError):
    """The object is no more, or is another version than the one listed."""


def list_source(profile: str | None, prefix_uri: str) -> Iterator[ListedObject]:
    """Every object whose key begins with the prefix, in the order of UTF-8 bytes. Raises ServiceError."""
    with translated(prefix_uri):
        client = _client(profile)
    return objects_below(client, prefix_uri)


def source_client(profile: str | None) -> Any:
    """The client that sources are read with, for others who want the same credentials; raises what boto3 raises."""
    return _client(profile)


class SourceObject(io.RawIOBase):
    """One version of an object as a file. Raises ServiceError, and ObjectChangedError once that version is gone.

    `stop` says how far a request reaches beyond the bytes asked for: to that offset of the object, which suits
    reading in a row; 0 asks for just what is read, which suits reading here and there.
    """

    def __init__(self, profile: str | None, uri: str, *, size: int, etag: str, stop: int | None = None) -> None:
        super().__init__()
        self.uri = uri
        self.size = size
        self.etag = etag
        self._client = _client(profile)
        self._stop = size if stop is None else stop
        self._at = 0
        self._body: Any = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; costs a request at the next read."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if at != self._at:
            self._drop()
            self._at = at
        return at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that is left if negative; empty at the end."""
        wanted = self.size - self._at if size < 0 else min(size, self.size - self._at)
        if wanted <= 0:
            return b""
        for attempt in range(RESUMES_MAX + 1):
            if self._body is None:
                self._body = self._request(wanted)
            try:
                with translated(self.uri):
                    data: bytes = self._body.read(wanted)
            except ServiceError:
                self._drop()
                if attempt == RESUMES_MAX:
                    raise
                continue
            if data:
                self._at += len(data)
                return data if size >= 0 or self._at == self.size else data + self.read()
            self._drop()
        raise ServiceError("IncompleteBody", f"{self.uri} broke off after {self._at} of {self.size} bytes")

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; how many bytes it got."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the connection; may be called again."""
        self._drop()
        super().close()

    def require_version(self) -> None:
        """Raises ObjectChangedError unless the object still is the version listed."""
        self._call("head_object")

    def _request(self, wanted: int) -> Any:
        end = min(self.size, max(self._at + wanted, self._stop))
        whole = self._at == 0 and end == self.size
        answer = self._call("get_object", **({} if whole else {"Range": f"bytes={self._at}-{end - 1}"}))
        return answer["Body"]

    def _call(self, operation: str, **parameters: Any) -> Any:
        bucket, key = parse_uri(self.uri)
        if self.etag:
            parameters["IfMatch"] = f'"{self.etag}"'
        try:
            with translated(self.uri):
                return getattr(self._client, operation)(Bucket=bucket, Key=key, **parameters)
        except ServiceError as error:
            if error.code in _CHANGED:
                raise ObjectChangedError(f"{self.uri} changed after it was listed") from error
            raise

    def _drop(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()


@lru_cache(maxsize=PROFILES_MAX)
def _client(profile: str | None) -> Any:
    """The client for a corpus's sources: one per profile and process, since making one costs 100 ms."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(profile_name=profile)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": ATTEMPTS_MAX, "mode": "standard"},
    )
    return session.client("s3", region_name=session.region_name or REGION_DEFAULT, config=config)


def forget_source_clients() -> None:
    """Drop the cached clients, so that the next call looks at profiles and environment anew."""
    _client.cache_clear()
