"""What the scheduler costs a job, and what it remembers of one, from 1,000 jobs to 1,000,000; and folding its journal.

    python -m benchmarks core [--jobs N ...] [--replay]

Whole runs of the real core and driver; the service, staging and local work are models, and time is virtual. CPU is told
apart: the core (decisions, facts from answers, folds), the service's model, and the rest, which is the driver and the
event loop with its clock. A scheduler whose steps looked at every job would cost ten times as much a job in each row as
in the one before. Memory is the size of every object that the run reaches, divided by its jobs: once planned, and at
the end; documents and the service's own books are not in it.

`--replay` keeps what a real journal would hold, writes it to one, opens that and folds it into a fresh run.
"""

from __future__ import annotations

import argparse
import gc
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar
from unittest.mock import patch

from runner.compose.opening import fold
from runner.core import commands as c, events as e
from runner.core.agenda import consider
from runner.core.answers import interpret
from runner.core.commands import Keys, PlannedRepair, Released, Staged
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.journal import Journal
from runner.model import (
    AnalysisSpec,
    Batch,
    BatchId,
    CollectReport,
    Fault,
    Job,
    JobKey,
    LaneSpec,
    MergedSegment,
    MergeReport,
    PartFacts,
    RemoteId,
    RunId,
    SegmentFacts,
    StartRequest,
    job_key,
    part_id,
    segment_id,
)
from runner.simulation.behaviour import Behaviour
from runner.simulation.clock import run_virtually, virtual_now
from runner.simulation.service import SimulatedService

T = TypeVar("T")

ANALYSIS = AnalysisSpec(
    name="sentiment", family="sentiment", corpora=("c",), document_bytes_max=5_000, languages=frozenset({"en"})
)
LANE = LaneSpec(name="here", kind="aws", staging="s3://bucket/")
CONFIG = CoreConfig(lanes=(LANE,), analyses=(ANALYSIS,))
EPOCH = 1_700_000_000.0
RANGE_SEGMENTS = 64


class Ports:
    """Staging and workshop that take no time and keep nothing."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def stage(self, command: c.StageBatch) -> Staged | Fault:
        return Staged(uri=f"s3://bucket/in/{command.batch}/", bytes=1)

    async def output_keys(self, _: c.CheckByPrefix) -> Keys | Fault:
        return Keys(keys=())

    def request(self, job: str, generation: int, _: str, *, token: str, name: str) -> StartRequest:
        return StartRequest(
            family=ANALYSIS.family,
            generation=generation,
            job=JobKey(job),
            name=name,
            token=token,
            input_uri="s3://bucket/in/",
            output_uri=f"s3://bucket/out/{job}-{generation}/",
            language="en",
        )

    async def collect(self, _: c.CollectJob) -> CollectReport | Fault:
        return CollectReport(ok=1, errors=(), missing=0, repairable=0, rows=1, bytes=1, spool_bytes=1, digest="")

    async def gather(self, _: c.GatherRepair) -> PlannedRepair | Fault:
        raise NotImplementedError

    async def cut(self, _: c.CutJob) -> c.PlannedPieces | Fault:
        raise NotImplementedError

    async def route(self, _: c.RouteLanguages) -> c.Routed | Fault:
        raise NotImplementedError

    async def merge(self, command: c.MergeSegments) -> MergeReport | Fault:
        _, end = self._run.books.tail(command.corpus)
        merged = [
            MergedSegment(id=segment, file=0, end=end + place + 1, lines=1, tallies=())
            for place, segment in enumerate(command.segments)
        ]
        return MergeReport(corpus=command.corpus, segments=tuple(merged))

    async def patch(self, _: c.PatchFile) -> MergeReport | Fault:
        raise NotImplementedError

    async def release(self, _: c.ReleaseSpools) -> Released | Fault:
        return Released()


class Recorder:
    """A journal that keeps nothing, or a list."""

    def __init__(self, kept: list[e.Event] | None) -> None:
        self._kept = kept

    def append(self, events: Sequence[e.Event]) -> None:
        if self._kept is not None:
            self._kept += events


def plan(jobs: int) -> Iterable[e.Event]:
    """The plan of so many jobs, each of a batch of one segment's only part."""
    yield e.RunBegan(at=EPOCH, run=RunId("b"), name="b", version="", identity="", identity_digest="", form="", spec="")
    segments = [segment_id(0, *divmod(number, RANGE_SEGMENTS)) for number in range(jobs)]
    facts = tuple(
        SegmentFacts(
            id=segment,
            corpus="c",
            documents=1,
            bytes=1,
            ledger_digest="",
            parts=(
                PartFacts(
                    id=part_id(segment, 0), pool="en", line_bytes_max=5_000, lines=1, bytes=1, units=3, digest=""
                ),
            ),
        )
        for segment in segments
    )
    for index, first in enumerate(range(0, jobs, RANGE_SEGMENTS)):
        yield e.RangeSurveyed(at=EPOCH, corpus="c", index=index, segments=facts[first : first + RANGE_SEGMENTS])
    yield e.SurveyFinished(at=EPOCH, documents=jobs, bytes=jobs)
    for number, segment in enumerate(segments):
        parts = (part_id(segment, 0),)
        batch = Batch(id=BatchId(f"b{number:06d}"), parts=parts, covers=parts, language="en", lines=1, bytes=1)
        job = Job(
            key=job_key(ANALYSIS.name, batch.id),
            analysis=ANALYSIS.name,
            operation=ANALYSIS.operation,
            batch=batch.id,
            order=number,
            units=3,
            predicted_s=400.0,
        )
        yield e.BatchPlanned(at=EPOCH, batch=batch)
        yield e.JobPlanned(at=EPOCH, job=job)
    yield e.PlanFinished(at=EPOCH, jobs=jobs, usd=None)
    yield e.SessionOpened(at=EPOCH, version="", purpose="run")


