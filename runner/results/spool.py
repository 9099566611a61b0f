"""Spool files: what one generation answered, in blocks by part; written once, read block by block.

    comprehend-runner spool 2
    <runs>                                   rows of the parts, in any order (runner.results.runs); a row's entry is
    …                                            `!["CODE","message"]`, or the payload verbatim (runner.results.entries)
    {"family":"entities","blocks":[{"part":…,"lines":…,"ok":…,"errors":…,"run":[offset,bytes,crc32]},…]}
    0000000000001f40 00000000000000c8 <32 hex digits> spool 2

A block is the rows of one part, at most one for a line of it: one run, or several, for a large output is written as it
comes, some rows of every part at a time. The directory names the last run of each, which leads to the others and
vouches for them; a line without a row was not answered. The file's last line has a fixed width: where the directory
begins, how long it is, and its blake2b. Parts of a repair job appear as the parts that their lines were taken from.

This file knows the format and nothing of jobs or merging.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import BinaryIO, Final, Self

import msgspec

from runner.errors import RunDirectoryError
from runner.model import PartId
from runner.results.entries import NO_ENTRY, is_error
from runner.results.runs import Rows, Run, RunFile, read_runs

MAGIC: Final = b"comprehend-runner spool 2\n"
_FOOTER: Final = b"%016x %016x %s spool 2\n"
_DIGEST_BYTES: Final = 16
_FOOTER_BYTES: Final = len(_FOOTER % (0, 0, b"0" * (2 * _DIGEST_BYTES)))


class Block(msgspec.Struct, frozen=True):
    """One row of a spool's directory: of the lines of `part`, `ok` have a payload and `errors` an error row.

    `run` is the last of the block's runs; None if it has none.
    """

    part: PartId
    lines: int
    ok: int
    errors: int
    run: Run | None

    @property
    def whole(self) -> bool:
        """Whether every line of the part has a payload here."""
        return self.ok == self.lines


class Directory(msgspec.Struct, frozen=True):
    """What a spool file holds."""

    family: str
    blocks: tuple[Block, ...]


_decode_directory: Final = msgspec.json.Decoder(Directory).decode


class SpoolWriter:
    """Writes a spool to a file opened for it; whoever opened it makes it durable.

    Runs are appended to `runs`, at any time, and become a part of the spool with the block that names the last of them.
    """

    def __init__(self, file: BinaryIO, family: str) -> None:
        self._family = family
        self._blocks: list[Block] = []
        self.runs = RunFile(file)
        self.runs.write(MAGIC)

    def add_block(self, block: Block) -> None:
        """Add the block of a part. Parts come in ascending order, each once."""
        if self._blocks and block.part <= self._blocks[-1].part:
            raise ValueError(f"block of {block.part} after {self._blocks[-1].part}")
        self._blocks.append(block)

    def add(self, part: PartId, entries: Sequence[bytes]) -> Block:
        """Write the block of a part whose lines have these entries, none with a line feed; empty: no row."""
        lines = [line for line, entry in enumerate(entries) if entry]
        errors = sum(map(is_error, entries))
        run = self.runs.append(Rows.of(lines, [entries[line] for line in lines]), None) if lines else None
        block = Block(part, len(entries), len(lines) - errors, errors, run)
        self.add_block(block)
        return block

    def finish(self) -> tuple[int, str]:
        """Write directory and footer; returns the file's bytes and the digest that vouches for all of it."""
        directory = msgspec.json.encode(Directory(self._family, tuple(self._blocks))) + b"\n"
        digest = _digest(directory)
        offset = self.runs.offset
        self.runs.write(directory + _FOOTER % (offset, len(directory), digest.encode()))
        return self.runs.offset, digest


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
        entries = [NO_ENTRY] * block.lines
        try:
            for rows in read_runs(self._descriptor, block.run):
                for line, entry in zip(rows.lines, rows.entries, strict=True):
                    entries[line] = entry
        except (ValueError, IndexError) as error:
            raise self._damaged(f"the block of {part} is damaged") from error
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
            return _decode_directory(directory)
        except (ValueError, IndexError, OSError, msgspec.MsgspecError) as error:
            raise self._damaged("this is no whole spool file") from error

    def _damaged(self, message: str) -> RunDirectoryError:
        return RunDirectoryError(self.path, message, hint="delete it and run again: it is fetched anew")


def _digest(directory: bytes) -> str:
    return blake2b(directory, digest_size=_DIGEST_BYTES).hexdigest()
