"""Buckets, objects and uploads as rows, each naming a blob: the durable side of S3.

Owns the SQL. Knows nothing of HTTP and XML. Functions that take a connection run inside one transaction of
the database's writer; the others only read and run on the event loop's thread.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from runner.endpoint.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Conditions",
    "ObjectRecord",
    "Stored",
    "bucket_exists",
    "create_bucket",
    "delete_bucket",
    "delete_object",
    "find",
    "list_buckets",
    "named_blobs",
    "put_object",
    "require_bucket",
    "scan",
    "successor",
]

_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")
_SCAN_PAGE: Final = 1000


class ObjectRecord(msgspec.Struct, frozen=True):
    """What is known of an object besides its bytes; `etag` without quotes, `modified` in epoch seconds."""

    size: int
    etag: str
    modified: float
    headers: dict[str, str]


class Stored(msgspec.Struct, frozen=True):
    """An object as found: its key's bytes, its blob, its record."""

    key: bytes
    blob: str
    record: ObjectRecord


class Conditions(msgspec.Struct, frozen=True):
    """What must hold for a write: `none_match` that nothing is there, `match` the ETag that is."""

    none_match: bool = False
    match: str | None = None

    def check(self, current: ObjectRecord | None) -> None:
        """Raise PreconditionFailed, or NoSuchKey as S3 does when a matching ETag is asked of nothing."""
        if self.none_match and current is not None:
            raise S3Error("PreconditionFailed", Condition="If-None-Match")
        if self.match is not None:
            if current is None:
                raise S3Error("NoSuchKey")
            if self.match not in ("*", current.etag):
                raise S3Error("PreconditionFailed", Condition="If-Match")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ObjectRecord).decode


def bucket_exists(connection: sqlite3.Connection, bucket: str) -> bool:
    """Whether there is a bucket of this name."""
    return connection.execute("SELECT 1 FROM buckets WHERE name = ?", (bucket,)).fetchone() is not None


def require_bucket(connection: sqlite3.Connection, bucket: str) -> None:
    """Raise NoSuchBucket unless there is one."""
    if not bucket_exists(connection, bucket):
        raise S3Error("NoSuchBucket", BucketName=bucket)


def create_bucket(connection: sqlite3.Connection, bucket: str, *, region: str, now: float) -> None:
    """Make a bucket; making one's own again is refused, except in us-east-1, as in the field."""
    if not _BUCKET_NAME.fullmatch(bucket) or ".." in bucket:
        raise S3Error("InvalidBucketName", BucketName=bucket)
    if bucket_exists(connection, bucket):
        if region == "us-east-1":
            return
        raise S3Error("BucketAlreadyOwnedByYou", BucketName=bucket)
    connection.execute("INSERT INTO buckets VALUES (?, ?, ?)", (bucket, now, region))


def delete_bucket(connection: sqlite3.Connection, bucket: str) -> None:
    """Remove an empty bucket; BucketNotEmpty otherwise."""
    require_bucket(connection, bucket)
    if connection.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (bucket,)).fetchone():
        raise S3Error("BucketNotEmpty", BucketName=bucket)
    connection.execute("DELETE FROM buckets WHERE name = ?", (bucket,))


def list_buckets(connection: sqlite3.Connection) -> list[tuple[str, float, str]]:
    """(name, created, region) of every bucket, by name."""
    return connection.execute("SELECT name, created, region FROM buckets ORDER BY name").fetchall()


def find(connection: sqlite3.Connection, bucket: str, key: bytes) -> Stored | None:
    """The object of exactly this key."""
    row = connection.execute("SELECT blob, record FROM objects WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
    return None if row is None else Stored(key, row[0], _decode(row[1]))


def put_object(
    connection: sqlite3.Connection,
    bucket: str,
    stored: Stored,
    conditions: Conditions = Conditions(),  # noqa: B008 - a frozen value
) -> str | None:
    """Make a blob the object of its key; returns the blob that it replaces, which nothing names any more."""
    require_bucket(connection, bucket)
    before = find(connection, bucket, stored.key)
    conditions.check(before.record if before else None)
    connection.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
        (bucket, stored.key, stored.blob, _encode(stored.record)),
    )
    return before.blob if before else None


def delete_object(connection: sqlite3.Connection, bucket: str, key: bytes) -> str | None:
    """Remove an object if there is one; returns the blob that nothing names any more."""
    require_bucket(connection, bucket)
    row = connection.execute(
        "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING blob", (bucket, key)
    ).fetchone()
    return None if row is None else str(row[0])


def scan(
    connection: sqlite3.Connection, bucket: str, *, prefix: bytes, after: bytes = b"", at: bytes = b""
) -> Iterator[Stored]:
    """Objects whose key begins with `prefix`, in the order of their bytes: those > `after` and >= `at`.

    Reads in pages, so that a reader who pauses holds no snapshot of the books open.
    """
    upper = successor(prefix)
    lower, comparison = (after, ">") if after >= max(prefix, at) else (max(prefix, at), ">=")
    while True:
        rows = connection.execute(
            f"SELECT key, blob, record FROM objects WHERE bucket = ? AND key {comparison} ?"  # noqa: S608
            f"{' AND key < ?' if upper is not None else ''} ORDER BY key LIMIT {_SCAN_PAGE}",
            (bucket, lower, *([upper] if upper is not None else [])),
        ).fetchall()
        for key, blob, record in rows:
            yield Stored(key, blob, _decode(record))
        if len(rows) < _SCAN_PAGE:
            return
        lower, comparison = rows[-1][0], ">"


def successor(prefix: bytes) -> bytes | None:
    """The smallest bytes above everything that begins with `prefix`; None if there are none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None


def named_blobs(connection: sqlite3.Connection, blobs: list[str]) -> set[str]:
    """Those of `blobs` that an object or a part names."""
    marks = ",".join("?" * len(blobs))
    found: set[str] = set()
    for table in ("objects", "parts"):
        rows = connection.execute(f"SELECT blob FROM {table} WHERE blob IN ({marks})", blobs)  # noqa: S608
        found.update(row[0] for row in rows)
    return found
