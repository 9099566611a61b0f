"""The languages of documents, by the rule of their corpus: given, read from a row, or detected.

What comes out is a code of the service (`zh-TW` for Chinese in traditional characters), another ISO 639-1 code for
languages that it does not analyse, or None where the language is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from runner.model import UNDECIDED, LanguageRule

FindLanguages = Callable[[Sequence[str], Sequence[str | None] | None], list[str | None]]
"""(Folded texts, what their rows say) -> their languages."""

_LISTED: Final = """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja
    jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq
    sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_ISO_639_1: Final = frozenset(_LISTED.split())
_OTHER_NAMES: Final = {
    "eng": "en", "spa": "es", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "ita": "it", "por": "pt",
    "ara": "ar", "hin": "hi", "jpn": "ja", "kor": "ko", "zho": "zh", "chi": "zh", "cmn": "zh", "iw": "he",
}  # fmt: skip
"""ISO 639-2 and -3 for the service's languages, and an old code: what columns hold beside ISO 639-1."""


def language_finder(rule: LanguageRule | None) -> FindLanguages:
    """How the languages of a corpus are found.

    What the results of an analysis are to tell is `UNDECIDED` for all. Raises MachineError if languages are to be
    detected and no detector is installed.
    """
    if rule is None or rule.kind == "fixed":
        code = rule.code if rule is not None else None
        return lambda texts, _: [code] * len(texts)
    if rule.kind == "field":
        return _read
    if rule.kind == "auto":
        from runner.survey.detecting import load

        sure = load().sure
        return lambda texts, _: [sure(text) if _has_text(text) else None for text in texts]
    if rule.kind == "detect":
        return _chooser(rule)
    return lambda texts, _: [UNDECIDED] * len(texts)


@lru_cache(maxsize=4096)
def language_of(value: str | None) -> str | None:
    """The language that a row names, None if it names none: case, regions and scripts are set aside (but zh-TW)."""
    from runner.manifest.languages import normalised  # with all of pydantic, which other rules do not need

    if value is None:
        return None
    language, separator, rest = value.strip().lower().replace("_", "-").partition("-")
    language = _OTHER_NAMES.get(language, language)
    if language in _ISO_639_1:
        tag = f"{language}{separator}{rest}"
        return normalised(tag) or (language if all(part.isalnum() for part in tag.split("-")) else None)
    return None


def _read(texts: Sequence[str], values: Sequence[str | None] | None) -> list[str | None]:
    if values is None:
        return [None] * len(texts)
    return list(map(language_of, values))


def _chooser(rule: LanguageRule) -> FindLanguages:
    from runner.survey.detecting import load

    choice, among, otherwise = load().choice, frozenset(rule.among), rule.code

    def choose(texts: Sequence[str], _: Sequence[str | None] | None) -> list[str | None]:
        return [(choice(text, among) or otherwise) if _has_text(text) else otherwise for text in texts]

    return choose


def _has_text(text: str) -> bool:
    return not (not text or text.isspace())
