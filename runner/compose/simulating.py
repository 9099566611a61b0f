"""A plan carried out by the real scheduler in virtual time, against a model of the service: `plan --simulate`.

The scheduler, its driver and its timing are those of a run; the service lets in what the lanes' quotas allow and takes
the predicted time for each job. What comes out differs from the plan's own forecast by everything that a forecast
leaves out: staging, looks at jobs, first jobs that go alone, lanes that wait for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import anyio

from runner.compose.foreseeing import SimulatedTrainings, TrainingTale, routed_at_most
from runner.compose.models.trainer import drive_beside
from runner.compose.opening import config_of
from runner.core import commands as c, events as e
from runner.core.commands import Routed
from runner.core.run import Run
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.model import FaultKind, JobStatus, LaneSpec, Manifest, RunId, SegmentFacts, StartRequest
from runner.planning.durations import DurationModel, Load
from runner.planning.packing import PlannedWork
from runner.planning.training import TrainingCost
from runner.simulation.behaviour import Behaviour
from runner.simulation.clock import run_virtually
from runner.simulation.service import SimulatedService
from runner.simulation.work import ModelledWork, WorkTimes

EPOCH: Final = 1_700_000_000.0
"""When simulated runs begin, by their own clock: a multiple of no grid that matters."""
CALLS: Final[Mapping[type[c.Command], str]] = {
    c.StartJob: "Start",
    c.Sweep: "List",
    c.CountSlots: "List",
    c.CheckByName: "List",
    c.DescribeJob: "Describe",
    c.StopJob: "Stop",
}
NEAR_S: Final = 0.02
"""What is fixed about a piece of work where the bucket is on this machine."""
BUCKETS: Final = 48
"""Columns of a timeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationTale:
    """One operation on one lane: its jobs, and how its slots were used until the end of the whole run.

    `jobs` counts generations; `busy` is, per column of the timeline, how many of the slots were taken on average;
    `used` is the share of slot time taken between the first Start and the last end here.
    """

    lane: str
    operation: str
    slots: int
    jobs: int
    failed: int
    begins_s: float
    ends_s: float
    used: float
    busy: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """How a simulated run went. `finish_s`: when its last line was written; `closed`: whether it got that far."""

    finish_s: float
    closed: bool
    stations: tuple[StationTale, ...]
    calls: tuple[tuple[str, int], ...]
    throttles: int
    refused_for_slots: int
    committed_usd: float
    trainings: tuple[TrainingTale, ...]
    given_up: int
    steps: int
    services: Mapping[str, SimulatedService] = field(repr=False)
    """The service of each lane with its books, for checkers."""

    def to_json(self) -> dict[str, object]:
        """Plain values in a fixed order."""
        return {
            "finish_s": round(self.finish_s, 3),
            "closed": self.closed,
            "calls": dict(self.calls),
            "throttles": self.throttles,
            "refused_for_slots": self.refused_for_slots,
            "usd": round(self.committed_usd, 6),
            "trainings": [
                {
                    "lane": tale.lane,
                    "analyses": list(tale.analyses),
                    "ends_s": round(tale.ends_s, 3),
                    "usd": round(tale.usd, 6),
                }
                for tale in self.trainings
            ],
            "stations": [
                {
                    "lane": tale.lane,
                    "operation": tale.operation,
                    "slots": tale.slots,
                    "jobs": tale.jobs,
                    "failed": tale.failed,
                    "begins_s": round(tale.begins_s, 3),
                    "ends_s": round(tale.ends_s, 3),
                    "used": round(tale.used, 4),
                    "busy": [round(share, 3) for share in tale.busy],
                }
                for tale in self.stations
            ],
        }


