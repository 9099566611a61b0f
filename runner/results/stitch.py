"""Stitches the answers to the pieces of a long document into the answer to the document. Pure.

Rules of operation:

1. A piece is the stretch [begin, end) of the document, offsets in code points; neighbours may overlap. Its core
   [core_begin, core_end) is its own: the cores of a document's pieces follow one another without gap or overlap.
2. A span belongs to the piece whose core holds its begin; what else a piece says about its margins is dropped.
   Spans are shifted by the piece's begin, and keep every other byte. A span that begins inside one that a piece before
   has given, and which that piece, seeing more of it, did not name, is the rest of the same thing: dropped too.
3. Scores of a whole text (sentiment, dominant language, classes, labels) are means of the pieces' scores, weighted by
   core length; what a piece does not name counts as zero there. The sentiment is that of the highest score; it ties in
   the order in which the service writes them. Languages, classes and labels come highest first, and tie by name.
4. Entities that gather mentions, and events, have rules of their own: `runner.results.mentions`.
5. A document of one piece is not touched: stitching it changes no byte.

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
from runner.results.mentions import stitch_events, stitch_mentions

_encode: Final = msgspec.json.Encoder().encode
_decode_items: Final = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_scores: Final = msgspec.json.Decoder(dict[str, float]).decode


class _Language(msgspec.Struct):
    LanguageCode: str
    Score: float


class _Class(msgspec.Struct):
    Name: str
    Score: float


_decode_languages: Final = msgspec.json.Decoder(list[_Language]).decode
_decode_classes: Final = msgspec.json.Decoder(list[_Class]).decode

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
    named_before: set[tuple[int, int]] = set()
    given_to = 0
    for piece, payload in zip(pieces, payloads, strict=True):
        named: set[tuple[int, int]] = set()
        last = given_to
        for item in _decode_items(payload):
            begin = int(bytes(item["BeginOffset"])) + piece.begin
            end = int(bytes(item["EndOffset"])) + piece.begin
            named.add((begin, end))
            rest_of_another = begin < given_to and (begin, end) not in named_before
            if piece.core_begin <= begin < piece.core_end and not rest_of_another:
                item["BeginOffset"] = Raw(b"%d" % begin)
                item["EndOffset"] = Raw(b"%d" % end)
                kept.append(item)
                last = max(last, end)
        named_before, given_to = named, last
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
    """Mean scores per language."""
    answers = [{item.LanguageCode: item.Score for item in _decode_languages(payload)} for payload in payloads]
    return _encode([_Language(code, score) for code, score in _ranked(_means(pieces, answers))])


def _classes(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Mean scores per class, or per label."""
    answers = [{item.Name: item.Score for item in _decode_classes(payload)} for payload in payloads]
    return _encode([_Class(name, score) for name, score in _ranked(_means(pieces, answers))])


def _ranked(scores: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


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
    "classification": _classes,
    "targeted_sentiment": stitch_mentions,
    "events": stitch_events,
}
