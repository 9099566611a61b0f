"""Files that are either whole or not there: written aside, fsynced, renamed, and their directory fsynced.

What is being written bears a name that ends in `.tmp` and is unique, so that a process left over from a killed run
and its successor cannot write into the same file. `remove_tmp` clears such leavings at the start of a run.

Files are made readable by their owner alone, since most of them hold document text. A full disk is told as
MachineError, because only the user can mend it. This module knows nothing of what is in the files.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from runner.errors import MachineError

TMP_SUFFIX: Final = ".tmp"
DIRECTORY_MODE: Final = 0o700
SYNCS_AT_ONCE: Final = 8

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

StrPath = str | os.PathLike[str]


class Replacements:
    """Files that are put in place together; until then nothing of them can be seen. Made by `replacing_all`."""

    def __init__(self) -> None:
        self._written: list[tuple[str, str]] = []

    @contextmanager
    def open(self, path: StrPath) -> Iterator[BinaryIO]:
        """A binary file to write what `path` shall hold; deleted if the block raises.

        Raises MachineError if the disk is full.
        """
        target = os.fspath(path)
        folder, name = os.path.split(target)
        with _disk_full_told(target):
            descriptor, aside = tempfile.mkstemp(prefix=f"{name}.", suffix=TMP_SUFFIX, dir=folder or ".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
            except BaseException:
                _unlink(aside)
                raise
        self._written.append((aside, target))

    def put_in_place(self) -> None:
        """Fsync what was written, rename it in the order in which it was opened, and fsync each directory once.

        Raises MachineError if the disk is full; then none of the files appears, unless it was a directory's turn.
        """
        if not self._written:
            return
        with _disk_full_told(self._written[0][1]):
            _sync_files([aside for aside, _ in self._written])
            folders: dict[str, None] = {}
            while self._written:
                aside, target = self._written[0]
                os.replace(aside, target)  # noqa: PTH105 - paths are strings on this path
                folders[os.path.dirname(target) or "."] = None  # noqa: PTH120
                del self._written[0]
            for folder in folders:
                sync_directory(folder)

    def discard(self) -> None:
        """Delete what was written and not put in place."""
        for aside, _ in self._written:
            _unlink(aside)
        self._written.clear()


@contextmanager
def replacing_all() -> Iterator[Replacements]:
    """Write several files and put them in place when the block ends; if it raises, none of them appears.

    A crash between two renames leaves the first in place: whoever reads the files must take the last one opened for
    the sign that all are there.
    """
    files = Replacements()
    try:
        yield files
        files.put_in_place()
    finally:
        files.discard()


@contextmanager
def replacing(path: StrPath) -> Iterator[BinaryIO]:
    """A binary file to write what `path` shall hold; put in place, durably, when the block ends without an exception.

    Raises MachineError if the disk is full; `path` then holds what it held before.
    """
    with replacing_all() as files, files.open(path) as file:
        yield file


def sync_directory(path: StrPath) -> None:
    """Make the names in a directory durable: what was renamed into it stays there through a power cut."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync_files(paths: Sequence[str]) -> None:
    if len(paths) == 1:
        _sync(paths[0], os.O_RDONLY)
        return
    # Side by side, because the file system then commits many of them at once: 200 files take 0.12 s instead of 0.7.
    with ThreadPoolExecutor(min(len(paths), SYNCS_AT_ONCE)) as pool:
        for _ in pool.map(lambda path: _sync(path, os.O_RDONLY), paths):
            pass


def _sync(path: StrPath, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: StrPath) -> None:
    """Make a directory that its owner alone may enter, and those above it; one that is there already is left alone."""
    folder = Path(path)
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError), _disk_full_told(os.fspath(each)):
            each.mkdir(mode=DIRECTORY_MODE)


def remove_tmp(directory: StrPath) -> int:
    """Delete what unfinished writes left in a directory (not below it); gives how many. No directory, nothing to do.

    Only for the one process that holds the run directory: another's writes in hand would be deleted too.
    """
    try:
        with os.scandir(directory) as entries:
            leavings = [entry.path for entry in entries if entry.name.endswith(TMP_SUFFIX) and entry.is_file()]
    except FileNotFoundError:
        return 0
    for path in leavings:
        _unlink(path)
    return len(leavings)


@contextmanager
def _disk_full_told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise disk_full(path, error) from error
        raise


def disk_full(path: str, error: OSError) -> MachineError:
    """What to tell the user when a write to `path` failed for lack of space or of quota."""
    what = "the disk quota is used up" if error.errno == errno.EDQUOT else "the disk is full"
    return MachineError(
        f"{what}: cannot write {path}",
        hint="free some space there and run the same command again; what is finished is kept",
    )


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108
