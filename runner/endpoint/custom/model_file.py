"""A trained model as bytes: one versioned, compressed form for classifiers and recognizers.

Owns the form. Knows nothing of training or of texts.
"""

from __future__ import annotations

import zlib
from typing import Final, Literal

import msgspec

from runner.errors import MachineError

__all__ = ["ClassifierModel", "RecognizerModel", "Weights", "pack_model", "unpack_classifier", "unpack_recognizer"]

_MAGIC: Final = b"comprehend-runner model 1\n"  # the number is the version of the form
_LEVEL: Final = 6


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """A table of weights: `places` (sorted, uint32) are its rows, `values` (int16) row by row; little-endian.

    A weight is its value times `step`.
    """

    places: bytes
    values: bytes
    columns: int
    step: float


class ClassifierModel(msgspec.Struct, frozen=True, kw_only=True, tag="classifier"):
    """A document classifier: a column of `weights` per class; `sharpness` makes probabilities of margins."""

    mode: Literal["MULTI_CLASS", "MULTI_LABEL"]
    classes: list[str]
    weights: Weights
    sharpness: float


class RecognizerModel(msgspec.Struct, frozen=True, kw_only=True, tag="recognizer"):
    """An entity recognizer: names with the number of their type, and a tagger if it was trained on annotations.

    The tagger's columns are: outside, then for each type its first token and its further tokens.
    """

    types: list[str]
    names: list[tuple[str, int]]
    tagger: Weights | None


_DECODER: Final = msgspec.msgpack.Decoder(ClassifierModel | RecognizerModel)


def pack_model(model: ClassifierModel | RecognizerModel) -> bytes:
    """The bytes of a model; the same model has the same bytes."""
    return _MAGIC + zlib.compress(msgspec.msgpack.encode(model), _LEVEL)


def unpack_classifier(data: bytes) -> ClassifierModel:
    """The classifier in `data`; MachineError for what is none."""
    model = _unpack(data)
    if not isinstance(model, ClassifierModel):
        raise _damaged("holds no document classifier")
    return model


def unpack_recognizer(data: bytes) -> RecognizerModel:
    """The recognizer in `data`; MachineError for what is none."""
    model = _unpack(data)
    if not isinstance(model, RecognizerModel):
        raise _damaged("holds no entity recognizer")
    return model


def _unpack(data: bytes) -> ClassifierModel | RecognizerModel:
    if not data.startswith(_MAGIC):
        raise _damaged("is not of this version's form")
    try:
        model: ClassifierModel | RecognizerModel = _DECODER.decode(zlib.decompress(data[len(_MAGIC) :]))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise _damaged("is damaged") from error
    return model


def _damaged(what: str) -> MachineError:
    return MachineError(f"the file of a custom model {what}", hint="train the model again")
