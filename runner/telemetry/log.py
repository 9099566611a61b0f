"""The log of a run: one JSON object a line in `log.jsonl`, made from the events that were applied.

Every line has `v` (the version of this schema, 1), `at` (UTC, ISO 8601, milliseconds), `level` (info, warning, error),
`event` and `run`; what belongs to the event stands beside as keys, named as the fields in `runner.core.events`. Event
names are dotted and stay; keys may be added within a version, none is renamed or removed. There is no document text
and no secret, and nothing that is only true of a tick: volatile events are left out. What is for folding and not for
reading (a segment's facts, a batch's parts, the manifest) is there as its length.

A job's end has a canonical line beside, `job.done`, with all that is usually asked of a job: `job`, `analysis`,
`batch`, `outcome` (collected, given_up), `code` (of one given up), `lane`, `remote_id`, `generations`, `starts`
(calls made), `ok`, `errors` and `missing` (lines), `units`, `predicted_s`, `service_s` (from submission to end, as
the service says) and `duration_s` (from the last Start to here); null where it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec
import structlog

from runner.core import events as e
from runner.core.run import Run

NAMES: Final[dict[type[e.Event], str]] = {
    e.RunBegan: "run.began",
    e.SessionOpened: "run.session_opened",
    e.ListingTaken: "survey.listing_taken",
    e.RangeSurveyed: "survey.range_surveyed",
    e.SurveyFinished: "survey.finished",
    e.BatchPlanned: "plan.batch_planned",
    e.JobPlanned: "plan.job_planned",
    e.PlanFinished: "plan.finished",
    e.GatePassed: "plan.gate_passed",
    e.RunFinished: "run.finished",
    e.TrainingIntended: "model.training_intended",
    e.ModelReady: "model.ready",
    e.BatchStaged: "batch.staged",
    e.StagingFailed: "batch.staging_failed",
    e.StagingLost: "batch.staging_lost",
    e.StartIntended: "job.start_intended",
    e.StartAccepted: "job.start_accepted",
    e.StartRefused: "job.start_refused",
    e.StartUnanswered: "job.start_unanswered",
    e.StartNotFound: "job.start_not_found",
    e.CheckFailed: "job.check_failed",
    e.DuplicateFound: "job.duplicate_found",
    e.SingleConfirmed: "job.single_confirmed",
    e.StatusSeen: "job.status_seen",
    e.GenerationLost: "job.lost",
    e.GenerationRenewed: "job.renewed",
    e.JobGivenUp: "job.given_up",
    e.JobCut: "job.cut",
    e.WorkParked: "work.parked",
    e.PaceChanged: "work.pace_changed",
    e.BudgetReached: "run.budget_reached",
    e.Collected: "job.collected",
    e.CollectFailed: "job.collect_failed",
    e.RepairFailed: "repair.failed",
    e.LanguagesRouted: "languages.routed",
    e.SegmentMerged: "segment.merged",
    e.MergeFailed: "segment.merge_failed",
    e.Reopened: "documents.reopened",
    e.FilePatched: "results.file_patched",
    e.CancelAsked: "run.cancel_asked",
    e.StopAnswered: "job.stop_answered",
    e.StopFailed: "job.stop_failed",
}
JOB_DONE: Final = "job.done"
_WARNINGS: Final = (
    e.JobCut,
    e.StagingFailed,
    e.StartRefused,
    e.StartUnanswered,
    e.CheckFailed,
    e.CollectFailed,
    e.GenerationLost,
    e.GenerationRenewed,
    e.RepairFailed,
    e.MergeFailed,
    e.StopFailed,
)
_ERRORS: Final = (e.JobGivenUp, e.WorkParked, e.DuplicateFound, e.StagingLost)
_LONG: Final = frozenset({"segments", "identity", "form", "spec", "parts", "covers", "tallies"})
"""Fields that are for folding, not for reading; their lengths are logged instead."""
_LEFT_OUT: Final = frozenset({"at", "token"})

VERSION: Final = 1
Level = Literal["info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("info", "warning", "error")


class EventLog:
    """An observer that writes `log.jsonl`; opened for appending, one line an event, flushed as it goes."""

    def __init__(self, path: Path, *, run: Run) -> None:
        self._run = run
        self._file: BinaryIO = path.open("ab", buffering=0)
        path.chmod(0o600)
        self.fresh = self._file.tell() == 0
        """Whether nothing was logged before."""
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(self._file),
            processors=[structlog.processors.JSONRenderer(_dumps)],
            wrapper_class=structlog.BoundLogger,
        )

    def notice(self, event: e.Event) -> None:
        """Log a durable event, and a job's canonical line if it was its last."""
        for entry in entries(event, self._run):
            self._log.info(**entry)

    def close(self) -> None:
        """Close the file; nothing is logged afterwards."""
        self._file.close()


