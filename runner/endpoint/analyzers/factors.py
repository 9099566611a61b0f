"""Non-negative matrix factorisation of documents and words, in NumPy: X ~ W H, the rows of H being topics.

Owns the algebra (HALS sweeps from an NNDSVD start) and the sparse products that it needs. Knows nothing of words or
files. Everything is drawn from one fixed seed, so the same matrix gives the same factors.

The method: Cichocki and Phan, "Fast local algorithms for large scale nonnegative matrix and tensor factorizations"
(2009); the start: Boutsidis and Gallopoulos, "SVD based initialization" (2008), zeros filled with the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

__all__ = ["Sparse", "factorised", "weights"]

_ROUNDS = 20
_SWEEPS = 3  # per round: the products of a round cost far more than a sweep
_WEIGHT_SWEEPS = 12
_TOLERANCE = 1e-3  # of the change of H in one round
_OVERSAMPLED = 8
_POWERS = 2
_SEED = 20171127
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of a matrix one after the other: row i has `values[starts[i]:starts[i+1]]` in those `columns`."""

    starts: Places
    columns: Places
    values: Floats
    width: int

    @property
    def height(self) -> int:
        """How many rows it has."""
        return len(self.starts) - 1

    def times(self, dense: Floats) -> Floats:
        """This matrix times a dense one: column by column, which is four times as fast as all at once."""
        result = np.zeros((self.height, dense.shape[1]))
        filled = np.flatnonzero(np.diff(self.starts))
        if len(filled):
            for column, values in enumerate(np.ascontiguousarray(dense.T)):
                result[filled, column] = np.add.reduceat(values[self.columns] * self.values, self.starts[filled])
        return result

    def transposed(self) -> Sparse:
        """The same, rows and columns exchanged."""
        rows = np.repeat(np.arange(self.height), np.diff(self.starts))
        order = np.argsort(self.columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.columns, minlength=self.width))])
        return Sparse(starts.astype(np.int64), rows[order], self.values[order], self.height)


def factorised(matrix: Sparse, rank: int) -> Floats:
    """H, `rank` times the width of `matrix`: its rows are non-negative and have length one, or are zero."""
    turned = matrix.transposed()
    w, h = _start(matrix, turned, rank)
    for _ in range(_ROUNDS):
        before = h
        columns = np.ascontiguousarray(h.T)
        _improve(w, h @ h.T, matrix.times(columns), _SWEEPS)
        _improve(columns, w.T @ w, turned.times(w), _SWEEPS)
        h = np.ascontiguousarray(columns.T)
        if np.linalg.norm(h - before) <= _TOLERANCE * np.linalg.norm(before):
            break
    lengths = np.linalg.norm(h, axis=1, keepdims=True)
    unit: Floats = np.divide(h, lengths, out=np.zeros_like(h), where=lengths > _TINY)
    return unit


def weights(matrix: Sparse, topics: Floats) -> Floats:
    """W for given topics: how much of each is in each row of `matrix`."""
    products = matrix.times(np.ascontiguousarray(topics.T))
    gram = topics @ topics.T
    w = np.maximum(products, 0.0)
    _improve(w, gram, products, _WEIGHT_SWEEPS)
    return w


def _improve(factor: Floats, gram: Floats, products: Floats, sweeps: int) -> None:
    """Improve `factor` column by column, so many times over, the other factor being held still."""
    for k in [*range(factor.shape[1])] * sweeps:
        if gram[k, k] > _TINY:
            step = (products[:, k] - factor @ gram[:, k]) / gram[k, k]
            np.maximum(factor[:, k] + step, 0.0, out=factor[:, k])


def _start(matrix: Sparse, turned: Sparse, rank: int) -> tuple[Floats, Floats]:
    """NNDSVD: of each pair of singular vectors the side that weighs more."""
    left, singular, right = _svd(matrix, turned, rank)
    w, h = np.zeros((matrix.height, rank)), np.zeros((rank, matrix.width))
    for k in range(len(singular)):
        u, v = left[:, k], right[k]
        plus = np.maximum(u, 0.0), np.maximum(v, 0.0)
        minus = np.maximum(-u, 0.0), np.maximum(-v, 0.0)
        norms = [float(np.linalg.norm(x) * np.linalg.norm(y)) for x, y in (plus, minus)]
        (x, y), weight = (plus, norms[0]) if norms[0] >= norms[1] else (minus, norms[1])
        if weight > _TINY:
            scale = np.sqrt(singular[k] * weight)
            w[:, k], h[k] = scale * x / np.linalg.norm(x), scale * y / np.linalg.norm(y)
    mean = float(matrix.values.sum()) / max(1, matrix.height * matrix.width)
    w[w == 0], h[h == 0] = mean, mean
    return w, h


def _svd(matrix: Sparse, turned: Sparse, rank: int) -> tuple[Floats, Floats, Floats]:
    """The largest singular triples, by a randomised range finder."""
    wanted = min(rank + _OVERSAMPLED, matrix.height, matrix.width)
    sample = np.random.default_rng(_SEED).standard_normal((matrix.width, wanted))
    basis = np.linalg.qr(matrix.times(sample))[0]
    for _ in range(_POWERS):
        basis = np.linalg.qr(matrix.times(np.linalg.qr(turned.times(basis))[0]))[0]
    small = np.ascontiguousarray(turned.times(basis).T)
    left, singular, right = np.linalg.svd(small, full_matrices=False)
    return basis @ left[:, :rank], singular[:rank], right[:rank]
