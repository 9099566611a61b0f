"""A document classifier, from labelled documents; pure.

Owns which documents are held out, which words count, and what is said of the result. Memory is four bytes for each
word and pair of words: about the size of the texts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from runner.endpoint.custom.classifying import margins_of
from runner.endpoint.custom.hashed import ALWAYS, TABLE_BITS, Table, pack_table, places_of
from runner.endpoint.custom.learning import fit_sharpness, learn
from runner.endpoint.custom.metrics import multi_class_metrics, multi_label_metrics
from runner.endpoint.custom.model_file import ClassifierModel
from runner.endpoint.custom.problems import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from runner.endpoint.custom.tables import Labelled

__all__ = ["Mode", "TrainedClassifier", "train_classifier"]

Mode = Literal["MULTI_CLASS", "MULTI_LABEL"]

# COMPREHEND.md section 2.7.
_CLASSES_MAX: Final = {"MULTI_CLASS": 1000, "MULTI_LABEL": 100}
_PER_CLASS_MIN: Final = {"MULTI_CLASS": 50, "MULTI_LABEL": 10}
_DOCUMENTS_MIN: Final = 50
_HELD_OUT: Final = 10  # one document in so many
_SEEN_MIN: Final = 2  # documents with a word that counts
_WEIGHTS_MAX: Final = 24_000_000  # of all classes together: 300 MB while learning


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedClassifier:
    """A model, its ClassifierMetadata, its confusion matrix, and what its owner should look at."""

    model: ClassifierModel
    metadata: dict[str, Any]
    confusion: dict[str, Any]
    warnings: list[str]


@dataclass(slots=True)
class _Documents:
    places: list[NDArray[np.uint32]] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    blank: int = 0


def train_classifier(
    documents: Iterable[Labelled], *, mode: Mode, test: Iterable[Labelled] | None = None
) -> TrainedClassifier:
    """Learn from `documents`, and rate the result on `test`, or on one in ten of them, held out.

    Raises TrainingDataError where the service's limits are not kept.
    """
    given, warnings = _gathered(documents), []
    if given.blank:
        warnings.append(f"{given.blank} training documents without text were ignored.")
    counts = Counter(label for labels in given.labels for label in labels)
    _check(counts, len(given.labels), mode)
    classes = sorted(counts)
    if test is None:
        train, tried = _split(given, mode)
    else:
        train, tried = given, _known(_gathered(test), counts, warnings)
    exclusive = mode == "MULTI_CLASS"
    model = _learned(train, tried, classes, mode)
    margins = _margins(model, tried)
    predicted = _one_hot(margins.argmax(axis=1), len(classes)) if exclusive else margins > 0
    actual = _wanted(tried.labels, classes) > 0
    matrix = _confusion(actual, predicted, exclusive=exclusive)
    figures = multi_class_metrics(matrix) if exclusive else multi_label_metrics(matrix)
    return TrainedClassifier(
        model=model,
        metadata={
            "NumberOfLabels": len(classes),
            "NumberOfTrainedDocuments": len(train.labels),
            "NumberOfTestDocuments": len(tried.labels),
            "EvaluationMetrics": figures,
        },
        confusion={"type": mode.lower(), "confusion_matrix": matrix, "labels": classes, "all_labels": classes},
        warnings=warnings,
    )


def _gathered(documents: Iterable[Labelled]) -> _Documents:
    found = _Documents()
    for document in documents:
        if not document.text.strip():
            found.blank += 1
            continue
        found.places.append(places_of(document.text))
        found.labels.append(document.labels)
        found.texts.append(hashlib.blake2b(document.text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())
    return found


def _check(counts: Counter[str], documents: int, mode: Mode) -> None:
    if not documents:
        raise TrainingDataError("The training data has no documents.")
    if len(counts) < 2:
        raise TrainingDataError("The training data has one class; a classifier needs at least two.")
    if len(counts) > _CLASSES_MAX[mode]:
        raise TrainingDataError(
            f"The training data has {len(counts)} classes; there may be {_CLASSES_MAX[mode]} in {mode} mode."
        )
    least = _PER_CLASS_MIN[mode]
    few = sorted((count, label) for label, count in counts.items() if count < least)
    if few:
        count, label = few[0]
        raise TrainingDataError(
            f"{len(few)} of {len(counts)} classes have too few documents: {label[:100]!r} has {count}, and every class "
            f"needs {least} in {mode} mode."
        )
    if documents < _DOCUMENTS_MIN:
        raise TrainingDataError(f"The training data has {documents} documents; a classifier needs {_DOCUMENTS_MIN}.")


def _split(given: _Documents, mode: Mode) -> tuple[_Documents, _Documents]:
    """Hold out one document in ten of each class, chosen by their texts alone, not by their order.

    With several labels a document counts for the rarest; the same text is never on both sides.
    """
    counts = Counter(label for labels in given.labels for label in labels)
    groups: dict[str, list[int]] = {}
    for at, labels in enumerate(given.labels):
        rarest = labels[0] if mode == "MULTI_CLASS" else min(labels, key=lambda label: (counts[label], label))
        groups.setdefault(rarest, []).append(at)
    held: set[str] = set()
    for group in groups.values():
        texts = sorted({given.texts[at] for at in group})
        held.update(texts[: round(len(texts) / _HELD_OUT)])
    return _chosen(given, held, keep=False), _chosen(given, held, keep=True)


def _chosen(given: _Documents, held: set[str], *, keep: bool) -> _Documents:
    at = [number for number, text in enumerate(given.texts) if (text in held) == keep]
    return _Documents([given.places[n] for n in at], [given.labels[n] for n in at], [given.texts[n] for n in at])


def _known(test: _Documents, counts: Counter[str], warnings: list[str]) -> _Documents:
    """The test documents whose labels were trained."""
    at = [number for number, labels in enumerate(test.labels) if all(label in counts for label in labels)]
    ignored = len(test.labels) - len(at)
    if ignored:
        warnings.append(f"{ignored} test documents with labels that the training data does not have were ignored.")
    if not at:
        raise TrainingDataError("The test data has no documents with the labels of the training data.")
    return _Documents([test.places[n] for n in at], [test.labels[n] for n in at], [test.texts[n] for n in at])


def _learned(train: _Documents, tried: _Documents, classes: list[str], mode: Mode) -> ClassifierModel:
    exclusive = mode == "MULTI_CLASS"
    places, number = _vocabulary(train.places, len(classes))
    rows = [(found := number[one])[found >= 0] for one in train.places]
    weights = learn(rows, _wanted(train.labels, classes), len(places), exclusive=exclusive)
    model = ClassifierModel(mode=mode, classes=classes, weights=pack_table(places, weights), sharpness=1.0)
    sharpness = fit_sharpness(_margins(model, tried), _wanted(tried.labels, classes), exclusive=exclusive)
    return ClassifierModel(mode=mode, classes=classes, weights=model.weights, sharpness=sharpness)


def _vocabulary(documents: list[NDArray[np.uint32]], classes: int) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """The places that count, sorted, and the number of each place among them, -1 for the others."""
    seen = np.zeros(1 << TABLE_BITS, np.int32)
    for places in documents:
        seen[places] += 1
    least = _SEEN_MIN
    room = _WEIGHTS_MAX // classes
    while np.count_nonzero(seen >= least) > room:
        least += 1
    seen[ALWAYS] = max(int(seen[ALWAYS]), least)
    places = np.flatnonzero(seen >= least).astype(np.uint32)
    number = np.full(1 << TABLE_BITS, -1, np.int32)
    number[places] = np.arange(len(places), dtype=np.int32)
    return places, number


def _wanted(labels: list[tuple[str, ...]], classes: list[str]) -> NDArray[np.float32]:
    column = {name: at for at, name in enumerate(classes)}
    wanted = np.zeros((len(labels), len(classes)), np.float32)
    for at, names in enumerate(labels):
        wanted[at, [column[name] for name in names]] = 1
    return wanted


def _margins(model: ClassifierModel, documents: _Documents) -> NDArray[np.float32]:
    table = Table(model.weights)
    margins = [margins_of(table, places) for places in documents.places]
    return np.array(margins, np.float32).reshape(len(margins), len(model.classes))


def _one_hot(columns: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = np.arange(count) == columns[:, None]
    return chosen


def _confusion(actual: NDArray[np.bool_], predicted: NDArray[np.bool_], *, exclusive: bool) -> Any:
    """`[actual][predicted]` of all classes, or for each label `[[neither, predicted], [actual, both]]`."""
    if exclusive:
        return (actual.T.astype(np.int64) @ predicted.astype(np.int64)).tolist()
    columns = zip(actual.T, predicted.T, strict=True)
    return [
        [[int((~a & ~p).sum()), int((~a & p).sum())], [int((a & ~p).sum()), int((a & p).sum())]] for a, p in columns
    ]
