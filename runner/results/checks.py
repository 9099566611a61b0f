"""Checks that what a row says it found is what was sent: each `Text` equals the staged line at its offsets.

Offsets are zero-based code points of the line, the end exclusive (COMPREHEND.md section 3.8). Whole batches are decoded
by one call. Pure: texts and entries come in, `OutputError` goes out, and no text appears in its message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runner.catalogue import Family
from runner.errors import OutputError
from runner.model import PartId
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_MISMATCH
from runner.results.entries import ERROR_MARK, is_ok

_BATCH_BYTES: Final = 1 << 16
_CHECKED_MEMBERS: Final = frozenset({"Entities", "KeyPhrases"})

_Offset = Annotated[int, Meta(ge=0)]


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of a line that a row names; `text` is None in families that do not repeat it (PII)."""

    begin: _Offset = msgspec.field(name="BeginOffset")
    end: _Offset = msgspec.field(name="EndOffset")
    text: str | None = msgspec.field(name="Text", default=None)


class _Members(msgspec.Struct, gc=False):
    """A payload of several members: those that hold spans, one of which must be there."""

    entities: list[Span] | UnsetType = msgspec.field(name="Entities", default=UNSET)
    key_phrases: list[Span] | UnsetType = msgspec.field(name="KeyPhrases", default=UNSET)


_decode_spans: Final = msgspec.json.Decoder(list[Span]).decode
_decode_span_lines: Final = msgspec.json.Decoder(list[Span]).decode_lines
_decode_members: Final = msgspec.json.Decoder(_Members).decode


def has_spans(family: Family) -> bool:
    """Whether rows of a family hold spans that can be checked against the text."""
    return family.shape == "rows" and not _CHECKED_MEMBERS.isdisjoint(family.members)


def spans_of(payload: bytes) -> list[Span]:
    """The spans of one payload. Raises msgspec.MsgspecError if it is not of the shape."""
    if payload[:1] == b"{":
        members = _decode_members(payload)
        found = [spans for spans in (members.entities, members.key_phrases) if spans is not UNSET]
        if not found:
            raise msgspec.ValidationError("neither Entities nor KeyPhrases")
        return [span for spans in found for span in spans]
    return _decode_spans(payload)


def agrees(spans: Sequence[Span], text: str) -> bool:
    """Whether each span lies within the text and repeats what is there."""
    for span in spans:
        begin, end, wanted = span.begin, span.end, span.text
        if wanted is None:
            if not begin <= end <= len(text):
                return False
        elif text[begin:end] != wanted or end - begin != len(wanted):
            return False
    return True


def check_rows(part: PartId, texts: Sequence[bytes], lines: Sequence[int], entries: Sequence[bytes]) -> None:
    """Check the rows of one part: `entries[i]` answers line `lines[i]`, whose staged text is `texts[lines[i]]`.

    Error entries pass. Raises OutputError, naming part and line, at the first row that does not agree.
    """
    for batch_lines, batch in _batches(lines, entries):
        for line, spans in zip(batch_lines, _spans_of_batch(part, batch_lines, batch), strict=True):
            if spans and not agrees(spans, texts[line].decode()):
                raise OutputError(
                    OUTPUT_MISMATCH, f"line {line} of {part}: the row's texts are not those that were sent"
                )


def _batches(lines: Sequence[int], entries: Sequence[bytes]) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """Payloads and their lines, about a megabyte at a time: decoded spans take several times their bytes."""
    size = sum(map(len, entries))
    step = len(entries) if size <= _BATCH_BYTES else max(1, len(entries) * _BATCH_BYTES // size)
    for start in range(0, len(entries), max(1, step)):
        yield lines[start : start + step], entries[start : start + step]


def _spans_of_batch(part: PartId, lines: Sequence[int], entries: Sequence[bytes]) -> Sequence[Sequence[Span]]:
    if not any([entry[:1] == ERROR_MARK for entry in entries]):  # noqa: C419 - a list is quicker than a generator
        try:
            decoded: list[Any] = _decode_span_lines(b"\n".join(entries))
        except msgspec.MsgspecError:
            decoded = []
        if len(decoded) == len(entries):
            return decoded
    return [_spans_of_entry(part, line, entry) for line, entry in zip(lines, entries, strict=True)]


def _spans_of_entry(part: PartId, line: int, entry: bytes) -> list[Span]:
    if not is_ok(entry):
        return []
    try:
        return spans_of(entry)
    except msgspec.MsgspecError as error:
        raise OutputError(
            OUTPUT_CORRUPT, f"line {line} of {part}: the row's result has not its family's form"
        ) from error
