"""The staging bucket of one lane: put, list, delete, check. A value or a Fault comes back, nothing is raised.

Bodies are streamed from files by `put_object`: constant memory, where the SDK's own transfer manager takes 116 MB
(LIBRARIES.md section 2). One object holds 5 GB at most, which is also the most that a job may read; larger files are
refused, not cut.

Outputs are not fetched here: worker processes do that, with the synchronous client of `runner.storage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import IO, Any, Final

from anyio import to_thread

from runner.aws.session import Answer, LaneSession, corrupt
from runner.errors import InternalError
from runner.model import Fault, FaultKind, Scope
from runner.storage.s3 import parse_uri

OBJECT_BYTES_MAX: Final = 5 * 1024**3
UPLOAD_BYTES_PER_S_MIN: Final = 64 * 1024
"""Slower than this an upload counts as stalled, and is repeated."""
UPLOAD_SECONDS_MIN: Final = 120.0
PAGE_KEYS_MAX: Final = 1000
DELETE_ROUNDS_MAX: Final = 10_000
"""Of a thousand keys each: far above what one run stages, and an end if a bucket never empties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A small object as it was read: its bytes, its ETag, and its age in seconds by the storage's own clock."""

    data: bytes
    etag: str
    age_s: float


class StagingClient:
    """The staging area of one lane, over its open session."""

    def __init__(self, session: LaneSession) -> None:
        self._session = session

    async def put_file(self, uri: str, path: str) -> int | Fault:
        """Upload a local file to `uri` (s3://bucket/key); the bytes sent. A file that cannot be read is a Fault too."""
        try:
            body: IO[bytes] = await to_thread.run_sync(open, path, "rb")
        except OSError as error:
            return self._session.fault(error, operation="PutObject")
        with body:
            size = body.seek(0, 2)
            body.seek(0)
            if size > OBJECT_BYTES_MAX:
                return _too_large(uri, size)
            return await self._put(uri, body, size)

    async def put_bytes(self, uri: str, data: bytes) -> int | Fault:
        """Upload `data` to `uri` (s3://bucket/key); the bytes sent."""
        return await self._put(uri, data, len(data))

    async def put_if(self, uri: str, data: bytes, *, etag: str | None) -> str | Fault:
        """Upload `data` if the object is still the one of this ETag (None: if there is none); the new ETag.

        A storage that refuses conditions with NotImplemented takes it without. PreconditionFailed or
        ConditionalRequestConflict: somebody else was there before.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        answer = await self._put_object(uri, data, len(data), condition)
        if isinstance(answer, Fault) and answer.code == "NotImplemented":
            answer = await self._put_object(uri, data, len(data))
        return answer if isinstance(answer, Fault) else str(answer["ETag"])

    async def get_bytes(self, uri: str) -> Held | Fault | None:
        """A small object, whole; None if there is none."""
        bucket, key = parse_uri(uri)
        answer = await self._session.call("s3", "GetObject", {"Bucket": bucket, "Key": key})
        if isinstance(answer, Fault):
            return None if answer.code == "NoSuchKey" else answer
        try:
            async with answer["Body"] as body:
                data = await body.read()
        except Exception as error:  # noqa: BLE001 - a body that breaks off is a value here, like every other failure
            return self._session.fault(error, operation="GetObject")
        return Held(data=data, etag=str(answer["ETag"]), age_s=_age_s(answer))

    async def delete(self, uri: str) -> Fault | None:
        """Delete one object; one that is not there is nothing to complain of."""
        bucket, key = parse_uri(uri)
        return await self._delete(bucket, [key])

    async def list_keys(self, prefix_uri: str, limit: int) -> list[tuple[str, int]] | Fault:
        """Up to `limit` objects whose key begins with the prefix, as (key, size) in S3's order (UTF-8 bytes)."""
        bucket, prefix = parse_uri(prefix_uri)
        found: list[tuple[str, int]] = []
        parameters: Answer = {"Bucket": bucket, "Prefix": prefix}
        while len(found) < limit:
            page = await self._session.call(
                "s3", "ListObjectsV2", parameters | {"MaxKeys": min(PAGE_KEYS_MAX, limit - len(found))}
            )
            if isinstance(page, Fault):
                return page
            objects = [(str(item["Key"]), int(item.get("Size", 0))) for item in page.get("Contents", ())]
            found += objects
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token or not objects:
                break
            parameters["ContinuationToken"] = token
        return found[:limit]

    async def delete_prefix(self, uri: str) -> int | Fault:
        """Delete every object below a prefix that is closed by `/`; how many there were. Safe to repeat."""
        bucket, prefix = parse_uri(uri)
        if not prefix.endswith("/") or prefix == "/":
            raise InternalError(f"{uri} is no folder below a bucket; refusing to delete there")
        deleted = 0
        for _ in range(DELETE_ROUNDS_MAX):
            keys = await self.list_keys(uri, PAGE_KEYS_MAX)
            if isinstance(keys, Fault):
                return keys
            if not keys:
                return deleted
            fault = await self._delete(bucket, [key for key, _ in keys])
            if fault is not None:
                return fault
            deleted += len(keys)
        return corrupt("DeleteObjects", f"{uri} does not become empty")

    async def check(self, uri: str) -> Fault | None:
        """None if the bucket of `uri` exists, in the lane's region, and the lane's identity may list below `uri`."""
        bucket, prefix = parse_uri(uri)
        # The List comes first: a HEAD has no body, so that its failures carry no code.
        listed = await self._session.call("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1})
        if isinstance(listed, Fault):
            return listed
        head = await self._session.call("s3", "HeadBucket", {"Bucket": bucket})
        if isinstance(head, Fault):
            return head
        region = head.get("BucketRegion")
        lane = self._session.lane
        if lane.kind == "aws" and region and region != lane.region:
            return Fault(
                kind=FaultKind.DENIED,
                scope=Scope.LANE,
                code="WRONG_REGION",
                message=f"bucket {bucket} is in {region}, lane {lane.name} in {lane.region}",
                hint="Comprehend reads and writes in its own region only: change `staging` or `region`",
            )
        return None

    async def ensure_bucket(self, uri: str) -> Fault | None:
        """Make the bucket of `uri` unless it is there. For embedded lanes: elsewhere buckets are the user's to make."""
        lane = self._session.lane
        if lane.kind != "embedded":
            raise InternalError(f"lane {lane.name} is {lane.kind}: buckets are made on embedded lanes only")
        bucket, _ = parse_uri(uri)
        parameters: Answer = {"Bucket": bucket}
        if lane.region != "us-east-1":
            parameters["CreateBucketConfiguration"] = {"LocationConstraint": lane.region}
        made = await self._session.call("s3", "CreateBucket", parameters)
        if isinstance(made, Fault) and made.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            return made
        return None

    async def _put(self, uri: str, body: IO[bytes] | bytes, size: int) -> int | Fault:
        answer = await self._put_object(uri, body, size)
        return answer if isinstance(answer, Fault) else size

    async def _put_object(
        self, uri: str, body: IO[bytes] | bytes, size: int, condition: dict[str, str] | None = None
    ) -> Answer | Fault:
        bucket, key = parse_uri(uri)
        if not key or key.endswith("/"):
            raise InternalError(f"{uri} names no object")
        parameters: Answer = {"Bucket": bucket, "Key": key, "Body": body, "ContentLength": size, **(condition or {})}
        kms = self._session.lane.kms.staging
        if kms:
            parameters |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms}
        within_s = UPLOAD_SECONDS_MIN + size / UPLOAD_BYTES_PER_S_MIN
        return await self._session.call("s3", "PutObject", parameters, within_s=within_s)

    async def _delete(self, bucket: str, keys: list[str]) -> Fault | None:
        """Delete up to a thousand keys; the first failure among them, though the call itself succeeded."""
        objects = [{"Key": key} for key in keys]
        answer = await self._session.call(
            "s3", "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": objects, "Quiet": True}}
        )
        if isinstance(answer, Fault):
            return answer
        errors: list[dict[str, Any]] = answer.get("Errors") or []
        return self._session.fault_of_code(errors[0], operation="DeleteObjects") if errors else None


def _age_s(answer: Answer) -> float:
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"])
    return max(0.0, age.total_seconds())


def _too_large(uri: str, size: int) -> Fault:
    return Fault(
        kind=FaultKind.REJECTED,
        scope=Scope.BATCH,
        code="EntityTooLarge",
        message=f"{uri} would have {size:,} bytes; one object holds {OBJECT_BYTES_MAX:,}",
    )
