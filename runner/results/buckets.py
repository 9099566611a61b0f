"""Rows sorted by the part they belong to, in bounded memory: held until a limit, then moved to a file.

An output may come in any order and be many times larger than memory. Each part has a bucket. Rows come loose, scattered
over memory, or as pieces of several rows; before loose ones are more than the processor's cache holds, those of each
bucket are packed into a piece: gathering rows from all over memory later would cost more than most of what is done with
them. When the pieces of all buckets reach half of the limit, however many buckets there are, each bucket's become one
run in the file. The last quarter is for what is put together to be written, and for holes in the heap.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

from runner.results.rows import RowBatch
from runner.results.runs import Cut, Rows, Run, RunFile

ENTRY_OVERHEAD_BYTES: Final = 64
"""What a loose entry costs in memory beside its own bytes: object header, rounding, list slot, line number."""
LOOSE_BYTES_MIN: Final = 4 << 20
PIECE_BYTES: Final = 16 << 10
"""How much is loose before it is packed, if a quarter of the memory allows it: so much in all, and so much a bucket."""
PIECE_OVERHEAD_BYTES: Final = 256
"""What a piece costs in memory beside its rows."""
_ITEM: Final = "I"


class Bucket:
    """The rows of one part: append to `lines` where a loose row belongs, and to `entries` the row; or add a piece.

    `pieces` has the other rows that are in memory, `run` is the last of the runs that have the rest.
    """

    __slots__ = ("entries", "lines", "pieces", "run")

    def __init__(self) -> None:
        self.lines: array[int] = array(_ITEM)
        self.entries: list[bytes] = []
        self.pieces: list[Rows | Cut] = []
        self.run: Run | None = None

    def pack(self) -> int:
        """Make the loose entries a piece; what it takes."""
        if not self.entries:
            return 0
        piece = Rows.of(self.lines, self.entries)
        self.pieces.append(piece)
        del self.lines[:]
        self.entries.clear()
        return size_of(piece)


def size_of(piece: Rows | Cut) -> int:
    """The memory that a piece takes."""
    return piece.size + PIECE_OVERHEAD_BYTES


class Buckets:
    """Buckets that share a memory limit and a file."""

    def __init__(self, file: RunFile, memory_bytes_max: int) -> None:
        self._file = file
        self._packed_bytes_max = memory_bytes_max // 2
        self._loose_bytes_limit = memory_bytes_max // 4
        self._loose_bytes = 0
        self._loose_bytes_max = 0
        self._packed_bytes = 0
        self._buckets: list[Bucket] = []

    def bucket(self) -> Bucket:
        """A new bucket."""
        bucket = Bucket()
        self._buckets.append(bucket)
        wanted = max(LOOSE_BYTES_MIN, PIECE_BYTES * len(self._buckets))
        self._loose_bytes_max = min(wanted, self._loose_bytes_limit)
        return bucket

    def account(self, batch: RowBatch) -> None:
        """Say that the rows of a batch were put into buckets; moves everything to the file if that is too much."""
        packed = sum([size_of(rows) for _, rows in batch.pieces])
        self._packed_bytes += packed
        if batch.files:
            self._loose_bytes += max(0, batch.bytes - packed) + len(batch.files) * ENTRY_OVERHEAD_BYTES
        if self._loose_bytes > self._loose_bytes_max:
            self._packed_bytes += sum([bucket.pack() for bucket in self._buckets])
            self._loose_bytes = 0
        if self._packed_bytes > self._packed_bytes_max:
            for bucket in self._buckets:
                self._write(bucket)
            self._packed_bytes = self._loose_bytes = 0

    def rows(self, bucket: Bucket) -> Iterator[Rows]:
        """All rows of a bucket, some at a time."""
        yield from self._file.read(bucket.run)
        bucket.pack()
        if bucket.pieces:
            rows = Rows.joined(bucket.pieces)
            bucket.pieces[:] = [rows]
            yield rows

    def written(self, bucket: Bucket) -> Run | None:
        """The last run of a bucket all of whose rows are in the file then; None if it has no rows."""
        self._write(bucket)
        return bucket.run

    def _write(self, bucket: Bucket) -> None:
        bucket.pack()
        if bucket.pieces:
            bucket.run = self._file.append(Rows.joined(bucket.pieces), bucket.run)
            bucket.pieces.clear()
