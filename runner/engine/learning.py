"""Learning how long jobs take from those that have ended, and telling the run of it: looks are timed by that.

The core stays apart from planning: what was learnt reaches it as a fact, about the jobs that are at work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runner.core import events as e
from runner.core.records import JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.model import JobStatus, LaneKind
from runner.planning.durations import OBSERVATIONS_MAX, DurationModel, Load

_ANSWERED: Final = frozenset({State.ENDED, State.COLLECTED})


class Learner:
    """An observer that predicts jobs anew as others end; `tell` hands its facts to the driver."""

    def __init__(self, run: Run, tell: Callable[[e.Event], None]) -> None:
        self._run = run
        self._tell = tell
        lanes = (*run.config.lanes, *run.config.former_lanes)
        self._kinds: dict[str, LaneKind] = {lane.name: lane.kind for lane in lanes}
        self._model = DurationModel()
        self._recall()

    def notice(self, event: e.Event) -> None:
        """Learn from a job that has ended well; predict those that are at work, and each that begins."""
        match event:
            case e.StatusSeen(status=JobStatus.COMPLETED, job=key):
                record = self._run.jobs[key]
                self._observe(record)
                self._predict(event.at, self._beside(record))
            case e.StartAccepted(job=key):
                self._predict(event.at, [self._run.jobs[key]])
            case e.SessionOpened():
                active = [record for station in self._run.stations.values() for record in station.occupied.values()]
                self._predict(event.at, active)

    def _recall(self) -> None:
        """What earlier sessions saw: the newest jobs of each operation that ended well."""
        ended: dict[str, list[JobRecord]] = {}
        for record in self._run.jobs.values():
            if record.state in _ANSWERED and record.status is JobStatus.COMPLETED:
                ended.setdefault(record.job.operation, []).append(record)
        for records in ended.values():
            records.sort(key=lambda record: record.ended_at or 0.0)
            for record in records[-OBSERVATIONS_MAX:]:
                self._observe(record)

    def _observe(self, record: JobRecord) -> None:
        if record.submitted_at is None or record.ended_at is None:
            return
        seconds = max(0.0, record.ended_at - record.submitted_at)
        kind = self._kinds[record.lane]
        self._model = self._model.observe(kind, record.job.operation, self._load(record), seconds)

    def _beside(self, record: JobRecord) -> list[JobRecord]:
        """Jobs of the same operation that are at work where jobs take as long."""
        kind = self._kinds[record.lane]
        stations = self._run.stations_of[record.job.operation]
        same = (station for station in stations if station.lane.kind == kind)
        return [other for station in same for other in station.occupied.values()]

    def _predict(self, at: float, records: list[JobRecord]) -> None:
        predictions = []
        for record in records:
            kind, operation = self._kinds[record.lane], record.job.operation
            if record.state is State.ACTIVE and self._model.basis(kind, operation) == "observed":
                seconds = self._model.predict(kind, operation, self._load(record)).seconds
                predictions.append((record.job.key, seconds))
        if predictions:
            self._tell(e.Repredicted(at=at, predictions=tuple(predictions)))

    def _load(self, record: JobRecord) -> Load:
        batch = self._run.batches[record.job.batch]
        return Load(bytes=batch.bytes, lines=batch.lines, units=record.job.units)
