"""From the entries of a document's lines to the payload that stands on its result line. Pure.

Most payloads are the entry itself, or its pieces stitched. Redacted PII is made or mended here, since it needs the
document's text and its line breaks (`runner.results.redaction`):

`mode: both` stands as {"Entities":…,"RedactedText":…}: the service's entities, verbatim, and the user's text masked at
their offsets; `types` and `mask` say what is masked and how, the entities are all there. `mode: redaction` stands as
the service's redacted text with the user's line breaks; where their places cannot be told, the text is given with
spaces for them, and a notice says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from runner.model import AnalysisSpec, Document, Piece
from runner.results.pieces import pieces_of
from runner.results.redaction import MASK_TYPE, Folds, Sensitive, is_copy_of, masked, restored, unfolded
from runner.results.stitch import stitch

LINE_BREAKS_LOST: Final = "LINE_BREAKS_LOST"
LINE_BREAKS_LOST_MESSAGE: Final = (
    "where the text's line breaks belong in its redacted form cannot be told; they are spaces there"
)

Notice = tuple[str, str]
"""(code, message) of something worth knowing about an answer that is ok."""


class _Entity(msgspec.Struct):
    BeginOffset: int
    EndOffset: int
    Type: str


class _Payload(msgspec.Struct):
    Entities: list[_Entity]


_decode_text: Final = msgspec.json.Decoder(str).decode
_decode_entities: Final = msgspec.json.Decoder(list[_Entity]).decode
_decode_payload: Final = msgspec.json.Decoder(_Payload).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.encode


def mode_of(analysis: AnalysisSpec) -> str:
    """`offsets`, `redaction` or `both` for PII; empty for every other family."""
    if analysis.family != "pii_entities":
        return ""
    return dict(analysis.parameters).get("mode", "offsets")


def is_dressed(analysis: AnalysisSpec) -> bool:
    """Whether an analysis's payloads need the documents' texts."""
    return mode_of(analysis) in {"redaction", "both"}


def payload_from(analysis: AnalysisSpec, pieces: Sequence[Piece], entries: Sequence[bytes]) -> bytes:
    """The payload of a document that was read whole, or stitched from its pieces."""
    return stitch(analysis.family, pieces, entries) if pieces else entries[0]


def dressed(
    document: Document, analysis: AnalysisSpec, entries: Sequence[bytes], text: str
) -> tuple[bytes, Notice | None]:
    """The payload of an analysis that redacts; `text` is the document's, folded.

    Raises msgspec.MsgspecError or ValueError for entries that have not the form of the family or are of another text.
    """
    pieces = pieces_of(document, analysis)
    mask = dict(analysis.parameters).get("mask", MASK_TYPE)
    if mode_of(analysis) == "both":
        return _both(payload_from(analysis, pieces, entries), analysis, mask, text, document.folds), None
    return _redacted(pieces or (_whole(text),), entries, mask, text, document.folds)


def is_redaction(document: Document, analysis: AnalysisSpec, payload: bytes, text: str) -> bool:
    """Whether the payload of `mode: redaction` can be the redacted form of the folded `text`, breaks back or not."""
    mask = dict(analysis.parameters).get("mask", MASK_TYPE)
    try:
        copy = _decode_text(payload)
    except msgspec.MsgspecError:
        return False
    return is_copy_of(unfolded(text, document.folds), copy, mask) or is_copy_of(text, copy, mask)


def _both(payload: bytes, analysis: AnalysisSpec, mask: str, text: str, folds: Folds) -> bytes:
    types = frozenset(filter(None, dict(analysis.parameters).get("types", "").split(",")))
    several = payload[:1] == b"{"
    entities = _decode_payload(payload).Entities if several else _decode_entities(payload)
    spans = [
        Sensitive(entity.BeginOffset, entity.EndOffset, entity.Type)
        for entity in entities
        if not types or entity.Type in types
    ]
    members = _decode_members(payload) if several else {"Entities": msgspec.Raw(payload)}
    return _encode({**members, "RedactedText": masked(text, folds, spans, mask)})


def _redacted(
    pieces: Sequence[Piece], entries: Sequence[bytes], mask: str, text: str, folds: Folds
) -> tuple[bytes, Notice | None]:
    """Redacted pieces do not overlap: one after the other they are the document, but for white space never sent."""
    copies = [_decode_text(entry) for entry in entries]
    found: list[str | None] = []
    for piece, copy in zip(pieces, copies, strict=True):
        within = [(offset - piece.begin, kept) for offset, kept in folds if piece.begin <= offset < piece.end]
        found.append(restored(text[piece.begin : piece.end], within, copy, mask))
    own = [each for each in found if each is not None]
    if len(own) < len(found):
        return _encode(_between(pieces, copies, text)), (LINE_BREAKS_LOST, LINE_BREAKS_LOST_MESSAGE)
    return _encode(_between(pieces, own, unfolded(text, folds))), None


def _between(pieces: Sequence[Piece], redacted: Sequence[str], text: str) -> str:
    """Redacted pieces with what the text has between them."""
    joined: list[str] = []
    for piece, each in zip(pieces, redacted, strict=True):
        joined += (text[piece.core_begin : piece.begin], each, text[piece.end : piece.core_end])
    return "".join(joined)


def _whole(text: str) -> Piece:
    size = len(text)
    return Piece(part=0, line=0, begin=0, core_begin=0, core_end=size, end=size)
