"""Heaps: parts that fill jobs alike, and dealing them to jobs.

What fills a job differs from corpus to corpus: short documents reach the limit of lines, long ones the time. So a pool
is dealt either as one heap, every corpus spread over all of it, or as a heap for each stretch that fills jobs alike.

Pure; knows loads and seconds, nothing of analyses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Final

from runner.planning.cutting import Limits
from runner.planning.durations import Load

_NOISE: Final = 1e-9
"""Seconds by which sums of floats may miss."""
_ALIKE: Final = 1.25
"""Stretches of a pool are heaps of their own if a full job of one does so many times the work of one of the other."""
_LITTLE: Final = 0.25
"""Less than this share of a full job is no heap of its own."""
_PARTS_AHEAD: Final = 48
"""How many parts that do not fit are passed by in search of one that does."""

Dealt = tuple[int, tuple[int, ...]]
"""A job: its pool, and the places of its parts in ascending order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A part as it is packed: where it is in the input, of which corpus, and the seconds of work in it."""

    place: int
    corpus: int
    load: Load
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What may be mixed in a job, in input order, within which limits, and on which lanes (none: any)."""

    items: tuple[Item, ...]
    limits: Limits
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Heap:
    """Parts of a pool that fill jobs alike, in the order in which they are dealt."""

    pool: int
    items: tuple[Item, ...]
    limits: Limits
    lanes: tuple[str, ...]
    work_s: float
    full_s: float
    """The work of a full job."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A job to be: when it begins, for how much work it has time, and of which heap."""

    begin_s: float
    room_s: float
    heap: Heap


def jobs_min(pools: Iterable[Pool]) -> int:
    """The fewest jobs that the limits allow."""
    return sum(ceil(_fill(pool.items, pool.limits) - _NOISE) for pool in pools)


def heapings(pools: Sequence[Pool]) -> list[list[Heap]]:
    """What pools are dealt as: each as one heap, and where that differs, in stretches that fill jobs alike."""
    mixed = [_heap(number, pool, _mixed(pool.items)) for number, pool in enumerate(pools)]
    apart = [_heap(number, pool, items) for number, pool in enumerate(pools) for items in _apart(pool)]
    return [mixed, apart] if len(apart) > len(mixed) else [mixed]


def _heap(number: int, pool: Pool, items: Sequence[Item]) -> Heap:
    work_s = sum(item.work_s for item in items)
    full_s = work_s / max(1.0, _fill(items, pool.limits))
    return Heap(number, tuple(items), pool.limits, pool.lanes, work_s, full_s)


def _fill(items: Sequence[Item], limits: Limits) -> float:
    """How many jobs would be full of items that fill them alike."""
    size, lines = sum(item.load.bytes for item in items), sum(item.load.lines for item in items)
    return max(size / limits.bytes, lines / limits.lines, len(items) / limits.files)


def _mixed(items: Iterable[Item]) -> list[Item]:
    """Every corpus spread evenly over the whole."""
    spread: list[tuple[float, Item]] = []
    for _, group in groupby(items, key=lambda item: item.corpus):
        own = list(group)
        spread += [((number + 0.5) / len(own), item) for number, item in enumerate(own)]
    spread.sort(key=lambda entry: (entry[0], entry[1].place))
    return [item for _, item in spread]


def _apart(pool: Pool) -> list[list[Item]]:
    """Stretches of corpora that fill jobs alike; what is little goes with its neighbour."""
    stretches: list[list[Item]] = []
    for _, group in groupby(pool.items, key=lambda item: item.corpus):
        own = list(group)
        if stretches and _alike(stretches[-1], own, pool.limits):
            stretches[-1] += own
        else:
            stretches.append(own)
    return stretches


def _alike(one: Sequence[Item], other: Sequence[Item], limits: Limits) -> bool:
    fills = [_fill(items, limits) for items in (one, other)]
    full = [sum(item.work_s for item in items) / fill for items, fill in zip((one, other), fills, strict=True)]
    return min(fills) < _LITTLE or max(full) < _ALIKE * min(full)


def deal(seats: Sequence[Seat]) -> tuple[list[Dealt], dict[Heap, float]]:
    """The parts of each job; and the work of those that found no place, by heap."""
    dealers = {seat.heap: _Dealer(seat.heap) for seat in seats}
    jobs = [(seat.heap.pool, dealers[seat.heap].take(seat.room_s)) for seat in seats]
    left_over = {heap: left_s for heap, dealer in dealers.items() if (left_s := dealer.left_s)}
    return [job for job in jobs if job[1]], left_over


class _Dealer:
    """Deals a heap's parts to its jobs, one after the other."""

    def __init__(self, heap: Heap) -> None:
        self._items = heap.items
        self._limits = heap.limits
        self._dealt = bytearray(len(heap.items))
        self._first = 0

    def take(self, room_s: float) -> tuple[int, ...]:
        """The next parts that fit, in so much time and within the limits; places in ascending order."""
        items, dealt = self._items, self._dealt
        room_s += _NOISE
        size, lines, files = self._limits.bytes, self._limits.lines, self._limits.files
        places: list[int] = []
        at, passed = self._first, 0
        while at < len(items) and passed < _PARTS_AHEAD and files:
            if not dealt[at]:
                item = items[at]
                if item.work_s <= room_s and item.load.bytes <= size and item.load.lines <= lines:
                    dealt[at] = True
                    places.append(item.place)
                    room_s -= item.work_s
                    size, lines, files = size - item.load.bytes, lines - item.load.lines, files - 1
                else:
                    passed += 1
            at += 1
        self._first = max(dealt.find(0, self._first), 0) if 0 in dealt else len(items)
        return tuple(sorted(places))

    @property
    def left_s(self) -> float:
        """The work of what has not been dealt."""
        return sum(item.work_s for item, dealt in zip(self._items, self._dealt, strict=True) if not dealt)
