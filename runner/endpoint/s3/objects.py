"""Operations on one object: put, get, head, copy, delete. Constant memory whatever the size."""

from __future__ import annotations

import asyncio
import re
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from aiohttp import web

from runner.endpoint.mishaps import Hampering, hampering
from runner.endpoint.s3 import store
from runner.endpoint.s3.bodies import receive
from runner.endpoint.s3.context import Call, Operation, Shop, http_date, iso_date, xml_response
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.routing import parse_copy_source
from runner.endpoint.s3.store import Conditions, ObjectRecord, Stored
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPERATIONS", "conditions_of", "kept_headers", "require_object"]

_INLINE_BYTES: Final = 128 * 1024  # up to this, one read and one write are cheaper than sendfile
_HAMPERED_BYTES: Final = 16 * 1024
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_KEPT: Final = (
    "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
    "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class",
)  # fmt: skip
_OBJECT_METADATA: Final = "x-amz-meta-"
_ECHOED_ON_WRITE: Final = ("x-amz-checksum-", "x-amz-server-side-encryption")


async def put_object(shop: Shop, call: Call) -> web.Response:
    """PutObject, with Content-MD5, checksums, aws-chunked bodies, If-None-Match and If-Match."""
    target = call.target
    store.require_bucket(shop.database.read, target.bucket)
    conditions = conditions_of(call.headers)
    present = store.find(shop.database.read, target.bucket, target.key)
    conditions.check(present.record if present else None)  # before the body travels; again when it is booked
    blob = shop.blobs.fresh()
    try:
        received = await receive(call.stream(), call.headers, shop.blobs.path(blob))
        record = ObjectRecord(
            received.size, received.md5, shop.clock(), {**kept_headers(call.headers), **received.checksums}
        )
        replaced = await book(shop, target.bucket, Stored(target.key, blob, record), conditions)
    except Exception:  # not of a cancellation, whose write may still be under way: the sweep takes what it leaves
        shop.blobs.discard(blob)
        raise
    shop.blobs.discard(replaced)
    return web.Response(headers=_written_headers(record))


async def book(shop: Shop, bucket: str, stored: Stored, conditions: Conditions) -> str | None:
    """Make a flushed blob the object of its key; returns the blob it replaces."""
    put = partial(store.put_object, bucket=bucket, stored=stored, conditions=conditions)
    return await shop.database.write(put)


async def get_object(shop: Shop, call: Call) -> web.StreamResponse:
    """GetObject, whole or one range, with conditions."""
    stored = _require(shop, call)
    first, length, status = _range(call.headers.get("Range"), stored.record.size)
    headers = _read_headers(call, stored.record)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{stored.record.size}"
    # Opened before anything is awaited: the object may be replaced at once, the open file stays.
    with shop.blobs.path(stored.blob).open("rb") as file:
        hampered = hampering()
        if length <= _INLINE_BYTES and hampered is None:
            file.seek(first)
            return web.Response(status=status, headers=headers, body=file.read(length))
        response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(length)})
        if hampered is not None:
            file.seek(first)
            return await _hamper(call.request, response, file, length, hampered)
        return await _stream(call.request, response, file, first, length)


async def head_object(shop: Shop, call: Call) -> web.Response:
    """HeadObject."""
    stored = _require(shop, call)
    first, length, status = _range(call.headers.get("Range"), stored.record.size)
    headers = {**_read_headers(call, stored.record), "Content-Length": str(length)}
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{stored.record.size}"
    return web.Response(status=status, headers=headers)


async def delete_object(shop: Shop, call: Call) -> web.Response:
    """DeleteObject; deleting what is not there succeeds, as in the field."""
    remove = partial(store.delete_object, bucket=call.target.bucket, key=call.target.key)
    shop.blobs.discard(await shop.database.write(remove))
    return web.Response(status=204)


