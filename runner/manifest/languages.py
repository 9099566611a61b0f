"""How a corpus's languages are found, and language codes as people write them: case, regions and scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from runner.catalogue import ALL_LANGUAGES, FAMILIES
from runner.manifest.problems import Wrong, closest, each, found, listed, nearest
from runner.manifest.values import as_text, as_texts
from runner.model import LanguageRule

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
_RULES: Final[Mapping[str, tuple[str, ...]]] = {"field": (), "detect": ("otherwise",), "from": ()}
"""The keys that make a rule, and those that each takes beside it."""
_KEYS: Final = ("field", "detect", "otherwise", "from")


class FieldRule(BaseModel):
    """Each row names its language."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    field: str
    """The path of the language in a row."""


class DetectRule(BaseModel):
    """A local detector decides among some languages."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    detect: list[str]
    """The codes of the languages that there are."""
    otherwise: str | None = None
    """The code of what is in none of them; left out, such documents have no language that is known."""


class FromRule(BaseModel):
    """The results of an analysis tell."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    analysis: str = Field(alias="from")
    """The name of an analysis of family dominant_language that reads the corpus."""


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


def as_code(value: object) -> str:
    """One language of the service, under its own code."""
    text = as_text(value)
    code = normalised(text)
    if code is None:
        codes = sorted(ALL_LANGUAGES)
        near = closest(text, [*codes, *_NAMES])
        hint = f"did you mean {_NAMES.get(near, near)}?" if near else None
        raise Wrong(f"{found(text)} is no language of the service; valid are {listed(codes)}", hint=hint)
    return code


def as_training_language(value: object) -> str:
    """The language of what a custom model is trained with."""
    code = as_code(value)
    taken = FAMILIES["classification"].languages or frozenset()
    if code not in taken:
        raise Wrong(f"custom models of plain text are not trained in {code}; valid are {listed(sorted(taken))}")
    return code


def as_language(value: object) -> LanguageRule:
    """A code for all documents, `auto`, or a rule: `{field: …}`, `{detect: […], otherwise: …}`, `{from: …}`."""
    if value == "auto":
        return LanguageRule(kind="auto")
    if not isinstance(value, dict):
        return LanguageRule(kind="fixed", code=as_code(value))
    for key in value:
        if key not in _KEYS:
            message = f"unknown key {found(key)}; valid are {listed(_KEYS)}"
            raise Wrong(message, hint=nearest(key, _KEYS), inside=(key,), at_key=True)
    kinds = [key for key in value if key in _RULES]
    if len(kinds) != 1:
        written = f"{listed(kinds)} at once" if kinds else found(value)
        hint = "or a code such as en, or auto"
        raise Wrong(f"expected one of field, detect and from, found {written}", hint=hint)
    kind = kinds[0]
    for key in value:
        if key != kind and key not in _RULES[kind]:
            raise Wrong(f"goes with detect, not with {kind}", inside=(key,), at_key=True)
    if kind == "from":
        return LanguageRule(kind="from", path=_inside("from", value["from"], as_text))
    if kind == "field":
        return LanguageRule(kind="field", path=_inside("field", value["field"], as_text))
    return _detect(value)


def _detect(value: Mapping[str, object]) -> LanguageRule:
    among = _inside("detect", value["detect"], lambda item: as_texts(item, as_code))
    if len(among) < 2:
        raise Wrong("expected at least two languages to tell apart", hint="or a code alone", inside=("detect",))
    otherwise = value.get("otherwise")
    code = None if otherwise is None else _inside("otherwise", otherwise, as_code)
    return LanguageRule(kind="detect", code=code, among=among)


Value = TypeVar("Value")


def _inside(key: str, value: object, read: Callable[[object], Value]) -> Value:
    (read_value,) = each([(key, value)], read)
    return read_value[1]


LANGUAGE: Final = PlainValidator(
    as_language,
    # Editors propose the codes; other ways to write one are texts as well.
    json_schema_input_type=Literal[("auto", *sorted(ALL_LANGUAGES))] | str | FieldRule | DetectRule | FromRule,  # noqa: PYI051
)
TRAINING_LANGUAGE: Final = PlainValidator(as_training_language, json_schema_input_type=str)
