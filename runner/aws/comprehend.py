"""Comprehend's job operations of one lane: start, list, describe, stop.

Each method gives a value of the model or a Fault, and raises nothing of botocore's. What it must not know: pacing,
retries, slots, and what a fault leads to; those are the scheduler's.

An answer that lacks what the service's model promises is a Fault too. After a Start it counts as *unanswered*: the job
may exist, and only a look at the service can tell.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import anyio

from runner.aws.faults import classify_failed, clean
from runner.aws.requests import start_parameters
from runner.aws.session import Answer, LaneSession, corrupt
from runner.catalogue import FAMILIES
from runner.errors import InternalError
from runner.model import Fault, FaultKind, JobStatus, RemoteId, RemoteJob, Scope, StartRequest

PAGE_JOBS_MAX: Final = 500
PAGES_MAX: Final = 400
"""200,000 jobs of one operation: more than two months of starting one job each second at ten slots can make."""

PAGE_MARGIN: Final = 1.02
"""Pages are a little further apart than the quota, since what leaves evenly does not arrive evenly."""

_BY_STEM: Final = {row.stem: row for row in FAMILIES.values()}


class ComprehendClient:
    """The job operations of one lane, over its open session.

    `operation` is a catalogue stem (`SentimentDetection`); a family's name does as well.
    """

    def __init__(self, session: LaneSession) -> None:
        self._session = session

    @property
    def calls(self) -> Counter[str]:
        """Calls sent so far by this lane's session, by operation."""
        return self._session.calls

    async def start(self, request: StartRequest) -> RemoteJob | Fault:
        """Start the job that `request` describes, with its own token and name.

        A Fault of kind UNANSWERED means that the job may exist; every other Fault means that it does not.
        """
        operation = FAMILIES[request.family].start
        answer = await self._session.call("comprehend", operation, start_parameters(self._session.lane, request))
        if isinstance(answer, Fault):
            return answer
        remote_id = answer.get("JobId")
        if not isinstance(remote_id, str) or not remote_id:
            return Fault(
                kind=FaultKind.UNANSWERED,
                scope=Scope.CALL,
                code="MALFORMED_ANSWER",
                message=f"{operation} was accepted, but the answer names no job",
            )
        status = _read_status(operation, answer.get("JobStatus"))
        if isinstance(status, Fault):
            status = JobStatus.SUBMITTED  # it has an id, so it was accepted; the next sweep will say more
        return RemoteJob(remote_id=RemoteId(remote_id), name=request.name, status=status)

    async def list_jobs(
        self,
        operation: str,
        *,
        name: str | None = None,
        status: JobStatus | None = None,
        submitted_after: float | None = None,
        limit: int | None = None,
    ) -> list[RemoteJob] | Fault:
        """The jobs of an operation, narrowed by one filter at most; all pages of them.

        The service takes one filter a call (COMPREHEND.md section 1.6), and its order is not to be relied upon.
        `submitted_after` is in seconds since the epoch and rounded down. With `limit`, the first so many that come.
        Later pages are called for at the pace that the lane's quota allows; the caller makes no other call meanwhile.
        """
        row = _BY_STEM[_stem(operation)]
        filters = _filter(name=name, status=status, submitted_after=submitted_after)
        size = PAGE_JOBS_MAX if limit is None else max(1, min(PAGE_JOBS_MAX, limit))
        parameters: Answer = {"MaxResults": size} | ({"Filter": filters} if filters else {})
        jobs: list[RemoteJob] = []
        tokens: set[str] = set()
        # Not botocore's paginators: two families have none, and this loop is bounded.
        for number in range(PAGES_MAX):
            if number:
                await anyio.sleep(self._page_gap_s(row.stem))
            page = await self._session.call("comprehend", row.list, parameters)
            read = page if isinstance(page, Fault) else _read_page(row.stem, page)
            if isinstance(read, Fault):
                return read
            found, token = read
            jobs += found
            if limit is not None and len(jobs) >= limit:
                return jobs[:limit]
            if token is None:
                return jobs
            if token in tokens:
                return corrupt(row.list, "the pages go round in a circle")
            tokens.add(token)
            parameters["NextToken"] = token
        return corrupt(row.list, f"more than {PAGES_MAX} pages")

    def _page_gap_s(self, operation: str) -> float:
        per_s = self._session.lane.quotas.read_per_s.of(operation)
        return PAGE_MARGIN / per_s if per_s else 0.0

    async def describe(self, operation: str, remote_id: RemoteId) -> RemoteJob | Fault:
        """One job by its remote id; NOT_FOUND if the service does not know it."""
        row = _BY_STEM[_stem(operation)]
        answer = await self._session.call("comprehend", row.describe, {"JobId": remote_id})
        if isinstance(answer, Fault):
            return answer
        job = _read_job(row.describe, answer.get(f"{row.stem}JobProperties"))
        if isinstance(job, RemoteJob) and job.remote_id != remote_id:
            return corrupt(row.describe, f"asked for job {remote_id}, the answer is about {job.remote_id}")
        return job

    async def stop(self, operation: str, remote_id: RemoteId) -> JobStatus | Fault:
        """Ask for a job to be stopped; the status then shown. REJECTED if it has ended, or its family cannot stop."""
        row = _BY_STEM[_stem(operation)]
        if row.stop is None:
            return Fault(
                kind=FaultKind.REJECTED,
                scope=Scope.CALL,
                code="NOT_STOPPABLE",
                message=f"the service has no operation that stops a {row.stem} job",
            )
        answer = await self._session.call("comprehend", row.stop, {"JobId": remote_id})
        if isinstance(answer, Fault):
            return answer
        return _read_status(row.stop, answer.get("JobStatus"))