class Watch:
    """CPU seconds by whom they were spent."""

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()

    def timed(self, name: str, function: Callable[..., T]) -> Callable[..., T]:
        """The function, its time counted."""
        ns, clock = self.ns, time.thread_time_ns

        def call(*arguments: Any) -> T:
            begun = clock()
            try:
                return function(*arguments)
            finally:
                ns[name] += clock() - begun

        return call


class TimedCall:
    """An awaitable whose own time, not what it waits, is counted."""

    def __init__(self, call: Any, watch: Watch) -> None:
        self._send = watch.timed("service", call.send)

    def __await__(self) -> Generator[Any, Any, Any]:
        sent = None
        while True:
            try:
                waited = self._send(sent)
            except StopIteration as end:
                return end.value
            sent = yield waited


class TimedService:
    """The simulated service, its time counted."""

    def __init__(self, service: SimulatedService, watch: Watch) -> None:
        self._service, self._watch = service, watch

    async def start(self, request: StartRequest) -> Any:
        return await TimedCall(self._service.start(request), self._watch)

    async def list_jobs(self, operation: str, **filters: Any) -> Any:
        return await TimedCall(self._service.list_jobs(operation, **filters), self._watch)

    async def describe(self, operation: str, remote_id: RemoteId) -> Any:
        return await TimedCall(self._service.describe(operation, remote_id), self._watch)

    async def stop(self, operation: str, remote_id: RemoteId) -> Any:
        return await TimedCall(self._service.stop(operation, remote_id), self._watch)


@dataclass(kw_only=True)
class Measured:
    """What a whole run came to; seconds of CPU, but for the virtual ones."""

    jobs: int
    steps: int = 0
    seconds: float = 0.0
    core_s: float = 0.0
    service_s: float = 0.0
    virtual_s: float = 0.0
    planned_bytes: int = 0
    ended_bytes: int = 0
    events: list[e.Event] = field(default_factory=list)


