"""A run told event by event, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from runner.core import events as e
from runner.core.records import CoreConfig
from runner.core.run import Run
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
    LaneSpec,
    MergedSegment,
    PartFacts,
    PartId,
    RemoteId,
    RunId,
    Scope,
    SegmentFacts,
    part_id,
    segment_id,
)

BEGAN = 1_782_898_200.0
"""2026-07-01 09:30 UTC."""
FAULT = Fault(kind=FaultKind.DENIED, scope=Scope.LANE, code="AccessDenied", message="no", hint="ask")


@dataclass
class Story:
    """A run of segments of a hundred documents, each with one part and one job of ten predicted seconds."""

    run: Run = field(default_factory=lambda: Run(_config()))
    at: float = BEGAN
    watchers: list[Callable[[e.Event], None]] = field(default_factory=list)

    def tell(self, *events: e.Event) -> None:
        """Apply facts, and let whoever watches know."""
        for event in events:
            self.run.apply(event)
            for watcher in self.watchers:
                watcher(event)

    # --- the way of a run -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.tell(
            e.RunBegan(
                at=self.at,
                run=RunId("20260701T093000-aaaaaaaaaaaaaaaa"),
                name="small",
                version="1",
                identity="{}",
                identity_digest="d",
                form="{}",
                spec='{"secret": "Zanzibar"}',
            )
        )

    def list_sources(self, ranges: int) -> None:
        self.tell(e.ListingTaken(at=self.at, corpus="c", digest="d", files=1, bytes=1, ranges=ranges))

    def survey(self, index: int) -> None:
        self.tell(e.RangeSurveyed(at=self.at, corpus="c", index=index, segments=(_segment(index),)))

    def finish_survey(self) -> None:
        self.tell(e.SurveyFinished(at=self.at, documents=self.run.books.documents, bytes=1))

    def open_session(self) -> None:
        self.tell(e.SessionOpened(at=self.at, version="1", purpose="run", engines=(("near", "x", "i", "0"),)))

    def plan(self, jobs: int) -> None:
        for number in range(jobs):
            parts = (part_id(segment_id(0, number, 0), 0),)
            batch = BatchId(f"b{number}")
            self.tell(
                e.BatchPlanned(
                    at=self.at,
                    batch=Batch(id=batch, parts=parts, covers=parts, language="en", lines=100, bytes=1_000),
                ),
                e.JobPlanned(at=self.at, job=a_job(number)),
            )
        self.tell(e.PlanFinished(at=self.at, jobs=jobs, usd=0.0))

    def start(self, number: int) -> None:
        key = a_job(number).key
        name = f"name-{number}"
        self.tell(
            e.StartIntended(at=self.at, job=key, generation=0, lane="near", token="t" * 32, name=name),
            e.StartAccepted(at=self.at, job=key, generation=0, remote_id=RemoteId(f"r{number}")),
        )

    def end(self, number: int) -> None:
        self.tell(
            e.StatusSeen(
                at=self.at,
                job=a_job(number).key,
                generation=0,
                status=JobStatus.COMPLETED,
                submitted_at=self.at - 7.0,
                ended_at=self.at - 1.0,
                output_uri="s3://b/out/",
            )
        )

    def collect(self, number: int) -> None:
        report = CollectReport(
            ok=98,
            errors=(("TOO_BIG", 1),),
            missing=1,
            repairable=0,
            rows=99,
            bytes=1,
            spool_bytes=1,
            digest="d",
        )
        self.tell(e.Collected(at=self.at, job=a_job(number).key, generation=0, report=report))

    def merge(self, number: int) -> None:
        merged = MergedSegment(id=segment_id(0, number, 0), file=0, end=100 * (number + 1), lines=100, tallies=())
        self.tell(e.SegmentMerged(at=self.at, corpus="c", merged=merged))

    def park(self, operation: str = "sentiment_detection") -> None:
        self.tell(e.WorkParked(at=self.at, lane="near", operation=operation, fault=FAULT))

    def ready(self, jobs: int) -> None:
        """All up to the first Start."""
        self.begin()
        self.list_sources(jobs)
        for index in range(jobs):
            self.survey(index)
        self.finish_survey()
        self.open_session()
        self.plan(jobs)


def a_job(number: int) -> Job:
    batch = BatchId(f"b{number}")
    return Job(
        key=JobKey(f"sentiment-{batch}"),
        analysis="sentiment",
        operation=ANALYSIS.operation,
        batch=batch,
        order=number,
        units=300,
        predicted_s=10.0,
    )


def _segment(index: int) -> SegmentFacts:
    own = segment_id(0, index, 0)
    part = PartFacts(
        id=PartId(part_id(own, 0)), pool="en", line_bytes_max=5_120, lines=100, bytes=1_000, units=300, digest="d"
    )
    return SegmentFacts(id=own, corpus="c", documents=100, bytes=1_000, ledger_digest="d", parts=(part,))


ANALYSIS = AnalysisSpec(
    name="sentiment", family="sentiment", corpora=("c",), document_bytes_max=5_120, languages=frozenset({"en"})
)


def _config() -> CoreConfig:
    return CoreConfig(lanes=(LaneSpec(name="near", kind="embedded"),), analyses=(ANALYSIS,))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def clock() -> Clock:
    return Clock()
