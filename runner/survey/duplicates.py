"""Ids that occur twice within a corpus, found over ledgers on disk in bounded memory.

1. Each id is hashed to 64 bits by Python itself (the hashes never leave this process), and the hashes are sorted into
   256 buckets, which are files once they are many.
2. Each bucket is sorted in turn; hashes that occur twice are candidates.
3. A second look at the ledgers, only if there are candidates, tells the ids themselves: equal hashes prove nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from runner.errors import RunDirectoryError

BUCKETS: Final = 256
HELD_MAX: Final = 4_000_000
"""Hashes in memory (8 bytes each) before they go to their files."""
CANDIDATES_MAX: Final = 10_000
"""Hashes that are looked into; a corpus with more ids that occur twice is told of these alone."""
_MASK: Final = (1 << 64) - 1


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """What is needed of a `Document`: its first members."""

    id: str
    source: int
    position: int


class _Rows(msgspec.Struct, frozen=True):
    documents: tuple[_Row, ...]


_decode: Final = msgspec.msgpack.Decoder(_Rows).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands: the place of its source in the listing, and its position there."""

    source: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """An id with the first two of its places."""

    id: str
    first: Place
    second: Place


def find_duplicates(
    ledgers: Sequence[Path], scratch: Path, *, told: int, held_max: int = HELD_MAX
) -> tuple[Duplicate, ...]:
    """The first `told` ids of a corpus that occur again, in the order of the input; `ledgers` are in that order.

    Temporary files lie below `scratch`. Raises RunDirectoryError for a ledger that is missing or damaged.
    """
    with TemporaryDirectory(prefix="ids-", suffix=".tmp", dir=scratch) as folder:
        buckets = _Buckets(Path(folder), held_max)
        for ledger in ledgers:
            buckets.add([hash(row.id) & _MASK for row in _read(ledger)])
        candidates = frozenset(buckets.repeated(CANDIDATES_MAX))
    return tuple(_confirmed(ledgers, candidates, told)) if candidates else ()


def _read(ledger: Path) -> tuple[_Row, ...]:
    try:
        return _decode(ledger.read_bytes()).documents
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise RunDirectoryError(
            str(ledger), "this ledger cannot be read", hint="the run directory is damaged"
        ) from error


def _confirmed(ledgers: Sequence[Path], candidates: frozenset[int], told: int) -> Iterator[Duplicate]:
    first: dict[str, Place] = {}
    known: set[str] = set()
    for ledger in ledgers:
        for row in _read(ledger):
            if hash(row.id) & _MASK not in candidates or row.id in known:
                continue
            place = Place(row.source, row.position)
            earlier = first.setdefault(row.id, place)
            if earlier is not place:
                known.add(row.id)
                yield Duplicate(id=row.id, first=earlier, second=place)
                if len(known) == told:
                    return


class _Buckets:
    """Hashes by their highest bits: in memory, and in files once they are many."""

    def __init__(self, folder: Path, held_max: int) -> None:
        self._folder = folder
        self._held_max = held_max
        self._arrays = [array("Q") for _ in range(BUCKETS)]
        self._held = 0

    def add(self, hashes: Sequence[int]) -> None:
        arrays = self._arrays
        for value in hashes:
            arrays[value >> 56].append(value)
        self._held += len(hashes)
        if self._held >= self._held_max:
            self._spill()

    def _spill(self) -> None:
        for number, values in enumerate(self._arrays):
            if not values:
                continue
            with self._path(number).open("ab") as file:
                values.tofile(file)
            self._arrays[number] = array("Q")
        self._held = 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:03d}"

    def repeated(self, most: int) -> Iterator[int]:
        """Up to so many hashes that occur more than once."""
        found = 0
        for number in range(BUCKETS):
            values = self._arrays[number]
            path = self._path(number)
            if path.exists():
                values.frombytes(path.read_bytes())
            last = None
            for one, next_ in pairwise(sorted(values)):
                if one == next_ != last:
                    last = one
                    found += 1
                    yield one
                    if found == most:
                        return
            self._arrays[number] = array("Q")
