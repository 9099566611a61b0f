"""Metrics against figures worked out by hand, for the matrices in the service's own guide."""

from __future__ import annotations

from runner.endpoint.custom.metrics import entity_metrics, multi_class_metrics, multi_label_metrics


def test_multi_class() -> None:
    """A B X Y of the guide: 6 of 16 right; precision 1/2, 3/6, 1/2, 1/6; recall 1/7, 3/4, 1, 1/4."""
    found = multi_class_metrics([[1, 2, 0, 4], [0, 3, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]])

    assert found == {
        "Accuracy": 0.375,
        "Precision": 0.4167,
        "Recall": 0.5357,
        "F1Score": 0.4222,
        "MicroPrecision": 0.375,
        "MicroRecall": 0.375,
        "MicroF1Score": 0.375,
        "HammingLoss": 0.625,
    }


def test_multi_label() -> None:
    """Comedy, Action, Drama of the guide: 4 of 7 labels found, 6 predicted, 5 of 15 decisions wrong."""
    found = multi_label_metrics([[[2, 1], [0, 2]], [[1, 1], [2, 1]], [[3, 0], [1, 1]]])

    assert found == {
        "Accuracy": 0.5714,
        "Precision": 0.7222,
        "Recall": 0.6111,
        "F1Score": 0.6222,
        "MicroPrecision": 0.6667,
        "MicroRecall": 0.5714,
        "MicroF1Score": 0.6154,
        "HammingLoss": 0.3333,
    }


def test_entities_are_rated_out_of_a_hundred() -> None:
    overall, each = entity_metrics({"A": (3, 4, 6), "B": (0, 0, 2)})

    assert overall == {"Precision": 75.0, "Recall": 37.5, "F1Score": 50.0}
    assert each == {
        "A": {"Precision": 75.0, "Recall": 50.0, "F1Score": 60.0},
        "B": {"Precision": 0.0, "Recall": 0.0, "F1Score": 0.0},
    }


def test_nothing_to_rate_is_zero() -> None:
    assert set(multi_class_metrics([[0, 0], [0, 0]]).values()) == {0.0}
    assert set(entity_metrics({})[0].values()) == {0.0}
