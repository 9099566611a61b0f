"""Sentiment of English texts: words of VADER's lexicon, and the service's four classes.

Owns how evidence becomes POSITIVE, NEGATIVE, NEUTRAL or MIXED with scores that sum to one.
"""

from __future__ import annotations

import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from runner.endpoint.analyzers.known_names import words

if TYPE_CHECKING:
    from runner.endpoint.analyzers import Analyzer

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CLAUSE = re.compile(r"[.!?;:]+\s|\n|,?\s(?:but|however|although|though|yet|whereas|while|unfortunately|except)\b")
_NEGATIONS = words(
    "not no never none nobody nothing neither nor nowhere hardly scarcely barely without cannot cant wont dont doesnt "
    "didnt isnt wasnt arent werent couldnt wouldnt shouldnt havent hasnt hadnt aint"
)
_REACH = 3


def load() -> Analyzer:
    """Read the lexicon and return the analyzer."""
    lexicon = _lexicon()

    def analyze(text: str, _language: str | None, /) -> dict[str, object]:
        clauses = [_valence(clause, lexicon) for clause in _CLAUSE.split(text)]
        up = sum(v for v in clauses if v > 0)
        down = -sum(v for v in clauses if v < 0)
        scores = _scores(up, down)
        label = max(scores, key=lambda name: (scores[name], name))
        return {"Sentiment": label.upper(), "SentimentScore": scores}

    return analyze


def _valence(clause: str, lexicon: dict[str, float]) -> float:
    total, negated = 0.0, 0
    for word in _WORD.findall(clause.lower()):
        bare = word.replace("'", "").replace("’", "")
        if bare in _NEGATIONS or word.endswith(("n't", "n’t")):
            negated = _REACH + 1
        total += lexicon.get(word, 0.0) * (-0.74 if negated else 1.0)
        negated = max(0, negated - 1)
    return total


def _scores(up: float, down: float) -> dict[str, float]:
    weights = {
        "Mixed": 2 * min(up, down),
        "Negative": max(0.0, down - up * 0.5),
        "Neutral": 1.0,
        "Positive": max(0.0, up - down * 0.5),
    }
    odds = {name: math.exp(min(weight, 6.0)) for name, weight in weights.items()}
    total = sum(odds.values())
    return {name: round(value / total, 6) for name, value in odds.items()}


def _lexicon() -> dict[str, float]:
    spec = find_spec("vaderSentiment")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'vaderSentiment'", name="vaderSentiment")
    lines = (Path(spec.origin).parent / "vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    return {word: float(mean) for word, mean, *_ in (line.split("\t") for line in lines if line.strip())}
