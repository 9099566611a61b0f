"""Small runs, told as facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from runner.core import commands as c, events as e
from runner.core.agenda import Decision, consider
from runner.core.answers import interpret
from runner.core.books import Books
from runner.core.commands import Answer, Command
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.core.states import TERMINAL
from runner.model import (
    AnalysisSpec,
    Batch,
    BatchId,
    CollectReport,
    Fault,
    FaultKind,
    Job,
    JobKey,
    JobStatus,
    LaneKind,
    LaneSpec,
    Limit,
    MergedSegment,
    MergeReport,
    PartFacts,
    Quotas,
    RemoteId,
    RemoteJob,
    RunId,
    Scope,
    SegmentFacts,
    SegmentId,
    job_key,
    part_id,
    segment_id,
)

T0 = 1_000_000.0
OPERATION = "SentimentDetection"


def fault(kind: FaultKind, code: str = "CODE", scope: Scope = Scope.CALL) -> Fault:
    """A fault of a kind."""
    return Fault(kind=kind, scope=scope, code=code, message="as it happens")


def config(*, kind: LaneKind = "aws", slots: float | None = 10, families: Iterable[str] = ("sentiment",), **more: Any):
    """One lane; an analysis per family."""
    quotas = Quotas(active_jobs=Limit(default=slots))
    if kind == "embedded":
        no_limit = Limit(default=None)
        quotas = Quotas(
            active_jobs=Limit(default=slots), start_per_s=no_limit, read_per_s=no_limit, stop_per_s=no_limit
        )
    analyses = tuple(
        AnalysisSpec(name=family, family=family, corpora=("c0",), document_bytes_max=5000, languages=None)
        for family in families
    )
    lane = LaneSpec(name="here", kind=kind, staging="s3://bucket/", quotas=quotas)
    return CoreConfig(lanes=(lane,), analyses=analyses, **more)


def facts(number: int, *, corpus: int = 0, foreign: tuple[str, ...] = ()) -> SegmentFacts:
    """A segment of ten documents in one part."""
    segment = segment_id(corpus, 0, number)
    part = PartFacts(id=part_id(segment, 0), pool="en", line_bytes_max=5000, lines=10, bytes=1000, units=30, digest="")
    return SegmentFacts(
        id=segment,
        corpus=f"c{corpus}",
        documents=10,
        bytes=1000,
        ledger_digest="",
        parts=(part,),
        foreign_parts=foreign,  # type: ignore[arg-type]
    )


class Story:
    """A run with one batch per segment and a job per analysis and batch, and a hand to answer its commands."""

    def __init__(
        self, config: CoreConfig, *, segments: int = 3, at: float = T0, corpora: Sequence[int] | None = None
    ) -> None:
        """`corpora`: of each segment, if it is not the first."""
        self.run = Run(config)
        self.corpora = [0] * segments if corpora is None else corpora
        self.now = at
        self.events: list[e.Event] = []
        self.remote = 0
        self.job_s = 0.0
        """How long a job takes."""
        self.tell(
            e.RunBegan(
                at=at, run=RunId("run"), name="n", version="0", identity="", identity_digest="", form="", spec=""
            ),
        )
        for corpus in sorted({0, *self.corpora}):
            surveyed = tuple(facts(n, corpus=corpus) for n, of in enumerate(self.corpora) if of == corpus)
            self.tell(e.RangeSurveyed(at=at, corpus=f"c{corpus}", index=0, segments=surveyed))
        self.tell(e.SurveyFinished(at=at, documents=0, bytes=0))
        for number in range(len(self.corpora)):
            self.plan(number)
        self.tell(e.PlanFinished(at=at, jobs=len(self.corpora), usd=None))

    def plan(self, number: int, *, order: int | None = None, predicted_s: float = 400.0, **more: Any) -> None:
        """Plan a batch of one segment, and a job per analysis."""
        corpus = self.corpora[number] if number < len(self.corpora) else 0
        part = part_id(segment_id(corpus, 0, number), 0)
        batch = Batch(
            id=BatchId(f"b{len(self.run.batches):06d}"), parts=(part,), covers=(part,), language="en", lines=10, bytes=9
        )
        self.tell(e.BatchPlanned(at=self.now, batch=batch))
        for analysis in self.run.config.analyses:
            job = Job(
                key=job_key(analysis.name, batch.id),
                analysis=analysis.name,
                operation=analysis.operation,
                batch=batch.id,
                order=number if order is None else order,
                units=1,
                predicted_s=predicted_s,
                **more,
            )
            self.tell(e.JobPlanned(at=self.now, job=job))

    def open(self, purpose: Any = "run") -> None:
        """A new session."""
        self.tell(e.SessionOpened(at=self.now, version="0", purpose=purpose))

    def tell(self, *events: e.Event) -> None:
        """Apply facts."""
        for event in events:
            self.run.apply(event)
            self.events.append(event)

    def look(self) -> Decision:
        """What is due now."""
        return consider(self.run, self.now).decision

    def step(self) -> tuple[Command, ...]:
        """Record what is due, and set it going."""
        decision = self.look()
        self.tell(*decision.events, *(e.Launched(at=self.now, command=command) for command in decision.commands))
        return decision.commands

    def answer(self, command: Command, answer: Answer) -> list[e.Event]:
        """An answer has come."""
        events = interpret(self.run, command, answer, self.now)
        self.tell(*events)
        return events

    def wait(self) -> float:
        """Go to the next time at which something may be due, unless something is."""
        if self.look():
            return self.now
        wakeup = consider(self.run, self.now).wakeup
        assert wakeup is not None, "nothing to wait for"
        assert wakeup > self.now
        self.now = wakeup
        return wakeup

    def next(self, kind: type[Command]) -> Any:
        """Go on, answering everything else well, until a command of a kind is carried out."""
        for _ in range(1_000):
            commands = self.step()
            wanted = [command for command in commands if isinstance(command, kind)]
            for command in commands:
                if command not in wanted[:1]:
                    self.answer(command, self.good(command))
            if wanted:
                return wanted[0]
            if not commands:
                self.wait()
        raise AssertionError(f"no {kind.__name__}")

    def good(self, command: Command) -> Answer:
        """What a service without faults would say; jobs take no time."""
        match command:
            case c.StageBatch():
                return c.Staged(uri=f"s3://bucket/in/{command.batch}/", bytes=1)
            case c.StartJob():
                self.remote += 1
                return RemoteJob(remote_id=RemoteId(f"r{self.remote}"), name=command.name, status=JobStatus.SUBMITTED)
            case c.Sweep() | c.CountSlots():
                done = JobStatus.COMPLETED if isinstance(command, c.Sweep) else JobStatus.IN_PROGRESS
                return c.Jobs(jobs=tuple(self.shown(done)))
            case c.CollectJob():
                return collected()
            case c.MergeSegments():
                return self.merged(command)
            case c.ReleaseSpools():
                return c.Released()
            case c.DescribeJob():
                return next(
                    job for job in Story.shown(self, JobStatus.IN_PROGRESS) if job.remote_id == command.remote_id
                )
            case c.StopJob():
                return JobStatus.STOP_REQUESTED
            case c.CheckByName():
                return c.Jobs(jobs=())
            case c.CheckByPrefix():
                return c.Keys(keys=())
            case _:
                raise AssertionError(f"what would be a good answer to {command}?")

    def shown(self, status: JobStatus) -> list[RemoteJob]:
        """All active jobs as List shows them: in a status, or still in progress."""
        return [
            RemoteJob(
                remote_id=record.remote_id,
                name=record.name,
                status=status if self.now >= record.accepted_at + self.job_s else JobStatus.IN_PROGRESS,
                submitted_at=record.accepted_at,
                output_uri=f"s3://bucket/out/{record.remote_id}/",
            )
            for station in self.run.stations.values()
            for record in station.occupied.values()
            if record.remote_id is not None
        ]

    def merged(self, command: c.MergeSegments) -> MergeReport:
        """Segments of a hundred bytes each."""
        _, end = self.run.books.tail(command.corpus)
        segments = tuple(
            MergedSegment(id=SegmentId(segment), file=0, end=end + 100 * (place + 1), lines=10, tallies=())
            for place, segment in enumerate(command.segments)
        )
        return MergeReport(corpus=command.corpus, segments=segments)

    def as_far_as_it_goes(self) -> list[JobKey]:
        """Answer everything well until nothing can be done in this session; the jobs that are not done then."""
        for _ in range(10_000):
            outlook = consider(self.run, self.now)
            for command in self.step():
                self.answer(command, self.good(command))
            if not outlook.decision:
                if outlook.wakeup is None:
                    return [job for job, record in self.run.jobs.items() if record.state not in TERMINAL]
                self.now = outlook.wakeup
        raise AssertionError("no end")

    def to_the_end(self) -> None:
        """Answer everything well until nothing is left."""
        for _ in range(10_000):
            commands = self.step()
            for command in commands:
                self.answer(command, self.good(command))
            if not commands:
                if self.run.closed:
                    return
                self.wait()
        raise AssertionError("no end")

    def snapshot(self) -> Any:
        """Everything the run holds, apart from shared values."""
        return plain(vars(self.run))


def plain(value: Any) -> Any:
    """A value's contents at this moment, all the way down, for comparing."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, [(field.name, plain(getattr(value, field.name))) for field in fields(value)]
    if isinstance(value, dict):
        return [(repr(key), plain(held)) for key, held in value.items()]
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    return plain(vars(value)) if isinstance(value, Books) else value


def collected(*, missing: int = 0, spool_bytes: int = 10) -> CollectReport:
    """Ten lines, some of them missing."""
    return CollectReport(
        ok=10 - missing,
        errors=(),
        missing=missing,
        repairable=missing,
        rows=10 - missing,
        bytes=100,
        spool_bytes=spool_bytes,
        digest="",
    )


def key(number: int, analysis: str = "sentiment") -> JobKey:
    """The job of the n-th batch."""
    return job_key(analysis, BatchId(f"b{number:06d}"))
