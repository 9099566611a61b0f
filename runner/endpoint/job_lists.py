"""One page of a List: filter, order, place; pure over a shelf of jobs.

Where the service's behaviour is not documented, this endpoint chooses: a List without a time filter goes from
the newest job to the oldest; NextToken holds a place in the order, so jobs that change or arrive between pages
are neither skipped nor shown twice, and it is only good for the filter that it came from.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import msgspec

from runner.endpoint.lifecycle import ACTIVE
from runner.endpoint.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.endpoint.families import Family
    from runner.endpoint.jobs import Job, JobRecord

__all__ = ["PAGE_DEFAULT", "list_page"]

PAGE_DEFAULT: Final = 100

_FILTERS: Final = ("JobName", "JobStatus", "SubmitTimeBefore", "SubmitTimeAfter")


def list_page(
    family: Family, members: Mapping[str, Any], shelf: Callable[..., list[Job]], *, listed_until: float | None = None
) -> bytes:
    """The JSON of one page of a family's List.

    `shelf()` is all of its jobs, oldest first, `shelf(active_only=True)` those that hold a slot. Jobs submitted
    after `listed_until` do not show yet.
    """
    chosen = members.get("Filter") or {}
    name, value = _only_filter(chosen)
    limit = members.get("MaxResults", PAGE_DEFAULT)
    active_only = name == "JobStatus" and value in ACTIVE  # a sweep's question: few jobs of many
    oldest_first = name == family.oldest_first_filter
    mark = crc32(msgspec.json.encode([family.name, name, value]))
    after = _read_token(members.get("NextToken"), mark)
    page: list[Job] = []
    more = False
    for job in _in_order(shelf(active_only=active_only), after, oldest_first=oldest_first):
        if (listed_until is not None and job.record.submitted > listed_until) or not _passes(job.record, name, value):
            continue
        if len(page) == limit:
            more = True
            break
        page.append(job)
    key = f"{family.properties}List".encode()
    token = b',"NextToken":"%b"' % _write_token(page[-1].record.seq, mark) if more else b""
    return b'{"%b":[%b]%b}' % (key, b",".join([job.described() for job in page]), token)


def _only_filter(chosen: Mapping[str, Any]) -> tuple[str | None, Any]:
    given = [(name, chosen[name]) for name in _FILTERS if chosen.get(name) is not None]
    if len(given) > 1:
        raise ApiError(
            "InvalidFilterException", "The filter specified for the operation is invalid. Specify a different filter."
        )
    return given[0] if given else (None, None)


def _passes(record: JobRecord, name: str | None, value: Any) -> bool:
    match name:
        case None:
            return True
        case "JobStatus":
            return bool(record.status == value)
        case "JobName":
            return bool(record.request.get("JobName") == value)
        case "SubmitTimeBefore":
            return bool(record.submitted < value)
        case _:
            return bool(record.submitted > value)


def _in_order(shelf: list[Job], after: int | None, *, oldest_first: bool) -> Iterable[Job]:
    if after is None:
        return shelf if oldest_first else reversed(shelf)
    if oldest_first:
        return (job for job in shelf if job.record.seq > after)
    return (job for job in reversed(shelf) if job.record.seq < after)


def _write_token(seq: int, mark: int) -> bytes:
    return base64.urlsafe_b64encode(b"seq:%d:%d" % (seq, mark))


def _read_token(token: str | None, mark: int) -> int | None:
    if token is None:
        return None
    try:
        label, number, made_for = base64.b64decode(token, altchars=b"-_", validate=True).split(b":")
        if label == b"seq" and int(made_for) == mark:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ApiError("InvalidRequestException", "The NextToken is not one that this operation returned for this filter")
