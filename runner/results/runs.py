"""Runs: rows of one part that lie together in a file, each run saying where the one before it lies.

A run is a header, the 32-bit numbers of the lines that its rows answer, and the rows' entries with line feeds between
them. Rows of one part may be written at any time, as they come: whoever knows the last run of a part finds all of them,
last first, so that nothing more need be remembered of a part, however many runs it has. The header has the place and
the CRC-32 of the run before, so the CRC-32 of the last vouches for all. Numbers are in this machine's byte order,
because run directories stay on their machine.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from isal import isal_zlib

from runner.results.entries import is_error

_HEADER: Final = struct.Struct("=QQIII")
"""Where the run before begins, its bytes (0: there is none) and its CRC-32; this one's rows, and its error rows."""
_ITEM: Final = "I"


class Run(NamedTuple):
    """Where a run lies, and what its bytes sum up to."""

    offset: int
    bytes: int
    crc32: int


class Rows(NamedTuple):
    """Some rows of one part: the lines that they answer, their entries with line feeds between them.

    `errors` of them are error rows.
    """

    lines: array[int]
    data: bytes
    errors: int = 0

    @classmethod
    def of(cls, lines: Sequence[int], entries: Sequence[bytes]) -> Rows:
        """Rows by their entries, which hold no line feed; the lines are copied."""
        return cls(array(_ITEM, lines), b"\n".join(entries), sum(map(is_error, entries)))

    @classmethod
    def joined(cls, several: Sequence[Rows | Cut]) -> Rows:
        """Rows as one."""
        first = several[0]
        if len(several) == 1 and isinstance(first, Rows):
            return first
        lines = array(_ITEM)
        for rows in several:
            lines.extend(rows.lines)
        return cls(lines, b"\n".join([rows.data for rows in several]), sum([rows.errors for rows in several]))

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.lines)

    @property
    def size(self) -> int:
        """How many bytes entries and lines take."""
        return len(self.data) + len(self.lines) * self.lines.itemsize

    @property
    def entries(self) -> list[bytes]:
        """The entries, one each."""
        return self.data.split(b"\n")


class Cut(NamedTuple):
    """Rows of one part that lie side by side among rows of many parts, none of which is an error row.

    They are those from `first` to before `last`, their entries the bytes from `begin` to before `end`. So what is read
    at once stays in one place in memory, however many parts it is of: else many small pieces would be left over, with
    holes between them that are too small for what is read next.
    """

    rows: Rows
    first: int
    last: int
    begin: int
    end: int

    @property
    def lines(self) -> array[int]:
        """The lines that they answer, as a copy."""
        return self.rows.lines[self.first : self.last]

    @property
    def data(self) -> memoryview:
        """Their entries with line feeds between them."""
        return memoryview(self.rows.data)[self.begin : self.end]

    @property
    def errors(self) -> int:
        """How many of them are error rows."""
        return 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.last - self.first

    @property
    def size(self) -> int:
        """How many bytes entries and lines take."""
        return self.end - self.begin + self.total * self.rows.lines.itemsize


class RunFile:
    """A file that runs are appended to, from where it is; whoever opened it closes it."""

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        self._file = file
        self.offset = offset

    def write(self, data: bytes) -> None:
        """Append something that is no run."""
        self._file.write(data)
        self.offset += len(data)

    def append(self, rows: Rows, before: Run | None) -> Run:
        """Append a run of at least one row; `before` is the one before it, of the same part."""
        header = _HEADER.pack(*(before or (0, 0, 0)), len(rows.lines), rows.errors)
        data = b"".join((header, rows.lines.tobytes(), rows.data))
        run = Run(self.offset, len(data), isal_zlib.crc32(data))
        self.write(data)
        return run

    def read(self, last: Run | None) -> Iterator[Rows]:
        """The rows of a part whose last run is `last`, a run at a time. Raises ValueError if they are damaged."""
        self._file.flush()
        return read_runs(self._file.fileno(), last)


def read_runs(descriptor: int, last: Run | None) -> Iterator[Rows]:
    """The rows of a part whose last run is `last`, a run at a time. Raises ValueError if they are damaged."""
    while last is not None:
        data = os.pread(descriptor, last.bytes, last.offset)
        if len(data) != last.bytes or isal_zlib.crc32(data) != last.crc32:
            raise ValueError(last.offset)
        offset, size, crc32, count, errors = _HEADER.unpack_from(data)
        lines = array(_ITEM)
        begin = _HEADER.size + count * lines.itemsize
        lines.frombytes(memoryview(data)[_HEADER.size : begin])
        yield Rows(lines, data[begin:], errors)
        last = Run(offset, size, crc32) if size else None
