"""The book of jobs: every job ever accepted, in memory for answers and on disk for good.

Owns the records, their order, their tokens, and the rule that a change shows only once it is durable. Knows
nothing of HTTP, workers or files.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.endpoint.families import FAMILIES
from runner.endpoint.lifecycle import ACTIVE, Status, move
from runner.endpoint.protocol import encode
from runner.endpoint.tags import put_tags

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from runner.endpoint.database import Database

__all__ = ["Job", "JobBook", "JobRecord"]


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One job, as kept on disk. Times are epoch seconds; `request` the Start's members with defaults filled in.

    `output` is the resolved URI, an object or a folder, `token` and `fingerprint` what makes a Start the same again,
    `faults` what the rules in force at the Start do to this job, `model` the ARN of the custom model that it uses,
    `stranger` whether it belongs to another user of the account.
    """

    seq: int
    job_id: str
    arn: str
    family: str
    region: str
    request: dict[str, Any]
    output: str
    token: str | None
    fingerprint: str
    submitted: float
    faults: list[dict[str, Any]] = []
    status: Status = "SUBMITTED"
    ended: float | None = None
    message: str | None = None
    model: str | None = None
    stranger: bool = False


_encode_record: Final = msgspec.json.Encoder().encode
_decode_record: Final = msgspec.json.Decoder(JobRecord).decode


class Job:
    """A job of the book: its latest durable record, and the answer that Describe and List give of it."""

    __slots__ = ("_described", "lock", "record", "stop")

    def __init__(self, record: JobRecord) -> None:
        self.record = record
        self.lock = asyncio.Lock()
        self.stop = asyncio.Event()
        self._described: bytes | None = None
        self.replace(record)

    @property
    def active(self) -> bool:
        """Whether it occupies a slot."""
        return self.record.status in ACTIVE

    @property
    def outcome(self) -> Status:
        """How it ends once its work is done."""
        return "STOPPED" if self.stop.is_set() else "COMPLETED"

    def replace(self, record: JobRecord) -> None:
        """Take the next record; a Stop that is to come too late is not heard."""
        self.record = record
        self._described = None
        if record.status == "STOP_REQUESTED" and all(fault["do"] != "stop_late" for fault in record.faults):
            self.stop.set()

    def described(self) -> bytes:
        """The JSON of its properties; made once per record."""
        if self._described is None:
            self._described = encode(_properties(self.record))
        return self._described


