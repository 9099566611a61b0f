"""Disks: whether there is room for a run, and what is said once one is full.

A full disk is the user's to mend, wherever it shows: a MachineError in place of the OSError.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import MachineError
from runner.planning.disk import disk_use
from runner.planning.plan import Plan
from runner.telemetry.words import byte_count

if TYPE_CHECKING:
    from runner.compose.opening import OpenRun

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Within it, an OSError that says that a disk or a quota is full is raised as MachineError."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise MachineError(
            f"the disk is full: {error.filename or error}", hint="free some space, then run again"
        ) from error


def free_bytes(folder: Path) -> int:
    """What is free on the file system of a folder."""
    return shutil.disk_usage(folder).free


def require_room(opened: OpenRun, plan: Plan, *, free: Callable[[Path], int] | None = None) -> None:
    """Refuse a run whose predicted files do not fit, before anything is sent.

    Of a run that is under way only what is not written yet is asked for. Raises MachineError, naming the folder.
    """
    free = free or free_bytes
    use = disk_use(opened.manifest, plan)
    left = _share_left(opened)
    root = opened.directory.root
    results = _nearest(opened.directory.results(opened.manifest.output))
    needs = {root: left * use.run_directory}
    same = results.stat().st_dev == root.stat().st_dev
    place = root if same else results
    needs[place] = needs.get(place, 0.0) + left * use.results
    for folder, needed in needs.items():
        there = free(folder)
        if needed > there:
            raise MachineError(
                f"{folder}: about {byte_count(int(needed))} will be needed there, and {byte_count(there)} are free",
                hint="free some space, or use less: another --run-dir, `output.directory` on another disk, "
                "`output.compression`, a lower `policy.spool_budget`",
            )


def _share_left(opened: OpenRun) -> float:
    """The share of documents that are not in the results yet."""
    documents = sum(segment.documents for segment in opened.run.books.surveyed())
    merged = (record.merged for record in opened.run.books.segments())
    written = sum(segment.lines + segment.unchanged for segment in merged if segment is not None)
    return 1.0 - written / documents if documents else 0.0


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there already."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())
