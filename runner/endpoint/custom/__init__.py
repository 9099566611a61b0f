"""Custom models: classifiers and recognizers that users train, and the operations on them.

    tables.py, classifier_training.py, learning.py, hashed.py, metrics.py, classifying.py    classifiers
    annotations.py, recognizer_training.py, tagger_training.py, tagging.py, gazetteer.py, recognizing.py    recognizers
    model_file.py    a trained model as bytes
    task.py, child.py, sources.py, trainer.py    a training, in a process of its own
    kinds.py, creating.py, book.py, listing.py, models.py    what the service decides and keeps

    from runner.endpoint.custom import load_classifier, load_recognizer

    load_classifier(path.read_bytes())("A dull film.", None)    # {"Classes": [{"Name": "neg", "Score": 0.93}, ...]}
    load_recognizer(path.read_bytes())("Jo Brown left.", None)  # {"Entities": [{"BeginOffset": 0, ...}]}

The first three lines are pure, and imported only where they are used: NumPy costs more than starting the endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["load_classifier", "load_recognizer"]


def load_classifier(data: bytes) -> Callable[[str, str | None], dict[str, Any]]:
    """The analyzer of a trained classifier: text to `Classes` or `Labels`; MachineError for a damaged model."""
    from runner.endpoint.custom.classifying import classifier
    from runner.endpoint.custom.model_file import unpack_classifier

    return classifier(unpack_classifier(data))


def load_recognizer(data: bytes) -> Callable[[str, str | None], dict[str, Any]]:
    """The analyzer of a trained recognizer: text to `Entities`; MachineError for a damaged model."""
    from runner.endpoint.custom.model_file import unpack_recognizer
    from runner.endpoint.custom.recognizing import recognizer

    return recognizer(unpack_recognizer(data))
