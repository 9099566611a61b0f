"""Parts as they lie on disk: one line per document, each closed by a line feed; and ledgers beside them.

Reads only; what a run directory should hold and does not is a RunDirectoryError.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from runner.errors import RunDirectoryError
from runner.model import Ledger, PartId, SegmentId

_Line = TypeVar("_Line", bytes, str)

# Made once: threads that work a type out at its first use, side by side, get in one another's way within msgspec.
_decode_ledger: Final = msgspec.msgpack.Decoder(Ledger).decode
_decode_languages: Final = msgspec.msgpack.Decoder(list[str | None]).decode


def part_path(directory: str, part: PartId) -> str:
    """Where a part's text lies in a run directory."""
    return os.path.join(directory, "parts", f"{part}.txt")  # noqa: PTH118 - called per part, kept as text


def map_path(path: str) -> str:
    """Where the map of the repair part at `path` lies."""
    return path.removesuffix(".txt") + ".map"


def ledger_path(directory: str, segment: SegmentId) -> str:
    """Where a segment's ledger lies in a run directory."""
    return os.path.join(directory, "ledger", f"{segment}.msgpack")  # noqa: PTH118


def languages_path(directory: str, segment: SegmentId) -> str:
    """Where the languages of a segment's documents lie, if the results of an analysis told them."""
    return os.path.join(directory, "ledger", f"{segment}.languages")  # noqa: PTH118


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


def count_lines(path: str) -> int:
    """How many lines a part has. Raises as `read_lines`."""
    data = _read(path)
    _closed(path, [data[-1:].strip(b"\n")])
    return data.count(b"\n")


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
    """A segment's ledger, with the languages that were decided later. Raises RunDirectoryError if it is damaged."""
    path = ledger_path(directory, segment)
    try:
        ledger = _decode_ledger(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise RunDirectoryError(path, "this ledger is missing", hint="the run directory is damaged") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise RunDirectoryError(path, "this ledger is damaged", hint="the run directory is damaged") from error
    return _with_languages(ledger, languages_path(directory, segment))


def _with_languages(ledger: Ledger, path: str) -> Ledger:
    try:
        languages = _decode_languages(Path(path).read_bytes())
    except FileNotFoundError:
        return ledger
    except (ValueError, msgspec.MsgspecError) as error:
        raise RunDirectoryError(path, "these languages are damaged", hint="the run directory is damaged") from error
    if len(languages) != len(ledger.documents):
        raise RunDirectoryError(path, "these languages are of other documents", hint="the run directory is damaged")
    documents = zip(ledger.documents, languages, strict=True)
    return replace(ledger, documents=tuple(replace(document, language=language) for document, language in documents))
