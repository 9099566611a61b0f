"""Logistic regression over places in a table, by stochastic gradient descent with a rate per weight (AdaGrad).

Owns the learning alone. Deterministic: the order of the documents is drawn from their number. The figures were chosen
on halves of "polarity dataset v2.0" (Pang and Lee, 2004); rates from 0.1 to 0.3 and three to eight rounds do about
equally well there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.floating[Any]]

__all__ = ["fit_sharpness", "learn", "probabilities"]

_RATE: Final = 0.3
_ROUNDS_MAX, _ROUNDS_MIN = 5, 2
_STEPS_MAX: Final = 500_000  # documents looked at, over all rounds: a minute or two at the very most
_FIRST_SQUARE: Final = 1e-3
_SHARPNESSES: Final[tuple[float, ...]] = tuple(2.0 ** (power / 4) for power in range(-6, 7))


def learn(
    rows: Sequence[NDArray[np.int32]], wanted: NDArray[np.float32], size: int, *, exclusive: bool
) -> NDArray[np.float32]:
    """Weights (`size` rows, a column per class) under which documents get the classes that are `wanted` of them.

    `rows` are each document's places, `wanted` a row of zeros and ones for each. `exclusive` classes share one
    probability, others have one each. The weights of all rounds but the first are averaged.
    """
    weights = np.zeros((size, wanted.shape[1]), np.float32)
    squares = np.full_like(weights, _FIRST_SQUARE)
    total = np.zeros_like(weights)
    rounds = max(_ROUNDS_MIN, min(_ROUNDS_MAX, _STEPS_MAX // max(1, len(rows))))
    order = np.random.default_rng(len(rows))
    for number in range(rounds):
        for at in order.permutation(len(rows)):
            places = rows[at]
            scale = np.float32(1 / np.sqrt(len(places)))
            current = weights[places]
            error = probabilities(current.sum(axis=0) * scale, exclusive=exclusive) - wanted[at]
            slope = error * scale
            seen = squares[places] + slope * slope
            squares[places] = seen
            weights[places] = current - np.float32(_RATE) * slope / np.sqrt(seen)
        if number:
            total += weights
    average: NDArray[np.float32] = total / np.float32(rounds - 1)
    return average


def probabilities(margins: Reals, *, exclusive: bool) -> Reals:
    """Probabilities along the last axis: sharing one if `exclusive`, else each for itself."""
    if exclusive:
        powers = np.exp(margins - margins.max(axis=-1, keepdims=True))
        shares: Reals = powers / powers.sum(axis=-1, keepdims=True)
        return shares
    single: Reals = 1 / (1 + np.exp(-np.clip(margins, -60, 60)))
    return single


def fit_sharpness(margins: Reals, wanted: Reals, *, exclusive: bool) -> float:
    """The factor on margins under which documents not learned from are the least surprising."""
    losses = []
    for factor in _SHARPNESSES:
        share = np.clip(probabilities(margins * np.float32(factor), exclusive=exclusive), 1e-6, 1 - 1e-6)
        surprise = -np.log(share) * wanted
        if not exclusive:
            surprise = surprise - np.log(1 - share) * (1 - wanted)
        losses.append(float(surprise.sum()))
    return min(zip(losses, _SHARPNESSES, strict=True))[1]
