"""Steps a second and memory per job of the scheduler, at 1,000 and at 10,000 jobs, against the simulated service.

    python -m benchmarks core [--jobs N ...]

The real core and driver; the service, staging and local work are models, and time is virtual. What is measured is
therefore the scheduler and its loop, with the simulation's own cost in it; a scheduler whose steps looked at every job
would show ten times fewer of them a second in the second row. Memory is Python's own count (tracemalloc) of the run,
from its plan to its end, without documents.
"""

from __future__ import annotations

import argparse
import platform
import time
import tracemalloc
from collections.abc import Sequence

import anyio
import trio
from trio.testing import MockClock

from runner.core import commands as c, events as e
from runner.core.commands import Keys, PlannedRepair, Released, Staged
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.engine.driver import Driver
from runner.engine.executor import Executor
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
    RunId,
    SegmentFacts,
    StartRequest,
    job_key,
    part_id,
    segment_id,
)
from runner.simulation.behaviour import Behaviour
from runner.simulation.service import SimulatedService

ANALYSIS = AnalysisSpec(
    name="sentiment", family="sentiment", corpora=("c",), document_bytes_max=5_000, languages=frozenset({"en"})
)
LANE = LaneSpec(name="here", kind="aws", staging="s3://bucket/")
EPOCH = 1_700_000_000.0


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


class Nowhere:
    """A journal that keeps nothing."""

    def append(self, events: Sequence[e.Event]) -> None:
        pass


def planned(jobs: int) -> Run:
    """A run of so many jobs, each of a batch of one segment's only part."""
    run = Run(CoreConfig(lanes=(LANE,), analyses=(ANALYSIS,)))
    run.apply(
        e.RunBegan(at=EPOCH, run=RunId("b"), name="b", version="", identity="", identity_digest="", form="", spec="")
    )
    segments = [segment_id(0, 0, number) for number in range(jobs)]
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
    run.apply(e.RangeSurveyed(at=EPOCH, corpus="c", index=0, segments=facts))
    run.apply(e.SurveyFinished(at=EPOCH, documents=jobs, bytes=jobs))
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
        run.apply(e.BatchPlanned(at=EPOCH, batch=batch))
        run.apply(e.JobPlanned(at=EPOCH, job=job))
    run.apply(e.PlanFinished(at=EPOCH, jobs=jobs, usd=None))
    run.apply(e.SessionOpened(at=EPOCH, version="", purpose="run"))
    return run


def measure(jobs: int) -> tuple[int, float, float]:
    """(steps, seconds, virtual hours) of a whole run."""

    async def live() -> tuple[int, float]:
        def now() -> float:
            return EPOCH + anyio.current_time()

        run = planned(jobs)
        service = SimulatedService(Behaviour(), seed="bench", now=now)
        ports = Ports(run)
        executor = Executor(services={LANE.name: service}, staging=ports, workshop=ports)
        driver = Driver(run, executor=executor, recorder=Nowhere(), now=now)
        await driver.drive()
        assert run.closed
        assert max(map(len, service.accounts.arrivals.values())) > 0
        return driver.steps, anyio.current_time()

    begun = time.perf_counter()
    steps, virtual_s = trio.run(live, clock=MockClock(autojump_threshold=0))
    return steps, time.perf_counter() - begun, virtual_s / 3_600.0


def memory(jobs: int) -> float:
    """Bytes per job that a planned run holds, batches and books and all."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run = planned(jobs)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(run.jobs) == jobs
    return (after - before) / jobs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000])
    sizes = parser.parse_args().jobs
    print(f"Python {platform.python_version()}, {platform.machine()}; 10 slots, 1 Start and 10 reads a second")
    print(f"{'jobs':>8} {'steps':>9} {'seconds':>9} {'steps/s':>9} {'ms/job':>8} {'virtual h':>10} {'bytes/job':>10}")
    for jobs in sizes:
        steps, seconds, hours = measure(jobs)
        print(
            f"{jobs:>8,} {steps:>9,} {seconds:>9.2f} {steps / seconds:>9,.0f} {1e3 * seconds / jobs:>8.2f}"
            f" {hours:>10.1f} {memory(jobs):>10,.0f}"
        )


if __name__ == "__main__":
    main()