class _Tally:
    """Counts calls and what became of them; the driver's observer."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.faults: Counter[FaultKind] = Counter()

    def notice(self, event: e.Event) -> None:
        """Count."""
        if isinstance(event, e.Launched):
            name = CALLS.get(type(event.command))
            if name is not None:
                self.calls[name] += 1
        elif isinstance(event, e.Landed) and event.fault is not None:
            self.faults[event.fault.kind] += 1


class _Nowhere:
    """A journal that keeps nothing."""

    def append(self, events: Sequence[e.Event]) -> None:
        """Nothing survives a simulation."""


def simulate(
    manifest: Manifest,
    segments: Sequence[SegmentFacts],
    work: PlannedWork,
    *,
    durations: DurationModel,
    trainings: Sequence[TrainingCost] = (),
    behave: Callable[[LaneSpec], Behaviour] | None = None,
    times: WorkTimes | None = None,
    seed: str = "plan",
    workers: int = 2,
) -> Simulation:
    """Carry planned work out in virtual time; the same arguments give the same answer.

    `work` is what is planned before languages are told (`Plan.to_start`); what follows from them is added at its time.
    `behave` says how the service of a lane behaves beside the lane's own quotas and the modelled durations, which it is
    given in any case; it has no faults unless told so. A budget is not looked at: the gate does that. Raises
    InternalError if the scheduler waits for something that nobody will do.
    """
    story = _Story(
        manifest,
        segments,
        work,
        durations=durations,
        trainings=trainings,
        behave=behave or behaviour_of,
        seed=seed,
        workers=workers,
    )
    usual = WorkTimes(call_s=NEAR_S) if manifest.embedded else WorkTimes()
    return run_virtually(lambda: story.live(times or usual))


def behaviour_of(lane: LaneSpec) -> Behaviour:
    """A service without faults that allows what a lane's quotas say; one's own endpoint shares its processes."""
    if lane.remote:
        return Behaviour(quotas=lane.quotas)
    cores = int(lane.quotas.active_jobs.default or 1)
    return Behaviour(quotas=lane.quotas, workers=cores, latency_s=0.002)


class _Story:
    def __init__(
        self,
        manifest: Manifest,
        segments: Sequence[SegmentFacts],
        work: PlannedWork,
        *,
        durations: DurationModel,
        trainings: Sequence[TrainingCost],
        behave: Callable[[LaneSpec], Behaviour],
        seed: str,
        workers: int,
    ) -> None:
        self._manifest = manifest
        self._segments = segments
        self._durations = durations
        self._trainings = trainings
        self._batches = {batch.id: batch for batch in work.batches}
        self._jobs = {job.key: job for job in work.jobs}
        self.run = Run(replace(config_of(manifest, workers=workers), budget_usd=None))
        self.services = {
            lane.name: SimulatedService(
                behave(lane), seed=f"{seed}/{number}", now=_now, number=number, seconds=self._seconds(lane)
            )
            for number, lane in enumerate(manifest.lanes)
        }
        for event in planned_facts(manifest, segments, work, seed):
            self.run.apply(event)

    def _seconds(self, lane: LaneSpec) -> Callable[[StartRequest], float]:
        def seconds(request: StartRequest) -> float:
            job = self._jobs[request.job]
            batch = self._batches[job.batch]
            load = Load(bytes=batch.bytes, lines=batch.lines, units=job.units)
            return self._durations.predict(lane.kind, job.operation, load, lane=lane.name).seconds

        return seconds

    async def live(self, times: WorkTimes) -> Simulation:
        ports, tally = ModelledWork(self.run, times, follows=self._follows), _Tally()
        executor = Executor(services=self.services, staging=ports, workshop=ports)
        driver = Driver(self.run, executor=executor, recorder=_Nowhere(), now=_now, observers=(tally,))
        trainings = SimulatedTrainings(self._trainings, driver, now=_now)
        trainings.begin()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trainings.train)
            await drive_beside(driver, trainings)
        finish_s = anyio.current_time()
        tally.calls["Create"] = len(trainings.tales)
        tally.calls["Describe"] += sum(tale.looks for tale in trainings.tales)
        return Simulation(
            finish_s=finish_s,
            closed=self.run.closed,
            stations=tuple(self._tales(finish_s)),
            calls=tuple((name, tally.calls[name]) for name in dict.fromkeys((*CALLS.values(), "Create"))),
            throttles=tally.faults[FaultKind.THROTTLED],
            refused_for_slots=tally.faults[FaultKind.NO_SLOT],
            committed_usd=self.run.committed_usd(),
            trainings=tuple(trainings.tales),
            given_up=self.run.given_up,
            steps=driver.steps,
            services=self.services,
        )

    def _follows(self, analysis: str) -> Routed:
        routed = routed_at_most(analysis, self._manifest, self._segments)
        self._batches |= {batch.id: batch for batch in routed.batches}
        self._jobs |= {job.key: job for job in routed.jobs}
        return routed

    def _tales(self, finish_s: float) -> list[StationTale]:
        spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
        failed: Counter[tuple[str, str]] = Counter()
        for lane, service in self.services.items():
            for job in service.jobs.values():
                spans.setdefault((lane, job.operation), []).append((job.submitted_at - EPOCH, job.over_at - EPOCH))
                failed[lane, job.operation] += job.status(job.over_at) is JobStatus.FAILED
        tales = []
        for (lane, operation), station in self.run.stations.items():
            mine = spans.get((lane, operation), [])
            begins, ends = min((b for b, _ in mine), default=0.0), max((end for _, end in mine), default=0.0)
            room = (ends - begins) * station.slots
            tales.append(
                StationTale(
                    lane=lane,
                    operation=operation,
                    slots=station.slots,
                    jobs=len(mine),
                    failed=failed[lane, operation],
                    begins_s=begins,
                    ends_s=ends,
                    used=sum(end - begin for begin, end in mine) / room if room else 0.0,
                    busy=_busy(mine, finish_s, station.slots),
                )
            )
        return tales


def _now() -> float:
    return EPOCH + anyio.current_time()


def _busy(spans: Sequence[tuple[float, float]], finish_s: float, slots: int) -> tuple[float, ...]:
    """The share of slots taken in each column of a timeline that ends at the finish."""
    width = finish_s / BUCKETS
    taken = [0.0] * BUCKETS
    for begin, end in spans if width and slots else ():
        first = min(int(begin / width), BUCKETS - 1)
        for column in range(first, BUCKETS):
            overlap = min(end, (column + 1) * width) - max(begin, column * width)
            if overlap <= 0:
                break
            taken[column] += overlap / width / slots
    return tuple(taken)


def planned_facts(manifest: Manifest, segments: Sequence[SegmentFacts], work: PlannedWork, seed: str) -> list[e.Event]:
    """What a journal would say of a run that is about to be driven."""
    at = EPOCH
    began = e.RunBegan(
        at=at,
        run=RunId(f"simulated-{seed}"),
        name=manifest.name,
        version="",
        identity="{}",
        identity_digest="",
        form="{}",
        spec="{}",
    )
    surveyed = [
        e.RangeSurveyed(
            at=at, corpus=corpus.name, index=0, segments=tuple(s for s in segments if s.corpus == corpus.name)
        )
        for corpus in manifest.corpora
    ]
    return [
        began,
        *surveyed,
        e.SurveyFinished(at=at, documents=sum(s.documents for s in segments), bytes=sum(s.bytes for s in segments)),
        *(e.BatchPlanned(at=at, batch=batch) for batch in work.batches),
        *(e.JobPlanned(at=at, job=job) for job in work.jobs),
        e.GatePassed(at=at, usd=None),
        e.PlanFinished(at=at, jobs=len(work.jobs), usd=None),
        e.SessionOpened(at=at, version="", purpose="run"),
    ]
