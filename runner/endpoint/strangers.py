"""Jobs of other users of the account: they are listed under other names, hold slots, come and go.

Owns their coming and going. They are jobs of the book like any others, so they survive a restart and can be described,
listed, tagged and stopped; only, nobody carries them out: they are over when their time is.

A region has strangers from the first call about its jobs on: `count` of each operation, each replaced when it ends.
`greedy` ones, besides, race for slots: of every slot that falls free they take every other one (by seeded dice), up to
all but one of the account's.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.families import FAMILIES, Family
from runner.endpoint.jobs import Job, JobRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from runner.endpoint.jobs import JobBook
    from runner.endpoint.settings import EndpointSettings

__all__ = ["Strangers"]

_NAMES: Final = ("nightly-backfill", "marketing-2026", "support-tickets", "dashboard", "adhoc")
_ROLE: Final = "arn:aws:iam::{account}:role/SomebodyElse"
_LIVES_S: Final = (367.0, 487.0, 607.0)  # COMPREHEND.md section 5.1
_INSTANT_LIVES_S: Final = (0.5, 1.0, 1.5)


class Strangers:
    """The other users. `visit` a region and they are there; `close` leaves their jobs as they are."""

    def __init__(self, *, book: JobBook, settings: EndpointSettings, clock: Callable[[], float]) -> None:
        self._book = book
        self._settings = settings
        self._clock = clock
        self._dice = Random(settings.strangers_seed)  # noqa: S311 - reproducible on purpose
        self._regions: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming: Counter[tuple[str, str]] = Counter()
        book.when_ended(self._ended)

    def visit(self, region: str) -> None:
        """See to it that this region has its strangers."""
        if region in self._regions or self._settings.strangers == 0:
            return
        self._regions.add(region)
        for family in FAMILIES.values():
            for _ in range(self._settings.strangers - self._present(region, family)):
                self._come(region, family)

    def launch(self, job: Job) -> None:
        """Let a stranger's job go on until its time is over."""
        self._spawn(self._live(job))

    async def close(self) -> None:
        """Stop seeing to them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, job: Job) -> None:
        """A slot has fallen free."""
        settings, region, family = self._settings, job.record.region, FAMILIES[job.record.family]
        if region not in self._regions:
            return
        present = self._present(region, family)
        room = settings.strangers_greedy and present < settings.quotas.active_jobs - 1
        if present < settings.strangers or (room and self._dice.getrandbits(1)):
            self._come(region, family)

    def _present(self, region: str, family: Family) -> int:
        jobs = self._book.shelf(region, family.name, active_only=True)
        return sum(job.record.stranger for job in jobs) + self._coming[region, family.name]

    def _come(self, region: str, family: Family) -> None:
        key = (region, family.name)
        if self._book.active_count(*key) >= self._settings.quotas.active_jobs:
            return
        self._book.reserve(*key)
        self._coming[key] += 1
        self._spawn(self._start(key, self._record(region, family)))

    async def _start(self, key: tuple[str, str], record: JobRecord) -> None:
        try:
            job = await self._book.accept(record, reserved=True)
        finally:
            self._coming[key] -= 1
        await self._live(job)

    async def _live(self, job: Job) -> None:
        lives = _INSTANT_LIVES_S if self._settings.timing == "instant" else _LIVES_S
        scale = 1.0 if self._settings.timing == "instant" else self._settings.time_scale
        life = lives[job.record.seq % len(lives)] * scale
        async with job.lock:
            if job.record.status == "SUBMITTED":
                await self._book.advance(job, "IN_PROGRESS")
        with suppress(TimeoutError):
            await asyncio.wait_for(job.stop.wait(), max(0.0, job.record.submitted + life - self._clock()))
        async with job.lock:
            await self._book.advance(job, job.outcome, at=round(self._clock(), 3))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _record(self, region: str, family: Family) -> JobRecord:
        seq, job_id, account = self._book.next_seq(), uuid.uuid4().hex, self._settings.account
        bucket = f"s3://somebody-elses-{region}"
        request = {
            "JobName": f"{_NAMES[seq % len(_NAMES)]}-{seq}",
            "InputDataConfig": {"S3Uri": f"{bucket}/in/", "InputFormat": "ONE_DOC_PER_LINE"},
            "OutputDataConfig": {"S3Uri": f"{bucket}/out/"},
            "DataAccessRoleArn": _ROLE.format(account=account),
            **({"LanguageCode": "en"} if family.takes_language else {}),
            **(family.defaults or {}),
        }
        return JobRecord(
            seq=seq,
            job_id=job_id,
            arn=f"arn:aws:comprehend:{region}:{account}:{family.resource}/{job_id}",
            family=family.name,
            region=region,
            request=request,
            output=f"{bucket}/out/{account}-{family.code}-{job_id}/{family.output}",
            token=None,
            fingerprint="",
            submitted=round(self._clock(), 3),
            stranger=True,
        )
