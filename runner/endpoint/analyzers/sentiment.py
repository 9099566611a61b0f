"""Sentiment of English texts: a small trained model, VADER's lexicon, and the service's four classes.

The model (`sentiment_features.py`, weights in `sentiment_en.bin`) says how positive a text is; the lexicon says
whether it holds an opinion at all, and clause by clause whether it holds two. Owns how the three become scores
that sum to one. Inference is plain Python: a table look-up per word and pair of words.

NOTICE: the weights were trained by `benchmarks/train_sentiment.py` on one half of "sentence polarity dataset v1.0"
and "polarity dataset v2.0" (Bo Pang and Lillian Lee, 2005 and 2004; CC BY 4.0), and on VADER's lexicon (C.J. Hutto
and Eric Gilbert, 2014; MIT licence).
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from array import array
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from runner.endpoint.analyzers import sentiment_features
from runner.endpoint.analyzers.sentiment_features import REACH, negates, places, words
from runner.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.endpoint.analyzers import Analyzer

_HEADER = struct.Struct("<Bdd")
# Makes probabilities of the model's margins; fitted by cross-validation in the tuning half.
_SHARPNESS = 2.8
# What the lexicon adds to the margin, per root of the number of words; 0.1 to 0.25 do equally well there.
_LEXICON_COUNTS = 0.2
_LEXICON_COUNTS_ALONE = 0.6  # and more where it is nearly all there is: one word, one emoji
# A text whose opinion words add up to this much per root of eight words is hardly neutral any more.
_OPINION_UNIT, _OPINION_WORDS = 1.2, 8
_NEGATED = -0.74  # VADER's factor
_CONTRAST = frozenset(
    ["but", "however", "although", "though", "yet", "whereas", "while", "unfortunately", "except", "despite", "sadly"]
)
_CLAUSE = re.compile(
    r"[.!?;\n]+|,|\b(?=(?i:but|however|although|though|yet|whereas|while|unfortunately|except|despite|sadly)\b)"
)
_WEAKEST_SIDE = 1.0  # a clause speaks for a side from this valence on
_MIXED_AT_MOST = 0.97
_WITHOUT_CONTRAST = 0.6
# Longer texts praise and blame as a matter of course.
_CLAUSES_OF_MIXED = 6
_LONGEST_MIXED = 150  # words
_CERTAINTY_COUNTS = 0.8
_DIGITS = 6


def load() -> Analyzer:
    """Read weights and lexicon (30 ms) and return the analyzer."""
    model = _Model.read()
    lexicon = _lexicon()

    def analyze(text: str, _language: str | None, /) -> dict[str, object]:
        listed = words(text)
        valences = _valences(listed, lexicon)
        positive = model.positive(listed, sum(valences))
        scores = _scores(
            positive, _neutrality(valences, len(listed), positive), _mixture(text, listed, valences, lexicon)
        )
        label = max(scores, key=lambda name: scores[name])
        return {"Sentiment": label.upper(), "SentimentScore": scores}

    return analyze


@dataclass(frozen=True, slots=True)
class _Model:
    """Logistic regression over hashed features; `step` is what one unit of a quantised weight is worth."""

    table: Sequence[int]
    step: float
    bias: float

    @classmethod
    def read(cls) -> _Model:
        body = zlib.decompress(files(__package__).joinpath("sentiment_en.bin").read_bytes())
        bits, step, bias = _HEADER.unpack_from(body)
        if bits != sentiment_features.TABLE_BITS:
            raise InternalError(f"sentiment_en.bin was trained for {bits} bits; run benchmarks/train_sentiment.py")
        return cls(array("b", body[_HEADER.size :]), step, bias)

    def positive(self, listed: list[str], valence: float) -> float:
        """Probability that a text with an opinion has a positive one."""
        found = places(listed)
        table = self.table
        total = sum([table[place] for place in found])
        margin = total * self.step / math.sqrt(len(found) or 1) + self.bias
        count = len(listed) or 1
        margin += (_LEXICON_COUNTS + _LEXICON_COUNTS_ALONE / count) * valence / math.sqrt(count)
        return 1 / (1 + math.exp(-_SHARPNESS * margin))


def _valences(listed: list[str], lexicon: dict[str, float]) -> list[float]:
    """What each opinion word says, after negation; words without an opinion are left out."""
    found = []
    get, last = lexicon.get, -REACH - 1
    for i, word in enumerate(listed):
        valence = get(word)
        if valence is not None:
            found.append(valence * _NEGATED if i - last <= REACH else valence)
        if negates(word):
            last = i
    return found


def _neutrality(valences: list[float], count: int, positive: float) -> float:
    """How likely it is that `count` words hold no opinion: few opinion words, and a model that is not sure."""
    density = sum(map(abs, valences)) / math.sqrt(max(1.0, count / _OPINION_WORDS))
    certainty = abs(2 * positive - 1)
    return math.exp(-density / _OPINION_UNIT) * (1 - _CERTAINTY_COUNTS * certainty**2)


def _mixture(text: str, listed: list[str], valences: list[float], lexicon: dict[str, float]) -> float:
    """How likely it is that a text praises and blames: clauses of either sign, of like weight, set in contrast."""
    if len(listed) > _LONGEST_MIXED or not valences or min(valences) >= 0 or max(valences) <= 0:
        return 0.0
    clauses = [sum(_valences(words(clause), lexicon)) for clause in _CLAUSE.split(text)]
    up = sum(valence for valence in clauses if valence > 0)
    down = -sum(valence for valence in clauses if valence < 0)
    if min(up, down) < _WEAKEST_SIDE:
        return 0.0
    contrast = 1.0 if _CONTRAST.intersection(listed) else _WITHOUT_CONTRAST
    crowd = min(1.0, _CLAUSES_OF_MIXED / len(clauses))
    return _MIXED_AT_MOST * math.sqrt(min(up, down) / max(up, down)) * contrast * crowd


def _scores(positive: float, neutral: float, mixed: float) -> dict[str, float]:
    """Share one among the classes, rounded; the largest takes what rounding leaves."""
    neutral *= 1 - mixed
    rest = 1 - mixed - neutral
    scores = {"Mixed": mixed, "Negative": rest * (1 - positive), "Neutral": neutral, "Positive": rest * positive}
    rounded = {name: round(score, _DIGITS) for name, score in scores.items()}
    largest = max(rounded, key=lambda name: rounded[name])
    others = sum(score for name, score in rounded.items() if name != largest)
    return {**rounded, largest: round(1 - others, _DIGITS)}


def _lexicon() -> dict[str, float]:
    """VADER's words, and its emoji by the words that describe them, with valences from -4 to 4."""
    spec = find_spec("vaderSentiment")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'vaderSentiment'", name="vaderSentiment")
    folder = Path(spec.origin).parent
    lines = (folder / "vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    listed = {word: float(mean) for word, mean, *_ in (line.split("\t") for line in lines if line.strip())}
    for line in (folder / "emoji_utf8_lexicon.txt").read_text(encoding="utf-8").splitlines():
        emoji, _, description = line.partition("\t")
        valence = sum(listed.get(word, 0.0) for word in words(description))
        if len(emoji) == 1 and valence:
            listed[emoji] = valence
    return listed
