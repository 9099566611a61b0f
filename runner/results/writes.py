"""Writing much, in order: lines gathered into large pieces, every byte of them written, a full disk told as such."""

from __future__ import annotations

import errno
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from runner.storage.atomic import disk_full

WRITE_BYTES: Final = 1 << 20
LARGE_BYTES: Final = 1 << 16
"""What a call costs is little beside writing so much."""
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of about a megabyte; what is large as it is, is not copied."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        if len(line) >= LARGE_BYTES:
            if held:
                yield b"".join(held)
                held, size = [], 0
            yield line
            continue
        held.append(line)
        size += len(line)
        if size >= WRITE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def write_all(file: IO[bytes], data: bytes, path: str) -> None:
    """Write every byte of `data` to a file, which may take fewer at a time; `path` is named if its disk is full.

    Raises MachineError if the disk is full.
    """
    view = memoryview(data)
    with full_disk_told(path):
        while view:
            view = view[file.write(view) :]


@contextmanager
def without_cycles() -> Iterator[None]:
    """Pause the search for garbage in cycles: rows make lists by the million and no cycles, and it looks at each."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def full_disk_told(path: str) -> Iterator[None]:
    """Turn the system's complaint about a full disk into a MachineError that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise disk_full(path, error) from error
        raise
