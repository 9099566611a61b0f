"""One training as a function of files: what a process of its own is asked, does, and answers.

Owns the reading of the files and the durable writing of the model. Raises nothing for bad data: that is an answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import msgspec

from runner.endpoint.blobs import flush_file
from runner.endpoint.custom.problems import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outcome", "Training", "carry_out"]

_BYTES_MAX: Final = 1024**3  # of this endpoint; the service takes 5 GB of a classifier's data, 200 MB of a recognizer's

Files = list[tuple[str, str]]
"""(name, path) of each object."""


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be trained: on which files, and where the model goes.

    `tables` are CSV files: labelled documents of a classifier, else annotations or an entity list; `documents` and
    `per_line` are a recognizer's. Empty test files mean that some of the data is held out.
    """

    kind: Literal["MULTI_CLASS", "MULTI_LABEL", "annotations", "entity_list"]
    tables: Files
    model_path: str
    delimiter: str = "|"
    documents: Files = []
    test_tables: Files = []
    test_documents: Files = []
    types: list[str] = []
    per_line: bool = True


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: an `error` for the model's owner, or the metadata of a model that is durable now."""

    error: str | None = None
    metadata: dict[str, Any] | None = None
    warnings: list[str] = []
    confusion: dict[str, Any] | None = None


def carry_out(training: Training) -> Outcome:
    """Train; takes seconds, and about as much memory as the data has bytes."""
    try:
        _check_size(training)
        return _classifier(training) if training.kind in ("MULTI_CLASS", "MULTI_LABEL") else _recognizer(training)
    except TrainingDataError as error:
        return Outcome(error=str(error))


def _check_size(training: Training) -> None:
    files = [*training.tables, *training.documents, *training.test_tables, *training.test_documents]
    size = sum(Path(path).stat().st_size for _, path in files)
    if size > _BYTES_MAX:
        raise TrainingDataError(f"The training data has {size} bytes; this local endpoint trains on {_BYTES_MAX}.")


def _classifier(training: Training) -> Outcome:
    from runner.endpoint.custom.classifier_training import train_classifier
    from runner.endpoint.custom.tables import labelled, read_rows

    multi_label = training.kind == "MULTI_LABEL"
    delimiter = training.delimiter if multi_label else None
    trained = train_classifier(
        labelled(read_rows(_opened(training.tables)), delimiter=delimiter),
        mode="MULTI_LABEL" if multi_label else "MULTI_CLASS",
        test=labelled(read_rows(_opened(training.test_tables)), delimiter=delimiter) if training.test_tables else None,
    )
    _write(training.model_path, trained.model)
    return Outcome(metadata=trained.metadata, warnings=trained.warnings, confusion=trained.confusion)


def _recognizer(training: Training) -> Outcome:
    from runner.endpoint.custom.annotations import read_annotations, read_documents, read_names
    from runner.endpoint.custom.recognizer_training import train_from_annotations, train_from_names
    from runner.endpoint.custom.tables import read_rows

    types, per_line = training.types, training.per_line
    documents = read_documents(_opened(training.documents), per_line=per_line)
    rows = read_rows(_opened(training.tables), trim=True)
    if training.kind == "entity_list":
        trained = train_from_names(documents, read_names(rows, types), types)
    else:
        test = None
        if training.test_documents:
            tried = read_documents(_opened(training.test_documents), per_line=per_line)
            found = read_rows(_opened(training.test_tables), trim=True)
            test = (tried, read_annotations(found, tried, types, per_line=per_line))
        annotations = read_annotations(rows, documents, types, per_line=per_line)
        trained = train_from_annotations(documents, annotations, types, test=test)
    _write(training.model_path, trained.model)
    return Outcome(metadata=trained.metadata, warnings=trained.warnings)


def _opened(files: Files) -> Iterator[tuple[str, BinaryIO]]:
    for name, path in files:
        with Path(path).open("rb") as file:
            yield name, file


def _write(path: str, model: Any) -> None:
    """Write a model aside and rename it: a file of this name is whole."""
    from runner.endpoint.custom.model_file import pack_model

    aside = Path(f"{path}.tmp")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(pack_model(model))
        while view:
            view = view[os.write(descriptor, view) :]
        aside.rename(path)
        flush_file(descriptor, Path(path))
    finally:
        os.close(descriptor)
