"""Comprehend's operations on jobs: Start, Describe, List, Stop for every family of the table.

Owns what the service decides at the door: validation, quotas, tokens, filters, pages. Knows nothing of HTTP
beyond bytes in and bytes out, and nothing of how a job is carried out.

Where the service's behaviour is not documented (COMPREHEND.md section 7), this endpoint chooses: a token that
comes again with other parameters is a ResourceInUseException, the only declared error that fits; tokens never
expire; a List without a time filter goes from the newest job to the oldest; jobs are kept for ever; NextToken
holds a place in the order, so jobs that change or arrive between pages are neither skipped nor shown twice.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.endpoint.families import FAMILIES, Family
from runner.endpoint.jobs import Job, JobRecord
from runner.endpoint.lifecycle import ACTIVE
from runner.endpoint.protocol import ApiError, decode_body, encode
from runner.endpoint.quotas import RateLimiter
from runner.endpoint.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runner.endpoint.jobs import JobBook
    from runner.endpoint.settings import EndpointSettings

__all__ = ["Comprehend", "Operation", "operation_named"]

_PAGE_DEFAULT: Final = 100
_SORTED: Final = msgspec.json.Encoder(order="sorted")
_FILTERS: Final = ("JobName", "JobStatus", "SubmitTimeBefore", "SubmitTimeAfter")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name, its kind (`start`, `describe`, `list`, `stop`), its family."""

    name: str
    kind: str
    family: Family


def _operations() -> Iterator[Operation]:
    for family in FAMILIES.values():
        yield Operation(f"Start{family.stem}Job", "start", family)
        yield Operation(f"Describe{family.stem}Job", "describe", family)
        yield Operation(f"List{family.stem}Jobs", "list", family)
        if family.stoppable:
            yield Operation(f"Stop{family.stem}Job", "stop", family)


_OPERATIONS: Final = {operation.name: operation for operation in _operations()}


def operation_named(name: str) -> Operation:
    """The operation; UnknownOperationException for one that is not served."""
    if name not in _OPERATIONS:
        raise ApiError("UnknownOperationException", f"The requested operation {name} is not served by this endpoint")
    return _OPERATIONS[name]


