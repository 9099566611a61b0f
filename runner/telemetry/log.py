"""The log of a run: one JSON object a line in `log.jsonl`, made from the events that were applied.

Event names are dotted and stay (`job.start_accepted`); what belongs to the event stands beside as keys. There is no
document text, no secret, and nothing that is only true of a tick: volatile events are left out.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import structlog

from runner.core import events as e

LOG_VERSION: Final = 1
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
    e.WorkParked: "work.parked",
    e.Collected: "job.collected",
    e.CollectFailed: "job.collect_failed",
    e.RepairFailed: "repair.failed",
    e.SegmentMerged: "segment.merged",
    e.MergeFailed: "segment.merge_failed",
    e.Reopened: "documents.reopened",
    e.FilePatched: "results.file_patched",
    e.CancelAsked: "run.cancel_asked",
    e.StopAnswered: "job.stop_answered",
    e.StopFailed: "job.stop_failed",
}
_WARNINGS: Final = (
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
_LONG: Final = frozenset({"segments", "identity", "form", "spec", "token", "parts", "covers", "tallies"})
"""Fields that are for folding, not for reading; their lengths are logged instead."""


class EventLog:
    """An observer that writes `log.jsonl`; opened for appending, one line an event, flushed as it goes."""

    def __init__(self, path: Path, *, run: str) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)
        path.chmod(0o600)
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(self._file),
            processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(_dumps)],
            wrapper_class=structlog.BoundLogger,
        ).bind(run=run)

    def notice(self, event: e.Event) -> None:
        """Log a durable event."""
        name = NAMES.get(type(event))
        if name is None:
            return
        write = self._log.info
        if isinstance(event, _WARNINGS):
            write = self._log.warning
        elif isinstance(event, _ERRORS):
            write = self._log.error
        at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds")
        write(name, at=at, **_keys(event))

    def close(self) -> None:
        """Close the file; nothing is logged afterwards."""
        self._file.close()


def _keys(event: e.Event) -> dict[str, Any]:
    return {field.name: _value(field.name, getattr(event, field.name)) for field in fields(event) if field.name != "at"}


def _value(name: str, value: Any) -> Any:
    if name in _LONG:
        return len(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _value(field.name, getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value


def _dumps(value: Any, **_: Any) -> bytes:
    return msgspec.json.encode(value)
