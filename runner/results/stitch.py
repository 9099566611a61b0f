"""Stitches the answers to the pieces of a long document into the answer to the document. Pure.

Rules of operation:

1. A piece is the stretch [begin, end) of the document, offsets in code points; neighbours may overlap. Its core
   [core_begin, core_end) is its own: the cores of a document's pieces follow one another without gap or overlap.
2. A span belongs to the piece whose core holds its begin; what else a piece says about its margins is dropped.
   Spans are shifted by the piece's begin, and keep every other byte.
3. Scores of a whole text (sentiment, dominant language) are means of the pieces' scores, weighted by core length; the
   label is that of the highest. Labels tie in the order in which the service writes them, languages by code.
4. A document of one piece is not touched: stitching it changes no byte.

No text is needed, and none is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from runner.errors import InternalError
from runner.model import Piece

_encode: Final = msgspec.json.Encoder().encode
_decode_items: Final = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_scores: Final = msgspec.json.Decoder(dict[str, float]).decode


class _Language(msgspec.Struct):
    LanguageCode: str
    Score: float


_decode_languages: Final = msgspec.json.Decoder(list[_Language]).decode

Stitcher = Callable[[Sequence[Piece], Sequence[bytes]], bytes]


def stitch(family: str, pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """The payload of a document from the payloads of its pieces, in their order.

    Raises msgspec.MsgspecError for payloads that have not the family's form, InternalError for a family whose
    documents are never split.
    """
    if len(payloads) == 1:
        return payloads[0]
    stitcher = _STITCHERS.get(family)
    if stitcher is None:
        raise InternalError(f"answers of {family} cannot be stitched")
    return stitcher(pieces, payloads)


def _spans(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Concatenated spans, each from the piece that it belongs to."""
    kept: list[dict[str, Raw]] = []
    for piece, payload in zip(pieces, payloads, strict=True):
        for item in _decode_items(payload):
            begin = int(bytes(item["BeginOffset"])) + piece.begin
            if piece.core_begin <= begin < piece.core_end:
                end = int(bytes(item["EndOffset"])) + piece.begin
                item["BeginOffset"] = Raw(b"%d" % begin)
                item["EndOffset"] = Raw(b"%d" % end)
                kept.append(item)
    return _encode(kept)


def _sentiment(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Mean scores, and the label of the highest; members in the order of the first piece's."""
    rows = [_decode_members(payload) for payload in payloads]
    scores = _means(pieces, [_decode_scores(row["SentimentScore"]) for row in rows])
    highest = max(scores, key=lambda name: scores[name])
    stitched = dict(rows[0])
    stitched["Sentiment"] = Raw(_encode(highest.upper()))
    stitched["SentimentScore"] = Raw(_encode(scores))
    return _encode(stitched)


def _languages(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Mean scores per language, highest first; a piece that does not name a language counts as zero."""
    answers = [{item.LanguageCode: item.Score for item in _decode_languages(payload)} for payload in payloads]
    scores = _means(pieces, answers)
    ranked = sorted(scores, key=lambda code: (-scores[code], code))
    return _encode([_Language(code, scores[code]) for code in ranked])


def _means(pieces: Sequence[Piece], answers: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means weighted by core length, names in the order in which they first occur."""
    weights = [piece.core_end - piece.core_begin for piece in pieces]
    total = sum(weights)
    names = dict.fromkeys(name for answer in answers for name in answer)
    return {
        name: math.fsum(weight * answer.get(name, 0.0) for weight, answer in zip(weights, answers, strict=True)) / total
        for name in names
    }


_STITCHERS: Final[dict[str, Stitcher]] = {
    "entities": _spans,
    "custom_entities": _spans,
    "key_phrases": _spans,
    "pii_entities": _spans,
    "sentiment": _sentiment,
    "dominant_language": _languages,
}
