"""How the rows of an output are written: where File, Line and the result stand between texts that never change.

A service writes all rows of an output alike, but for what they say. So one row, read strictly, tells how the others
can be read without being parsed: a row with the same texts in the same places, and between them the name of a file, a
number for Line, and JSON for the result, is a row that says so. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Raw

from runner.catalogue import Family

Place = Literal["file", "line"]
Mark = bytes | Place
"""A text that never changes, or the place of something that does."""

_PLACES: Final[dict[str, Place]] = {"File": "file", "Line": "line"}
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode


@dataclass(frozen=True, slots=True)
class Layout:
    """A row is `before`, the result, `after`; the name of a file takes `file_bytes`.

    The result is the value of the one member that carries it; or, where several do, those members with their names as
    in the row, which begin with `first`. Its first and last byte are `ends`.
    """

    before: tuple[Mark, ...]
    after: tuple[Mark, ...]
    file_bytes: int
    first: bytes
    ends: tuple[int, int]


class _Member(NamedTuple):
    """One member of a row: all up to its value, from the one before it; its name as it is written; its value."""

    lead: bytes
    key: bytes
    name: str
    value: bytes


def layout_of(row: bytes, family: Family) -> Layout | None:
    """How a row is written; None if it is not a plain answer of the family whose members stand side by side."""
    try:
        values = {name: bytes(value) for name, value in _decode_members(row).items()}
    except msgspec.MsgspecError:
        return None
    results = [name for name in values if name not in _PLACES]
    # A classifier answers with one of its members, by its mode; every other family answers with all of them.
    answers = [[name] for name in family.members] if family.shape == "predictions" else [list(family.members)]
    members = _members(row, values)
    if results not in answers or len(values) != len(results) + len(_PLACES) or not members:
        return None
    begin = list(values).index(results[0])
    end = begin + len(results)
    tail = row[sum(len(member.lead) + len(member.value) for member in members) :]
    if [member.name for member in members[begin:end]] != results or tail.strip() != b"}" or len(values["File"]) <= 2:
        return None
    several = len(results) > 1
    lead, key = members[begin].lead, members[begin].key
    return Layout(
        before=_marks(members[:begin], lead.removesuffix(key) if several else lead),
        after=_marks(members[end:], tail),
        file_bytes=len(values["File"]) - 2,
        first=key if several else b"",
        ends=((key if several else members[begin].value)[0], members[end - 1].value[-1]),
    )


def _members(row: bytes, values: dict[str, bytes]) -> list[_Member]:
    """The members of a row, in their order; none if they are not those of `values`, one each."""
    members = []
    at = 0
    for name, value in values.items():
        found = re.compile(rb'\s*[,{]\s*("%b"\s*:\s*)' % re.escape(name.encode())).match(row, at)
        if found is None or not row.startswith(value, found.end()):
            return []
        members.append(_Member(found.group(), found.group(1), name, value))
        at = found.end() + len(value)
    return members


def _marks(members: Sequence[_Member], end: bytes) -> tuple[Mark, ...]:
    """What stands before the result, or after it, up to and with `end`."""
    marks: list[Mark] = []
    quote = b""
    for member in members:
        text = quote + member.lead
        quote = b'"' if member.value.startswith(b'"') else b""
        marks += (text + quote, _PLACES[member.name])
    return (*marks, quote + end)
