"""Result files read back: their lines by segment, and the head of a line (everything but the payloads).

Lines and documents correspond by position: a segment's stretch of a file has one line per document of its ledger, in
the ledger's order. What does not add up is a RunDirectoryError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from runner.errors import RunDirectoryError
from runner.model import AnalysisSpec, Compression, SegmentId
from runner.planning import fates
from runner.results.files import lines_between
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


_OF_THE_WHOLE: Final = frozenset({fates.JOB_FAILED, fates.FAMILY_CLOSED})


def is_changeable(analysis: AnalysisSpec, code: str) -> bool:
    """Whether a new job could change an error; where one must read the whole corpus, only those of the whole job."""
    if analysis.row.whole_corpus:
        return code in _OF_THE_WHOLE
    return code not in UNCHANGEABLE


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


def lines_at(file: BinaryIO, path: Path, stretch: Stretch, count: int, compression: Compression) -> Iterator[bytes]:
    """The `count` whole lines that a stretch must hold, no more and no fewer."""
    lines = lines_between(file, path, stretch.start, stretch.end, compression)
    yield from whole_lines(lines, path, count)
    if next(lines, None) is not None:
        raise RunDirectoryError(
            str(path), f"segment {stretch.segment} has more than {count} lines", hint="`runner verify` says where"
        )


def whole_lines(lines: Iterator[bytes], path: Path, count: int) -> Iterator[bytes]:
    """The next `count` lines. Raises RunDirectoryError if one is missing or cut off."""
    found = 0
    for line in islice(lines, count):
        if not line.endswith(b"\n"):
            break
        found += 1
        yield line
    if found < count:
        raise RunDirectoryError(str(path), "ends before its last document", hint="`runner verify` says where")


def joined_line(members: Mapping[str, bytes | msgspec.Raw]) -> bytes:
    """A result line from its members, in their order, as `runner.results.merge` writes them."""
    return b"{" + b",".join([b"%b:%b" % (msgspec.json.encode(key), value) for key, value in members.items()]) + b"}\n"
