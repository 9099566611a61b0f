"""The tagger's weights, from annotated documents; pure and deterministic.

Stochastic gradient descent with a rate per weight (AdaGrad), a few documents at a time. Documents with entities are
taken first, others after them, until `TOKENS_MAX`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from runner.endpoint.custom.hashed import pack_table
from runner.endpoint.custom.learning import probabilities
from runner.endpoint.custom.tagging import OUTSIDE, Features, begin_of, inside_of, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from runner.endpoint.custom.model_file import Weights
    from runner.endpoint.custom.spans import Span

__all__ = ["TOKENS_MAX", "train_tagger"]

TOKENS_MAX: Final = 400_000  # learned from: the rest of a large corpus would add minutes and little else
_BATCH: Final = 64  # tokens, about
_ROUNDS: Final = 8
_RATE: Final = 0.1
_FIRST_SQUARE: Final = 0.1
_SEEN_MIN: Final = 2


def train_tagger(documents: Sequence[tuple[str, Sequence[Span]]], types: int) -> Weights:
    """Learn from (text, its entities) pairs."""
    places, tags, ends = _read(documents)
    names, counts = np.unique(places, return_counts=True)
    names = names[counts >= _SEEN_MIN]
    rows = np.searchsorted(names, places)
    rows[rows == len(names)] = 0
    rows = np.where(names[rows] == places, rows, len(names))  # the last row stays zero: of what was seen once
    weights = np.zeros((len(names) + 1, 1 + 2 * types), np.float32)
    squares = np.full_like(weights, _FIRST_SQUARE)
    total = np.zeros_like(weights)
    order = np.random.default_rng(len(places))
    for number in range(_ROUNDS):
        for at in order.permutation(len(ends) - 1):
            piece = slice(ends[at], ends[at + 1])
            _step(weights, squares, rows[piece], tags[piece])
        if number:
            total += weights
    return pack_table(names, total[:-1] / np.float32(_ROUNDS - 1))


def _step(
    weights: NDArray[np.float32], squares: NDArray[np.float32], rows: NDArray[np.intp], tags: NDArray[np.intp]
) -> None:
    """One look at a few tokens: `rows` of weights for each, and the tag that each should have."""
    margins = weights[rows].sum(axis=1)
    slope = probabilities(margins, exclusive=True)
    slope[np.arange(len(tags)), tags] -= 1
    touched, where = np.unique(rows, return_inverse=True)
    summed = np.zeros((len(touched), weights.shape[1]), np.float32)
    np.add.at(summed, where.reshape(-1), np.repeat(slope, rows.shape[1], axis=0))
    seen = squares[touched] + summed * summed
    squares[touched] = seen
    weights[touched] -= np.float32(_RATE) * summed / np.sqrt(seen)
    weights[-1] = 0


def _read(
    documents: Sequence[tuple[str, Sequence[Span]]],
) -> tuple[NDArray[np.uint32], NDArray[np.intp], list[int]]:
    """All tokens' places and tags, and where the batches of whole documents end."""
    features = Features()
    places, tags, ends = [], [], [0]
    count = 0
    for text, spans in sorted(documents, key=lambda one: not one[1]):
        tokens = tokens_of(text)
        if not tokens:
            continue
        places.append(features.of(text, tokens))
        tags.append(tags_of(tokens, spans))
        count += len(tokens)
        if count - ends[-1] >= _BATCH:
            ends.append(count)
        if count >= TOKENS_MAX:
            break
    if ends[-1] != count:
        ends.append(count)
    return np.concatenate(places), np.concatenate(tags), ends


def tags_of(tokens: Sequence[tuple[int, int]], spans: Sequence[Span]) -> NDArray[np.intp]:
    """The tag of each token; one that an entity touches belongs to it."""
    tags = np.full(len(tokens), OUTSIDE)
    waiting = iter(sorted(spans))
    span = next(waiting, None)
    started = False
    for at, (begin, end) in enumerate(tokens):
        while span is not None and span.end <= begin:
            span, started = next(waiting, None), False
        if span is not None and end > span.begin:
            tags[at] = inside_of(span.kind) if started else begin_of(span.kind)
            started = True
    return tags