def _stem(family: str) -> str:
    stem = FAMILIES[family].stem if family in FAMILIES else family
    if stem not in _BY_STEM:
        raise InternalError(f"{family} is neither a family nor an operation of the catalogue")
    return stem


def _filter(*, name: str | None, status: JobStatus | None, submitted_after: float | None) -> Answer:
    filters: Answer = {}
    if name is not None:
        filters["JobName"] = name
    if status is not None:
        filters["JobStatus"] = str(status)
    if submitted_after is not None:
        filters["SubmitTimeAfter"] = datetime.fromtimestamp(submitted_after, tz=UTC)
    if len(filters) > 1:
        raise InternalError(f"List takes one filter a call, not {', '.join(filters)}")
    return filters


def _read_page(stem: str, page: Answer) -> tuple[list[RemoteJob], str | None] | Fault:
    operation = _BY_STEM[stem].list
    listed = page.get(f"{stem}JobPropertiesList")
    if not isinstance(listed, list):
        return corrupt(operation, f"the answer has no {stem}JobPropertiesList")
    jobs: list[RemoteJob] = []
    for properties in listed:
        job = _read_job(operation, properties)
        if isinstance(job, Fault):
            return job
        jobs.append(job)
    return jobs, page.get("NextToken") or None


def _read_job(operation: str, properties: Any) -> RemoteJob | Fault:
    if not isinstance(properties, dict):
        return corrupt(operation, "the answer has no properties of a job")
    remote_id = properties.get("JobId")
    if not isinstance(remote_id, str) or not remote_id:
        return corrupt(operation, "a job without JobId")
    status = _read_status(operation, properties.get("JobStatus"))
    if isinstance(status, Fault):
        return status
    output = properties.get("OutputDataConfig")
    message = _text(properties.get("Message"))
    return RemoteJob(
        remote_id=RemoteId(remote_id),
        name=_text(properties.get("JobName")),
        status=status,
        message=clean(message) if message else None,
        submitted_at=_seconds(properties.get("SubmitTime")),
        ended_at=_seconds(properties.get("EndTime")),
        output_uri=_text(output.get("S3Uri")) if isinstance(output, dict) else None,
        fault=classify_failed(message) if status is JobStatus.FAILED else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _read_status(operation: str, status: Any) -> JobStatus | Fault:
    if isinstance(status, str) and status in JobStatus.__members__:
        return JobStatus(status)
    if status is None:
        return corrupt(operation, "a job without JobStatus")
    return Fault(
        kind=FaultKind.UNKNOWN,
        scope=Scope.LANE,
        code="UNKNOWN_JOB_STATUS",
        message=f"{operation}: {str(status)[:64]!r} is none of {', '.join(JobStatus)}",
        hint="the service has a status that this version does not know: upgrade the runner",
    )


def _seconds(value: Any) -> float | None:
    """A timestamp as seconds since the epoch: numbers as Comprehend sends them, ISO text as others might."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return _seconds_of_iso(value)
    return None


def _seconds_of_iso(value: str) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
