"""Where a document's lines are, as one analysis reads it: whole, or in the pieces cut at its limit. Pure."""

from __future__ import annotations

from runner.errors import InternalError
from runner.model import AnalysisSpec, Document, Piece
from runner.planning.fates import split_limit


def pieces_of(document: Document, analysis: AnalysisSpec) -> tuple[Piece, ...]:
    """The pieces in which an analysis reads a document; none if it reads it whole."""
    if document.size <= analysis.document_bytes_max:
        return ()
    return dict(document.pieces).get(split_limit(analysis) or 0, ())


def lines_of(document: Document, analysis: AnalysisSpec) -> list[tuple[int, int]]:
    """The (part, line)s in which an analysis reads a document that is sent to it; parts index the ledger's."""
    split = pieces_of(document, analysis)
    if split:
        return [(piece.part, piece.line) for piece in split]
    if document.part < 0 or document.size > analysis.document_bytes_max:
        raise InternalError(f"the ledger names no line of a document that {analysis.name} reads")
    return [(document.part, document.line)]


def core_of(piece: Piece, sent: str) -> str:
    """The document's text in a piece's core, from the text that was sent; white space that was not sent is spaces."""
    before, after = max(0, piece.begin - piece.core_begin), max(0, piece.core_end - piece.end)
    return " " * before + sent[max(0, piece.core_begin - piece.begin) : piece.core_end - piece.begin] + " " * after
