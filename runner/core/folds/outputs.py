"""Facts about outputs: collected into the spool, repaired, merged into the results, and released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.core import events as e
from runner.core.records import OUTPUT_FAULTS, JobRecord
from runner.core.retry import OUTPUTS, backoff
from runner.core.states import State
from runner.model import JobKey

if TYPE_CHECKING:
    from runner.core.run import Run


def collected(run: Run, event: e.Collected, record: JobRecord) -> None:
    """A job is done, unless some of its lines are worth sending again."""
    record.spool_bytes = event.report.spool_bytes
    run.spool_bytes += event.report.spool_bytes
    run.trim_collect()
    if record.piece_of is not None:
        run.jobs[record.piece_of].pieces_collected += 1
    rounds_left = record.job.round < run.config.repair_rounds
    if event.report.repairable and (rounds_left or record.partial):
        run.repair_list(record).append(record.job.key)
    else:
        run.settle(record)


def collect_failed(_: Run, event: e.CollectFailed, record: JobRecord) -> None:
    """An output is to be fetched again, later if something is wrong with it."""
    record.fault = event.fault
    record.collect_at = event.at
    if event.fault.kind in OUTPUT_FAULTS:
        record.output_failures += 1
        record.collect_at += backoff(OUTPUTS, record.output_failures, (record.token, "output"))


def segment_merged(run: Run, event: e.SegmentMerged) -> None:
    """A segment is in the results."""
    _release(run, run.books.merge(event.corpus, event.merged))


def file_patched(run: Run, event: e.FilePatched) -> None:
    """A result file has its new answers."""
    _release(run, run.books.patch(event.corpus, event.file, event.segments))


def _release(run: Run, jobs: list[JobKey]) -> None:
    for key in jobs:
        record = run.jobs[key]
        if record.state is State.COLLECTED:
            run.spool_bytes -= record.spool_bytes
            run.to_release.append(key)
        record.shrink()
