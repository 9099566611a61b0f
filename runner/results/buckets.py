"""Rows sorted by the part they belong to, in bounded memory: held until a limit, then moved to an unnamed file.

An output may come in any order and be many times larger than memory. Each part has a bucket; when all of them together
hold more than the limit, each bucket's rows become one run in a temporary file, which has no name and so leaves nothing
behind after a crash. Knows nothing of what entries mean; they hold no line feed.

The file is used long before memory is short: rows that lie scattered over more than the processor's cache cost more to
gather than to write and read again in order. Runs only have to be large enough to be worth a read.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Final, Self

from runner.results.writes import gathered, write_all

ENTRY_OVERHEAD_BYTES: Final = 64
"""What an entry costs in memory beside its own bytes: object header, rounding, list slot, line number."""
HELD_BYTES_MIN: Final = 4 << 20
RUN_BYTES: Final = 24 << 10
"""What is held, within the memory that is allowed: at least so much in all, and so much for each part."""
RUNS_BYTES: Final = 1 << 20
"""Runs are given out together up to about so many bytes: many small ones would cost more than what is in them."""
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
        self._held_bytes_max = min(HELD_BYTES_MIN, memory_bytes_max)
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
        wanted = max(HELD_BYTES_MIN, RUN_BYTES * len(self._buckets))
        self._held_bytes_max = min(wanted, self._memory_bytes_max)
        return bucket

    def account(self, rows: int, size: int) -> None:
        """Say that `rows` with `size` bytes were appended; moves everything to the file if that is too much."""
        self._held_bytes += size + rows * ENTRY_OVERHEAD_BYTES
        if self._held_bytes > self._held_bytes_max:
            self._spill()

    def runs(self, bucket: Bucket) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
        """All rows of a bucket as (lines, entries), some runs at a time; what is held in memory is let go of."""
        lines: array[int] = array(_ITEM)
        data: list[bytes] = []
        held = 0
        for run in bucket.runs:
            data.append(self._read(run, lines))
            held += run[2]
            if held >= RUNS_BYTES:
                yield lines, b"\n".join(data).split(b"\n")
                lines, data, held = array(_ITEM), [], 0
        if data:
            yield lines, b"\n".join(data).split(b"\n")
        if bucket.entries:
            lines, entries = bucket.lines, bucket.entries
            bucket.lines, bucket.entries = array(_ITEM), []
            yield lines, entries

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed on exit
        for data in gathered(self._runs_to_be()):
            write_all(self._file, data, self._directory)
        self._held_bytes = 0

    def _runs_to_be(self) -> Iterator[bytes]:
        """What each bucket holds as a run at the file's end; the buckets are empty then."""
        for bucket in self._buckets:
            if not bucket.entries:
                continue
            data = b"\n".join(bucket.entries)
            lines = bucket.lines.tobytes()
            bucket.runs.append((self._file_bytes, len(bucket.entries), len(data)))
            self._file_bytes += len(lines) + len(data)
            bucket.entries.clear()
            del bucket.lines[:]
            yield lines
            yield data

    def _read(self, run: tuple[int, int, int], lines: array[int]) -> bytes:
        """The entries of a run, line feeds between them; its lines are added to `lines`."""
        assert self._file is not None
        offset, rows, size = run
        head = rows * lines.itemsize
        data = os.pread(self._file.fileno(), head + size, offset)
        lines.frombytes(data[:head])
        return data[head:]
