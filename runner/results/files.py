"""Result files as bytes: where they lie, and how lines are packed into them and read back.

`results/<corpus>/NNNNN.jsonl`, with `.gz` or `.zst` behind it if they are compressed. A segment's lines are one gzip
member (or zstd frame) of their own, so that a file can be cut back to where a segment ended, and every such prefix is
a whole file that any tool reads. The bytes follow from the lines and the library's version alone: no time stamps, one
level, and zlib for gzip, since isal's output depends on the processor.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from runner.corpus.inflating import zstd
from runner.errors import RunDirectoryError
from runner.model import Compression
from runner.results.archives import line_blocks

GZIP_LEVEL: Final = 6
ZSTD_LEVEL: Final = 3
READ_BYTES: Final = 1 << 18
_GZIP_WBITS: Final = 31

_SUFFIXES: Final[dict[Compression, str]] = {"none": ".jsonl", "gzip": ".jsonl.gz", "zstd": ".jsonl.zst"}


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def result_path(results_directory: str, corpus: str, number: int, compression: Compression = "none") -> Path:
    """Where a result file lies."""
    return Path(results_directory) / corpus / f"{number:05d}{_SUFFIXES[compression]}"


def result_files(results_directory: str, corpus: str) -> list[Path]:
    """The result files of a corpus that are there, in order, whatever their form."""
    folder = Path(results_directory) / corpus
    return sorted(path for suffix in _SUFFIXES.values() for path in folder.glob(f"[0-9]*{suffix}"))


def packed(pieces: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """The pieces as one gzip member or zstd frame; as they are without compression."""
    if compression == "none":
        yield from pieces
        return
    packer = _packer(compression)
    for piece in pieces:
        if data := packer.compress(piece):
            yield data
    yield packer.flush()


def lines_between(file: BinaryIO, path: Path, start: int, end: int | None, compression: Compression) -> Iterator[bytes]:
    """The lines that bytes [start, end) of a file hold (None: to its end), each with its line feed if it has one.

    Raises RunDirectoryError if they are not whole members or frames, or end early.
    """
    file.seek(start)
    if compression == "none" and end is None:
        yield from file
        return
    pieces = _read(file, path, None if end is None else end - start)
    unpacked = pieces if compression == "none" else _unpacked(pieces, path, compression)
    for block in line_blocks(unpacked, sys.maxsize):
        *lines, held = block.split(b"\n")
        for line in lines:
            yield line + b"\n"
        if held:
            yield held


def _read(file: BinaryIO, path: Path, left: int | None) -> Iterator[bytes]:
    while left is None or left:
        data = file.read(READ_BYTES if left is None else min(left, READ_BYTES))
        if not data:
            if left:
                raise RunDirectoryError(str(path), "ends before its last document", hint="`runner verify` says where")
            return
        left = None if left is None else left - len(data)
        yield data


def _unpacked(pieces: Iterable[bytes], path: Path, compression: Compression) -> Iterator[bytes]:
    """The bytes of a sequence of members or frames."""
    unpacker, begun = _unpacker(compression), False
    try:
        for piece in pieces:
            data = piece
            while data:
                yield unpacker.decompress(data)
                begun, data = True, b""
                if unpacker.eof:
                    data, begun = unpacker.unused_data, False
                    unpacker = _unpacker(compression)
    except (zlib.error, _zstd_error()) as error:
        raise RunDirectoryError(str(path), "this file is damaged: it cannot be decompressed") from error
    if begun:
        raise RunDirectoryError(str(path), "ends before its last document", hint="`runner verify` says where")


def _packer(compression: Compression) -> _Packer:
    if compression == "gzip":
        return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
    module = _zstd()
    key = module.CompressionParameter
    options = {key.compression_level: ZSTD_LEVEL, key.checksum_flag: 1}
    packer: _Packer = module.ZstdCompressor(options=options)
    return packer


def _unpacker(compression: Compression) -> Any:
    return zlib.decompressobj(_GZIP_WBITS) if compression == "gzip" else _zstd().ZstdDecompressor()


def _zstd() -> Any:
    return zstd("output.compression is zstd")


def _zstd_error() -> type[Exception]:
    error: type[Exception] = _zstd().ZstdError
    return error
