"""A trained classifier at work: a text in, its classes or labels out, the likeliest first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.endpoint.custom.hashed import Table, places_of
from runner.endpoint.custom.learning import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from runner.endpoint.custom.model_file import ClassifierModel

__all__ = ["classifier", "margins_of"]

_SHOWN_MAX: Final = 10  # classes per row, of the up to 1,000 that a model has
_DIGITS: Final = 6


def classifier(model: ClassifierModel) -> Callable[[str, str | None], dict[str, Any]]:
    """The analyzer of a model: rows have `Classes` (scores sum to one over all classes) or `Labels`."""
    table = Table(model.weights)
    exclusive = model.mode == "MULTI_CLASS"
    member = "Classes" if exclusive else "Labels"
    names = model.classes

    def analyze(text: str, _language: str | None, /) -> dict[str, Any]:
        margins = margins_of(table, places_of(text)) * model.sharpness
        scores = probabilities(margins, exclusive=exclusive)
        best = np.argsort(-scores, kind="stable")[:_SHOWN_MAX].tolist()
        return {member: [{"Name": names[at], "Score": round(float(scores[at]), _DIGITS)} for at in best]}

    return analyze


def margins_of(table: Table, places: NDArray[np.uint32]) -> NDArray[Any]:
    """What each class has in its favour, before it is made a probability."""
    total, count = table.total(places)
    margins: NDArray[Any] = total * (table.step / math.sqrt(count or 1))
    return margins
