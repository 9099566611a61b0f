"""What a classifier's training data must be: a CSV of label and text, with enough documents in each class. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import BinaryIO, Final, Literal

from runner.compose.models.tables import BadTrainingDataError, Row, columns, read_rows

Mode = Literal["multi_class", "multi_label"]

# COMPREHEND.md section 2.7.
CLASSES_MAX: Final[Mapping[Mode, int]] = {"multi_class": 1000, "multi_label": 100}
PER_CLASS_MIN: Final[Mapping[Mode, int]] = {"multi_class": 50, "multi_label": 10}
DOCUMENTS_MIN: Final = 50
LABEL_CHARACTERS_MAX: Final = 5000
LABEL_SHOWN_MAX: Final = 60


def check_classifier_data(file: BinaryIO, mode: Mode, delimiter: str) -> int:
    """How many documents a classifier would be trained with. Raises BadTrainingDataError for data that cannot be."""
    counts: Counter[str] = Counter()
    documents = 0
    first: tuple[str, ...] = ()
    for row in read_rows(file):
        labels = _labels(row, delimiter if mode == "multi_label" else None)
        first = first or labels
        if row.cells[1].strip():
            documents += 1
            counts.update(labels)
    if not documents:
        raise BadTrainingDataError("it has no documents", hint="a row is a label and a text")
    _check_classes(counts, mode, delimiter, first)
    if documents < DOCUMENTS_MIN:
        raise BadTrainingDataError(f"it has {documents} documents; a classifier needs {DOCUMENTS_MIN}")
    return documents


def _labels(row: Row, delimiter: str | None) -> tuple[str, ...]:
    if len(row.cells) != 2:
        raise BadTrainingDataError(
            f"line {row.line} has {columns(len(row.cells))}, and should have two: the label and the text",
            hint="a text with a comma, a quote or a line break stands in quotes",
        )
    labels = tuple(label.strip() for label in (row.cells[0].split(delimiter) if delimiter else row.cells[:1]))
    if not all(labels):
        between = f" before, after or between {delimiter!r}" if delimiter and len(labels) > 1 else ""
        raise BadTrainingDataError(
            f"line {row.line} has an empty label{between}",
            hint="no class name may contain the delimiter: choose another `delimiter`" if between else None,
        )
    if max(map(len, labels)) > LABEL_CHARACTERS_MAX:
        raise BadTrainingDataError(f"line {row.line} has a label of more than {LABEL_CHARACTERS_MAX} characters")
    return tuple(dict.fromkeys(labels))


def _check_classes(counts: Mapping[str, int], mode: Mode, delimiter: str, first: tuple[str, ...]) -> None:
    if len(counts) < 2:
        raise BadTrainingDataError("it has one class; a classifier needs two at least")
    least = PER_CLASS_MIN[mode]
    few = sorted((count, label) for label, count in counts.items() if count < least)
    if few:
        count, label = few[0]
        others = f", as have {len(few) - 1} more of its {len(counts)} classes" if len(few) > 1 else ""
        raise BadTrainingDataError(
            f"class {label[:LABEL_SHOWN_MAX]!r} has {count} document{'s' if count != 1 else ''}{others}; "
            f"every class needs {least} with mode {mode}",
            hint=_hint(counts, mode, delimiter, first),
        )
    if len(counts) > CLASSES_MAX[mode]:
        raise BadTrainingDataError(f"it has {len(counts)} classes; with mode {mode} there may be {CLASSES_MAX[mode]}")


def _hint(counts: Mapping[str, int], mode: Mode, delimiter: str, first: tuple[str, ...]) -> str | None:
    if len(first) == 1 and counts[first[0]] == 1:
        return f"the first line must be a document, not a header; and the label comes first (here {first[0][:20]!r})"
    if mode == "multi_class" and any(delimiter in label for label in counts):
        return f"labels contain {delimiter!r}: documents of several labels need `mode: multi_label`"
    return None
