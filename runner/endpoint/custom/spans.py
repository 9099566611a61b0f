"""Stretches of text that are entities, and which of several that overlap are kept; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Span", "longest_first"]


class Span(NamedTuple):
    """An entity in a text: code points, `end` exclusive; the number of its type; how sure the finder is."""

    begin: int
    end: int
    kind: int
    score: float = 1.0


def longest_first(spans: Iterable[Span]) -> list[Span]:
    """Those that do not overlap an earlier one; of several that begin together the longest, then the surest."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.begin, -one.end, -one.score, one.kind)):
        if not kept or span.begin >= kept[-1].end:
            kept.append(span)
    return kept