class ConsoleLog:
    """An observer that tells people of events as they come: those of a level, and graver ones.

    `show` is given one line each, with ANSI colours if `colors`.
    """

    def __init__(self, show: Callable[[str], None], *, run: Run, level: Level, colors: bool) -> None:
        self._show = show
        self._run = run
        self._least = LEVELS.index(level)
        self._render = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=24, sort_keys=False)

    def notice(self, event: e.Event) -> None:
        """Tell of a durable event if it is grave enough."""
        for entry in entries(event, self._run):
            if LEVELS.index(entry["level"]) < self._least:
                continue
            timestamp = entry.pop("at")[11:19]
            del entry["v"], entry["run"]
            told = {key: value for key, value in entry.items() if value not in (None, "", ())}
            self._show(self._render(None, "", {"timestamp": timestamp, **told}))


def entries(event: e.Event, run: Run) -> Iterator[dict[str, Any]]:
    """What there is to log of an event applied to `run`: nothing of a volatile one, two lines of a job's last."""
    name = NAMES.get(type(event))
    if name is None:
        return
    level: Level = "error" if isinstance(event, _ERRORS) else "warning" if isinstance(event, _WARNINGS) else "info"
    at = _time(event.at)
    yield {"v": VERSION, "at": at, "level": level, "event": name, "run": run.run_id} | _keys(event)
    if isinstance(event, e.Collected | e.JobGivenUp):
        head = {"v": VERSION, "at": at, "level": "info", "event": JOB_DONE, "run": run.run_id}
        yield head | _done(run, event)


def _done(run: Run, event: e.Collected | e.JobGivenUp) -> dict[str, Any]:
    record = run.jobs[event.job]
    report = event.report if isinstance(event, e.Collected) else None
    timed = record.submitted_at is not None and record.ended_at is not None
    return {
        "job": event.job,
        "analysis": record.job.analysis,
        "batch": record.job.batch,
        "outcome": "collected" if report else "given_up",
        "code": None if isinstance(event, e.Collected) else event.code,
        "lane": record.lane or None,
        "remote_id": record.remote_id,
        "generations": record.generation + 1 if record.starts else record.generation,
        "starts": record.starts,
        "ok": report.ok if report else 0,
        "errors": sum(count for _, count in report.errors) if report else 0,
        "missing": report.missing if report else 0,
        "units": record.job.units,
        "predicted_s": round(record.job.predicted_s, 3),
        "service_s": round((record.ended_at or 0.0) - (record.submitted_at or 0.0), 3) if timed else None,
        "duration_s": round(event.at - record.intended_at, 3) if record.intended_at else None,
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _keys(event: e.Event) -> dict[str, Any]:
    names = (field.name for field in fields(event) if field.name not in _LEFT_OUT)
    return {name: _value(name, getattr(event, name)) for name in names}


def _value(name: str, value: Any) -> Any:
    if name in _LONG:
        return len(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _value(field.name, getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value


def _dumps(value: dict[str, Any], **_: Any) -> bytes:
    """What identifies a line comes first, for those who read it unaided."""
    head = {key: value.pop(key) for key in ("v", "at", "level", "event")}
    return msgspec.json.encode(head | value)