def measure(jobs: int, *, keep: bool = False) -> Measured:
    """A whole run."""
    measured, watch = Measured(jobs=jobs), Watch()

    def now() -> float:
        return EPOCH + virtual_now()

    async def live() -> None:
        run = Run(CONFIG)
        for event in plan(jobs):
            run.apply(event)
            if keep:
                measured.events.append(event)
        measured.planned_bytes = size_of(run)
        run.apply = watch.timed("core", run.apply)  # type: ignore[method-assign]
        service = SimulatedService(Behaviour(), seed="bench", now=now)
        ports = Ports(run)
        executor = Executor(services={LANE.name: TimedService(service, watch)}, staging=ports, workshop=ports)
        recorder = Recorder(measured.events if keep else None)
        driver = Driver(run, executor=executor, recorder=recorder, now=now)
        begun = time.thread_time()
        await driver.drive()
        measured.seconds = time.thread_time() - begun
        assert run.closed
        assert len(service.jobs) == jobs
        del run.apply
        measured.ended_bytes = size_of(run)
        measured.steps, measured.virtual_s = driver.steps, virtual_now()

    with (
        patch("runner.engine.driver.consider", watch.timed("core", consider)),
        patch("runner.engine.driver.interpret", watch.timed("core", interpret)),
    ):
        run_virtually(live)
    measured.core_s, measured.service_s = watch.ns["core"] / 1e9, watch.ns["service"] / 1e9
    return measured


def size_of(root: object) -> int:
    """Bytes of an object and of all that it reaches, apart from code."""
    seen: set[int] = set()
    found, size = [root], 0
    while found:
        item = found.pop()
        if id(item) not in seen and not isinstance(item, type | ModuleType | FunctionType):
            seen.add(id(item))
            size += sys.getsizeof(item)
            found += gc.get_referents(item)
    return size


def replay(events: Sequence[e.Event]) -> tuple[int, float, float]:
    """(bytes, CPU seconds, seconds) of a journal of these events, and of opening and folding it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with Journal.create(path) as journal:
            for first in range(0, len(events), 1_000):
                journal.append(events[first : first + 1_000])
        run, begun, cpu = Run(CONFIG), time.perf_counter(), time.process_time()
        with Journal.open(path) as journal:
            fold(run, journal)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        assert run.closed
        return path.stat().st_size, cpu, seconds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--replay", action="store_true", help="also write the journal, and fold it")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}; 10 slots, 1 Start and 10 reads a second")
    print(
        "CPU: ms a job of the core, the service's model, the driver and its loop; steps a second of all and of the core"
    )
    print(
        f"{'jobs':>9} {'steps':>10} {'CPU s':>8} {'core':>7} {'model':>7} {'driver':>7} {'steps/s':>8} {'core':>8}"
        f" {'planned B':>10} {'ended B':>8} {'virtual h':>10} {'peak MB':>8}"
    )
    for jobs in arguments.jobs:
        told = measure(jobs, keep=arguments.replay)
        ms = 1e3 / jobs
        rest = told.seconds - told.core_s - told.service_s
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(
            f"{jobs:>9,} {told.steps:>10,} {told.seconds:>8.2f} {told.core_s * ms:>7.3f} {told.service_s * ms:>7.3f}"
            f" {rest * ms:>7.3f} {told.steps / told.seconds:>8,.0f} {told.steps / told.core_s:>8,.0f}"
            f" {told.planned_bytes / jobs:>10,.0f} {told.ended_bytes / jobs:>8,.0f}"
            f" {told.virtual_s / 3_600.0:>10,.1f} {peak:>8,.0f}",
            flush=True,
        )
        if arguments.replay:
            size, cpu, seconds = replay(told.events)
            print(
                f"{'':>9} replay: {len(told.events):,} events, {size / 1e6:,.1f} MB,"
                f" {cpu:.2f} s of CPU, {seconds:.2f} s, {1e6 * cpu / len(told.events):.2f} µs an event",
                flush=True,
            )


if __name__ == "__main__":
    main()
