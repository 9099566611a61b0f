"""The runs of one manifest name, `runs/<name>/`: their ids, which there are, and `latest`."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.errors import RunDirectoryError
from runner.journal.files import fsync_directory, write_durably
from runner.journal.rundir import RunDirectory
from runner.model import RunId

RANDOM_BYTES: Final = 10
LATEST_NAME: Final = "latest"

_RUN_ID: Final = re.compile(r"\d{8}T\d{6}-[a-z2-7]{16}")


def new_run_id(now: float, random_bits: bytes) -> RunId:
    """The id of a run: its UTC second and 80 random bits, `20260701T093000-<16 of a-z2-7>`.

    Ids sort by time as text, and hold only characters that file names, S3 keys, JobNames and tokens all take.
    `now` is in seconds since the epoch, `random_bits` are 10 bytes.
    """
    assert len(random_bits) == RANDOM_BYTES, f"{RANDOM_BYTES} random bytes, not {len(random_bits)}"
    second = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    return RunId(f"{second}-{base64.b32encode(random_bits).decode().lower()}")


def find_runs(base: Path) -> Sequence[RunDirectory]:
    """The runs that have begun below `runs/<name>`, newest first; none if there is no such folder."""
    if not base.is_dir():
        return ()
    with os.scandir(base) as entries:
        names = [
            entry.name for entry in entries if _RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    runs = (RunDirectory.at(base / name) for name in sorted(names, reverse=True))
    return tuple(run for run in runs if run.begun)


def point_latest(base: Path, run: RunId) -> None:
    """Let `latest` in `base` name a run: a symbolic link, or, where there are none, a file with the id in it.

    At every moment there is the old one or the new one.

    Raises:
        RunDirectoryError: there is a folder called `latest`.
    """
    latest = base / LATEST_NAME
    if latest.is_dir() and not latest.is_symlink():
        raise RunDirectoryError(str(base), f"`{LATEST_NAME}` is a folder", hint="rename it: it names the latest run")
    aside = base / f".{LATEST_NAME}.{os.getpid()}.tmp"
    aside.unlink(missing_ok=True)
    try:
        aside.symlink_to(run, target_is_directory=True)
    except OSError:
        write_durably(latest, f"{run}\n".encode())
        return
    aside.replace(latest)
    fsync_directory(base)


def resolve_run(path: Path) -> RunDirectory:
    """The run that a user means by a path: its directory, a `latest` of either form, or the folder above it.

    Raises:
        RunDirectoryError: no run has begun there.
    """
    for candidate in (path, path / LATEST_NAME):
        if candidate.is_file() and candidate.name == LATEST_NAME:
            named = RunDirectory.at(candidate.parent / candidate.read_text("utf-8").strip())
        else:
            # Without `latest` in it, a path stays true when a later run begins.
            named = RunDirectory.at(candidate.resolve())
        if named.begun:
            return named
    run = RunDirectory.at(path)
    run.require()
    return run
