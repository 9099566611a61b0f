"""A manifest's training data, read once: what it must be is checked, and its digest says which model it makes.

The digest is of every byte and of what they are trained for, so that the same data is the same model, in a later run
and on another machine; and it is part of the run's identity, so that other data is another run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.compose.models.classifier_data import check_classifier_data
from runner.compose.models.recognizer_data import Documents, types_of_annotations, types_of_list
from runner.compose.models.tables import BadTrainingDataError
from runner.corpus import list_corpus
from runner.errors import SourceError, UserError
from runner.model import AnalysisSpec, CorpusSpec, Manifest, ModelSpec

DIGEST_VERSION: Final = 1
"""Raised when the same data comes to mean another model."""
TRAINING_BYTES_MAX: Final = 5 * 1024**3
"""COMPREHEND.md section 2.7."""


def with_training_data(manifest: Manifest) -> Manifest:
    """The manifest with what its training data says of its models; data that was read before is not read again.

    Raises UserError, naming analysis, file and line, for data that no model can be trained with.
    """
    return replace(manifest, analyses=tuple(_with_data(analysis) for analysis in manifest.analyses))


def files_of(model: ModelSpec) -> list[tuple[str, str]]:
    """(name below the model's own prefix, path) of what a model is trained with, in order of names.

    Raises SourceError for documents that are not there.
    """
    if model.train is not None:
        return [("train.csv", model.train)]
    files = [(f"documents/{Path(path).name}", path) for path in _documents(model.documents)]
    if model.entity_list is not None:
        files.append(("entity_list.csv", model.entity_list))
    if model.annotations is not None:
        files.append(("annotations.csv", model.annotations))
    return sorted(files)


def digest_of(model: ModelSpec) -> str:
    """blake2b (160 bits, hex) of a model's training data as it is now, and of its settings. Raises OSError."""
    files = files_of(model)
    names = [name for name, _ in files] if model.annotations is not None else []
    settings = {
        "version": DIGEST_VERSION,
        "kind": model.kind,
        "mode": model.mode if model.train is not None else None,
        "delimiter": model.delimiter if model.train is not None and model.mode == "multi_label" else None,
        "language": model.language,
        "files": names,
    }
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=20)
    for _, path in files:
        with Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _with_data(analysis: AnalysisSpec) -> AnalysisSpec:
    model = analysis.model
    if model is None or not model.trained or model.digest:
        return analysis
    try:
        read = _classifier(model) if model.train is not None else _recognizer(model)
    except SourceError as error:
        told = error.message.removeprefix(f"corpus {error.corpus}: ")
        raise UserError(f"analysis {analysis.name}: recognizer.documents: {told}", hint=error.hint) from error
    except UserError as error:
        raise UserError(f"analysis {analysis.name}: {error.message}", hint=error.hint) from error
    return replace(analysis, model=read)


def _classifier(model: ModelSpec) -> ModelSpec:
    assert model.train is not None
    with _told("classifier.train", model.train) as path, path.open("rb") as file:
        _check_size(path)
        samples = check_classifier_data(file, model.mode, model.delimiter)
        return replace(model, samples=samples, digest=digest_of(model))


def _recognizer(model: ModelSpec) -> ModelSpec:
    documents = Documents()
    paths = _documents(model.documents)
    for path in paths:
        with _told("recognizer.documents", path) as source, source.open("rb") as file:
            _check_size(source)
            documents.add(source.name, file)
    with _told("recognizer.documents", ", ".join(model.documents)):
        documents.check()
    if model.entity_list is not None:
        with _told("recognizer.entity_list", model.entity_list) as source, source.open("rb") as file:
            types = types_of_list(file)
    else:
        assert model.annotations is not None
        with _told("recognizer.annotations", model.annotations) as source, source.open("rb") as file:
            types = types_of_annotations(file, documents)
    return replace(model, samples=documents.count, types=types, digest=digest_of(model))


@contextmanager
def _told(key: str, path: str) -> Iterator[Path]:
    """What goes wrong with a file is told with its key and its path."""
    try:
        yield Path(path)
    except BadTrainingDataError as error:
        raise UserError(f"{key}: {path}: {error}", hint=error.hint) from error
    except OSError as error:
        raise UserError(f"{key}: {path}: it cannot be read: {error.strerror or error}") from error


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > TRAINING_BYTES_MAX:
        raise BadTrainingDataError(f"it has {size:,} bytes; the service takes {TRAINING_BYTES_MAX:,}")


def _documents(sources: tuple[str, ...]) -> list[str]:
    return [file.path for file in list_corpus(CorpusSpec(name="training", sources=sources, format="lines"))]
