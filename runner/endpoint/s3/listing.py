"""Listing keys as S3 does: prefixes, delimiters, pages; pure over an iterator of objects.

Knows nothing of SQL, HTTP or XML.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.store import Stored, successor

__all__ = ["KEYS_MAX", "Page", "list_page", "read_token", "write_token"]

KEYS_MAX: Final = 1000

Seek = Callable[[bytes, bytes], Iterator[Stored]]
"""(after, at) -> the objects under the prefix with keys > after and >= at, in order."""


class Page(msgspec.Struct):
    """One page: objects and common prefixes, each in order; `last` is where to go on, None at the end."""

    objects: list[Stored]
    prefixes: list[bytes]
    last: bytes | None = None


def list_page(seek: Seek, *, prefix: bytes, delimiter: bytes, after: bytes, limit: int) -> Page:
    """At most `limit` keys and common prefixes that come after `after` (a key, or a common prefix).

    A common prefix counts as one, however many keys it stands for, and its keys are jumped over, not read.
    """
    page = Page([], [])
    if limit == 0:
        return page
    last = after
    found = _start(seek, prefix, delimiter, after)
    while (stored := next(found, None)) is not None:
        if len(page.objects) + len(page.prefixes) == limit:
            page.last = last
            return page
        common = _common(stored.key, prefix, delimiter)
        if common is None:
            page.objects.append(stored)
            last = stored.key
            continue
        page.prefixes.append(common)
        last = common
        beyond = successor(common)
        found = iter(()) if beyond is None else seek(b"", beyond)
    return page


def _start(seek: Seek, prefix: bytes, delimiter: bytes, after: bytes) -> Iterator[Stored]:
    common = _common(after, prefix, delimiter) if after else None
    if common is not None and after == common:
        beyond = successor(common)
        return iter(()) if beyond is None else seek(b"", beyond)
    return seek(after, b"")


def _common(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def write_token(last: bytes) -> str:
    """A continuation token; opaque to clients."""
    return base64.urlsafe_b64encode(b"1" + last).decode()


def read_token(token: str) -> bytes:
    """Where a page goes on; InvalidArgument for what is no token of ours."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error
    if raw[:1] != b"1":
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
    return raw[1:]
