"""What a linear model sees: numbers of places in a table too large to hold, and the few rows of it that count.

Owns the hashing of words and pairs of words, and the table of weights. Shared by training and by use, so that both
see the same; a change here calls for a new version in `model_file.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

from runner.endpoint.custom.model_file import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ALWAYS", "TABLE_BITS", "Table", "hash_of", "pack_table", "places_of"]

TABLE_BITS: Final = 22
_MASK: Final = np.uint32((1 << TABLE_BITS) - 1)
ALWAYS: Final = 0
"""The place that every document has: what is learned there is how common a class is."""

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[!?]")
_PAIR: Final = np.uint32(0x9E3779B1)
_VALUE_MAX: Final = 32767


def hash_of(word: str) -> int:
    """A number for a word; takes any string."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def places_of(text: str) -> NDArray[np.uint32]:
    """The places of a text's words and pairs of words, each once, sorted; the first is `ALWAYS`."""
    words = np.array([hash_of(word) for word in _WORD.findall(text.lower())], dtype=np.uint32)
    pairs = (words[:-1] * _PAIR) ^ words[1:]
    places: NDArray[np.uint32] = np.unique(np.concatenate([np.zeros(1, np.uint32), words & _MASK, pairs & _MASK]))
    return places


class Table:
    """Rows of weights by place; one more row, of zeros, stands for all places that have none."""

    def __init__(self, weights: Weights) -> None:
        self.step = weights.step
        places = np.frombuffer(weights.places, dtype="<u4")
        values = np.frombuffer(weights.values, dtype="<i2").reshape(-1, weights.columns)
        self._none = len(places)
        self._values = np.concatenate([values, np.zeros((1, weights.columns), values.dtype)])
        self._row = np.full(1 << TABLE_BITS, self._none, np.int32)
        self._row[places] = np.arange(len(places), dtype=np.int32)

    def total(self, places: NDArray[np.uint32]) -> tuple[NDArray[np.int64], int]:
        """The sum of the places' rows, exactly, in steps; and how many of them have one."""
        rows = self._row[places]
        rows = rows[rows != self._none]
        return self._values[rows].sum(axis=0, dtype=np.int64), len(rows)

    def totals(self, places: NDArray[np.uint32]) -> NDArray[np.int64]:
        """For each row of a matrix of places, the sum of their rows, in steps."""
        totals: NDArray[np.int64] = self._values[self._row[places]].sum(axis=1, dtype=np.int64)
        return totals


def pack_table(places: NDArray[np.uint32], weights: NDArray[np.float32]) -> Weights:
    """Quantise `weights`, a row for each of the sorted `places`."""
    step = float(np.abs(weights).max(initial=0.0)) / _VALUE_MAX or 1.0
    values = np.rint(weights / step).astype("<i2")
    return Weights(places=places.astype("<u4").tobytes(), values=values.tobytes(), columns=weights.shape[1], step=step)
