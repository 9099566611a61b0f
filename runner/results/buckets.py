"""Rows sorted by the part they belong to, in bounded memory: held until a limit, then moved to an unnamed file.

An output may come in any order and be many times larger than memory. Each part has a bucket; when all of them together
hold more than the limit, each bucket's rows become one run in a temporary file, which has no name and so leaves nothing
behind after a crash. Knows nothing of what entries mean; they hold no line feed.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from typing import IO, Final, Self

from runner.results.writes import write_all

ENTRY_OVERHEAD_BYTES: Final = 64
"""What an entry costs in memory beside its own bytes: object header, rounding, list slot, line number."""
_ITEM: Final = "I"


class Bucket:
    """The rows of one part: `lines[i]` is where `entries[i]` belongs. Append to both."""

    __slots__ = ("entries", "lines", "runs")

    def __init__(self) -> None:
        self.lines: array[int] = array(_ITEM)
        self.entries: list[bytes] = []
        self.runs: list[tuple[int, int, int]] = []
        """(offset, rows, bytes of entries) of each run in the file."""


class Buckets:
    """Buckets that share a memory limit and a file. Use as a context manager."""

    def __init__(self, directory: str, memory_bytes_max: int) -> None:
        self._directory = directory
        self._memory_bytes_max = memory_bytes_max
        self._held_bytes = 0
        self._buckets: list[Bucket] = []
        self._file: IO[bytes] | None = None
        self._file_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def bucket(self) -> Bucket:
        """A new bucket."""
        bucket = Bucket()
        self._buckets.append(bucket)
        return bucket

    def account(self, rows: int, size: int) -> None:
        """Say that `rows` with `size` bytes were appended; moves everything to the file if that is too much."""
        self._held_bytes += size + rows * ENTRY_OVERHEAD_BYTES
        if self._held_bytes > self._memory_bytes_max:
            self._spill()

    def runs(self, bucket: Bucket) -> Iterator[tuple[array[int], list[bytes]]]:
        """All rows of a bucket as (lines, entries), run by run; what is held in memory is let go of."""
        for offset, rows, size in bucket.runs:
            yield self._read(offset, rows, size)
        if bucket.entries:
            lines, entries = bucket.lines, bucket.entries
            bucket.lines, bucket.entries = array(_ITEM), []
            yield lines, entries

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed on exit
        for bucket in self._buckets:
            if not bucket.entries:
                continue
            data = b"\n".join(bucket.entries)
            bucket.runs.append((self._file_bytes, len(bucket.entries), len(data)))
            self._append(bucket.lines.tobytes() + data)
            bucket.entries.clear()
            del bucket.lines[:]
        self._held_bytes = 0

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        write_all(self._file, data, self._directory)
        self._file_bytes += len(data)

    def _read(self, offset: int, rows: int, size: int) -> tuple[array[int], list[bytes]]:
        assert self._file is not None
        lines: array[int] = array(_ITEM)
        head = rows * lines.itemsize
        data = os.pread(self._file.fileno(), head + size, offset)
        lines.frombytes(data[:head])
        return lines, data[head:].split(b"\n")
