"""A tagger of words: each word's features are places in a table, each tag's weights are summed over them.

Owns tokens, features, and what tags mean as spans. Shared by training and by use. Tags are numbers: 0 outside, then
for each type its first token and its further tokens.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.endpoint.custom.hashed import TABLE_BITS, Table, hash_of
from runner.endpoint.custom.learning import probabilities
from runner.endpoint.custom.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from runner.endpoint.custom.model_file import Weights

__all__ = ["OUTSIDE", "Features", "Tagger", "Token", "begin_of", "inside_of", "tokens_of"]

OUTSIDE: Final = 0
_AT_ONCE: Final = 4096  # tokens, of a long text
_REMEMBERED: Final = 1 << 17  # words
_TOKEN: Final = re.compile(r"[^\W_]+|[^\s]")
_MASK: Final = np.uint32((1 << TABLE_BITS) - 1)
# (which of a word's parts, how far away), each with a number of its own to tell it from the others; two: the pair.
_WORD, _SHAPE, _HEAD, _TAIL, _TAIL3 = range(5)
_SINGLE: Final = (
    *((_WORD, at) for at in (-2, -1, 0, 1, 2)),
    *((_SHAPE, at) for at in (-1, 0, 1)),
    *((_HEAD, 0), (_TAIL, 0), (_TAIL3, 0), (_TAIL3, -1), (_TAIL3, 1)),
)
_PAIRS: Final = (
    ((_WORD, -1), (_WORD, 0)),
    ((_WORD, 0), (_WORD, 1)),
    ((_WORD, -2), (_WORD, -1)),
    ((_WORD, 1), (_WORD, 2)),
    ((_SHAPE, -1), (_SHAPE, 0)),
    ((_SHAPE, 0), (_SHAPE, 1)),
)
_NEAR: Final = tuple((_WORD, at) for at in (-5, -4, -3, 3, 4, 5))  # on either side, wherever there
_REACH: Final = 5
_ALL: Final = (*_SINGLE, *_NEAR, *(one for one, _ in _PAIRS), *(other for _, other in _PAIRS))
_PART: Final = np.array([part for part, _ in _ALL])
_AWAY: Final = np.array([_REACH + at for _, at in _ALL])
_FIRST_PAIR: Final = len(_SINGLE) + len(_NEAR)
_COUNT: Final = _FIRST_PAIR + len(_PAIRS)
_OWN: Final = np.arange(_COUNT, dtype=np.uint32)
_OWN[len(_SINGLE) : _FIRST_PAIR] = [len(_SINGLE) if at < 0 else len(_SINGLE) + 1 for _, at in _NEAR]
_ODD: Final = 0x9E3779B1

Token = tuple[int, int]
"""Begin and end, in code points."""


def begin_of(kind: int) -> int:
    """The tag of the first token of an entity."""
    return 1 + 2 * kind


def inside_of(kind: int) -> int:
    """The tag of its further tokens."""
    return 2 + 2 * kind


def tokens_of(text: str) -> list[Token]:
    """Words and single marks."""
    return [found.span() for found in _TOKEN.finditer(text)]


class Features:
    """Places of tokens; remembers what it worked out of words it has seen."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[int, ...]] = {}

    def of(self, text: str, tokens: Sequence[Token]) -> NDArray[np.uint32]:
        """A row of places for each token."""
        edge = self._of_word("")
        parts = [edge] * _REACH + [self._of_word(text[begin:end]) for begin, end in tokens] + [edge] * _REACH
        grid = np.array(parts, dtype=np.uint32)
        found = grid[np.arange(len(tokens))[:, None] + _AWAY, _PART]
        found[:, _FIRST_PAIR:_COUNT] *= np.uint32(_ODD)
        found[:, _FIRST_PAIR:_COUNT] ^= found[:, _COUNT:]
        return _mixed(found[:, :_COUNT] * (2 * _OWN + 1) + _OWN)

    def _of_word(self, word: str) -> tuple[int, ...]:
        known = self._parts.get(word)
        if known is None:
            if len(self._parts) >= _REMEMBERED:
                self._parts.clear()
            lower = word.lower()
            pieces = (lower, _shape(word), lower[:3], lower[-2:], lower[-3:])
            known = self._parts[word] = tuple(hash_of(f"{n} {piece}") for n, piece in enumerate(pieces))
        return known


def _mixed(places: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Spread over the table: the low bits must depend on all bits."""
    places = places ^ (places >> np.uint32(15))
    places = places * np.uint32(0x2C1B3C6D)
    return (places ^ (places >> np.uint32(12))) & _MASK


def _shape(word: str) -> str:
    if word.isdigit():
        return f"9{min(len(word), 5)}"
    if not word.isalpha():
        return "mixed" if word.isalnum() else word
    form = "X" if word.isupper() else "x" if word.islower() else "Xx" if word.istitle() else "xX"
    return form + ("" if len(word) > 3 else str(len(word)))


class Tagger:
    """A trained tagger; `find` gives the entities of a text with how sure it is of each."""

    def __init__(self, weights: Weights) -> None:
        self._table = Table(weights)
        self._features = Features()

    def find(self, text: str) -> list[Span]:
        """The entities in a text, in its order."""
        tokens = tokens_of(text)
        return [span for shares in self._shares(text, tokens) for span in spans_of(*shares)]

    def _shares(self, text: str, tokens: list[Token]) -> Iterator[tuple[list[Token], NDArray[np.floating[Any]]]]:
        """Tokens, and for each the probability of every tag; some at a time."""
        for first in range(0, len(tokens), _AT_ONCE):
            low, high = max(0, first - _REACH), first + _AT_ONCE
            some = tokens[low : high + _REACH]
            places = self._features.of(text, some)[first - low :][:_AT_ONCE]
            margins = self._table.totals(places) * self._table.step
            yield tokens[first:high], probabilities(margins, exclusive=True)


def spans_of(tokens: Sequence[Token], shares: NDArray[np.floating[Any]]) -> Iterator[Span]:
    """What the tags' probabilities say: first where an entity begins and goes on, then what all its tokens are.

    Its score is the mean probability of its type.
    """
    begins, goes_on = shares[:, 1::2], shares[:, 2::2]
    likeliest = np.argmax(np.stack([shares[:, OUTSIDE], begins.sum(axis=1), goes_on.sum(axis=1)]), axis=0).tolist()
    kinds = begins + goes_on
    first = None
    for at, tag in enumerate([*likeliest, OUTSIDE]):
        if tag == 2 and first is not None:
            continue
        if first is not None:
            evidence = np.log(np.maximum(kinds[first:at], 1e-9)).sum(axis=0)
            kind = int(evidence.argmax())
            yield Span(tokens[first][0], tokens[at - 1][1], kind, float(kinds[first:at, kind].mean()))
        first = None if tag == OUTSIDE else at
