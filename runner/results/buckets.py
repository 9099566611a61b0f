"""Rows sorted by the part they belong to, in bounded memory: held until a limit, then moved to an unnamed file.

An output may come in any order and be many times larger than memory. Each part has a bucket. Rows come loose, scattered
over memory; before they are more than the processor's cache holds, what each bucket has is packed into one piece:
gathering rows from all over memory later would cost more than most of what is done with them. When the pieces of all
buckets reach the limit, each bucket's become one run in a temporary file, which has no name and so leaves nothing
behind after a crash. Knows nothing of what entries mean; they hold no line feed.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Final, Self

from runner.results.writes import gathered, write_all

ENTRY_OVERHEAD_BYTES: Final = 64
"""What a loose entry costs in memory beside its own bytes: object header, rounding, list slot, line number."""
LOOSE_BYTES_MIN: Final = 4 << 20
PIECE_BYTES: Final = 16 << 10
"""How much is loose before it is packed, within the memory allowed: at least so much in all, and so much a bucket."""
RUNS_BYTES: Final = 1 << 20
"""Runs are given out together up to about so many bytes: many small ones would cost more than what is in them."""
_ITEM: Final = "I"


class Bucket:
    """The rows of one part that are not in the file: append to `lines` where a row belongs, and to `entries` the row.

    `packed` has the entries that came before those, line feeds between them.
    """

    __slots__ = ("entries", "lines", "packed", "runs")

    def __init__(self) -> None:
        self.lines: array[int] = array(_ITEM)
        self.entries: list[bytes] = []
        self.packed: list[bytes] = []
        self.runs: list[tuple[int, int, int]] = []
        """(offset, rows, bytes of entries) of each run in the file."""

    def pack(self) -> int:
        """Make the loose entries one piece; its bytes."""
        if not self.entries:
            return 0
        self.packed.append(b"\n".join(self.entries))
        self.entries.clear()
        return len(self.packed[-1])


class Buckets:
    """Buckets that share a memory limit and a file. Use as a context manager."""

    def __init__(self, directory: str, memory_bytes_max: int) -> None:
        self._directory = directory
        self._memory_bytes_max = memory_bytes_max
        self._loose_bytes = 0
        self._loose_bytes_max = 0
        self._packed_bytes = 0
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
        wanted = max(LOOSE_BYTES_MIN, PIECE_BYTES * len(self._buckets))
        self._loose_bytes_max = min(wanted, self._memory_bytes_max // 2)
        return bucket

    def account(self, rows: int, size: int) -> None:
        """Say that `rows` with `size` bytes were appended; moves everything to the file if that is too much."""
        self._loose_bytes += size + rows * ENTRY_OVERHEAD_BYTES
        if self._loose_bytes > self._loose_bytes_max:
            self._packed_bytes += sum([bucket.pack() for bucket in self._buckets])
            self._loose_bytes = 0
            if self._packed_bytes + self._loose_bytes_max > self._memory_bytes_max:
                self._spill()

    def runs(self, bucket: Bucket) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
        """All rows of a bucket as (lines, entries), some runs at a time; what is held in memory is let go of."""
        lines: array[int] = array(_ITEM)
        data: list[bytes] = []
        held = 0
        for piece_lines, piece in self._pieces(bucket):
            lines += piece_lines
            data.append(piece)
            held += len(piece)
            if held >= RUNS_BYTES:
                yield lines, b"\n".join(data).split(b"\n")
                lines, data, held = array(_ITEM), [], 0
        if data:
            yield lines, b"\n".join(data).split(b"\n")

    def _pieces(self, bucket: Bucket) -> Iterator[tuple[array[int], bytes]]:
        """What a bucket has in the file, then in memory; entries with line feeds between them."""
        for run in bucket.runs:
            yield self._read(run)
        bucket.pack()
        lines, pieces = bucket.lines, bucket.packed
        bucket.lines, bucket.packed = array(_ITEM), []
        begin = 0
        for piece in pieces:
            end = begin + 1 + piece.count(b"\n")
            yield lines[begin:end], piece
            begin = end

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 - closed on exit
        for data in gathered(self._runs_to_be()):
            write_all(self._file, data, self._directory)
        self._packed_bytes = 0

    def _runs_to_be(self) -> Iterator[bytes]:
        """What each bucket has packed as a run at the file's end; the buckets are empty then."""
        for bucket in self._buckets:
            if not bucket.packed:
                continue
            lines = bucket.lines.tobytes()
            size = sum(map(len, bucket.packed)) + len(bucket.packed) - 1
            bucket.runs.append((self._file_bytes, len(bucket.lines), size))
            self._file_bytes += len(lines) + size
            yield lines
            for number, piece in enumerate(bucket.packed):
                if number:
                    yield b"\n"
                yield piece
            bucket.packed.clear()
            del bucket.lines[:]

    def _read(self, run: tuple[int, int, int]) -> tuple[array[int], bytes]:
        """The lines of a run, and its entries."""
        assert self._file is not None
        offset, rows, size = run
        lines: array[int] = array(_ITEM)
        head = rows * lines.itemsize
        data = os.pread(self._file.fileno(), head + size, offset)
        lines.frombytes(data[:head])
        return lines, data[head:]
