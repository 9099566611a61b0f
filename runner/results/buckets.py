"""Rows sorted by the part they belong to, in bounded memory: held until a limit, then moved to an unnamed file.

An output may come in any order and be many times larger than memory. Each part has a bucket; when all of them together
hold more than the limit, each bucket's rows become one run in a temporary file, which has no name and so leaves nothing
behind after a crash. Knows nothing of what entries mean; they hold no line feed.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Final, Self

from runner.results.writes import write_all

ENTRY_OVERHEAD_BYTES: Final = 144
"""What a row costs in memory beside its entry's bytes: headers of bytes, pair and number, rounding, list slot."""
RUNS_BYTES: Final = 1 << 20
"""Runs are given out together up to about so many bytes: many small ones would cost more than what is in them."""
_ITEM: Final = "I"


class Bucket:
    """The rows of one part, as pairs of a line and the entry that belongs there. Append to `rows`."""

    __slots__ = ("rows", "runs")

    def __init__(self) -> None:
        self.rows: list[tuple[int, bytes]] = []
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
        if bucket.rows:
            rows, bucket.rows = bucket.rows, []
            yield tuple(zip(*rows, strict=True))  # type: ignore[misc]

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed on exit
        for bucket in self._buckets:
            if not bucket.rows:
                continue
            lines, entries = zip(*bucket.rows, strict=True)
            data = b"\n".join(entries)
            bucket.runs.append((self._file_bytes, len(entries), len(data)))
            self._append(array(_ITEM, lines).tobytes() + data)
            bucket.rows.clear()
        self._held_bytes = 0

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        write_all(self._file, data, self._directory)
        self._file_bytes += len(data)

    def _read(self, run: tuple[int, int, int], lines: array[int]) -> bytes:
        """The entries of a run, line feeds between them; its lines are added to `lines`."""
        assert self._file is not None
        offset, rows, size = run
        head = rows * lines.itemsize
        data = os.pread(self._file.fileno(), head + size, offset)
        lines.frombytes(data[:head])
        return data[head:]
