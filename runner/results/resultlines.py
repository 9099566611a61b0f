"""Result files read back: their lines by segment, and the head of a line (everything but the payloads).

Lines and documents correspond by position: a segment's stretch of a file has one line per document of its ledger, in
the ledger's order. What does not add up is a RunDirectoryError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from runner.errors import RunDirectoryError
from runner.model import SegmentId
from runner.planning import fates
from runner.results.merge import Problem

UNCHANGEABLE: Final = frozenset(
    {
        fates.EMPTY,
        fates.UNDECODABLE,
        fates.BAD_ROW,
        fates.INPUT_CHANGED,
        fates.TOO_LONG,
        fates.LANGUAGE_UNSUPPORTED,
        fates.LANGUAGE_UNKNOWN,
    }
)
"""Fates that follow from the input and the manifest: no job could change them, so they are never reopened."""


class LineHead(msgspec.Struct):
    """What a result line says without its payloads."""

    corpus: str
    id: str
    language: str | None
    outcome: dict[str, str]
    problems: list[Problem]

    def code(self, analysis: str) -> str:
        """The code of an analysis that is not ok; empty if it is."""
        if self.outcome[analysis] == "ok":
            return ""
        return next((problem.code for problem in self.problems if problem.analysis == analysis), "")


_decode_head: Final = msgspec.json.Decoder(LineHead).decode


class Stretch(NamedTuple):
    """Where a segment's lines lie: bytes [start, end) of result file number `file`."""

    segment: SegmentId
    file: int
    start: int
    end: int


def stretches(segments: Sequence[tuple[SegmentId, int, int]]) -> Iterator[Stretch]:
    """From (segment, file, end offset), in order, to where each begins."""
    at_file, at = -1, 0
    for segment, file, end in segments:
        start = at if file == at_file else 0
        yield Stretch(segment, file, start, end)
        at_file, at = file, end


def head_of(line: bytes, path: Path) -> LineHead:
    """The head of a line. Raises RunDirectoryError if it is none of ours."""
    try:
        return _decode_head(line)
    except msgspec.MsgspecError as error:
        raise RunDirectoryError(str(path), "a line is not a result line", hint="`runner verify` says which") from error


def lines_at(file: BinaryIO, path: Path, start: int, end: int | None, count: int) -> Iterator[bytes]:
    """`count` whole lines from offset `start` on; they must end at `end`, unless that is None."""
    file.seek(start)
    at = start
    for _ in range(count):
        line = file.readline()
        at += len(line)
        if not line.endswith(b"\n"):
            raise RunDirectoryError(str(path), "ends before its last document", hint="`runner verify` says where")
        yield line
    if end is not None and at != end:
        raise RunDirectoryError(str(path), f"a segment ends at {at}, not at {end}", hint="`runner verify` says where")


def joined_line(members: Mapping[str, bytes | msgspec.Raw]) -> bytes:
    """A result line from its members, in their order, as `runner.results.merge` writes them."""
    return b"{" + b",".join([b"%b:%b" % (msgspec.json.encode(key), value) for key, value in members.items()]) + b"}\n"
