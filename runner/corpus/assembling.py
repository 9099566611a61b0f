"""Columns that a format's reader found, made into the block they are: chosen, named and placed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import Final, TypeVar

from runner.corpus.blocks import Block, Encoded, Trouble
from runner.corpus.choosing import in_sample

T = TypeVar("T")

_LAST_DIGITS: Final = tuple(f"{number:03}" for number in range(1000))


@dataclass(slots=True, kw_only=True)
class Rows:
    """Consecutive rows of one source, before any is left out; columns of one length, or None where not asked for."""

    texts: Sequence[str]
    encoded: Encoded | None = None
    ids: Sequence[str | None] | None = None
    languages: Sequence[str | None] | None = None
    fields: Sequence[bytes] | None = None
    passes: Sequence[bool] | None = None
    """What `where` says of each."""
    troubles: dict[int, Trouble] = field(default_factory=dict)


def blocks_of(
    source: int, label: str, rows: Iterator[Rows], *, position: int = 0, sample: float | None = None
) -> Iterator[Block]:
    """The rows of one source as blocks; `position` is that of the first."""
    for each in rows:
        count = len(each.texts)
        taken = _taken(each, label, position, sample)
        block = _block(source, label, each, position) if taken is None else _part(source, label, each, position, taken)
        if block.ids:
            yield block
        position += count


def _taken(rows: Rows, label: str, position: int, sample: float | None) -> list[int] | None:
    """The rows that are taken; None: all of them."""
    if rows.passes is None and sample is None:
        return None
    taken = range(len(rows.texts))
    passing = list(taken if rows.passes is None else compress(taken, rows.passes))
    if sample is None:
        return passing if len(passing) < len(taken) else None
    return [row for row in passing if in_sample(label, position + row, sample)]


def _block(source: int, label: str, rows: Rows, position: int) -> Block:
    count = len(rows.texts)
    places = range(position, position + count)
    if rows.ids is None:
        ids = names_of(label, places)
    else:
        ids = [f"{label}:{place}" if name is None else name for place, name in zip(places, rows.ids, strict=True)]
    return Block(
        ids=ids,
        sources=[source] * count,
        positions=places,
        texts=rows.texts,
        encoded=rows.encoded,
        troubles=rows.troubles,
        languages=rows.languages,
        fields=rows.fields,
    )


def names_of(label: str, places: range) -> list[str]:
    """`label:place` for each of consecutive places: by the thousand, which share all digits but their last three."""
    names: list[str] = []
    for thousand in range(places.start // 1000, -(-places.stop // 1000)):
        begin = max(places.start - 1000 * thousand, 0)
        end = min(places.stop - 1000 * thousand, 1000)
        if thousand:
            names += map(f"{label}:{thousand}".__add__, _LAST_DIGITS[begin:end])
        else:
            names += [f"{label}:{place}" for place in range(begin, end)]
    return names


def _part(source: int, label: str, rows: Rows, position: int, taken: list[int]) -> Block:
    places = [position + row for row in taken]
    names = [None] * len(taken) if rows.ids is None else _take(rows.ids, taken)
    return Block(
        ids=[f"{label}:{place}" if name is None else name for place, name in zip(places, names, strict=True)],
        sources=[source] * len(taken),
        positions=places,
        texts=_take(rows.texts, taken),
        troubles=_take_troubles(rows.troubles, taken),
        languages=None if rows.languages is None else _take(rows.languages, taken),
        fields=None if rows.fields is None else _take(rows.fields, taken),
    )


def _take(column: Sequence[T], taken: Sequence[int]) -> list[T]:
    if len(taken) < 2:
        return [column[row] for row in taken]
    return list(itemgetter(*taken)(column))


def _take_troubles(troubles: dict[int, Trouble], taken: Sequence[int]) -> dict[int, Trouble]:
    return {place: troubles[row] for place, row in enumerate(taken) if row in troubles} if troubles else {}
