"""What a lane is asked for so that a model is trained there: names, objects, requests. Pure.

A model's name follows from its data, its settings and the key that encrypts it, so that whoever asks for the same
model finds it: a later run, another machine, and a run whose call was answered by nothing. A model that could not be
trained keeps its name; the next attempt is numbered.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from runner.aws.models import ModelRequest
from runner.model import LaneSpec, ModelSpec

NAME_PREFIX: Final = "runner"
ATTEMPTS_MAX: Final = 9
"""Models of one name that may have failed."""


def name_of(model: ModelSpec, lane: LaneSpec, attempt: int) -> str:
    """The name of an attempt at a model, from 1: at most 63 letters, digits and single hyphens."""
    digest = model.digest
    if lane.kms.model:
        digest = hashlib.blake2b(f"{digest} {lane.kms.model}".encode(), digest_size=20).hexdigest()
    return f"{NAME_PREFIX}-{digest}" + (f"-{attempt}" if attempt > 1 else "")


def data_uri(model: ModelSpec, lane: LaneSpec) -> str:
    """The prefix below which a model's training data lies in a lane's bucket."""
    return f"{lane.staging}models/{model.digest}/"


def request_of(model: ModelSpec, lane: LaneSpec, name: str) -> ModelRequest:
    """What the Create of a model says; its name is also its token."""
    base = data_uri(model, lane)
    return ModelRequest(
        kind=model.kind,
        name=name,
        token=name,
        language=model.language,
        mode=model.mode.upper() if model.kind == "classifier" else None,
        data=_classifier(model, base) if model.kind == "classifier" else _recognizer(model, base),
    )


def _classifier(model: ModelSpec, base: str) -> dict[str, Any]:
    data: dict[str, Any] = {"DataFormat": "COMPREHEND_CSV", "S3Uri": f"{base}train.csv"}
    if model.mode == "multi_label":
        data["LabelDelimiter"] = model.delimiter
    return data


def _recognizer(model: ModelSpec, base: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "DataFormat": "COMPREHEND_CSV",
        "EntityTypes": [{"Type": name} for name in model.types],
        "Documents": {"S3Uri": f"{base}documents/", "InputFormat": "ONE_DOC_PER_LINE"},
    }
    if model.entity_list is not None:
        data["EntityList"] = {"S3Uri": f"{base}entity_list.csv"}
    else:
        data["Annotations"] = {"S3Uri": f"{base}annotations.csv"}
    return data
