"""Kinds of values that manifest keys take: text, names, counts, sizes, shares, words from a list.

Each is a pydantic validator that gives back the value as the model wants it, or raises `Wrong` in our own words:
what was found, and what is valid.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, PlainValidator

from runner.manifest.problems import Wrong, each, found, listed, nearest

LATER: Final = "not supported yet"
NAME_CHARACTERS_MAX: Final = 100
"""Names become folders and parts of file names, which end at 255 bytes."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_RESERVED: Final = ("corpus", "id", "language", "outcome", "problems", "fields", "text")
"""Keys of every result line, beside which an analysis's own key stands."""
_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?) ?(?P<unit>[A-Za-z]*)")
_UNITS: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS_BINARY: Final = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_NO_ENCODINGS: Final = frozenset({"", "idna", "punycode"})
"""Of names of hosts, not of texts; they cannot go on behind a byte that does not fit."""
_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,9}) ?(?P<unit>[smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHARE: Final = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?) ?%")


def as_text(value: object) -> str:
    """Text that is not blank."""
    if not isinstance(value, str):
        quotes = "put it in quotes" if isinstance(value, bool | int | float) else None
        raise Wrong(f"expected text, found {found(value)}", hint=quotes)
    if not value.strip():
        raise Wrong(f"expected text, found {found(value)}")
    if "\x00" in value:
        raise Wrong("text with a NUL character")
    return value


def as_name(value: object) -> str:
    """A name: a lower-case letter, then letters, digits, `_` and `-`."""
    name = as_text(value)
    if not _NAME.fullmatch(name):
        raise Wrong(f"{found(name)} is no name; a name is a lower-case letter, then a-z, 0-9, _ and -")
    if len(name) > NAME_CHARACTERS_MAX:
        raise Wrong(f"a name of {len(name)} characters; at most {NAME_CHARACTERS_MAX}")
    return name


def as_analysis_name(value: object) -> str:
    """The name of an analysis, which becomes a key of the result lines."""
    name = as_name(value)
    if name in _RESERVED:
        raise Wrong(f"an analysis may not be called {name}: result lines have a key of that name already")
    return name


def as_texts(value: object, read: Callable[[object], str] = as_text) -> tuple[str, ...]:
    """One text, or a list of them without repetition; `read` takes each."""
    if not isinstance(value, list):
        return (read(value),)
    if not value:
        raise Wrong("expected at least one in the list")
    return unrepeated(tuple(text for _, text in each(enumerate(value), read)))


def unrepeated(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts, each of them once in the list."""
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        if first.setdefault(text, index) != index:
            raise Wrong(f"{found(text)} is in the list twice", inside=(index,))
    return texts


def as_flag(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise Wrong(f"expected true or false, found {found(value)}")
    return value


def as_number(value: object) -> int | float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"expected a number, found {found(value)}", hint=_number_hint(value))
    if not math.isfinite(value):
        raise Wrong("expected a finite number")
    return value


def _number_hint(value: object) -> str | None:
    if isinstance(value, str) and value.replace("_", "").replace(",", "").isdecimal():
        return f"write it as {value.replace('_', '').replace(',', '')}, without quotes"
    return None


def as_positive(value: object) -> float:
    """A number above zero."""
    number = as_number(value)
    if number <= 0:
        raise Wrong(f"expected a number above 0, found {found(value)}")
    return float(number)


def whole(least: int, most: int | None = None) -> Callable[[object], int]:
    """A whole number within bounds."""

    def as_whole(value: object) -> int:
        number = as_number(value)
        if not isinstance(number, int):
            raise Wrong(f"expected a whole number, found {found(value)}")
        if number < least or (most is not None and number > most):
            bounds = f"from {least} to {most:,}" if most is not None else f"of {least} or more"
            raise Wrong(f"expected a whole number {bounds}, found {found(value)}")
        return number

    return as_whole


def per_family(read: Callable[[object], float], families: Sequence[str]) -> PlainValidator:
    """One number, or a map of family to number; comes out as (the one number, {family: number})."""

    def as_quota(value: object) -> tuple[float | None, dict[str, float]]:
        if not isinstance(value, dict):
            return read(value), {}
        unknown = [_unknown_family(name, families) for name in value if name not in families]
        return None, dict(each(value.items(), read, wrong=unknown))

    return PlainValidator(as_quota, json_schema_input_type=float | dict[str, float])


def _unknown_family(name: str, families: Sequence[str]) -> Wrong:
    message = f"unknown family {found(name)}; valid are {listed(families)}"
    return Wrong(message, hint=nearest(name, families), inside=(name,), at_key=True)


def as_size(value: object) -> int:
    """Bytes: a number, or text with a unit. `KB`, `MB` and `GB` are powers of ten, `KiB`, `MiB`, `GiB` of two."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        unit = match["unit"].lower()
        factor = _UNITS.get(unit) or _UNITS_BINARY.get(unit)
        if factor is None:
            units = listed((name.upper() for name in _UNITS if name), "or")
            raise Wrong(f"{match['unit']!r} is no unit of size; valid are {units}")
        size = round(float(match["number"]) * factor) if "." in match["number"] else int(match["number"]) * factor
    else:
        raise Wrong(f"expected a size in bytes, or as in 512 MB, found {found(value)}")
    if not 0 < size < 2**63:
        raise Wrong(f"expected a size above 0, found {found(value)}")
    return size


def as_share(value: object) -> float:
    """A percentage as in `12.5%`, as a share of one."""
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Wrong(f"expected a percentage as in 12.5%, found {found(value)}")
    share = float(match["number"]) / 100
    if share > 1:
        raise Wrong(f"expected a percentage of at most 100%, found {found(value)}")
    return share


def as_count_or_share(value: object) -> tuple[int | None, float | None]:
    """(count, None) or (None, share): a whole number, or a percentage."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value, None
    if isinstance(value, str) and value.strip().endswith("%"):
        return None, as_share(value)
    hint = f"write {value * 100:g}%" if isinstance(value, float) and 0 < value < 1 else None
    raise Wrong(f"expected a count such as 10, or a percentage such as 0.1%, found {found(value)}", hint=hint)


def as_duration(value: object) -> float:
    """Seconds: text as in `30d`, `12h`, `45m` or `90s`."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not int(match["number"]):
        raise Wrong(f"expected a duration as in 30d, 12h, 45m or 90s, found {found(value)}")
    return float(int(match["number"]) * _SECONDS[match["unit"]])


def as_encoding(value: object) -> str:
    """A text encoding that Python knows, under Python's name for it."""
    name = as_text(value)
    try:
        "a".encode(name)  # raises for what is no encoding of texts, such as base64
        encoding = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError):
        encoding = ""
    if encoding in _NO_ENCODINGS:
        raise Wrong(f"{found(name)} is no encoding known here", hint="for example utf-8, latin-1 or cp1252")
    return encoding


def one_of(kind: str, valid: Sequence[str], *, later: Sequence[str] = ()) -> PlainValidator:
    """A word from a list. Words of later work are known and refused, as in `format csv is not supported yet`."""

    def as_word(value: object) -> str:
        if isinstance(value, str) and value in valid:
            return value
        if isinstance(value, str) and value in later:
            raise Wrong(f"{kind} {value} is {LATER}; this version takes {listed(valid, 'or')}")
        hint = nearest(value, valid) if isinstance(value, str) else None
        raise Wrong(f"expected {listed(valid, 'or')}, found {found(value)}", hint=hint)

    return PlainValidator(as_word, json_schema_input_type=Literal[tuple(valid)])


_NameInput = Annotated[str, Field(pattern=rf"^{_NAME.pattern}$", max_length=NAME_CHARACTERS_MAX)]

TEXT: Final = PlainValidator(as_text, json_schema_input_type=str)
NAME: Final = PlainValidator(as_name, json_schema_input_type=_NameInput)
ANALYSIS_NAME: Final = PlainValidator(as_analysis_name, json_schema_input_type=_NameInput)
TEXTS: Final = PlainValidator(as_texts, json_schema_input_type=str | list[str])
FLAG: Final = PlainValidator(as_flag, json_schema_input_type=bool)
POSITIVE: Final = PlainValidator(as_positive, json_schema_input_type=Annotated[float, Field(gt=0)])
COUNT: Final = PlainValidator(whole(1), json_schema_input_type=Annotated[int, Field(ge=1)])
COUNT_FROM_ZERO: Final = PlainValidator(whole(0), json_schema_input_type=Annotated[int, Field(ge=0)])
SIZE: Final = PlainValidator(as_size, json_schema_input_type=int | str)
DURATION: Final = PlainValidator(as_duration, json_schema_input_type=str)
SHARE: Final = PlainValidator(as_share, json_schema_input_type=str)
COUNT_OR_SHARE: Final = PlainValidator(as_count_or_share, json_schema_input_type=int | str)
ENCODING: Final = PlainValidator(as_encoding, json_schema_input_type=str)
