"""Which documents of a corpus are taken: `where` judges values, `sample` places.

Values are compared as JSON: `1` is `1.0`, but neither `"1"` nor `true`; a path that is not there is null. CSV has only
text: there a value is the text as which the manifest writes it, and null is the empty cell.

A sample is drawn by a hash of where a document stands (label and position), so it is the same whatever the number of
workers, and a larger share contains a smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

NULL: Final = b"null"
VERDICTS_MAX: Final = 10_000

_HASH_BYTES: Final = 8
_decode: Final = msgspec.json.Decoder().decode
_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode


def comparable(value: Any) -> Hashable:
    """What two JSON values, decoded, have in common if and only if they are equal."""
    if value is None or isinstance(value, bool | str):
        return type(value).__name__, value
    if isinstance(value, int | float | Decimal):
        return "number", value
    return "json", _encode_sorted(value)


def passes_json(values: tuple[str, ...]) -> Callable[[bytes], bool]:
    """A judge of raw JSON values: whether they are among `values` (JSON texts)."""
    wanted = {comparable(_decode(value)) for value in values}

    @lru_cache(maxsize=VERDICTS_MAX)
    def judge(raw: bytes) -> bool:
        return comparable(_decode(raw)) in wanted

    return judge


def passes_value(values: tuple[str, ...]) -> Callable[[Any], bool]:
    """A judge of decoded values."""
    wanted = {comparable(_decode(value)) for value in values}
    return lambda value: comparable(value) in wanted


def passes_text(values: tuple[str, ...]) -> Callable[[str], bool]:
    """A judge of cells of text."""
    wanted = {_as_cell(value) for value in values}
    return wanted.__contains__


def _as_cell(value: str) -> str:
    decoded = _decode(value)
    if decoded is None:
        return ""
    return decoded if isinstance(decoded, str) else value


def in_sample(label: str, position: int, share: float) -> bool:
    """Whether the document at a place is in the sample."""
    digest = blake2b(f"{label}:{position}".encode(), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big") < share * 256**_HASH_BYTES
