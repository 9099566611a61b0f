"""Cuts a long document into pieces that a family takes (DESIGN 3, Long documents). Pure; offsets are code points.

A piece is sent as [begin, end) and owns its core [core_begin, core_end). Cores follow one another and cover the
document. A cut falls after a sentence if the second half of a piece has the end of one, else after a word, else between
two characters as people see them (extended grapheme clusters, UAX 29); only a cluster longer than half a piece is cut
between code points. With overlap, a piece is sent with some words of both neighbours, so that what lies across a cut is
seen whole by the piece that owns its begin. White space that would fill a piece is not sent: it stays in a core, before
the `begin` or after the `end` of its piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import regex

from runner.survey.cuts import LIMIT_MIN, Cut

_sentence_ends: Final = regex.compile(r"(?r)(?:[.!?…]['\"”’»)\]]*\s+|[。！？｡][」』”’）]*\s*|[।؟]\s+|\s{2,})").finditer
_word_ends: Final = regex.compile(r"(?r)\s+").finditer
_word_begins: Final = regex.compile(r"(?<=\s)(?![\s\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}])").search
_clusters: Final = regex.compile(r"\X").finditer
_written: Final = regex.compile(r"\S").search
# Between two of these there is a boundary, whatever stands around them (UAX 29).
_PLAIN: Final = r"[\p{GCB=Other}\p{GCB=LV}\p{GCB=LVT}]"
_plain_boundary: Final = regex.compile(f"(?<={_PLAIN})(?={_PLAIN})").search
_plain_boundary_before: Final = regex.compile(f"(?r)(?<={_PLAIN})(?={_PLAIN})").search


def cut(text: str, limit: int, overlap: int) -> list[Cut]:
    """The pieces of a text that is not blank, each of at most `limit` bytes of UTF-8, and `overlap` bytes of each side.

    `limit` is at least `LIMIT_MIN`, `overlap` at most what `overlap_of` says.
    """
    assert limit >= LIMIT_MIN, limit
    cuts = list(_cuts(text, limit, overlap))
    cuts[-1] = cuts[-1]._replace(core_end=len(text))  # what is left is white space, if anything
    return cuts


def _cuts(text: str, limit: int, overlap: int) -> Iterator[Cut]:
    core_begin = 0
    while (found := _written(text, core_begin)) is not None:
        first = found.start()
        begin = _left(text, core_begin, overlap)
        reach = begin + _fitting(text, begin, limit - overlap)
        if first >= reach or (first > begin and _boundary(text, reach, first, max(begin, core_begin)) is None):
            begin = _cluster_start(text, first, core_begin)
        hard = begin + _fitting(text, begin, limit)
        if hard == len(text):
            yield Cut(begin, core_begin, hard, hard)
            return
        soft = begin + _fitting(text, begin, limit - overlap)
        core_end = _cut_before(text, max(begin, core_begin), first, soft)
        end = _right(text, core_end, min(hard, core_end + _fitting(text, core_end, overlap)))
        yield Cut(begin, core_begin, core_end, end)
        core_begin = core_end


def _fitting(text: str, begin: int, size: int) -> int:
    """How many code points from `begin` on fit into `size` bytes."""
    window = text[begin : begin + size]
    data = window.encode()
    return len(window) if len(data) <= size else len(data[:size].decode(errors="ignore"))


def _cut_before(text: str, known: int, first: int, last: int) -> int:
    """The best cut in the second half of [known, last], and after the first character that is written.

    `known` is a boundary of clusters.
    """
    low = max(first, (known + last) // 2)
    for ends in (_sentence_ends, _word_ends):
        for found in ends(text, low, last):
            at = _boundary(text, found.end(), low, known)
            if at is not None:
                return at
    return _boundary(text, last, low, known) or last


def _boundary(text: str, at: int, low: int, known: int) -> int | None:
    """The last boundary of clusters in (low, at]; `known`, at most `low`, is one."""
    plain = _plain_boundary_before(text, known, min(at + 1, len(text)))
    boundary = plain.start() if plain is not None else known
    for cluster in _clusters(text, boundary):
        if cluster.end() > at:
            break
        boundary = cluster.end()
    return boundary if boundary > low else None


def _cluster_start(text: str, at: int, known: int) -> int:
    """Where the cluster that holds a character begins."""
    return at if at == known else _boundary(text, at, known, known) or known


def _left(text: str, core_begin: int, overlap: int) -> int:
    """Where the overlap before a core begins: at a word of the last bytes before it, or at a cluster."""
    if not overlap or not core_begin:
        return core_begin
    window = text[max(0, core_begin - overlap) : core_begin].encode()
    low = core_begin - len(window[-overlap:].decode(errors="ignore"))
    for search in (_word_begins, _plain_boundary):
        found = search(text, low, core_begin)
        if found is not None:
            return int(found.start())
    return core_begin


def _right(text: str, core_end: int, last: int) -> int:
    """Where the overlap after a core ends: after a word of the next bytes, or after a cluster."""
    for found in _word_ends(text, core_end, last):
        at = _boundary(text, found.end(), core_end, core_end)
        if at is not None:
            return at
    return _boundary(text, last, core_end, core_end) or core_end
