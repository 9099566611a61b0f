"""The model that tells short texts in Latin letters apart; weights in `language_latin.bin`.

Owns reading the weights and applying them, in plain Python. Knows nothing of CLD2.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from array import array
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from runner.endpoint.analyzers import language_features
from runner.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Multinomial logistic regression over hashed runs of letters; rows of one weight per language."""

    codes: tuple[str, ...]
    biases: tuple[float, ...]
    step: float
    rows: Sequence[Sequence[int]]

    def chances(self, text: str) -> dict[str, float]:
        """Probability of each language the model knows; none for a text without letters."""
        places = language_features.places(text)
        if not places:
            return {}
        rows = self.rows
        sums = map(sum, zip(*[rows[place] for place in places], strict=True))
        scale = self.step / len(places)
        margins = [total * scale + bias for total, bias in zip(sums, self.biases, strict=True)]
        top = max(margins)
        odds = [math.exp(margin - top) for margin in margins]
        return {code: odd / sum(odds) for code, odd in zip(self.codes, odds, strict=True)}


def load() -> Model:
    """Read the weights (10 ms)."""
    body = zlib.decompress(files(__package__).joinpath("language_latin.bin").read_bytes())
    (length,) = _LENGTH.unpack_from(body)
    begin = _LENGTH.size + length
    head = json.loads(body[_LENGTH.size : begin])
    if head["bits"] != language_features.TABLE_BITS:
        raise InternalError(f"language_latin.bin was trained for {head['bits']} bits; run benchmarks/train_language.py")
    width = len(head["codes"])
    rows = [array("b", body[i : i + width]) for i in range(begin, len(body), width)]
    return Model(codes=tuple(head["codes"]), biases=tuple(head["biases"]), step=head["step"], rows=rows)
