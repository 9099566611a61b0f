"""An entity recognizer, from a list of names or from annotated documents; pure.

A list is looked up; annotations train a tagger, and names that they hold time and again are looked up as well. Owns
which documents are held out and how the result is rated on them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.custom.annotations import check_corpus
from runner.endpoint.custom.gazetteer import Gazetteer
from runner.endpoint.custom.metrics import entity_metrics
from runner.endpoint.custom.model_file import RecognizerModel
from runner.endpoint.custom.problems import TrainingDataError
from runner.endpoint.custom.recognizing import finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.endpoint.custom.annotations import Document
    from runner.endpoint.custom.spans import Span

__all__ = ["TrainedRecognizer", "train_from_annotations", "train_from_names"]

_HELD_OUT: Final = 5  # one document in so many
_ANNOTATIONS_MIN: Final = 25  # of each type; COMPREHEND.md section 2.7
_TIME_AND_AGAIN: Final = 2  # documents
_NEARLY_ALWAYS: Final = 0.9  # of a name's occurrences are annotated

Annotated = tuple[str, list["Span"]]
"""A text and its entities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRecognizer:
    """A model, its EntityRecognizerMetadata, and what its owner should look at."""

    model: RecognizerModel
    metadata: dict[str, Any]
    warnings: list[str]


def train_from_names(
    documents: Sequence[Document], names: Sequence[tuple[str, int]], types: Sequence[str]
) -> TrainedRecognizer:
    """A recognizer that finds listed names. What the list finds as it is written is taken for the truth.

    Raises TrainingDataError where the service's limits are not kept.
    """
    check_corpus(documents)
    model = RecognizerModel(types=list(types), names=list(names), tagger=None)
    listed = Gazetteer(names).find
    exact = set(names)
    texts = _texts(documents)
    truth = [(text, [one for one in listed(text) if (text[one.begin : one.end], one.kind) in exact]) for text in texts]
    train, test = _split(truth)
    counts = _counts(train, len(types))
    warnings = [
        f"No training document mentions an entry of the type {name}."
        for name, count in zip(types, _counts(truth, len(types)), strict=True)
        if not count
    ]
    return TrainedRecognizer(model=model, metadata=_metadata(model, train, test, counts), warnings=warnings)


def train_from_annotations(
    documents: Sequence[Document],
    annotations: Sequence[list[Span]],
    types: Sequence[str],
    *,
    test: tuple[Sequence[Document], Sequence[list[Span]]] | None = None,
) -> TrainedRecognizer:
    """A recognizer that has learned from `annotations`, the entities of each document.

    It is rated on `test`, or on one document in five, held out. Raises TrainingDataError where the service's limits
    are not kept.
    """
    from runner.endpoint.custom.tagger_training import train_tagger

    check_corpus(documents)
    annotated = _annotated(documents, annotations)
    for name, count in zip(types, _counts(annotated, len(types)), strict=True):
        if count < _ANNOTATIONS_MIN:
            raise TrainingDataError(
                f"The entity type {name} has {count} annotations; every type needs {_ANNOTATIONS_MIN}."
            )
    train, held_out = _split(annotated) if test is None else (annotated, _annotated(*test))
    model = RecognizerModel(types=list(types), names=_names_in(train), tagger=train_tagger(train, len(types)))
    counts = _counts(train, len(types))
    return TrainedRecognizer(model=model, metadata=_metadata(model, train, held_out, counts), warnings=[])


def _texts(documents: Sequence[Document]) -> list[str]:
    return [document.text for document in documents if document.text.strip()]


def _annotated(documents: Sequence[Document], annotations: Sequence[list[Span]]) -> list[Annotated]:
    pairs = zip(documents, annotations, strict=True)
    return [(document.text, spans) for document, spans in pairs if document.text.strip()]


def _split(annotated: Sequence[Annotated]) -> tuple[list[Annotated], list[Annotated]]:
    """Hold out one document in five, of those without entities and of those of each type, chosen by texts alone.

    A document of several types counts for the rarest; the same text is never on both sides.
    """
    mentions = Counter(span.kind for _, spans in annotated for span in spans)
    groups: dict[int, set[str]] = {}
    for text, spans in annotated:
        groups.setdefault(min((span.kind for span in spans), key=lambda k: mentions[k], default=-1), set()).add(text)
    held: set[str] = set()
    for _, group in sorted(groups.items()):
        texts = sorted(group, key=_draw)
        held.update(texts[: round(len(texts) / _HELD_OUT)])
    return [one for one in annotated if one[0] not in held], [one for one in annotated if one[0] in held]


def _draw(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _counts(annotated: Iterable[Annotated], types: int) -> list[int]:
    counts = Counter(span.kind for _, spans in annotated for span in spans)
    return [counts[kind] for kind in range(types)]


def _names_in(train: Sequence[Annotated]) -> list[tuple[str, int]]:
    """Names that several documents annotate, always as one type, and hardly any leaves unannotated."""
    kinds: dict[str, set[int]] = {}
    documents: Counter[str] = Counter()
    annotated: Counter[str] = Counter()
    for text, spans in train:
        found = [(text[span.begin : span.end], span.kind) for span in spans]
        annotated.update(name for name, _ in found)
        documents.update({name for name, _ in found})
        for name, kind in found:
            kinds.setdefault(name, set()).add(kind)
    likely = sorted(name for name, of in kinds.items() if len(of) == 1 and documents[name] >= _TIME_AND_AGAIN)
    look = Gazetteer([(name, number) for number, name in enumerate(likely)]).find
    occurring = Counter(text[one.begin : one.end] for text, _ in train for one in look(text))
    return [(name, min(kinds[name])) for name in likely if annotated[name] >= _NEARLY_ALWAYS * occurring[name]]


def _metadata(
    model: RecognizerModel, train: Sequence[Annotated], test: Sequence[Annotated], mentions: Sequence[int]
) -> dict[str, Any]:
    find = finder(model)
    right, found, there = Counter[int](), Counter[int](), Counter[int]()
    for text, spans in test:
        seen = {span[:3] for span in find(text)}
        wanted = {span[:3] for span in spans}
        right.update(kind for _, _, kind in seen & wanted)
        found.update(kind for _, _, kind in seen)
        there.update(kind for _, _, kind in wanted)
    counts = {name: (right[kind], found[kind], there[kind]) for kind, name in enumerate(model.types)}
    overall, each = entity_metrics(counts)
    return {
        "NumberOfTrainedDocuments": len(train),
        "NumberOfTestDocuments": len(test),
        "EvaluationMetrics": overall,
        "EntityTypes": [
            {"Type": name, "EvaluationMetrics": each[name], "NumberOfTrainMentions": mentions[kind]}
            for kind, name in enumerate(model.types)
        ],
    }
