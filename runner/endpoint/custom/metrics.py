"""How good a model is on documents that it has not seen, as the service counts it (COMPREHEND.md section 1.8).

Precision, Recall and F1Score are averages over classes, the Micro figures are over all decisions; a share of nothing
is 0. Classifiers are rated from 0 to 1, recognizers from 0 to 100, as the service's own records do. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["entity_metrics", "multi_class_metrics", "multi_label_metrics"]

_Confusion = list[list[int]]


def multi_class_metrics(confusion: _Confusion) -> dict[str, float]:
    """From `confusion[actual][predicted]`, counts of documents."""
    size = len(confusion)
    total = sum(map(sum, confusion))
    right = sum(confusion[at][at] for at in range(size))
    predicted = [sum(row[at] for row in confusion) for at in range(size)]
    shares = [_shares(confusion[at][at], predicted[at], sum(confusion[at])) for at in range(size)]
    accuracy = _share(right, total)
    micro = dict.fromkeys(("MicroPrecision", "MicroRecall", "MicroF1Score"), accuracy)
    return _rounded({"Accuracy": accuracy, **_averages(shares), **micro, "HammingLoss": 1 - accuracy if total else 0.0})


def multi_label_metrics(confusions: Sequence[_Confusion]) -> dict[str, float]:
    """From one `[[neither, only predicted], [only actual, both]]` per label, counts of documents.

    Accuracy is the share of the documents' labels that were recognised, as the service defines it.
    """
    both = sum(one[1][1] for one in confusions)
    predicted = sum(one[0][1] + one[1][1] for one in confusions)
    actual = sum(one[1][0] + one[1][1] for one in confusions)
    wrong = sum(one[0][1] + one[1][0] for one in confusions)
    decisions = sum(sum(map(sum, one)) for one in confusions)
    shares = [_shares(one[1][1], one[0][1] + one[1][1], one[1][0] + one[1][1]) for one in confusions]
    precision, recall, f1 = _shares(both, predicted, actual)
    return _rounded(
        {
            "Accuracy": recall,
            **_averages(shares),
            "MicroPrecision": precision,
            "MicroRecall": recall,
            "MicroF1Score": f1,
            "HammingLoss": _share(wrong, decisions),
        }
    )


def entity_metrics(counts: Mapping[str, tuple[int, int, int]]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Over all entities, and per type, from (found rightly, found, there) of each type."""
    columns = list(zip(*counts.values(), strict=True)) or [(0,), (0,), (0,)]
    return _percent(*map(sum, columns)), {name: _percent(*count) for name, count in counts.items()}


def _percent(right: int, found: int, there: int) -> dict[str, float]:
    shares = [100 * share for share in _shares(right, found, there)]
    return _rounded(dict(zip(("Precision", "Recall", "F1Score"), shares, strict=True)))


def _shares(right: int, predicted: int, actual: int) -> tuple[float, float, float]:
    precision, recall = _share(right, predicted), _share(right, actual)
    return precision, recall, _share(2 * precision * recall, precision + recall)


def _averages(shares: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    names = ("Precision", "Recall", "F1Score")
    return {name: _share(sum(one[at] for one in shares), len(shares)) for at, name in enumerate(names)}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}
