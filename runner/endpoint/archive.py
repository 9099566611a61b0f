"""output.tar.gz, put together from pieces that workers have compressed apart.

Owns the bytes of gzip and tar. Knows nothing of rows or jobs.

Theory of operation. The archive is one gzip stream. A tar member's header states a size that is known only at
the member's end, so it goes into a stored deflate block of fixed length and is written when the member ends.
Each piece is a run of deflate blocks that ends on a byte boundary (a full flush) and refers to nothing before
it, so pieces can be made by any process and strung together; the checksum of the whole is combined from theirs.
Nothing is compressed or copied twice, and nobody holds the archive in memory.
"""

from __future__ import annotations

import os
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING, Final

import msgspec
from isal import isal_zlib

from runner.endpoint.blobs import flush_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ArchiveFile", "Piece", "pack", "plain"]

_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time: same rows, same bytes
_END: Final = bytes(2 * tarfile.BLOCKSIZE)  # of a tar
_LEVEL: Final = 1


class Piece(msgspec.Struct, frozen=True):
    """Some rows, compressed: raw deflate ending in a full flush; `size` and `crc` of what is in it.

    Or, made by `plain`, the rows as they are, for what is no archive.
    """

    data: bytes
    size: int
    crc: int


def pack(content: bytes) -> Piece:
    """Compress some rows into a piece."""
    if not content:
        return Piece(b"", 0, 0)
    deflater = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    data = deflater.compress(content) + deflater.flush(isal_zlib.Z_FULL_FLUSH)
    return Piece(data, len(content), isal_zlib.crc32(content))


def plain(content: bytes) -> Piece:
    """Some rows as they are."""
    return Piece(content, len(content), 0)


class ArchiveFile:
    """An archive being written to `path`: `begin` a member, `append` its pieces, ... `finish`; `close` in any case.

    All methods block; `append` and `finish` belong in a thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._position = 0
        self._crc = 0
        self._total = 0
        self._member: _Member | None = None
        self._write(_GZIP_HEAD)

    def begin(self, name: str) -> None:
        """End the member before, if there is one, and begin the next."""
        self._end_member()
        self._member = member = _Member(name, self._position)
        self._write(_stored(bytes(member.header_length)))

    def append(self, piece: Piece) -> None:
        """Add a piece to the member that was begun."""
        assert self._member is not None
        self._write(piece.data)
        self._member.add(piece)

    def finish(self) -> int:
        """Close the archive and the stream, durably; returns the size of the file."""
        self._end_member()
        self._deflate(_END, last=True)
        self._write(struct.pack("<II", self._crc, self._total & 0xFFFFFFFF))
        flush_file(self._descriptor, self._path)
        return self._position

    def cut(self, size: int) -> None:
        """Cut a finished file short, durably: a truncated archive."""
        os.ftruncate(self._descriptor, size)
        flush_file(self._descriptor, self._path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _end_member(self) -> None:
        member = self._member
        if member is None:
            return
        header = member.header()
        os.pwrite(self._descriptor, _stored(header), member.position)
        self._count(isal_zlib.crc32(header), len(header))
        self._count(member.crc, member.size)
        self._deflate(bytes(-member.size % tarfile.BLOCKSIZE))
        self._member = None

    def _deflate(self, data: bytes, *, last: bool = False) -> None:
        if not data:
            return
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        self._write(deflater.compress(data) + deflater.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH))
        self._count(isal_zlib.crc32(data), len(data))

    def _count(self, crc: int, size: int) -> None:
        self._crc = isal_zlib.crc32_combine(self._crc, crc, size)
        self._total += size

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._position)
            self._position += written
            view = view[written:]


class _Member:
    """A member being written: its header stands at `position` of the file, its size and checksum grow."""

    def __init__(self, name: str, position: int) -> None:
        self._entry = tarfile.TarInfo(name)
        self.position = position
        self.header_length = len(self.header())  # a long name takes more blocks, a size does not
        self.crc = 0

    @property
    def size(self) -> int:
        return self._entry.size

    def add(self, piece: Piece) -> None:
        self.crc = isal_zlib.crc32_combine(self.crc, piece.crc, piece.size)
        self._entry.size += piece.size

    def header(self) -> bytes:
        return self._entry.tobuf(tarfile.GNU_FORMAT)


def _stored(data: bytes) -> bytes:
    """`data` as a stored deflate block, which is not the last one."""
    return b"\x00" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
