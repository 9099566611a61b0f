"""Bytes of input in, rows of output out: what a worker process does with its share of a job; pure.

Owns lines, limits, error rows and the shape of a row. Knows nothing of processes, files or archives.

Lines end at LF, CR and CRLF and nowhere else, which is what `bytes.splitlines` does (and `str.splitlines`
does not). Rows leave in the order of a stride, never in the order of the input, as the service's do.

Where the service's behaviour is not documented: a blank line has a row like any other (or none, by setting), a
BOM is text, and a line that is both too long and undecodable is undecodable unless it is longer than a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from runner.endpoint.tampering import Tampering

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Share", "Slice", "Writer", "stride"]

Analyze = Callable[[str, str | None], dict[str, Any]]

STRIDE: Final = 35  # seen in a real output: lines 26, 61, 96, 131

_encode: Final = msgspec.json.Encoder().encode


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """A run of bytes of one input object: whole lines, or a whole file.

    `first_line` is the number of its first line in the object, None where each file is one document. `oversize`
    marks one line of more bytes than any limit, which is not to be read.
    """

    label: str
    path: str
    offset: int
    length: int
    first_line: int | None
    oversize: bool = False


class Share(msgspec.Struct, frozen=True):
    """What a worker is asked: the slices of one chunk, and how to read them."""

    family: str
    analyzers: Literal["default", "noop"]
    language: str | None
    document_bytes_max: int
    blank_lines: Literal["rows", "skip"]
    slices: list[Slice]
    tampering: Tampering = Tampering()


class Writer:
    """Makes the rows of one family: `{"Entities":[…],"File":"a.txt","Line":0}`, keys in alphabetical order.

    `analyze` is None to answer `empty` for every document without looking at it.
    """

    def __init__(self, analyze: Analyze | None, empty: dict[str, Any]) -> None:
        self._analyze = analyze
        self._empty = _encode(empty)[1:-1]
        first = min(empty)
        # The payload's members are neighbours in the alphabet, so it goes into one place as a block.
        self._place = "before" if first < "File" else "between" if first < "Line" else "after"

    def rows(self, share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
        """The rows of a slice, in the order of its lines, and whether an undecodable byte ended its file."""
        if piece.first_line is None:
            return self._file_row(share, piece, data)
        if piece.oversize:
            return [_too_large(piece.label, piece.first_line, share.document_bytes_max)], False
        lines = data.splitlines()
        end = _decodable(data, lines)
        head, middle = self._frame(piece.label)
        broken = end < len(lines)
        if self._analyze is None:
            rows = self._empty_rows(share, piece, lines[:end], head + self._empty + middle)
        else:
            rows = list(self._line_rows(share, piece, lines[:end], head, middle))
        if broken:
            rows.append(_undecodable(piece.label, piece.first_line + end))
        return rows, broken

    def _line_rows(self, share: Share, piece: Slice, lines: list[bytes], head: bytes, middle: bytes) -> Iterator[bytes]:
        analyze, limit, language = self._analyze, share.document_bytes_max, share.language
        assert analyze is not None
        after = self._place == "after"
        for number, line in enumerate(lines, start=piece.first_line or 0):
            if len(line) > limit:
                yield _too_large(piece.label, number, limit)
                continue
            if share.blank_lines == "skip" and not line.strip():
                continue
            payload = _encode(analyze(line.decode(), language))[1:-1]
            yield (
                b"%b%d,%b}\n" % (head, number, payload) if after else b"%b%b%b%d}\n" % (head, payload, middle, number)
            )

    def _empty_rows(self, share: Share, piece: Slice, lines: list[bytes], constant: bytes) -> list[bytes]:
        limit, first = share.document_bytes_max, piece.first_line or 0
        if self._place == "after":
            head, tail = self._frame(piece.label)[0], b"," + self._empty + b"}\n"
        else:
            head, tail = constant, b"}\n"
        if share.blank_lines == "rows" and max(map(len, lines), default=0) <= limit:
            return [b"%b%d%b" % (head, number, tail) for number in range(first, first + len(lines))]
        return [
            b"%b%d%b" % (head, number, tail) if len(line) <= limit else _too_large(piece.label, number, limit)
            for number, line in enumerate(lines, start=first)
            if share.blank_lines == "rows" or line.strip()
        ]

    def _file_row(self, share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
        if piece.length > share.document_bytes_max:
            return [_too_large(piece.label, None, share.document_bytes_max)], False
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return [_undecodable(piece.label, None)], False
        if share.blank_lines == "skip" and not text.strip():
            return [], False
        payload = self._empty if self._analyze is None else _encode(self._analyze(text, share.language))[1:-1]
        name = b'"File":%b' % _encode(piece.label)
        members = (payload, name) if self._place == "before" else (name, payload)
        return [b"{%b}\n" % b",".join(members)], False

    def _frame(self, label: str) -> tuple[bytes, bytes]:
        """What stands before the payload, and between it and the line's number.

        Where the payload comes last, everything stands before it, the number excepted.
        """
        name = b'"File":%b' % _encode(label)
        if self._place == "before":
            return b"{", b',%b,"Line":' % name
        if self._place == "between":
            return b"{%b," % name, b',"Line":'
        return b'{%b,"Line":' % name, b""


def stride(rows: list[bytes]) -> list[bytes]:
    """The rows in the order of a stride: deterministic, and not the input's."""
    step = min(STRIDE, len(rows))
    return [row for start in range(step - 1, -1, -1) for row in rows[start::step]]


def _decodable(data: bytes, lines: list[bytes]) -> int:
    """How many lines from the start are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        for number, line in enumerate(lines):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return len(lines)


def _too_large(label: str, line: int | None, limit: int) -> bytes:
    return _error_row(label, line, "DOCUMENT_SIZE_EXCEEDED", f"Document size exceeds maximum size limit {limit} bytes")


def _undecodable(label: str, line: int | None) -> bytes:
    return _error_row(
        label,
        line,
        "UNSUPPORTED_ENCODING",
        "Input is not UTF-8 encoded; all subsequent lines of the file are ignored",
    )


def _error_row(label: str, line: int | None, code: str, message: str) -> bytes:
    place = {"File": label} if line is None else {"File": label, "Line": line}
    return _encode({"ErrorCode": code, "ErrorMessage": message, **place}) + b"\n"
