"""What a job reads, cut into chunks that a worker can take: bounded, whatever the objects are.

Owns the cutting and the labels. Knows nothing of NLP, rows or archives.

Small objects travel together and unread; an object larger than a chunk is cut after whole lines, which means
counting its line ends here, because a line's number is known only from the lines before it.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import msgspec

from runner.endpoint.rows import Slice
from runner.endpoint.s3 import store
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.database import Database
    from runner.endpoint.s3.store import Stored

__all__ = ["Chunk", "Inputs", "LineScanner", "label_of", "split_uri"]

SLICES_MAX: Final = 1000  # per chunk: opening files takes longer than reading small ones


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix, perhaps empty) of an `s3://` URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def label_of(key: str, prefix: str) -> str:
    """A row's `File`: the key relative to the prefix that was given; its base name if that is the whole key."""
    if key == prefix:
        return key.rpartition("/")[2]
    return key.removeprefix(prefix).removeprefix("/")


class Chunk(msgspec.Struct, frozen=True):
    """Slices for one worker, and the blobs they are in; `whole` is False for a piece of a larger object."""

    slices: list[Slice]
    blobs: list[str]
    whole: bool = True


class LineScanner:
    """Cuts one large file after whole lines into slices of about `chunk_bytes`; blocks, so use it in a thread.

    A line longer than `line_bytes_max`, which is above every limit, becomes a slice that is not to be read.
    """

    def __init__(self, path: Path, label: str, *, chunk_bytes: int, line_bytes_max: int) -> None:
        self._path = path
        self._label = label
        self._chunk_bytes = chunk_bytes
        self._line_bytes_max = line_bytes_max
        self._size = path.stat().st_size
        self._offset = 0
        self._line = 0

    def next(self) -> Slice | None:
        """The next slice, or None at the end of the file."""
        if self._offset >= self._size:
            return None
        window = self._read(self._offset, self._chunk_bytes + 1)
        if len(window) <= self._chunk_bytes:
            return self._cut(len(window), _line_ends(window))
        end = max(window.rfind(b"\n", 0, self._chunk_bytes), window.rfind(b"\r", 0, self._chunk_bytes)) + 1
        if end == 0:
            return self._long_line()
        end += window[end - 1 : end + 1] == b"\r\n"
        return self._cut(end, _line_ends(window[:end]))

    def _long_line(self) -> Slice:
        end = self._offset
        while end < self._size:
            window = self._read(end, self._chunk_bytes + 1)
            found = min((at for at in (window.find(b"\n"), window.find(b"\r")) if at >= 0), default=-1)
            if 0 <= found < self._chunk_bytes or (found >= 0 and end + len(window) == self._size):
                text_end = end + found
                end = text_end + (2 if window[found : found + 2] == b"\r\n" else 1)
                return self._cut(end - self._offset, 1, text_end - self._offset)
            end += min(len(window), self._chunk_bytes)
        return self._cut(self._size - self._offset, 1, self._size - self._offset)

    def _cut(self, length: int, lines: int, longest: int = 0) -> Slice:
        oversize = longest > self._line_bytes_max
        piece = Slice(self._label, str(self._path), self._offset, length, self._line, oversize)
        self._offset += length
        self._line += lines
        return piece

    def _read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _line_ends(data: bytes) -> int:
    returns = data.count(b"\r")
    ends = data.count(b"\n") + returns
    return ends - data.count(b"\r\n") if returns else ends


class Inputs:
    """The objects that one job reads: all whose key begins with the prefix of `uri`."""

    def __init__(self, database: Database, blobs: BlobStore, uri: str, *, per_line: bool) -> None:
        self._database = database
        self._blobs = blobs
        self._bucket, self._prefix = split_uri(uri)
        self._per_line = per_line
        self.broken: set[str] = set()  # labels of files whose rest is not to be read
        self.files = 0  # that were met so far, and
        self.bytes = 0  # what they hold

    def exist(self) -> bool:
        """Whether there is anything to read."""
        return next(self._scan(), None) is not None

    def size_up_to(self, enough: int) -> int:
        """How many bytes there are, counted no further than `enough`."""
        total = 0
        for stored in self._scan():
            total += stored.record.size
            if total >= enough:
                break
        return total

    async def hold(self, text: bytes) -> bool:
        """Whether any object holds a text. Each is read whole: this is for faults on demand."""
        for stored in self._objects():
            if text in await in_thread(self._blobs.path(stored.blob).read_bytes):
                return True
        return False

    async def chunks(self, *, chunk_bytes: int, line_bytes_max: int) -> AsyncGenerator[Chunk, None]:
        """The chunks, in the order of keys and lines; each one's blobs stay pinned until `done` with it."""
        slices: list[Slice] = []
        blobs: list[str] = []
        held = 0
        for stored in self._objects():
            size = stored.record.size
            self.files += 1
            self.bytes += size
            large = self._per_line and size > chunk_bytes
            if slices and (large or held + size > chunk_bytes or len(slices) == SLICES_MAX):
                yield self._pinned(Chunk(slices, blobs))
                slices, blobs, held = [], [], 0
            if large:
                async with aclosing(self._pieces(stored, chunk_bytes, line_bytes_max)) as pieces:
                    async for chunk in pieces:
                        yield chunk
                continue
            path = self._blobs.path(stored.blob)
            slices.append(Slice(self._label(stored), str(path), 0, size, 0 if self._per_line else None))
            blobs.append(stored.blob)
            held += size
        if slices:
            yield self._pinned(Chunk(slices, blobs))

    def done(self, chunk: Chunk) -> None:
        """Let a chunk's blobs go."""
        self._blobs.unpin(chunk.blobs)

    async def _pieces(self, stored: Stored, chunk_bytes: int, line_bytes_max: int) -> AsyncGenerator[Chunk, None]:
        label, path = self._label(stored), self._blobs.path(stored.blob)
        self._blobs.pin([stored.blob])
        try:
            scanner = LineScanner(path, label, chunk_bytes=chunk_bytes, line_bytes_max=line_bytes_max)
            while label not in self.broken and (piece := await in_thread(scanner.next)) is not None:
                yield self._pinned(Chunk([piece], [stored.blob], whole=False))
        finally:
            self._blobs.unpin([stored.blob])

    def _pinned(self, chunk: Chunk) -> Chunk:
        self._blobs.pin(chunk.blobs)
        return chunk

    def _objects(self) -> Iterator[Stored]:
        """As listed; but an object replaced since its page was read is taken as it is now, if it still is."""
        for listed in self._scan():
            current: Stored | None = listed
            if not self._blobs.path(listed.blob).exists():
                current = store.find(self._database.read, self._bucket, listed.key)
            if current is not None:
                yield current

    def _scan(self) -> Iterator[Stored]:
        return store.scan(self._database.read, self._bucket, prefix=self._prefix.encode())

    def _label(self, stored: Stored) -> str:
        return label_of(stored.key.decode(), self._prefix)
