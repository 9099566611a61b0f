"""Bytes of input in, rows of output out: what a worker process does with its share of a job; pure.

Owns lines, limits, error rows and the shape of a row. Knows nothing of processes, files or archives.

Lines end at LF, CR and CRLF and nowhere else, which is what `bytes.splitlines` does (and `str.splitlines`
does not). Rows leave in the order of a stride, never in the order of the input, as the service's do.

Where the service's behaviour is not documented: a blank line has a row like any other (or none, by setting), a
BOM is text, and a line that is both too long and undecodable is undecodable unless it is longer than a chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from runner.endpoint.options import Analyze, Options
from runner.endpoint.tampering import Tampering

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Share", "Slice", "Task", "Writer", "decodable", "stride", "too_large", "undecodable"]

STRIDE: Final = 35  # seen in a real output: lines 26, 61, 96, 131

_encode: Final = msgspec.json.Encoder().encode

Task = Literal["rows", "parts", "texts", "count", "topics"]
"""What a worker makes of a share: one piece of all rows, one piece of rows per slice, one copy of the text per
slice; for topics the words of each document, and at last the topics of all."""


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
    """What a worker is asked: the slices of one chunk, and how to read them.

    `model` is the file of a custom model, `plugin` the `module:function` of a user's own analyzer.
    """

    family: str
    analyzers: Literal["default", "noop"]
    language: str | None
    document_bytes_max: int
    blank_lines: Literal["rows", "skip"]
    slices: list[Slice]
    tampering: Tampering = Tampering()
    task: Task = "rows"
    options: Options = Options()
    model: str | None = None
    plugin: str | None = None


class Writer:
    """Makes the rows of one family: `{"Entities":[…],"File":"a.txt","Line":0}`, keys in alphabetical order.

    `analyze` is None to answer `empty` for every document without looking at it. `line_is_text` is for families
    whose rows give the number of a line as a string.
    """

    def __init__(self, analyze: Analyze | None, empty: dict[str, Any], *, line_is_text: bool = False) -> None:
        self._analyze = analyze
        self._empty = empty
        self._number = b'"%d"' if line_is_text else b"%d"
        self._line_is_text = line_is_text

    def rows(self, share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
        """The rows of a slice, in the order of its lines, and whether an undecodable byte ended its file."""
        if piece.first_line is None:
            return self._file_row(share, piece, data)
        if piece.oversize:
            return [self._refused(piece, piece.first_line, share)], False
        lines = data.splitlines()
        end = decodable(data, lines)
        if self._analyze is None:
            rows = self._empty_rows(share, piece, lines[:end])
        else:
            rows = list(self._line_rows(share, piece, lines[:end]))
        if end == len(lines):
            return rows, False
        return [*rows, undecodable(piece.label, self._place(piece.first_line + end))], True

    def _line_rows(self, share: Share, piece: Slice, lines: list[bytes]) -> Iterator[bytes]:
        analyze, limit, language = self._analyze, share.document_bytes_max, share.language
        assert analyze is not None
        frames: dict[str, tuple[bytes, bytes]] = {}
        for number, line in enumerate(lines, start=piece.first_line or 0):
            if len(line) > limit:
                yield self._refused(piece, number, share)
                continue
            if share.blank_lines == "skip" and not line.strip():
                continue
            answer = analyze(line.decode(), language)
            first = min(answer)
            if first not in frames:
                frames[first] = self._frame(piece.label, first)
            before, after = frames[first]
            payload = _encode(answer)[1:-1]
            if first > "Line":
                yield b"%b%b%b%b}\n" % (before, self._number % number, after, payload)
            else:
                yield b"%b%b%b%b}\n" % (before, payload, after, self._number % number)

    def _empty_rows(self, share: Share, piece: Slice, lines: list[bytes]) -> list[bytes]:
        limit, first = share.document_bytes_max, piece.first_line or 0
        name = min(self._empty)
        before, after = self._frame(piece.label, name)
        payload = _encode(self._empty)[1:-1]
        head, tail = (before, after + payload + b"}\n") if name > "Line" else (before + payload + after, b"}\n")
        pattern = b"%b" + self._number + b"%b"
        if share.blank_lines == "rows" and max(map(len, lines), default=0) <= limit:
            return [pattern % (head, number, tail) for number in range(first, first + len(lines))]
        return [
            pattern % (head, number, tail) if len(line) <= limit else self._refused(piece, number, share)
            for number, line in enumerate(lines, start=first)
            if share.blank_lines == "rows" or line.strip()
        ]

    def _file_row(self, share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
        if piece.length > share.document_bytes_max:
            return [self._refused(piece, None, share)], False
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return [undecodable(piece.label, None)], False
        if share.blank_lines == "skip" and not text.strip():
            return [], False
        answer = self._empty if self._analyze is None else self._analyze(text, share.language)
        payload, name = _encode(answer)[1:-1], b'"File":%b' % _encode(piece.label)
        members = (payload, name) if min(answer) < "File" else (name, payload)
        return [b"{%b}\n" % b",".join(members)], False

    def _refused(self, piece: Slice, line: int | None, share: Share) -> bytes:
        return too_large(piece.label, None if line is None else self._place(line), share.document_bytes_max)

    def _place(self, line: int) -> int | str:
        return str(line) if self._line_is_text else line

    @staticmethod
    def _frame(label: str, first: str) -> tuple[bytes, bytes]:
        """What stands on either side of the payload whose members begin at `first`: neighbours in the alphabet.

        Where the payload comes last, what stands on either side of the line's number.
        """
        name = b'"File":%b' % _encode(label)
        if first < "File":
            return b"{", b',%b,"Line":' % name
        if first < "Line":
            return b"{%b," % name, b',"Line":'
        return b'{%b,"Line":' % name, b","


def stride(rows: list[bytes]) -> list[bytes]:
    """The rows in the order of a stride: deterministic, and not the input's."""
    step = min(STRIDE, len(rows))
    return [row for start in range(step - 1, -1, -1) for row in rows[start::step]]


def decodable(data: bytes, lines: list[bytes]) -> int:
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


def too_large(label: str, line: int | str | None, limit: int) -> bytes:
    """The row of a document of more than `limit` bytes."""
    return _error_row(label, line, "DOCUMENT_SIZE_EXCEEDED", f"Document size exceeds maximum size limit {limit} bytes")


def undecodable(label: str, line: int | str | None) -> bytes:
    """The row of a document that is not UTF-8."""
    return _error_row(
        label,
        line,
        "UNSUPPORTED_ENCODING",
        "Input is not UTF-8 encoded; all subsequent lines of the file are ignored",
    )


def _error_row(label: str, line: int | str | None, code: str, message: str) -> bytes:
    place = {"File": label} if line is None else {"File": label, "Line": line}
    return _encode({"ErrorCode": code, "ErrorMessage": message, **place}) + b"\n"
