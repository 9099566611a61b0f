"""What the sentiment model sees of a text: its words, its pairs of words, and what a negation turns round.

Shared by the analyzer and by the script that trains it (`benchmarks/train_sentiment.py`), so that both see the
same. Owns the place of a feature in the table of weights; a change here calls for new weights.
"""

from __future__ import annotations

import re
from itertools import pairwise
from zlib import crc32

TABLE_BITS = 19
_MASK = (1 << TABLE_BITS) - 1
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[!?]+|:-?[()]|[\u2600-\u27bf\U0001f300-\U0001faff]")
_NEGATIONS = frozenset(
    ["not", "no", "never", "nor", "cannot", "nothing", "none", "neither", "without", "hardly", "barely", "nobody"]
)
# A negation reaches over so many words: "not a very good film".
REACH = 4


def words(text: str) -> list[str]:
    """Lower-case words, exclamations, smileys and emoji, the typographic apostrophe made plain."""
    return _WORD.findall(text.lower().replace("’", "'"))


def negates(word: str) -> bool:
    """Whether the words after this one mean the contrary."""
    return word in _NEGATIONS or word.endswith("n't")


def places(listed: list[str]) -> set[int]:
    """Places in the table of all features of these words, each once."""
    features = {*listed, *map(" ".join, pairwise(listed))}
    left = 0
    for word in listed:
        if negates(word):
            left = REACH
        elif left:
            features.add("!" + word)
            left -= 1
    return {crc32(feature.encode()) & _MASK for feature in features}