class JobBook:
    """All jobs, by id and, per region and family, in the order of submission."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: dict[str, Job] = {}
        self._by_shelf: defaultdict[tuple[str, str], list[Job]] = defaultdict(list)
        self._active: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._reserved: Counter[tuple[str, str]] = Counter()
        self._tokens: dict[tuple[str, str, str], Job] = {}
        self._by_arn: dict[str, Job] = {}
        self._seq = 0
        self._accepted = 0
        self._on_ended: list[Callable[[Job], None]] = []

    def load(self) -> None:
        """Read the book from disk."""
        for (record,) in self._database.read.execute("SELECT record FROM jobs ORDER BY seq"):
            self._shelve(Job(_decode_record(record)))

    @property
    def accepted(self) -> int:
        """How many jobs were ever accepted, those of strangers left out."""
        return self._accepted

    @property
    def active(self) -> int:
        """How many jobs occupy a slot, those of strangers included."""
        return sum(map(len, self._active.values()))

    def when_ended(self, tell: Callable[[Job], None]) -> None:
        """Have `tell` called with every job that ends, once that is durable."""
        self._on_ended.append(tell)

    def next_seq(self) -> int:
        """A number above that of every job before."""
        self._seq += 1
        return self._seq

    def find(self, region: str, family: str, job_id: str) -> Job | None:
        """The job of this id, if it is of this family and region."""
        job = self._by_id.get(job_id)
        return job if job and (job.record.region, job.record.family) == (region, family) else None

    def has_arn(self, region: str, arn: str) -> bool:
        """Whether this is the ARN of a job of this region."""
        job = self._by_arn.get(arn)
        return job is not None and job.record.region == region

    def shelf(self, region: str, family: str, *, active_only: bool = False) -> list[Job]:
        """The jobs of a family in a region, oldest first."""
        if not active_only:
            return self._by_shelf[region, family]
        active = [self._by_id[job_id] for job_id in self._active[region, family]]
        return sorted(active, key=lambda job: job.record.seq)

    def active_count(self, region: str, family: str) -> int:
        """How many of them occupy a slot, those included that are being written down."""
        return len(self._active[region, family]) + self._reserved[region, family]

    def reserve(self, region: str, family: str) -> None:
        """Occupy a slot for a job that is to be accepted as `reserved`."""
        self._reserved[region, family] += 1

    def active_jobs(self) -> Iterator[Job]:
        """Every job that has not ended, oldest first."""
        ids = [job_id for shelf in self._active.values() for job_id in shelf]
        return iter(sorted((self._by_id[job_id] for job_id in ids), key=lambda job: job.record.seq))

    def by_token(self, region: str, family: str, token: str) -> Job | None:
        """The job that was started with this token."""
        return self._tokens.get((region, family, token))

    async def accept(self, record: JobRecord, *, reserved: bool = False) -> Job:
        """Write a new job and its tags down; it shows once it is durable, and has its slot at once."""
        if not reserved:
            self.reserve(record.region, record.family)
        encoded = _encode_record(record)

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO jobs VALUES (?, ?, ?)", (record.seq, record.job_id, encoded))
            if record.request.get("Tags"):
                put_tags(connection, record.arn, record.request["Tags"])

        try:
            await self._database.write(insert)
        finally:
            self._reserved[record.region, record.family] -= 1
        job = Job(record)
        self._shelve(job)
        return job

    async def advance(
        self,
        job: Job,
        status: Status,
        *,
        at: float | None = None,
        message: str | None = None,
        along: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """Move a job on, durably, before it shows; `along` is written in the same transaction.

        `at` is the end time, for a status that ends it. Raises IllegalMoveError and changes nothing if the move
        is not one. The caller holds the job's lock.
        """
        record = msgspec.structs.replace(
            job.record, status=move(job.record.status, status), ended=at, message=message or job.record.message
        )
        encoded = _encode_record(record)

        def update(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE jobs SET record = ? WHERE seq = ?", (encoded, record.seq))
            if along is not None:
                along(connection)

        await self._database.write(update)
        job.replace(record)
        if not job.active:
            self._active[record.region, record.family].discard(record.job_id)
            for tell in self._on_ended:
                tell(job)

    def _shelve(self, job: Job) -> None:
        record = job.record
        self._seq = max(self._seq, record.seq)
        self._by_id[record.job_id] = job
        self._by_arn[record.arn] = job
        self._accepted += not record.stranger
        shelf = self._by_shelf[record.region, record.family]
        shelf.append(job)
        if len(shelf) > 1 and shelf[-2].record.seq > record.seq:  # its write overtook an earlier one's
            shelf.sort(key=lambda each: each.record.seq)
        if job.active:
            self._active[record.region, record.family].add(record.job_id)
        if record.token is not None:
            self._tokens[record.region, record.family, record.token] = job


def _properties(record: JobRecord) -> dict[str, Any]:
    family = FAMILIES[record.family]
    echoed = {name: record.request[name] for name in family.echoes if record.request.get(name) is not None}
    if "OutputDataConfig" in echoed:
        echoed["OutputDataConfig"] = {**echoed["OutputDataConfig"], "S3Uri": record.output}
    optional = {"Message": record.message, "EndTime": record.ended}
    return {
        "JobId": record.job_id,
        "JobArn": record.arn,
        "JobStatus": record.status,
        "SubmitTime": record.submitted,
        **{name: value for name, value in optional.items() if value is not None},
        **echoed,
    }
