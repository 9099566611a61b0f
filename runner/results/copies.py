"""Redacted copies as entries: checked against the staged text, error rows among them told apart. Pure.

An entry is the redacted line as a JSON string. Errors in such an output are not documented; a line that is no copy of
its text, and is a JSON object with an `ErrorCode`, is taken for an error row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from runner.errors import OutputError
from runner.model import PartId
from runner.results.codes import OUTPUT_MISMATCH
from runner.results.entries import error_entry
from runner.results.redaction import MASK_TYPE, is_copy_of


class _ErrorRow(msgspec.Struct):
    ErrorCode: str
    ErrorMessage: str | None = None


_decode_text: Final = msgspec.json.Decoder(str).decode
_decode_error: Final = msgspec.json.Decoder(_ErrorRow).decode


def check_copies(
    part: PartId,
    texts: Sequence[str],
    lines: Sequence[int],
    entries: Sequence[bytes],
    parameters: Mapping[str, str],
) -> list[bytes]:
    """The entries, error rows made error entries; `entries[i]` is the copy of line `lines[i]`.

    Raises OutputError, naming part and line, at the first that is a copy of something else.
    """
    mask = parameters.get("mask", MASK_TYPE)
    return [_checked(part, line, texts[line], entry, mask) for line, entry in zip(lines, entries, strict=True)]


def _checked(part: PartId, line: int, text: str, entry: bytes, mask: str) -> bytes:
    copy = _decode_text(entry)
    if is_copy_of(text, copy, mask):
        return entry
    try:
        row = _decode_error(copy)
    except msgspec.MsgspecError:
        raise OutputError(
            OUTPUT_MISMATCH, f"line {line} of {part}: the redacted text is not one of the text that was sent"
        ) from None
    return error_entry(row.ErrorCode, row.ErrorMessage or "")
