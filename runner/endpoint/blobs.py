"""Bytes on disk under names of our own: what objects, parts and outputs are made of.

Owns the naming, the flushing and the deleting of files. Knows nothing of buckets and keys, so that no key,
whatever it holds, can name a file.

A blob is written once under a fresh name and never changed; it counts only once a row in the books names it.
So nothing needs renaming, a crash leaves only files that no row names, and a copy is a hard link. Names begin
with the number of the start that made them: the sweep after a crash looks at earlier starts alone and cannot
meet a file that is being written.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["BlobStore", "flush_file"]

_PER_DIRECTORY: Final = 512  # names per directory: old file systems search directories one by one


class BlobStore:
    """The files below `root`; `boot` is a number that no earlier start of this endpoint used."""

    def __init__(self, root: Path, boot: int) -> None:
        root.mkdir(exist_ok=True)
        self._root = root
        self._boot = f"{boot:06x}"
        self._count = 0
        self._naming = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()

    def fresh(self) -> str:
        """A name that was never used; its directory exists and is durable. To be called from any thread."""
        with self._naming:
            group, place = divmod(self._count, _PER_DIRECTORY)
            self._count += 1
            name = f"{self._boot}/{group:06x}/{place:03x}"
            if place == 0:
                directory = self.path(name).parent
                directory.mkdir(parents=True)
                for parent in (directory.parent, self._root):
                    _flush_directory(parent)
        return name

    def path(self, blob: str) -> Path:
        """Where the bytes of `blob` are."""
        return self._root / blob

    def link_to(self, blob: str, name: str) -> None:
        """Give the bytes of `blob` a second, fresh name, durably: what copying an object costs."""
        os.link(self.path(blob), self.path(name))
        _flush_directory(self.path(name).parent)

    def pin(self, blobs: Iterable[str]) -> None:
        """Keep these blobs readable, though their objects be deleted or replaced, until `unpin`."""
        self._pins.update(blobs)

    def unpin(self, blobs: Iterable[str]) -> None:
        """Undo one `pin` of each."""
        for blob in blobs:
            self._pins[blob] -= 1
            if self._pins[blob] <= 0:
                del self._pins[blob]
                if blob in self._doomed:
                    self._doomed.remove(blob)
                    self.path(blob).unlink(missing_ok=True)

    def discard(self, *blobs: str | None) -> None:
        """Delete blobs that no row names any longer: now, or when the last reader has unpinned them."""
        for blob in blobs:
            if blob is None:
                continue
            if self._pins[blob] > 0:
                self._doomed.add(blob)
            else:
                del self._pins[blob]
                self.path(blob).unlink(missing_ok=True)

    def sweep(self, is_named: Callable[[list[str]], set[str]]) -> Iterator[int]:
        """Delete what earlier starts left without a row, one directory per step; yields how many went.

        `is_named` answers which of the given blobs a row names.
        """
        for boot in sorted(self._root.iterdir()):
            if boot.name == self._boot:
                continue
            for group in sorted(boot.iterdir()):
                names = [f"{boot.name}/{group.name}/{file.name}" for file in group.iterdir()]
                orphans = set(names) - is_named(names)
                self.discard(*orphans)
                yield len(orphans)
                with suppress(OSError):  # not empty: some of its blobs are in use
                    group.rmdir()
            with suppress(OSError):
                boot.rmdir()


def flush_file(descriptor: int, path: Path) -> None:
    """Make the bytes of an open file and its name durable."""
    os.fsync(descriptor)
    _flush_directory(path.parent)


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
