"""An entry: what one generation, or several, say about one line of a part. Pure.

An entry is bytes, so that a block of entries is text with one line per line of its part and needs no parsing:

    b""                        no row came
    b'!["CODE","message"]'     an error row
    anything else              the payload of DESIGN 5.4, verbatim

No JSON value begins with `!` and none of these holds a line feed (writers of blocks check it). This file knows
nothing of files, parts or families.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

NO_ENTRY: Final = b""
ERROR_MARK: Final = b"!"
_ERROR_BYTE: Final = ERROR_MARK[0]

_decode_error: Final = msgspec.json.Decoder(tuple[str, str]).decode
_encode: Final = msgspec.json.Encoder().encode


def error_entry(code: str, message: str) -> bytes:
    """The entry of an error row."""
    return ERROR_MARK + _encode((code, message))


def is_error(entry: bytes) -> bool:
    """Whether an entry is an error row."""
    return entry[:1] == ERROR_MARK


def error_of(entry: bytes) -> tuple[str, str]:
    """(code, message) of an entry that is an error row."""
    return _decode_error(entry[1:])


def is_ok(entry: bytes) -> bool:
    """Whether an entry is a payload."""
    return bool(entry) and entry[0] != _ERROR_BYTE


def better_row(one: bytes, other: bytes) -> bytes:
    """Of two rows of the same generation for one line: ok beats error, then the smaller bytes.

    Commutative and associative, so that the order of rows in an archive does not matter.
    """
    if not one or not other:
        return one or other
    return min(one, other, key=_rank)


def _rank(entry: bytes) -> tuple[bool, bytes]:
    return (entry[0] == _ERROR_BYTE, entry)


def first_answer(entries: Iterable[bytes]) -> bytes:
    """Of the entries of several generations, earliest first: the first ok, else the first error, else none."""
    error = NO_ENTRY
    for entry in entries:
        if not entry:
            continue
        if entry[0] != _ERROR_BYTE:
            return entry
        error = error or entry
    return error
