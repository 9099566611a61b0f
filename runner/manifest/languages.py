"""Language codes as people write them, to those of the service: case, regions and scripts."""

from __future__ import annotations

from typing import Final

from runner.catalogue import ALL_LANGUAGES
from runner.manifest.problems import Wrong, closest, found, listed, nearest
from runner.manifest.values import LATER, as_text

_NAMES: Final = {
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "arabic": "ar",
    "hindi": "hi",
    "japanese": "ja",
    "korean": "ko",
    "chinese": "zh",
}
_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})
_RULES: Final = ("field", "detect", "otherwise", "from")


def normalised(text: str) -> str | None:
    """The service's code for a language tag (`EN`, `en-US`, `zh_Hant`); None if it has none.

    Chinese is `zh-TW` where script or region say that it is written in traditional characters.
    """
    language, *rest = text.strip().lower().replace("_", "-").split("-")
    if not all(1 <= len(part) <= 8 and part.isascii() and part.isalnum() for part in rest):
        return None
    if language == "zh":
        return "zh-TW" if "hans" not in rest and _TRADITIONAL.intersection(rest) else "zh"
    return language if language in ALL_LANGUAGES else None


def as_language(value: object) -> str:
    """The fixed language of a corpus; the other rules are known, and refused."""
    if value == "auto":
        raise Wrong(f"language auto is {LATER}; this version takes a code such as en")
    if isinstance(value, dict):
        if not value:
            raise Wrong("expected a code such as en, found an empty mapping")
        for key in value:
            if key not in _RULES:
                message = f"unknown key {found(key)}; valid are {listed(_RULES)}"
                raise Wrong(message, hint=nearest(key, _RULES), inside=(key,), at_key=True)
        raise Wrong(f"language {{{', '.join(value)}: …}} is {LATER}; this version takes a code such as en")
    text = as_text(value)
    code = normalised(text)
    if code is None:
        codes = sorted(ALL_LANGUAGES)
        near = closest(text, [*codes, *_NAMES])
        hint = f"did you mean {_NAMES.get(near, near)}?" if near else None
        raise Wrong(f"{found(text)} is no language of the service; valid are {listed(codes)}", hint=hint)
    return code
