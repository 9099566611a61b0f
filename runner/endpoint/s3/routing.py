"""Which bucket, key and operation a request means; pure.

Knows HTTP's method, target and headers as values, nothing of aiohttp, storage or XML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from runner.endpoint.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_BYTES_MAX", "Target", "operation_of", "parse_copy_source", "parse_target"]

KEY_BYTES_MAX: Final = 1024

# Asking for one of these is asking for something else than the plain operation: never answer as if it were not there.
_UNSUPPORTED: Final = frozenset({
    "accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory",
    "legal-hold", "lifecycle", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy",
    "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "session",
    "tagging", "torrent", "versionId", "versions", "website",
})  # fmt: skip

_ON_BUCKET: Final = {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
_ON_BUCKET_GET: Final = {
    "location": "GetBucketLocation",
    "versioning": "GetBucketVersioning",
    "uploads": "ListMultipartUploads",
}
_ON_KEY: Final = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_ON_UPLOAD: Final = {
    "PUT": "UploadPart",
    "GET": "ListParts",
    "DELETE": "AbortMultipartUpload",
    "POST": "CompleteMultipartUpload",
}


class Target(msgspec.Struct, frozen=True):
    """What a request is about: `bucket` and `key` are empty where it names none; `key` is UTF-8."""

    bucket: str
    key: bytes
    query: dict[str, str]


def parse_target(raw: str, host: str) -> Target:
    """Read a request's target, path style, or virtual-host style where `host` is `bucket.localhost`."""
    path, _, query = raw.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    if name.endswith(".localhost"):
        bucket = name.removesuffix(".localhost").removesuffix(".s3")
        if bucket != "s3":
            return Target(bucket, _key(path.removeprefix("/")), parameters)
    bucket, _, key = path.removeprefix("/").partition("/")
    return Target(unquote_to_bytes(bucket).decode("utf-8", "replace"), _key(key), parameters)


def parse_copy_source(header: str) -> tuple[str, bytes]:
    """Bucket and key of `x-amz-copy-source`."""
    path, _, version = header.partition("?versionId=")
    if version:
        raise S3Error("NotImplemented", "this endpoint keeps no versions of objects")
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    return bucket, _key(key)


def _key(encoded: str) -> bytes:
    key = unquote_to_bytes(encoded)
    if len(key) > KEY_BYTES_MAX:
        raise S3Error("KeyTooLongError")
    try:
        key.decode("utf-8")
    except UnicodeDecodeError as error:
        raise S3Error("InvalidArgument", "a key must be UTF-8") from error
    return key


def operation_of(method: str, target: Target, headers: Mapping[str, str]) -> str:
    """The name of S3's operation that is asked for; raises S3Error for what is not served."""
    unsupported = _UNSUPPORTED.intersection(target.query)
    if unsupported:
        raise S3Error("NotImplemented", f"this endpoint does not serve ?{min(unsupported)}")
    if not target.bucket:
        return _served("ListBuckets" if method == "GET" else None)
    if not target.key:
        return _served(_bucket_operation(method, target.query))
    return _served(_key_operation(method, target.query, headers))


def _bucket_operation(method: str, query: Mapping[str, str]) -> str | None:
    if method == "GET":
        for name, operation in _ON_BUCKET_GET.items():
            if name in query:
                return operation
        return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
    if method == "POST":
        return "DeleteObjects" if "delete" in query else None
    return _ON_BUCKET.get(method)


def _key_operation(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    copying = method == "PUT" and "x-amz-copy-source" in headers
    if "uploadId" in query:
        return "UploadPartCopy" if copying else _ON_UPLOAD.get(method)
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else None
    return "CopyObject" if copying else _ON_KEY.get(method)


def _served(operation: str | None) -> str:
    if operation is None:
        raise S3Error("MethodNotAllowed")
    return operation
