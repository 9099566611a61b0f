"""Uploads in parts: create, part, part by copy, list, complete, abort.

A part is a blob with a row; completing strings the parts' bytes together into one blob. Uploads survive a
restart; those never completed stay until aborted, as in S3.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from runner.endpoint.blobs import flush_file
from runner.endpoint.s3 import store, xml
from runner.endpoint.s3.bodies import receive
from runner.endpoint.s3.context import Call, Operation, Shop, iso_date, xml_response
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.objects import conditions_of, kept_headers, require_object
from runner.endpoint.s3.routing import parse_copy_source
from runner.endpoint.s3.store import ObjectRecord, Stored
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["OPERATIONS", "PART_BYTES_MIN"]

PART_BYTES_MIN: Final = 5 * 1024 * 1024  # of every part but the last
_PART_NUMBER_MAX: Final = 10_000
_COPY_BYTES: Final = 8 * 1024 * 1024
_COPY_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")

_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(ObjectRecord).decode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


class _Part(msgspec.Struct, frozen=True):
    number: int
    blob: str
    record: ObjectRecord


async def create_multipart_upload(shop: Shop, call: Call) -> web.Response:
    """CreateMultipartUpload."""
    bucket, key = call.target.bucket, call.target.key
    upload, headers, now = uuid.uuid4().hex, _encode(kept_headers(call.headers)), shop.clock()

    def create(connection: sqlite3.Connection) -> None:
        store.require_bucket(connection, bucket)
        connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", (upload, bucket, key, headers, now))

    await shop.database.write(create)
    content = {"Bucket": bucket, "Key": key.decode(), "UploadId": upload}
    return xml_response("InitiateMultipartUploadResult", content)


async def upload_part(shop: Shop, call: Call) -> web.Response:
    """UploadPart; the same number again replaces the part."""
    number = _part_number(call)
    _require_upload(shop.database.read, call)
    blob = shop.blobs.fresh()
    try:
        received = await receive(call.stream(), call.headers, shop.blobs.path(blob))
        record = ObjectRecord(received.size, received.md5, shop.clock(), received.checksums)
        replaced = await shop.database.write(partial(_put_part, call=call, part=_Part(number, blob, record)))
    except Exception:
        shop.blobs.discard(blob)
        raise
    shop.blobs.discard(replaced)
    return web.Response(headers={"ETag": f'"{record.etag}"', **received.checksums})


async def upload_part_copy(shop: Shop, call: Call) -> web.Response:
    """UploadPartCopy: a part from an object here, or from a range of one."""
    number = _part_number(call)
    _require_upload(shop.database.read, call)
    source = require_object(shop, *parse_copy_source(call.headers["x-amz-copy-source"]))
    first, length = _copy_range(call.headers.get("x-amz-copy-source-range"), source.record.size)
    blob = shop.blobs.fresh()
    shop.blobs.pin([source.blob])
    try:
        digest = await in_thread(_copy, shop.blobs.path(source.blob), shop.blobs.path(blob), first, length)
        record = ObjectRecord(length, digest, shop.clock(), {})
        replaced = await shop.database.write(partial(_put_part, call=call, part=_Part(number, blob, record)))
    except Exception:
        shop.blobs.discard(blob)
        raise
    finally:
        shop.blobs.unpin([source.blob])
    shop.blobs.discard(replaced)
    content = {"LastModified": iso_date(record.modified), "ETag": f'"{record.etag}"'}
    return xml_response("CopyPartResult", content)


async def list_parts(shop: Shop, call: Call) -> web.Response:
    """ListParts, in pages of up to a thousand."""
    _require_upload(shop.database.read, call)
    query = call.target.query
    after, limit = int(query.get("part-number-marker", "0")), min(int(query.get("max-parts", "1000")), 1000)
    parts = [part for part in _parts(shop.database.read, query["uploadId"]) if part.number > after]
    shown = parts[:limit]
    content = {
        "Bucket": call.target.bucket,
        "Key": call.target.key.decode(),
        "UploadId": query["uploadId"],
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1].number if shown else None,
        "MaxParts": limit,
        "IsTruncated": len(parts) > limit,
        "Part": [
            {
                "PartNumber": part.number,
                "LastModified": iso_date(part.record.modified),
                "ETag": f'"{part.record.etag}"',
                "Size": part.record.size,
            }
            for part in shown
        ],
    }
    return xml_response("ListPartsResult", content)


async def list_multipart_uploads(shop: Shop, call: Call) -> web.Response:
    """ListMultipartUploads, all of a bucket's in one page."""
    store.require_bucket(shop.database.read, call.target.bucket)
    rows = shop.database.read.execute(
        "SELECT key, upload, created FROM uploads WHERE bucket = ? ORDER BY key, created", (call.target.bucket,)
    )
    uploads = [{"Key": key.decode(), "UploadId": upload, "Initiated": iso_date(at)} for key, upload, at in rows]
    content = {"Bucket": call.target.bucket, "MaxUploads": 1000, "IsTruncated": False, "Upload": uploads}
    return xml_response("ListMultipartUploadsResult", content)


async def complete_multipart_upload(shop: Shop, call: Call) -> web.Response:
    """CompleteMultipartUpload: the named parts, in order, become the object."""
    headers = _require_upload(shop.database.read, call)
    wanted = _wanted(await call.body())
    parts = _chosen(_parts(shop.database.read, call.target.query["uploadId"]), wanted)
    blobs = [part.blob for part in parts]
    blob = shop.blobs.fresh()
    shop.blobs.pin(blobs)
    try:
        paths = [shop.blobs.path(name) for name in blobs]
        await in_thread(_concatenate, paths, shop.blobs.path(blob))
        record = ObjectRecord(sum(part.record.size for part in parts), _etag(parts), shop.clock(), headers)
        finish = partial(_finish, call=call, stored=Stored(call.target.key, blob, record))
        unnamed = await shop.database.write(finish)
    except Exception:
        shop.blobs.discard(blob)
        raise
    finally:
        shop.blobs.unpin(blobs)
    shop.blobs.discard(*unnamed)
    content = {
        "Location": f"/{call.target.bucket}/{call.target.key.decode()}",
        "Bucket": call.target.bucket,
        "Key": call.target.key.decode(),
        "ETag": f'"{record.etag}"',
    }
    return xml_response("CompleteMultipartUploadResult", content)


