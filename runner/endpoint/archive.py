"""output.tar.gz, put together from pieces that workers have compressed apart.

Owns the bytes of gzip and tar. Knows nothing of rows or jobs.

Theory of operation. The archive is one gzip stream with one tar member, whose header states a size that is
known only at the end. The header goes into a stored deflate block of fixed length at the front of the file
and is written last. Each piece is a run of deflate blocks that ends on a byte boundary (a full flush) and
refers to nothing before it, so pieces can be made by any process and strung together; the checksum of the
whole is combined from theirs. Nothing is compressed or copied twice, and nobody holds the archive in memory.
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

__all__ = ["ArchiveFile", "Piece", "pack"]

_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time: same rows, same bytes
_STORED_HEAD: Final = b"\x00" + struct.pack("<HH", 512, 512 ^ 0xFFFF)
_FRONT: Final = len(_GZIP_HEAD) + len(_STORED_HEAD) + tarfile.BLOCKSIZE
_LEVEL: Final = 1


class Piece(msgspec.Struct, frozen=True):
    """Some rows, compressed: raw deflate ending in a full flush; `size` and `crc` of what is in it."""

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


class ArchiveFile:
    """An archive being written to `path`; `append` pieces, then `finish`, and `close` in any case.

    All methods block; `append` and `finish` belong in a thread.
    """

    def __init__(self, path: Path, member: str) -> None:
        self._path = path
        self._member = member
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._position = _FRONT
        self._size = 0
        self._crc = 0

    def append(self, piece: Piece) -> None:
        """Add a piece after those before it."""
        self._write(piece.data)
        self._crc = isal_zlib.crc32_combine(self._crc, piece.crc, piece.size)
        self._size += piece.size

    def finish(self) -> int:
        """Close the member, the archive and the stream, durably; returns the size of the file."""
        header = tarfile.TarInfo(self._member)
        header.size = self._size
        header_bytes = header.tobuf(tarfile.GNU_FORMAT)
        assert len(header_bytes) == tarfile.BLOCKSIZE
        padding = bytes(-self._size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        self._write(deflater.compress(padding) + deflater.flush())
        total = len(header_bytes) + self._size + len(padding)
        crc = isal_zlib.crc32_combine(isal_zlib.crc32(header_bytes), self._crc, self._size)
        crc = isal_zlib.crc32_combine(crc, isal_zlib.crc32(padding), len(padding))
        self._write(struct.pack("<II", crc, total & 0xFFFFFFFF))
        os.pwrite(self._descriptor, _GZIP_HEAD + _STORED_HEAD + header_bytes, 0)
        flush_file(self._descriptor, self._path)
        return self._position

    def cut(self, size: int) -> None:
        """Cut a finished file short, durably: a truncated archive."""
        os.ftruncate(self._descriptor, size)
        flush_file(self._descriptor, self._path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._position)
            self._position += written
            view = view[written:]