class Comprehend:
    """The service's front: answers operations from the book of jobs, and hands new jobs to `launch`.

    `languages` says per family which codes its analyzer takes, None for any. `fault_job` answers, from
    operation and JobName, which faults the rules in force lay on a new job.
    """

    def __init__(
        self,
        *,
        book: JobBook,
        settings: EndpointSettings,
        languages: Mapping[str, frozenset[str] | None],
        launch: Callable[[Job], None],
        fault_job: Callable[[str, str], list[dict[str, Any]]],
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._settings = settings
        self._languages = languages
        self._launch = launch
        self._fault_job = fault_job
        self._clock = clock
        quotas = settings.quotas
        reads = RateLimiter(quotas.read_per_s)
        self._rates = {
            "start": RateLimiter(quotas.start_per_s),
            "stop": RateLimiter(quotas.stop_per_s),
            "describe": reads,
            "list": reads,
        }
        self._doors: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._kinds = {"start": self._start, "stop": self._stop, "describe": self._describe, "list": self._list}

    async def answer(self, operation: Operation, region: str, body: bytes) -> bytes:
        """Carry out one operation; raises ApiError for every answer that is an error."""
        if not self._rates[operation.kind].admit(f"{region} {operation.name}", time.monotonic()):
            raise ApiError("ThrottlingException", "Rate exceeded", status=429)
        members = {name: value for name, value in decode_body(body).items() if value is not None}
        validate(operation.name, members)
        return await self._kinds[operation.kind](operation.family, region, members)

    async def _start(self, family: Family, region: str, members: dict[str, Any]) -> bytes:
        self._check_language(family, members)
        _check_models(members)
        members["InputDataConfig"] = {"InputFormat": "ONE_DOC_PER_LINE", **members["InputDataConfig"]}
        token = members.get("ClientRequestToken") if self._settings.tokens == "honoured" else None
        # One at a time, so that neither a token nor the last free slot can be used twice.
        async with self._doors[region, family.name]:
            job = self._same(family, region, members, token)
            if job is None:
                self._check_slots(family, region)
                job = await self._book.accept(self._record(family, region, members, token))
                self._launch(job)
        return encode(_started(job))

    def _same(self, family: Family, region: str, members: dict[str, Any], token: str | None) -> Job | None:
        """The job that this token has started before; refused if it was to be another one."""
        job = self._book.by_token(region, family.name, token) if token is not None else None
        if job is not None and job.record.fingerprint != _fingerprint(members):
            raise ApiError(
                "ResourceInUseException",
                f"The client request token belongs to job {job.record.job_id}, which was started with other parameters",
            )
        return job

    def _check_slots(self, family: Family, region: str) -> None:
        limit = self._settings.quotas.active_jobs
        if self._book.active_count(region, family.name) >= limit:
            raise ApiError(
                "TooManyRequestsException",
                f"ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit for this account is {limit}.",
            )

    def _record(self, family: Family, region: str, members: dict[str, Any], token: str | None) -> JobRecord:
        job_id = uuid.uuid4().hex
        account = self._settings.account
        base = members["OutputDataConfig"]["S3Uri"].rstrip("/")
        return JobRecord(
            seq=self._book.next_seq(),
            job_id=job_id,
            arn=f"arn:aws:comprehend:{region}:{account}:{family.resource}/{job_id}",
            family=family.name,
            region=region,
            request=members,
            output=f"{base}/{account}-{family.code}-{job_id}/output/output.tar.gz",
            token=token,
            fingerprint=_fingerprint(members),
            submitted=round(self._clock(), 3),
            faults=self._fault_job(f"Start{family.stem}Job", members.get("JobName") or ""),
        )

    def _check_language(self, family: Family, members: dict[str, Any]) -> None:
        languages = self._languages.get(family.name)
        code = members.get("LanguageCode")
        if family.takes_language and languages is not None and code not in languages:
            raise ApiError(
                "InvalidRequestException",
                f"The local analyzer of {family.name} does not take the language {code}; it takes: "
                f"{', '.join(sorted(languages))}",
            )

    async def _describe(self, family: Family, region: str, members: dict[str, Any]) -> bytes:
        job = self._require(family, region, members["JobId"])
        return b'{"%b":%b}' % (family.properties.encode(), job.described())

    async def _stop(self, family: Family, region: str, members: dict[str, Any]) -> bytes:
        job = self._require(family, region, members["JobId"])
        async with job.lock:
            status = job.record.status
            if status in ("COMPLETED", "FAILED"):
                raise ApiError("InvalidRequestException", f"The job has ended as {status} and cannot be stopped")
            if status in ("SUBMITTED", "IN_PROGRESS"):
                await self._book.advance(job, "STOP_REQUESTED")
            return encode({"JobId": job.record.job_id, "JobStatus": job.record.status})

    def _require(self, family: Family, region: str, job_id: str) -> Job:
        job = self._book.find(region, family.name, job_id)
        if job is None:
            raise ApiError("JobNotFoundException", "The specified job was not found. Check the job ID and try again.")
        return job

    async def _list(self, family: Family, region: str, members: dict[str, Any]) -> bytes:
        name, value = _only_filter(members.get("Filter") or {})
        limit = members.get("MaxResults", _PAGE_DEFAULT)
        active_only = name == "JobStatus" and value in ACTIVE  # a sweep's question: few jobs of many
        shelf = self._book.shelf(region, family.name, active_only=active_only)
        oldest_first = name == family.oldest_first_filter
        after = _read_token(members.get("NextToken"))
        page: list[Job] = []
        more = False
        for job in _in_order(shelf, after, oldest_first=oldest_first):
            if not _passes(job.record, name, value):
                continue
            if len(page) == limit:
                more = True
                break
            page.append(job)
        key = f"{family.properties}List".encode()
        token = b',"NextToken":"%b"' % _write_token(page[-1].record.seq) if more else b""
        return b'{"%b":[%b]%b}' % (key, b",".join([job.described() for job in page]), token)


def _started(job: Job) -> dict[str, Any]:
    return {"JobId": job.record.job_id, "JobArn": job.record.arn, "JobStatus": job.record.status}


def _check_models(members: dict[str, Any]) -> None:
    for name in ("EntityRecognizerArn", "FlywheelArn"):
        if name in members:
            raise ApiError("ResourceNotFoundException", f"The specified resource ARN was not found: {members[name]}")


def _fingerprint(members: dict[str, Any]) -> str:
    meant = {name: value for name, value in members.items() if name != "ClientRequestToken"}
    return hashlib.sha256(_SORTED.encode(meant)).hexdigest()


def _only_filter(chosen: dict[str, Any]) -> tuple[str | None, Any]:
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


def _write_token(seq: int) -> bytes:
    return base64.urlsafe_b64encode(b"seq:%d" % seq)


def _read_token(token: str | None) -> int | None:
    if token is None:
        return None
    try:
        label, _, number = base64.b64decode(token, altchars=b"-_", validate=True).partition(b":")
        if label == b"seq":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ApiError("InvalidRequestException", "The NextToken is not one that this operation returned")