async def copy_object(shop: Shop, call: Call) -> web.Response:
    """CopyObject within this endpoint: a second name for the same bytes, whatever their size."""
    bucket, key = parse_copy_source(call.headers["x-amz-copy-source"])
    source = require_object(shop, bucket, key)
    expected = call.headers.get("x-amz-copy-source-if-match")
    if expected is not None and expected.strip('"') != source.record.etag:
        raise S3Error("PreconditionFailed", Condition="x-amz-copy-source-If-Match")
    replace = call.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    if not replace and (bucket, key) == (call.target.bucket, call.target.key):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )
    store.require_bucket(shop.database.read, call.target.bucket)
    before = source.record
    kept = kept_headers(call.headers) if replace else before.headers
    record = ObjectRecord(before.size, before.etag, shop.clock(), kept)
    shop.blobs.pin([source.blob])
    try:
        blob = shop.blobs.fresh()
        await in_thread(shop.blobs.link_to, source.blob, blob)
        stored = Stored(call.target.key, blob, record)
        shop.blobs.discard(await book(shop, call.target.bucket, stored, conditions_of(call.headers)))
    finally:
        shop.blobs.unpin([source.blob])
    result = {"LastModified": iso_date(record.modified), "ETag": f'"{record.etag}"'}
    return xml_response("CopyObjectResult", result)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a write that a read gives back."""
    kept = {name: headers[name] for name in _KEPT if name in headers}
    encoding = ",".join(
        part for part in kept.pop("Content-Encoding", "").replace(" ", "").split(",") if part not in ("", "aws-chunked")
    )
    if encoding:
        kept["Content-Encoding"] = encoding
    kept.update({n.lower(): v for n, v in headers.items() if n.lower().startswith(_OBJECT_METADATA)})
    return kept


def conditions_of(headers: Mapping[str, str]) -> Conditions:
    """If-None-Match and If-Match of a write; S3 takes only `*` for the former."""
    none_match = headers.get("If-None-Match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "If-None-Match on a write takes * only")
    match = headers.get("If-Match")
    return Conditions(none_match=none_match is not None, match=match.strip('"') if match else None)


def _written_headers(record: ObjectRecord) -> dict[str, str]:
    echoed = {name: value for name, value in record.headers.items() if name.startswith(_ECHOED_ON_WRITE)}
    return {"ETag": f'"{record.etag}"', **echoed}


def require_object(shop: Shop, bucket: str, key: bytes) -> Stored:
    """The object of this key; NoSuchKey or NoSuchBucket."""
    stored = store.find(shop.database.read, bucket, key)
    if stored is None:
        store.require_bucket(shop.database.read, bucket)
        raise S3Error("NoSuchKey", Key=key.decode())
    return stored


def _require(shop: Shop, call: Call) -> Stored:
    stored = require_object(shop, call.target.bucket, call.target.key)
    etag, headers = stored.record.etag, call.headers
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if match is not None and not _names(match, etag):
        raise S3Error("PreconditionFailed", Condition="If-Match")
    if none_match is not None and _names(none_match, etag):
        raise S3Error("NotModified")
    modified = int(stored.record.modified)
    if match is None and _later(modified, headers.get("If-Unmodified-Since"), absent=False):
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    if none_match is None and not _later(modified, headers.get("If-Modified-Since"), absent=True):
        raise S3Error("NotModified")
    return stored


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _later(modified: int, header: str | None, *, absent: bool) -> bool:
    """Whether the object is newer than the header's date; `absent` where there is no readable date."""
    if header is None:
        return absent
    try:
        return modified > parsedate_to_datetime(header).timestamp()
    except ValueError:
        return absent


def _range(header: str | None, size: int) -> tuple[int, int, int]:
    """(first byte, length, status) of what a Range header asks for; unreadable ranges mean the whole."""
    matched = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if matched is None or matched.groups() == ("", ""):
        return 0, size, 200
    begin, end = matched.groups()
    if begin == "":
        first, last = max(0, size - int(end)), size - 1
        satisfiable = int(end) > 0 and size > 0
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
        if end and int(end) < int(begin):
            return 0, size, 200
        satisfiable = first < size
    if not satisfiable:
        raise S3Error("InvalidRange", ActualObjectSize=str(size), RangeRequested=header or "")
    return first, last - first + 1, 206


def _read_headers(call: Call, record: ObjectRecord) -> dict[str, str]:
    with_checksums = call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and "Range" not in call.headers
    headers = {
        name: value
        for name, value in record.headers.items()
        if with_checksums or not name.startswith("x-amz-checksum-")
    }
    headers.setdefault("Content-Type", "binary/octet-stream")
    headers["ETag"] = f'"{record.etag}"'
    headers["Last-Modified"] = http_date(record.modified)
    headers["Accept-Ranges"] = "bytes"
    return headers


async def _stream(
    request: web.BaseRequest, response: web.StreamResponse, file: BinaryIO, first: int, length: int
) -> web.StreamResponse:
    await response.prepare(request)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    await asyncio.get_running_loop().sendfile(transport, file, first, length)
    return response


async def _hamper(
    request: web.BaseRequest, response: web.StreamResponse, file: BinaryIO, length: int, hampered: Hampering
) -> web.StreamResponse:
    """Send what follows in the file as a fault will have it: slowly, or only a share."""
    await response.prepare(request)
    left = length if hampered.share is None else int(length * hampered.share)
    while left > 0:
        data = file.read(min(left, _HAMPERED_BYTES))
        await hampered.pause(len(data))
        await response.write(data)
        left -= len(data)
    if hampered.share is not None and request.transport is not None:
        request.transport.close()
    return response


OPERATIONS: dict[str, Operation] = {
    "PutObject": put_object,
    "GetObject": get_object,
    "HeadObject": head_object,
    "DeleteObject": delete_object,
    "CopyObject": copy_object,
}