async def abort_multipart_upload(shop: Shop, call: Call) -> web.Response:
    """AbortMultipartUpload."""

    def abort(connection: sqlite3.Connection) -> list[str]:
        _require_upload(connection, call)
        return _forget(connection, call.target.query["uploadId"])

    shop.blobs.discard(*await shop.database.write(abort))
    return web.Response(status=204)


def _part_number(call: Call) -> int:
    text = call.target.query.get("partNumber", "")
    if not text.isdecimal() or not 1 <= int(text) <= _PART_NUMBER_MAX:
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    return int(text)


def _require_upload(connection: sqlite3.Connection, call: Call) -> dict[str, str]:
    """The headers that the upload was created with; NoSuchUpload if it is not one of this key's."""
    row = connection.execute(
        "SELECT headers FROM uploads WHERE upload = ? AND bucket = ? AND key = ?",
        (call.target.query["uploadId"], call.target.bucket, call.target.key),
    ).fetchone()
    if row is None:
        raise S3Error("NoSuchUpload", UploadId=call.target.query["uploadId"])
    return _decode_headers(row[0])


def _parts(connection: sqlite3.Connection, upload: str) -> list[_Part]:
    rows = connection.execute("SELECT number, blob, record FROM parts WHERE upload = ? ORDER BY number", (upload,))
    return [_Part(number, blob, _decode_record(record)) for number, blob, record in rows]


def _put_part(connection: sqlite3.Connection, call: Call, part: _Part) -> str | None:
    _require_upload(connection, call)
    place = (call.target.query["uploadId"], part.number)
    before = connection.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?", place).fetchone()
    connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", (*place, part.blob, _encode(part.record)))
    return None if before is None else str(before[0])


def _wanted(body: bytes) -> list[tuple[int, str]]:
    elements = xml.parse(body).iter("Part")
    try:
        wanted = [(int(e.findtext("PartNumber") or ""), (e.findtext("ETag") or "").strip('"')) for e in elements]
    except ValueError as error:
        raise S3Error("MalformedXML") from error
    if not wanted:
        raise S3Error("MalformedXML")
    if any(later[0] <= earlier[0] for earlier, later in pairwise(wanted)):
        raise S3Error("InvalidPartOrder")
    return wanted


def _chosen(parts: list[_Part], wanted: list[tuple[int, str]]) -> list[_Part]:
    by_number = {part.number: part for part in parts}
    chosen = [by_number.get(number) for number, _ in wanted]
    found = [
        part for part, (_, etag) in zip(chosen, wanted, strict=True) if part is not None and part.record.etag == etag
    ]
    if len(found) < len(wanted):
        raise S3Error("InvalidPart")
    if any(part.record.size < PART_BYTES_MIN for part in found[:-1]):
        raise S3Error("EntityTooSmall")
    return found


def _etag(parts: list[_Part]) -> str:
    digests = b"".join(bytes.fromhex(part.record.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def _finish(connection: sqlite3.Connection, call: Call, stored: Stored) -> list[str | None]:
    _require_upload(connection, call)
    conditions = conditions_of(call.headers)
    replaced = store.put_object(connection, call.target.bucket, stored, conditions)
    return [replaced, *_forget(connection, call.target.query["uploadId"])]


def _forget(connection: sqlite3.Connection, upload: str) -> list[str]:
    blobs = [row[0] for row in connection.execute("SELECT blob FROM parts WHERE upload = ?", (upload,))]
    connection.execute("DELETE FROM parts WHERE upload = ?", (upload,))
    connection.execute("DELETE FROM uploads WHERE upload = ?", (upload,))
    return blobs


def _copy_range(header: str | None, size: int) -> tuple[int, int]:
    if header is None:
        return 0, size
    matched = _COPY_RANGE.fullmatch(header)
    first, last = (int(matched[1]), int(matched[2])) if matched else (0, -1)
    if not first <= last < size:
        raise S3Error(
            "InvalidArgument", "The x-amz-copy-source-range value must be bytes=first-last, within the source"
        )
    return first, last - first + 1


def _copy(source: Path, destination: Path, first: int, length: int) -> str:
    """Copy a run of bytes, durably; returns their MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with source.open("rb", buffering=0) as file, destination.open("xb", buffering=0) as output:
        file.seek(first)
        while length and (data := file.read(min(length, _COPY_BYTES))):
            digest.update(data)
            output.write(data)
            length -= len(data)
        flush_file(output.fileno(), destination)
    return digest.hexdigest()


def _concatenate(sources: list[Path], destination: Path) -> None:
    with destination.open("xb", buffering=0) as output:
        for source in sources:
            with source.open("rb", buffering=0) as file:
                shutil.copyfileobj(file, output, _COPY_BYTES)
        flush_file(output.fileno(), destination)


OPERATIONS: dict[str, Operation] = {
    "CreateMultipartUpload": create_multipart_upload,
    "UploadPart": upload_part,
    "UploadPartCopy": upload_part_copy,
    "ListParts": list_parts,
    "ListMultipartUploads": list_multipart_uploads,
    "CompleteMultipartUpload": complete_multipart_upload,
    "AbortMultipartUpload": abort_multipart_upload,
}
