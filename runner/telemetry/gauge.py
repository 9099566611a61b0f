"""How far a run is, in numbers: counted as events come, taken when they are shown.

Rules.

1. Being told of an event costs next to nothing, however many there are: a snapshot is taken when it is shown, which a
   terminal does a few times a second and a log now and then, in O(corpora + operations + active jobs).
2. 100 % means that the books are closed, and nothing else does.
3. A job counts by its predicted seconds; until its answers are collected it counts in part, never in whole.
4. Cost so far is the upper end of what jobs cost that were accepted, in every generation.

Snapshots are taken from a terminal's own thread, so numbers are read from the scheduler's containers by single
operations that the interpreter does not interrupt.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Final, Literal

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import OCCUPYING, TERMINAL, State
from runner.model import FaultKind, JobKey, JobStatus, Manifest
from runner.planning.price import Units, family_cost

AT_WORK_MAX: Final = 0.9
"""The most that a job counts for before its answers are here: predictions are not facts."""
RATIOS_MAX: Final = 200
RATIOS_MIN: Final = 4
"""Jobs that must have ended before their spread says something of the others."""
PROBLEMS_KEPT: Final = 3

Phase = Literal["surveying", "starting", "running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """One operation on one lane.

    `waiting` counts jobs for the operation on any lane; `slowed` is its pace now, as a share of what the quota allows,
    or None if that is all of it.
    """

    lane: str
    operation: str
    slots: int
    used: int
    strangers: int
    waiting: int
    done: int
    failed: int
    slowed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment."""

    phase: Phase
    ranges: int
    ranges_done: int
    documents: int
    lines: int
    """Documents written."""
    waiting: int
    active: int
    collecting: int
    done: int
    given_up: int
    work_s: float
    """Predicted seconds of all jobs."""
    work_done_s: float
    closed: bool
    """Whether the books are."""
    parks: tuple[str, ...]
    stations: tuple[StationView, ...] = ()
    usd: float | None = None
    """So far; None where nothing is bought, or a price is not known."""
    usd_planned: float | None = None
    budget_usd: float | None = None
    throttles: int = 0
    spread: tuple[float, float] = (1.0, 1.0)
    """Of actual to predicted durations: the tenth and the ninetieth part in a hundred, over the median."""
    problems: tuple[tuple[float, str], ...] = ()
    """(when, what), the last few."""

    @property
    def share(self) -> float:
        """Of all there is to do in this phase, from 0 to 1; 1 only when the books are closed."""
        if self.closed:
            return 1.0
        if self.phase == "surveying":
            return min(0.99, self.ranges_done / self.ranges) if self.ranges else 0.0
        work = self.work_done_s / self.work_s if self.work_s else 0.0
        written = self.lines / self.documents if self.documents else 0.0
        return min(0.99, 0.9 * work + 0.1 * written)


