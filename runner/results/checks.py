"""Checks that what a row says it found is what was sent: each `Text` equals the staged line at its offsets.

Offsets are zero-based code points of the line, the end exclusive (COMPREHEND.md section 3.8). Where a family's spans
lie in its payload (also one level down: mentions, triggers) is in its row of the catalogue; families that repeat no
text (PII) must name stretches within the line that are not empty. Whole batches are decoded by one call. Pure: texts
and entries come in, `OutputError` goes out, and no text appears in its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from runner.catalogue import FAMILIES
from runner.errors import OutputError
from runner.model import PartId
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_MISMATCH
from runner.results.entries import is_ok
from runner.results.runs import Rows

_BATCH_BYTES: Final = 1 << 17

_Offset = Annotated[int, Meta(ge=0)]


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of a line that a row names; `text` is None in families that do not repeat it (PII)."""

    begin: _Offset = msgspec.field(name="BeginOffset")
    end: _Offset = msgspec.field(name="EndOffset")
    text: str | None = msgspec.field(name="Text", default=None)


class _Repeating(msgspec.Struct, frozen=True, gc=False):
    """The same in families that repeat their text: it must be there."""

    begin: _Offset = msgspec.field(name="BeginOffset")
    end: _Offset = msgspec.field(name="EndOffset")
    text: str = msgspec.field(name="Text")


class SpanReader:
    """Finds the spans in the payloads of one family, by its paths in the catalogue."""

    def __init__(self, paths: Sequence[str], *, repeats_text: bool) -> None:
        self._repeats_text = repeats_text
        span = _Repeating if repeats_text else Span
        split = [path.partition(".")[::2] for path in paths]
        self._inner = [(member, inner) for member, inner in split]
        forms: list[Any] = [_holders(inner, span) if inner else list[span] for _, inner in split]  # type: ignore[valid-type]
        members = msgspec.defstruct(
            "Members", [(member, form) for (member, _), form in zip(split, forms, strict=True)], gc=False
        )
        self._decode_members = msgspec.json.Decoder(members).decode
        # A payload of one member is that member's value alone.
        self._decode_value: Callable[[bytes], Any] | None = None
        self._decode_lines = msgspec.json.Decoder(members).decode_lines
        if len(paths) == 1:
            value = msgspec.json.Decoder(forms[0])
            self._decode_value, self._decode_lines = value.decode, value.decode_lines

    def of(self, payload: bytes) -> Sequence[Span]:
        """The spans of one payload. Raises msgspec.MsgspecError if it is not of the family's form."""
        if self._decode_value is not None and payload[:1] != b"{":
            return self._flat(self._decode_value(payload), self._inner[0][1])
        return self._of_members(self._decode_members(payload))

    def of_lines(self, payloads: bytes) -> Sequence[Sequence[Span]]:
        """The spans of payloads of the usual form, with line feeds between them. Raises as `of`."""
        decoded: list[Any] = self._decode_lines(payloads)
        if self._decode_value is None:
            return [self._of_members(members) for members in decoded]
        inner = self._inner[0][1]
        return [self._flat(value, inner) for value in decoded] if inner else decoded

    def first_wrong(self, lines: Sequence[int], found: Sequence[Sequence[Span]], texts: Sequence[str]) -> int | None:
        """The first of `lines` one of whose spans, `found[i]` those of `lines[i]`, does not agree with its text.

        A span lies within the text and repeats what is there, or, in families that do not repeat it, is not empty.
        """
        pairs = zip(lines, found, strict=True)
        if not self._repeats_text:
            outside = (line for line, of in pairs for span in of if not span.begin < span.end <= len(texts[line]))
            return next(outside, None)
        for line, spans in pairs:
            text = texts[line]
            for span in spans:
                begin, end, said = span.begin, span.end, span.text
                # As long as the stretch is: a slice is cut off at the end of the text, and empty behind it.
                if text[begin:end] != said or end - begin != len(said):
                    return line
        return None

    def _of_members(self, members: Any) -> Sequence[Span]:
        return [span for member, inner in self._inner for span in self._flat(getattr(members, member), inner)]

    def _flat(self, value: Any, inner: str) -> Sequence[Span]:
        return [span for holder in value for span in getattr(holder, inner)] if inner else value


def _holders(inner: str, span: type) -> Any:
    return list[msgspec.defstruct("Holder", [(inner, list[span])], gc=False)]  # type: ignore[misc,valid-type]


@lru_cache
def span_reader(family: str) -> SpanReader | None:
    """The reader of a family's spans; None for families whose payloads name no stretch of the text."""
    row = FAMILIES[family]
    return SpanReader(row.spans, repeats_text=row.repeats_text) if row.spans else None


def check_rows(reader: SpanReader, part: PartId, texts: Sequence[str], rows: Rows) -> None:
    """Check rows of one part, whose lines exist: `texts` has the staged text of each line of it.

    Error entries pass. Raises OutputError, naming part and line, for a row that does not agree.
    """
    for lines, data, _ in _batches(_payloads(rows) if rows.errors else rows):
        wrong = reader.first_wrong(lines, _spans(reader, part, lines, data), texts)
        if wrong is not None:
            raise OutputError(
                OUTPUT_MISMATCH, f"line {wrong} of {part}: the row's spans are not of the text that was sent"
            )


def _payloads(rows: Rows) -> Rows:
    """The rows that are no error rows."""
    found = [(line, entry) for line, entry in zip(rows.lines, rows.entries, strict=True) if is_ok(entry)]
    return Rows.of([line for line, _ in found], [entry for _, entry in found])


def _batches(rows: Rows) -> Iterator[Rows]:
    """The same rows, some kilobytes at a time: decoded spans take several times their bytes."""
    if len(rows.data) <= _BATCH_BYTES:
        yield rows
        return
    first = begin = 0
    while begin < len(rows.data):
        end = rows.data.find(b"\n", begin + _BATCH_BYTES)
        data = rows.data[begin : None if end < 0 else end]
        count = data.count(b"\n") + 1
        yield Rows(rows.lines[first : first + count], data)
        first, begin = first + count, begin + len(data) + 1


def _spans(reader: SpanReader, part: PartId, lines: Sequence[int], data: bytes) -> Sequence[Sequence[Span]]:
    try:
        decoded = reader.of_lines(data)
    except msgspec.MsgspecError:
        decoded = []
    if len(decoded) == len(lines):
        return decoded
    # Some payload has not the usual form.
    return [_spans_of(reader, part, line, entry) for line, entry in zip(lines, data.split(b"\n"), strict=True)]


def _spans_of(reader: SpanReader, part: PartId, line: int, payload: bytes) -> Sequence[Span]:
    try:
        return reader.of(payload)
    except msgspec.MsgspecError as error:
        raise OutputError(
            OUTPUT_CORRUPT, f"line {line} of {part}: the row's result has not its family's form"
        ) from error
