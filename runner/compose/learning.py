"""How long jobs take here: learnt from jobs that ended, of this run and of earlier runs of the same name.

A job counts with the time that the service itself says, from submission to end, and with what its batch held. On an
endpoint of one's own all jobs share its processes; there, the time that a job would have taken alone counts, since the
forecast reckons with the sharing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.compose.opening import RUNS, OpenRun, manifest_of
from runner.core import events as e
from runner.errors import RunnerError
from runner.journal import Journal, RunDirectory, find_runs
from runner.model import Batch, BatchId, Job, JobKey, JobStatus, LaneKind, LaneSpec, Manifest
from runner.planning.durations import OBSERVATIONS_MAX, DurationModel, Load

RUNS_MAX: Final = 4
"""Earlier runs that are looked at: the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One job that ended well."""

    kind: LaneKind
    lane: str
    operation: str
    load: Load
    submitted_at: float
    ended_at: float


def learnt(opened: OpenRun, runs: Path = RUNS) -> DurationModel:
    """What this run and earlier ones of its name tell of durations; an earlier run that cannot be read is left out."""
    others = (directory for directory in find_runs(runs / opened.manifest.name) if not _same(directory, opened))
    earlier = [directory for directory, _ in zip(others, range(RUNS_MAX), strict=False)]
    model = DurationModel()
    for directory in reversed(earlier):
        model = observed(model, *ended_before(directory))
    return observed(model, opened.manifest.lanes, ended_here(opened))


def _same(directory: RunDirectory, opened: OpenRun) -> bool:
    return directory.root.resolve() == opened.directory.root.resolve()


def observed(model: DurationModel, lanes: Sequence[LaneSpec], jobs: Iterable[Ended]) -> DurationModel:
    """The model that has also seen these jobs; of each operation and lane the newest that it keeps in mind."""
    cores = max((int(lane.quotas.active_jobs.default or 1) for lane in lanes), default=1)
    found: dict[tuple[str, str], list[tuple[Ended, float]]] = {}
    ordered = sorted(jobs, key=lambda job: job.ended_at)
    for job, seconds in zip(ordered, _alone(ordered, cores), strict=True):
        found.setdefault((job.lane, job.operation), []).append((job, seconds))
    for newest in found.values():
        for job, seconds in newest[-OBSERVATIONS_MAX:]:
            model = model.observe(job.kind, job.operation, job.load, seconds, lane=job.lane)
    return model


def _alone(jobs: Sequence[Ended], cores: int) -> Iterator[float]:
    """Seconds that each job takes; on an embedded lane its share of the processes over its time."""
    if not any(job.kind == "embedded" for job in jobs):
        yield from (job.ended_at - job.submitted_at for job in jobs)
        return
    changes = sorted([(job.submitted_at, 1) for job in jobs] + [(job.ended_at, -1) for job in jobs])
    share = {changes[0][0]: 0.0}
    done, active, since = 0.0, 0, changes[0][0]
    for moment, change in changes:
        done += (moment - since) * min(1.0, cores / active if active else 1.0)
        active, since = active + change, moment
        share[moment] = done
    yield from (share[job.ended_at] - share[job.submitted_at] for job in jobs)


def ended_here(opened: OpenRun) -> Iterator[Ended]:
    """Jobs of an open run that ended well, by its folded journal."""
    kinds = {lane.name: lane.kind for lane in opened.run.config.lanes}
    for record in opened.run.jobs.values():
        if record.status is not JobStatus.COMPLETED or record.submitted_at is None or record.ended_at is None:
            continue
        if record.lane in kinds:
            yield Ended(
                kind=kinds[record.lane],
                lane=record.lane,
                operation=record.job.operation,
                load=_load(record.job, opened.run.batches[record.job.batch]),
                submitted_at=record.submitted_at,
                ended_at=record.ended_at,
            )


def ended_before(directory: RunDirectory) -> tuple[Sequence[LaneSpec], list[Ended]]:
    """The lanes of an earlier run and its jobs that ended well; nothing if its journal cannot be read."""
    try:
        with Journal.open(directory.journal_path, read_only=True) as journal:
            return _read(event for _, event in journal.read())
    except (RunnerError, OSError):
        return (), []


def _read(events: Iterable[e.Event]) -> tuple[Sequence[LaneSpec], list[Ended]]:
    batches: dict[BatchId, Batch] = {}
    jobs: dict[JobKey, Job] = {}
    lane_of: dict[JobKey, str] = {}
    manifest: Manifest | None = None
    kinds: dict[str, LaneKind] = {}
    found: list[Ended] = []
    for event in events:
        match event:
            case e.RunBegan():
                manifest = manifest_of(event)
                kinds = {lane.name: lane.kind for lane in manifest.lanes}
            case e.BatchPlanned(batch=batch):
                batches[batch.id] = batch
            case e.JobPlanned(job=job):
                jobs[job.key] = job
            case e.StartIntended(job=key, lane=lane):
                lane_of[key] = lane
            case e.StatusSeen(status=JobStatus.COMPLETED, submitted_at=float(begin), ended_at=float(end), job=key):
                lane, job = lane_of.get(key, ""), jobs[key]
                if lane in kinds:
                    found.append(
                        Ended(
                            kind=kinds[lane],
                            lane=lane,
                            operation=job.operation,
                            load=_load(job, batches[job.batch]),
                            submitted_at=begin,
                            ended_at=end,
                        )
                    )
            case _:
                pass
    return (() if manifest is None else manifest.lanes), found


def _load(job: Job, batch: Batch) -> Load:
    return Load(bytes=batch.bytes, lines=batch.lines, units=job.units)
