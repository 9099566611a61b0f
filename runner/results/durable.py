"""Durable files for this room: written aside, fsynced, renamed, the folder fsynced. A full disk is a MachineError."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runner.errors import MachineError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file written aside (`<path>.tmp`); it takes the place of `path` when the block ends without error."""
    aside = Path(f"{path}.tmp")
    with full_disk_named(path):
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_directory(aside.parent)


def sync_directory(path: str | Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def full_disk_named(path: str | Path) -> Iterator[None]:
    """Say where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise MachineError(f"{path}: no space is left on this disk", hint="free some, then run again") from error
        raise
