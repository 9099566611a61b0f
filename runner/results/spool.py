"""Spool files: what one generation answered, in blocks by part; written once, read block by block.

A spool file is UTF-8 text that `less` can show:

    comprehend-runner spool 1
    <block of the first part>              one entry per line of the part, in order (runner.results.entries):
    <block of the second part>                 empty, `!["CODE","message"]`, or the payload verbatim
    …
    {"family":"entities","blocks":[{"part":…,"offset":…,"bytes":…,"lines":…,"ok":…,"errors":…,"crc32":…},…]}
    0000000000001f40 00000000000000c8 <32 hex digits> spool 1

The last line has a fixed width: where the directory begins, how long it is, and its blake2b. The directory vouches
for the blocks by length and CRC-32, so a reader that wants few blocks checks just those. Parts of a repair job appear
as the parts that their lines were taken from. Blocks are in the order of their part ids, whatever order rows came in.

This file knows the format and nothing of rows, jobs or merging.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import BinaryIO, Final, Self

import msgspec
from isal import isal_zlib

from runner.errors import RunDirectoryError
from runner.model import PartId
from runner.results.entries import ERROR_MARK, NO_ENTRY

MAGIC: Final = b"comprehend-runner spool 1\n"
_FOOTER: Final = b"%016x %016x %s spool 1\n"
_DIGEST_BYTES: Final = 16
_FOOTER_BYTES: Final = len(_FOOTER % (0, 0, b"0" * (2 * _DIGEST_BYTES)))


class Block(msgspec.Struct, frozen=True):
    """One row of a spool's directory: the entries of `part` lie at `offset`; `ok` and `errors` count them."""

    part: PartId
    offset: int
    bytes: int
    lines: int
    ok: int
    errors: int
    crc32: int

    @property
    def whole(self) -> bool:
        """Whether every line of the part has a payload here."""
        return self.ok == self.lines


class Directory(msgspec.Struct, frozen=True):
    """What a spool file holds."""

    family: str
    blocks: tuple[Block, ...]


class SpoolWriter:
    """Writes a spool to a file opened for it; whoever opened it makes it durable."""

    def __init__(self, file: BinaryIO, family: str) -> None:
        self._file = file
        self._family = family
        self._blocks: list[Block] = []
        self._offset = file.write(MAGIC)

    def add(self, part: PartId, entries: Sequence[bytes]) -> Block:
        """Write the block of a part: one entry per line of it, none with a line feed.

        Parts come in ascending order, each once.
        """
        if self._blocks and part <= self._blocks[-1].part:
            raise ValueError(f"block of {part} after {self._blocks[-1].part}")
        data = b"\n".join([*entries, b""])
        missing = entries.count(NO_ENTRY)
        errors = sum([entry[:1] == ERROR_MARK for entry in entries])
        block = Block(
            part=part,
            offset=self._offset,
            bytes=len(data),
            lines=len(entries),
            ok=len(entries) - errors - missing,
            errors=errors,
            crc32=isal_zlib.crc32(data),
        )
        self._file.write(data)
        self._offset += len(data)
        self._blocks.append(block)
        return block

    def finish(self) -> tuple[int, str]:
        """Write directory and footer; returns the file's bytes and the digest that vouches for all of it."""
        directory = msgspec.json.encode(Directory(self._family, tuple(self._blocks))) + b"\n"
        digest = _digest(directory)
        footer = _FOOTER % (self._offset, len(directory), digest.encode())
        self._file.write(directory + footer)
        return self._offset + len(directory) + len(footer), digest


class SpoolReader:
    """Reads blocks of one spool file. Use as a context manager; a damaged file raises RunDirectoryError."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise RunDirectoryError(path, "this spool file is missing", hint="run again: it is fetched anew") from error
        try:
            self.directory = self._read_directory()
        except BaseException:
            os.close(self._descriptor)
            raise
        self._blocks = {block.part: block for block in self.directory.blocks}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __contains__(self, part: PartId) -> bool:
        return part in self._blocks

    def __iter__(self) -> Iterator[PartId]:
        return iter(self._blocks)

    def block(self, part: PartId) -> Block:
        """The directory's row of a part. Raises KeyError for a part that is not here."""
        return self._blocks[part]

    def entries(self, part: PartId) -> list[bytes]:
        """The entries of a part, one per line of it. Raises KeyError for a part that is not here."""
        block = self._blocks[part]
        data = os.pread(self._descriptor, block.bytes, block.offset)
        if len(data) != block.bytes or isal_zlib.crc32(data) != block.crc32:
            raise self._damaged(f"the block of {part} is damaged")
        entries = data.split(b"\n")
        del entries[-1]  # what follows the last line feed
        if len(entries) != block.lines:
            raise self._damaged(f"the block of {part} is damaged")
        return entries

    def _read_directory(self) -> Directory:
        size = os.fstat(self._descriptor).st_size
        footer = os.pread(self._descriptor, _FOOTER_BYTES, max(0, size - _FOOTER_BYTES))
        fields = footer.split(b" ")
        try:
            offset, length, digest = int(fields[0], 16), int(fields[1], 16), fields[2].decode()
            if size != offset + length + _FOOTER_BYTES or footer != _FOOTER % (offset, length, digest.encode()):
                raise self._damaged("this is no whole spool file")
            directory = os.pread(self._descriptor, length, offset)
            if _digest(directory) != digest:
                raise self._damaged("this is no whole spool file")
            return msgspec.json.decode(directory, type=Directory)
        except (ValueError, IndexError, OSError, msgspec.MsgspecError) as error:
            raise self._damaged("this is no whole spool file") from error

    def _damaged(self, message: str) -> RunDirectoryError:
        return RunDirectoryError(self.path, message, hint="delete it and run again: it is fetched anew")


def _digest(directory: bytes) -> str:
    return blake2b(directory, digest_size=_DIGEST_BYTES).hexdigest()