class Gauge:
    """Counts what a run does. `manifest` prices it; without one, cost is not told."""

    def __init__(self, run: Run, *, manifest: Manifest | None = None, now: Callable[[], float] = time.time) -> None:
        self._run = run
        self._now = now
        self._manifest = manifest
        self._families = {analysis.name: analysis.family for analysis in manifest.analyses} if manifest else {}
        self._work_s = self._work_done_s = 0.0
        self._ended_s: dict[JobKey, float] = {}
        """Predicted seconds of jobs whose answers have yet to be collected."""
        self._waiting: Counter[str] = Counter()
        """Per operation."""
        self._is_waiting: set[JobKey] = set()
        self._done: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._units: Counter[str] = Counter()
        """Started, per family."""
        self._usd_planned: float | None = None
        self._throttles = 0
        self._ratios: deque[float] = deque(maxlen=RATIOS_MAX)
        self._problems: deque[tuple[float, str]] = deque(maxlen=PROBLEMS_KEPT)
        for record in run.jobs.values():
            self._take_up(record.job.key)

    def _take_up(self, key: JobKey) -> None:
        """A job as an earlier session left it."""
        record = self._run.jobs[key]
        self._work_s += record.job.predicted_s
        if record.state in TERMINAL:
            self._work_done_s += record.job.predicted_s
        elif record.state is State.ENDED:
            self._ended_s[key] = record.job.predicted_s
        if record.state is State.COLLECTED:
            self._done[record.lane, record.job.operation] += 1
        generations = record.generation + (record.state is not State.WAITING)
        self._bought(record.job.analysis, record.job.units * generations)
        self._note_waiting(key)

    def _bought(self, analysis: str, units: int) -> None:
        if analysis in self._families:
            self._units[self._families[analysis]] += units

    def notice(self, event: e.Event) -> None:
        """Count an event that was applied."""
        match event:
            case e.JobPlanned():
                self._work_s += event.job.predicted_s
                self._note_waiting(event.job.key)
            case e.PlanFinished():
                self._usd_planned = event.usd
            case e.Landed(fault=fault) if fault is not None and fault.kind is FaultKind.THROTTLED:
                self._throttles += 1
            case _:
                key: JobKey | None = getattr(event, "job", None)
                if key is not None and key in self._run.jobs:
                    self._note_waiting(key)
                    self._of_job(event, key)

    def _note_waiting(self, key: JobKey) -> None:
        record = self._run.jobs[key]
        waits = record.state is State.WAITING
        if waits != (key in self._is_waiting):
            self._waiting[record.job.operation] += 1 if waits else -1
            (self._is_waiting.add if waits else self._is_waiting.discard)(key)

    def _of_job(self, event: e.Event, key: JobKey) -> None:
        record = self._run.jobs[key]
        job = record.job
        match event:
            case e.StartAccepted():
                self._bought(job.analysis, job.units)
            case e.StatusSeen():
                self._seen(event)
            case e.Collected() | e.JobGivenUp() | e.JobCut():
                self._work_done_s += job.predicted_s
                self._ended_s.pop(key, None)
                if isinstance(event, e.Collected):
                    self._done[record.lane, job.operation] += 1
            case e.GenerationRenewed() | e.GenerationLost():
                self._ended_s.pop(key, None)
        fault = getattr(event, "fault", None)
        if fault is not None and fault.kind is not FaultKind.NO_SLOT:
            self._problems.append((event.at, f"{key}: {fault}"))

    def _seen(self, event: e.StatusSeen) -> None:
        record = self._run.jobs[event.job]
        if record.state is State.ENDED:
            self._ended_s[event.job] = record.job.predicted_s
        if event.status is JobStatus.FAILED:
            self._failed[record.lane, record.job.operation] += 1
        timed = event.submitted_at is not None and event.ended_at is not None
        if timed and event.status is JobStatus.COMPLETED and record.job.predicted_s > 0:
            taken = (event.ended_at or 0.0) - (event.submitted_at or 0.0)
            self._ratios.append(taken / record.job.predicted_s)

    # --- taken when shown -----------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The run as it stands now."""
        run = self._run
        states = run.by_state
        phase: Phase = "running" if run.books.complete else "starting" if run.survey_finished else "surveying"
        return Snapshot(
            phase=phase,
            ranges=sum(listing.ranges for listing in tuple(run.listings.values())),
            ranges_done=sum(len(done) for done in tuple(run.surveyed.values())),
            documents=run.books.documents,
            lines=run.books.lines,
            waiting=states[State.WAITING],
            active=sum(states[state] for state in OCCUPYING) + states[State.FAILED],
            collecting=states[State.ENDED],
            done=states[State.COLLECTED],
            given_up=states[State.GIVEN_UP],
            work_s=self._work_s,
            work_done_s=self._work_done_s + self._at_work_s(),
            closed=phase == "running" and run.closed,
            parks=tuple(_told(park) for park in tuple(run.parks.values())),
            stations=self._stations(),
            usd=self._usd(),
            usd_planned=self._usd_planned,
            budget_usd=self._manifest.policy.budget_usd if self._manifest else None,
            throttles=self._throttles,
            spread=self._spread(),
            problems=tuple(self._problems),
        )

    def _at_work_s(self) -> float:
        """What jobs that are active, or whose answers are not here yet, count for."""
        now = self._now()
        ended_s = AT_WORK_MAX * sum(tuple(self._ended_s.values()))
        stations = tuple(self._run.stations.values())
        records = [record for station in stations for record in tuple(station.occupied.values())]
        return ended_s + sum(
            min(AT_WORK_MAX * record.job.predicted_s, max(0.0, now - record.accepted_at))
            for record in records
            if record.state is State.ACTIVE
        )

    def _stations(self) -> tuple[StationView, ...]:
        """Those that have something to do, or had; by operation, then lane, in the manifest's order."""
        found = []
        for (lane, operation), station in tuple(self._run.stations.items()):
            place = (lane, operation)
            waiting, used = self._waiting[operation], len(station.occupied)
            done, failed = self._done[place], self._failed[place]
            if not waiting + used + done + failed:
                continue
            rate, ceiling = station.start.rate, station.start.ceiling
            slowed = rate / ceiling if rate is not None and ceiling is not None and rate < ceiling else None
            view = StationView(
                lane=lane,
                operation=operation,
                slots=station.slots,
                used=used,
                strangers=station.strangers,
                waiting=waiting,
                done=done,
                failed=failed,
                slowed=slowed,
            )
            found.append(view)
        order = list(self._run.stoppable)
        return tuple(sorted(found, key=lambda view: order.index(view.operation)))

    def _usd(self) -> float | None:
        manifest = self._manifest
        if manifest is None or manifest.embedded:
            return None
        costs = [
            family_cost(manifest, family, Units(upper=units, lower=units)).usd
            for family, units in tuple(self._units.items())
        ]
        return None if None in costs else sum(cost or 0.0 for cost in costs)

    def _spread(self) -> tuple[float, float]:
        ratios = sorted(self._ratios)
        if len(ratios) < RATIOS_MIN:
            return 1.0, 1.0
        tenths = quantiles(ratios, n=10)
        return (tenths[0] / tenths[4], tenths[8] / tenths[4]) if tenths[4] else (1.0, 1.0)


def _told(park: e.WorkParked) -> str:
    """`virginia, StartSentimentDetectionJob: AccessDeniedException: …`."""
    place = ", ".join(word for word in (park.lane, park.operation) if word)
    return f"{place}: {park.fault}" if place else str(park.fault)
