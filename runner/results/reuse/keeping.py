"""Adding to the store: the payloads of a collected output, once its spool file is durable."""

from __future__ import annotations

import time
from collections.abc import Iterator

from runner.model import KeepReport, KeepTask
from runner.results.entries import is_ok
from runner.results.partfiles import part_path, read_lines
from runner.results.reuse.keys import digests_of, keys_of
from runner.results.reuse.store import Answers
from runner.results.spool import SpoolReader


def keep_answers(task: KeepTask) -> KeepReport:
    """Add every payload of a spool file to the store; errors and missing rows are not kept.

    Done again, it leaves the same answers. Raises RunDirectoryError for a damaged spool or part, MachineError for a
    store that cannot be written.
    """
    family = task.reusable.analysis.family
    kept = 0
    with Answers(task.store) as store, SpoolReader(task.spool_path) as spool:
        for part, pool in task.pools:
            if part in spool and spool.block(part).ok:
                answers = _answers(task, spool.entries(part), read_lines(part_path(task.directory, part)), pool)
                kept += store.add(family, answers, time.time())
    return KeepReport(kept=kept)


def _answers(task: KeepTask, entries: list[bytes], lines: list[bytes], pool: str) -> Iterator[tuple[bytes, bytes]]:
    answered = [(line, entry) for line, entry in zip(lines, entries, strict=True) if is_ok(entry)]
    keys = keys_of(task.reusable, pool, digests_of([line for line, _ in answered]))
    yield from ((key, entry) for key, (_, entry) in zip(keys, answered, strict=True))
