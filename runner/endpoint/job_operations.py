"""Comprehend's operations on jobs: Start, Describe, List, Stop for every family of the table.

Owns what the service decides about jobs at the door: tokens, slots, filters, pages. Knows nothing of HTTP, and
nothing of how a job is carried out.

Where the service's behaviour is not documented (COMPREHEND.md section 7), this endpoint chooses: a token that
comes again with other parameters is a ResourceInUseException, the only declared error that fits; tokens never
expire, unless `token_life_s` says when; a job is listed at once, unless `list_lag_s` says when; jobs are kept
for ever. Lists: `job_lists.py`; the rules of a Start: `starting.py`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.endpoint.families import FAMILIES, Family
from runner.endpoint.job_lists import list_page
from runner.endpoint.jobs import Job, JobRecord
from runner.endpoint.operations import Call, Operation
from runner.endpoint.protocol import ApiError, encode
from runner.endpoint.starting import check_start, filled_in, fingerprint, names_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.endpoint.jobs import JobBook
    from runner.endpoint.operations import CustomModels
    from runner.endpoint.settings import EndpointSettings

__all__ = ["JobOperations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOperations:
    """Answers from the book of jobs, and hands new jobs to `launch`; tells `visit` each call's region.

    `languages` says per family which codes its analyzer takes, None for any. `fault_job` answers, from
    operation and JobName, which faults the rules in force lay on a new job.
    """

    book: JobBook
    settings: EndpointSettings
    languages: Mapping[str, frozenset[str] | None]
    models: CustomModels
    launch: Callable[[Job], None]
    visit: Callable[[str], None]
    fault_job: Callable[[str, str], list[dict[str, Any]]]
    clock: Callable[[], float]

    def operations(self) -> Iterator[Operation]:
        """What is served: three operations a family, or four."""
        doors: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        for family in FAMILIES.values():
            yield Operation(f"Start{family.stem}Job", "start", partial(self._start, family, doors))
            yield Operation(f"Describe{family.stem}Job", "read", partial(self._describe, family))
            yield Operation(f"List{family.stem}Jobs", "read", partial(self._list, family))
            if family.stoppable:
                yield Operation(f"Stop{family.stem}Job", "write", partial(self._stop, family))

    async def _start(self, family: Family, doors: Mapping[tuple[str, str], asyncio.Lock], call: Call) -> bytes:
        self.visit(call.region)
        check_start(family, call.members, self.languages)
        model = (
            self.models.resolve(family.name, call.region, call.members) if names_model(family, call.members) else None
        )
        members = filled_in(family, call.members)
        token = members.get("ClientRequestToken") if self.settings.tokens == "honoured" else None
        # One at a time, so that neither a token nor the last free slot can be used twice.
        async with doors[call.region, family.name]:
            job = self._same(family, call.region, members, token)
            if job is None:
                self._check_slots(family, call.region)
                job = await self.book.accept(self._record(family, call.region, members, token, model))
                self.launch(job)
        return encode(_started(job))

    def _same(self, family: Family, region: str, members: Mapping[str, Any], token: str | None) -> Job | None:
        """The job that this token has started before; refused if it was to be another one."""
        job = None if token is None else self.book.by_token(region, family.name, token)
        if job is None:
            return None
        life = self.settings.token_life_s
        if life is not None and self.clock() >= job.record.submitted + life:
            return None
        if job.record.fingerprint != fingerprint(members):
            raise ApiError(
                "ResourceInUseException",
                f"The client request token was used for job {job.record.job_id} with other parameters",
            )
        return job

    def _check_slots(self, family: Family, region: str) -> None:
        limit = self.settings.quotas.active_jobs
        if self.book.active_count(region, family.name) >= limit:
            raise ApiError(
                "TooManyRequestsException",
                f"ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit for this account is {limit}.",
            )

    def _record(
        self, family: Family, region: str, members: dict[str, Any], token: str | None, model: str | None
    ) -> JobRecord:
        job_id = uuid.uuid4().hex
        account = self.settings.account
        base = members["OutputDataConfig"]["S3Uri"].rstrip("/")
        return JobRecord(
            seq=self.book.next_seq(),
            job_id=job_id,
            arn=f"arn:aws:comprehend:{region}:{account}:{family.resource}/{job_id}",
            family=family.name,
            region=region,
            request=members,
            output=f"{base}/{account}-{family.code}-{job_id}/{family.output}",
            token=token,
            fingerprint=fingerprint(members),
            submitted=round(self.clock(), 3),
            faults=self.fault_job(f"Start{family.stem}Job", members.get("JobName") or ""),
            model=model,
        )

    async def _describe(self, family: Family, call: Call) -> bytes:
        job = self._require(family, call)
        return b'{"%b":%b}' % (family.properties.encode(), job.described())

    async def _stop(self, family: Family, call: Call) -> bytes:
        job = self._require(family, call)
        async with job.lock:
            status = job.record.status
            if status in ("COMPLETED", "FAILED"):
                raise ApiError("InvalidRequestException", f"The job has ended as {status} and cannot be stopped")
            if status in ("SUBMITTED", "IN_PROGRESS"):
                await self.book.advance(job, "STOP_REQUESTED")
            return encode({"JobId": job.record.job_id, "JobStatus": job.record.status})

    async def _list(self, family: Family, call: Call) -> bytes:
        self.visit(call.region)
        shelf = partial(self.book.shelf, call.region, family.name)
        lag = self.settings.list_lag_s
        return list_page(family, call.members, shelf, listed_until=self.clock() - lag if lag else None)

    def _require(self, family: Family, call: Call) -> Job:
        job = self.book.find(call.region, family.name, call.members["JobId"])
        if job is None:
            raise ApiError("JobNotFoundException", "The specified job was not found. Check the job ID and try again.")
        return job


def _started(job: Job) -> dict[str, Any]:
    record = job.record
    started = {"JobId": record.job_id, "JobArn": record.arn, "JobStatus": record.status}
    for name in ("DocumentClassifierArn", "EntityRecognizerArn"):
        if name in record.request:
            started[name] = record.request[name]
    return started
