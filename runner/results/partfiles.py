"""Parts as they lie on disk: one line per document, each closed by a line feed; and ledgers beside them.

Reads only; what a run directory should hold and does not is a RunDirectoryError.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from runner.errors import RunDirectoryError
from runner.model import Ledger, PartId, SegmentId

_Line = TypeVar("_Line", bytes, str)


def part_path(directory: str, part: PartId) -> str:
    """Where a part's text lies in a run directory."""
    return os.path.join(directory, "parts", f"{part}.txt")  # noqa: PTH118 - called per part, kept as text


def map_path(path: str) -> str:
    """Where the map of the repair part at `path` lies."""
    return path.removesuffix(".txt") + ".map"


def ledger_path(directory: str, segment: SegmentId) -> str:
    """Where a segment's ledger lies in a run directory."""
    return os.path.join(directory, "ledger", f"{segment}.msgpack")  # noqa: PTH118


def read_lines(path: str) -> list[bytes]:
    """The lines of a part, without their line feeds. Raises RunDirectoryError if the file is missing or cut off."""
    return _closed(path, _read(path).split(b"\n"))


def read_texts(path: str) -> list[str]:
    """The same as text; a part that is not UTF-8 is damaged."""
    data = _read(path)
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise RunDirectoryError(path, "this part is not UTF-8", hint="the run directory is damaged") from error
    return _closed(path, lines)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise RunDirectoryError(path, "this part is missing", hint="the run directory is damaged") from error


def _closed(path: str, lines: list[_Line]) -> list[_Line]:
    if lines.pop():
        raise RunDirectoryError(path, "this part ends in the middle of a line", hint="the run directory is damaged")
    return lines


def read_ledger(directory: str, segment: SegmentId) -> Ledger:
    """A segment's ledger. Raises RunDirectoryError if it is missing or damaged."""
    path = ledger_path(directory, segment)
    try:
        return msgspec.msgpack.decode(Path(path).read_bytes(), type=Ledger)
    except FileNotFoundError as error:
        raise RunDirectoryError(path, "this ledger is missing", hint="the run directory is damaged") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise RunDirectoryError(path, "this ledger is damaged", hint="the run directory is damaged") from error
