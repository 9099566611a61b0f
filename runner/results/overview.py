"""What was found, in numbers: labels counted over result lines, analysis by analysis.

Reads results as a user would, line by line, and keeps nothing but counts; `bytes_max` bounds how much is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from runner.model import AnalysisSpec

LABELS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one analysis found in a corpus: `counts` by label, most frequent first, over `documents` lines.

    Labels beyond the first twenty are summed up as `others`.
    """

    analysis: str
    what: str
    counts: tuple[tuple[str, int], ...]
    documents: int


class _Language(msgspec.Struct):
    LanguageCode: str


class _Span(msgspec.Struct):
    Type: str = "?"


class _Phrase(msgspec.Struct):
    Text: str


class _Sentiment(msgspec.Struct):
    Sentiment: str


class _Class(msgspec.Struct):
    Name: str


class _Mention(msgspec.Struct):
    MentionSentiment: _Sentiment


class _Target(msgspec.Struct):
    Mentions: list[_Mention]


class _Events(msgspec.Struct):
    Events: list[_Span]


class _Spans(msgspec.Struct):
    Entities: list[_Span]


class _Topic(msgspec.Struct):
    topic: str


@dataclass(frozen=True, slots=True)
class _View:
    """What of a family's payload is counted: its form, and the labels that one document adds."""

    what: str
    form: Any
    labels: Callable[[Any], Iterable[str]]


def _types(payload: Sequence[_Span]) -> list[str]:
    return [span.Type for span in payload]


_VIEWS: Final[Mapping[str, _View]] = {
    "dominant_language": _View("language", list[_Language], lambda found: [found[0].LanguageCode] if found else []),
    "entities": _View("entity type", list[_Span], _types),
    "custom_entities": _View("entity type", list[_Span], _types),
    "key_phrases": _View("key phrases", list[_Phrase], lambda found: ["all"] * len(found)),
    "sentiment": _View("sentiment", _Sentiment, lambda found: [found.Sentiment]),
    "targeted_sentiment": _View(
        "sentiment of mentions",
        list[_Target],
        lambda found: [mention.MentionSentiment.Sentiment for target in found for mention in target.Mentions],
    ),
    "pii_entities": _View("type of personal data", list[_Span], _types),
    "events": _View("event type", _Events, lambda found: _types(found.Events)),
    "classification": _View("class", list[_Class], lambda found: [found[0].Name] if found else []),
    "topics": _View("topic", list[_Topic], lambda found: [found[0].topic] if found else []),
}


def overview(lines: Iterable[bytes], analyses: Sequence[AnalysisSpec]) -> Iterator[Found]:
    """Count what `analyses` found in result `lines`. Raises msgspec.MsgspecError for lines that are not results."""
    views = {analysis.name: view for analysis in analyses if (view := _view_of(analysis)) is not None}
    row = msgspec.defstruct(
        "Row",
        [(f"a{place}", view.form | None, msgspec.field(name=name)) for place, (name, view) in enumerate(views.items())],
    )
    decode = msgspec.json.Decoder(row).decode
    counts: list[Counter[str]] = [Counter() for _ in views]
    labels = [view.labels for view in views.values()]
    documents = 0
    for line in lines:
        documents += 1
        for payload, of_payload, counter in zip(msgspec.structs.astuple(decode(line)), labels, counts, strict=True):
            if payload is not None:
                counter.update(of_payload(payload))
    for (name, view), counter in zip(views.items(), counts, strict=True):
        yield Found(analysis=name, what=view.what, counts=_first(counter), documents=documents)


def _view_of(analysis: AnalysisSpec) -> _View | None:
    view = _VIEWS.get(analysis.family)
    if view is None or analysis.family != "pii_entities":
        return view
    match dict(analysis.parameters).get("mode", "offsets"):
        case "redaction":
            return None
        case "both":
            return _View(view.what, _Spans, lambda found: _types(found.Entities))
        case _:
            return view


def _first(counter: Counter[str]) -> tuple[tuple[str, int], ...]:
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    others = sum(count for _, count in ranked[LABELS_MAX:])
    return (*ranked[:LABELS_MAX], ("others", others)) if others else tuple(ranked)
