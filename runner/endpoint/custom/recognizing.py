"""A trained recognizer at work: a text in, its entities out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.custom.gazetteer import Gazetteer
from runner.endpoint.custom.spans import Span, longest_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.endpoint.custom.model_file import RecognizerModel

__all__ = ["finder", "recognizer"]

_DIGITS: Final = 6


def recognizer(model: RecognizerModel) -> Callable[[str, str | None], dict[str, Any]]:
    """The analyzer of a model: rows have `Entities`, in the order of the text, none overlapping another."""
    find = finder(model)
    types = model.types

    def analyze(text: str, _language: str | None, /) -> dict[str, Any]:
        return {
            "Entities": [
                {
                    "BeginOffset": span.begin,
                    "EndOffset": span.end,
                    "Score": round(span.score, _DIGITS),
                    "Text": text[span.begin : span.end],
                    "Type": types[span.kind],
                }
                for span in find(text)
            ]
        }

    return analyze


def finder(model: RecognizerModel) -> Callable[[str], list[Span]]:
    """What finds a model's entities: its names, its tagger, or both; where they overlap, as `longest_first` says."""
    names = Gazetteer(model.names).find
    if model.tagger is None:
        return names
    from runner.endpoint.custom.tagging import Tagger

    tagged = Tagger(model.tagger).find
    return lambda text: longest_first([*tagged(text), *names(text)])
