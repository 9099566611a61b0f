"""From rows of JSON to batches of (file, line, entry).

A row is a JSON object on one line; its keys come in any order (COMPREHEND.md section 3.3). The payload rule of DESIGN
5.4 is applied here: the row without `File` and `Line`, members in the service's order, each value's bytes verbatim;
if one member is left, its value alone. A row with `ErrorCode` is an error row.

Whole blocks are decoded by one call; only blocks that do not fit the expected shape are looked at row by row. It knows
nothing of parts: whether a file and a line exist is for the collector to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from runner.catalogue import Family
from runner.errors import OutputError
from runner.results.codes import OUTPUT_CORRUPT
from runner.results.entries import error_entry
from runner.results.runs import Cut

_FILES_REMEMBERED_MAX: Final = 100_000
LINE_MAX: Final = (1 << 31) - 1
"""No job may have more lines than a million; this bound only keeps numbers small."""

_NULL: Final = Raw(b"null")

_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_decode_message: Final = msgspec.json.Decoder(str | None).decode
_decode_lines: Final = msgspec.json.Decoder(dict[str, Raw]).decode_lines
_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines


class RowBatch(NamedTuple):
    """Rows that were read together: as three lists of equal length, and pieces of one file each.

    `bytes` are those that they took in the output.
    """

    files: list[str]
    lines: list[int]
    entries: list[bytes]
    bytes: int
    pieces: Sequence[tuple[str, Cut]] = ()


class RowDecoder:
    """Decodes blocks of whole rows of one family."""

    def __init__(self, family: Family) -> None:
        self._members = family.members
        # A classifier answers with one of its members, by its mode; every other family answers with all of them.
        self._enough = any if family.shape == "predictions" else all
        self._decoders = _quick_decoders(family)
        self._values: Callable[[Any], Any] = attrgetter(*family.members)
        self._files: dict[bytes, str] = {}
        self._rows = 0

    def decode(self, block: bytes) -> RowBatch:
        """The rows of a block, in its order. Raises OutputError, naming the row, for anything else than such rows."""
        expect_utf8(block)
        batch = self._quick(block) or self._slow(block)
        self.pass_over(len(batch.files))
        return batch

    def pass_over(self, rows: int) -> None:
        """Count rows that were read otherwise."""
        self._rows += rows

    def _quick(self, block: bytes) -> RowBatch | None:
        """All rows by one or two calls, where they have the usual shape; else None, and the slow way decides."""
        for decode, has_errors in self._decoders:
            try:
                rows = decode(block)
                if len(rows) != _line_count(block):
                    return None
                entries = self._entries(rows, block, has_errors=has_errors)
                if has_errors:
                    self._put_errors(rows, entries)
            except msgspec.MsgspecError:
                continue
            except LookupError:
                return None
            if len(entries) != len(rows) or b"null" in entries:
                return None
            return RowBatch([row.File for row in rows], [row.Line for row in rows], entries, len(block))
        return None

    def _entries(self, rows: list[Any], block: bytes, *, has_errors: bool) -> list[bytes]:
        """Payloads; more of them than rows if one holds a line feed."""
        if len(self._members) == 1:
            values = list(map(self._values, rows))
            if has_errors:
                values = [None if value is UNSET else value for value in values]
            entries = _encode_lines(values).split(b"\n")
        else:
            payloads: list[dict[str, Raw]] = _decode_lines(block)
            for members in payloads:
                del members["File"], members["Line"]
            entries = _encode_lines(payloads).split(b"\n")
        del entries[-1]  # what follows the last line feed
        return entries

    def _put_errors(self, rows: list[Any], entries: list[bytes]) -> None:
        """Put error entries where rows are error rows. Raises KeyError for a row that is neither that nor an answer."""
        one = len(self._members) == 1
        for number, row in enumerate(rows):
            values = self._values(row)
            if row.ErrorCode is not UNSET or (values is UNSET if one else UNSET in values):
                entries[number] = _error(row)

    def _slow(self, block: bytes) -> RowBatch:
        """Row by row, any shape that is allowed."""
        batch = RowBatch([], [], [], len(block))
        try:
            rows: list[dict[str, Raw]] = _decode_lines(block)
        except msgspec.MsgspecError:
            rows = []
        if len(rows) != _line_count(block):
            rows = self._one_by_one(block)
        row: dict[str, Raw]
        for number, row in enumerate(rows):
            try:
                file, line, entry = self._row(row)
            except (KeyError, ValueError, msgspec.MsgspecError) as error:
                raise self._fault(number) from error
            batch.files.append(file)
            batch.lines.append(line)
            batch.entries.append(entry)
        if b"\n" in b"".join(batch.entries):
            raise OutputError(OUTPUT_CORRUPT, "a row of the output goes over several lines")
        return batch

    def _one_by_one(self, block: bytes) -> list[dict[str, Raw]]:
        """One object per line, blank lines left out: finds the row that is neither."""
        rows: list[dict[str, Raw]] = []
        for line in block.split(b"\n"):
            if not line.strip():
                continue
            try:
                rows.append(_decode_members(line))
            except msgspec.MsgspecError as error:
                raise self._fault(len(rows)) from error
        return rows

    def _row(self, members: dict[str, Raw]) -> tuple[str, int, bytes]:
        file = self._file(bytes(members.pop("File")))
        line = _line(bytes(members.pop("Line")))
        code = members.pop("ErrorCode", None)
        if code is not None:
            message = members.get("ErrorMessage", _NULL)
            return file, line, error_entry(_decode_text(code), _decode_message(message) or "")
        if not self._enough(name in members and members[name] != _NULL for name in self._members):
            raise ValueError(line)
        return file, line, _payload(members)

    def _file(self, raw: bytes) -> str:
        name = self._files.get(raw)
        if name is None:
            if len(self._files) >= _FILES_REMEMBERED_MAX:
                self._files.clear()
            name = self._files[raw] = _decode_text(raw)
        return name

    def _fault(self, number: int) -> OutputError:
        wanted = " and ".join(self._members)
        return OutputError(
            OUTPUT_CORRUPT,
            f"row {self._rows + number + 1} of the output is no JSON object with File, Line, and {wanted} or an error",
        )


def _payload(members: dict[str, Raw]) -> bytes:
    if len(members) == 1:
        (value,) = members.values()
        return bytes(value)
    return _encode(members)


def _line(text: bytes) -> int:
    """A Line, which classification writes as a string (COMPREHEND.md section 3.3)."""
    digits = text[1:-1] if text[:1] == b'"' else text
    if not digits.isdigit() or len(digits) > len(str(LINE_MAX)) or int(digits) > LINE_MAX:
        raise ValueError(len(digits))
    return int(digits)


def _error(row: Any) -> bytes:
    if row.ErrorCode is UNSET:
        raise KeyError("ErrorCode")
    return error_entry(row.ErrorCode, row.ErrorMessage or "")


def _line_count(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def expect_utf8(block: bytes) -> None:
    """Raises OutputError for a block that is not UTF-8."""
    if block.isascii():
        return
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputError(OUTPUT_CORRUPT, "the output is not UTF-8") from error


class _Object(msgspec.Struct, gc=False):
    """Any JSON object, passed over."""


_SHAPES: Final[dict[str, Any]] = {
    "Sentiment": str,
    "SentimentScore": _Object,
    "Entities": list[_Object],
    "Events": list[_Object],
}
"""The forms of members that come with others; null is none of them."""


def _quick_decoders(family: Family) -> list[tuple[Callable[[bytes], list[Any]], bool]]:
    """What decodes a block of rows of a family in one call, with whether it takes error rows; the quicker one first.

    None for families whose rows are looked at one by one. Unknown members are refused, so that the slow way sees them
    and keeps them.
    """
    if len(family.members) == 1:
        shapes: list[Any] = [Raw]
    elif all(member in _SHAPES for member in family.members):
        shapes = [_SHAPES[member] for member in family.members]
    else:
        return []
    head: list[Any] = [("File", str), ("Line", Annotated[int, Meta(ge=0, le=LINE_MAX)])]
    members = list(zip(family.members, shapes, strict=True))
    # Members in the order of rows: looked for where they are expected first. The service's keys are sorted.
    answers = sorted([*head, *members], key=itemgetter(0))
    errors = [
        *head,
        *((member, shape | UnsetType, UNSET) for member, shape in members),
        ("ErrorCode", str | UnsetType, UNSET),
        ("ErrorMessage", str | UnsetType | None, UNSET),
    ]
    return [(_lines_decoder(answers), False), (_lines_decoder(errors), True)]


def _lines_decoder(fields: list[Any]) -> Callable[[bytes], list[Any]]:
    row = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(row).decode_lines
