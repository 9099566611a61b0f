"""Redaction: masking a text locally, and giving redacted texts the user's own line breaks back. Pure.

What a job read is the *folded* text: every character that could break a line became one space (`runner.survey`), and
the ledger keeps which (`folds`: offset and character). The user wants the text as it was.

1. `mask: type` puts `[NAME]` in the place of a span. A mask character takes the place of each code point of a span
   but its spaces: of the documented samples, the parameter's text keeps them (`Jane Doe` -> `**** ***`), one does not
   (COMPREHEND.md section 3.5). Line breaks were spaces to whoever found the span, so they are kept, too.
2. Spans that overlap are masked as one stretch, under the type of the longest of them, the first if several are.
   Spans that only touch stay two.
3. Where the spans are known, restoring is exact. Where only a redacted copy is, it is laid over the folded text: what
   is not masked is equal in both. If more than one way to do so leads to different results, the folded text stands.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MASK_TYPE: Final = "type"
_TOKEN: Final = re.compile(r"\[[A-Z][A-Z0-9_]*\]")
_PLACES_TRIED_MAX: Final = 1_000
"""Places tried for one stretch of a copy before it counts as ambiguous."""

Folds = Sequence[tuple[int, str]]


class Sensitive(NamedTuple):
    """A stretch [begin, end) of a text that is to be masked, and its type; offsets are code points."""

    begin: int
    end: int
    type: str


def unfolded(text: str, folds: Folds) -> str:
    """The user's own text: the folded one with its line breaks back in their places."""
    if not folds:
        return text
    pieces: list[str] = []
    at = 0
    for offset, character in folds:
        pieces += (text[at:offset], character)
        at = offset + 1
    pieces.append(text[at:])
    return "".join(pieces)


def masked(text: str, folds: Folds, spans: Sequence[Sensitive], mask: str) -> str:
    """The user's text with its spans masked, by `type` or by a character. Spans must lie within the text."""
    own = unfolded(text, folds)
    pieces: list[str] = []
    at = 0
    for span in _stretches(spans):
        pieces += (own[at : span.begin], _masked(text, own, span, mask))
        at = span.end
    pieces.append(own[at:])
    return "".join(pieces)


def _stretches(spans: Sequence[Sensitive]) -> Iterator[Sensitive]:
    """Spans that overlap as one, in the order of the text."""
    ordered = sorted(spans, key=lambda span: (span.begin, -span.end, span.type))
    held: list[Sensitive] = []
    end = 0
    for span in ordered:
        if held and span.begin >= end:
            yield _joined(held)
            held = []
        held.append(span)
        end = max(end, span.end)
    if held:
        yield _joined(held)


def _joined(spans: Sequence[Sensitive]) -> Sensitive:
    longest = max(spans, key=lambda span: span.end - span.begin)
    return Sensitive(spans[0].begin, max(span.end for span in spans), longest.type)


def _masked(text: str, own: str, span: Sensitive, mask: str) -> str:
    if mask == MASK_TYPE:
        return f"[{span.type}]"
    stretch = zip(text[span.begin : span.end], own[span.begin : span.end], strict=True)
    return "".join([kept if folded == " " else mask for folded, kept in stretch])


def is_copy_of(text: str, copy: str, mask: str) -> bool:
    """Whether a text could be the redacted copy of a folded one: equal but for what was masked."""
    if _is_in_step(text, copy, mask):
        return True
    stretches = _unmasked(copy, mask)
    return _leftmost(text, stretches) is not None


def restored(text: str, folds: Folds, copy: str, mask: str) -> str | None:
    """A redacted copy of the folded `text` with the line breaks of the user's own; None if they have no certain place.

    Raises ValueError if it is no copy of that text.
    """
    if not folds:
        return copy
    own = unfolded(text, folds)
    if _is_in_step(text, copy, mask):
        return "".join(
            [kept if written == folded else written for folded, kept, written in zip(text, own, copy, strict=True)]
        )
    stretches = _unmasked(copy, mask)
    first, last = _leftmost(text, stretches), _rightmost(text, stretches)
    if first is None or last is None:
        raise ValueError("not a redacted copy of the text")
    certain: list[str] = []
    offsets = [offset for offset, _ in folds]
    for stretch, low, high in zip(stretches, first, last, strict=True):
        untouched = bisect_left(offsets, low) == bisect_left(offsets, high + len(stretch))
        found = stretch if untouched else _only(text, own, stretch, low, high)
        if found is None:
            return None
        certain.append(found)
    tokens = _mask_pattern(mask).findall(copy)
    return "".join(piece for pair in zip(certain, [*tokens, ""], strict=True) for piece in pair)


def _is_in_step(text: str, copy: str, mask: str) -> bool:
    """Whether each character of a copy stands where it stood, itself or its mask."""
    if mask == MASK_TYPE or len(copy) != len(text):
        return False
    return all(written in (folded, mask) for folded, written in zip(text, copy, strict=True))


def _mask_pattern(mask: str) -> re.Pattern[str]:
    return _TOKEN if mask == MASK_TYPE else re.compile(f"(?:{re.escape(mask)})+")


def _unmasked(copy: str, mask: str) -> list[str]:
    """The stretches of a copy between what may be masks; masks that the user's text had itself are among them.

    Taking those for masks, too, only allows for more ways to lay the copy over the text, never for fewer.
    """
    return _mask_pattern(mask).split(copy)


def _leftmost(text: str, stretches: Sequence[str]) -> list[int] | None:
    """The first place that each stretch can have: in order, a character or more between any two; None if there is none.

    The first stands at the very begin, the last at the very end.
    """
    *before, final = stretches
    if not before:
        return [0] if text == final else None
    if not text.startswith(before[0]) or not text.endswith(final):
        return None
    places = [0]
    end = len(before[0])
    for stretch in before[1:]:
        place = text.find(stretch, end + 1)
        if place < 0:
            return None
        places.append(place)
        end = place + len(stretch)
    place = len(text) - len(final)
    return [*places, place] if place > end else None


def _rightmost(text: str, stretches: Sequence[str]) -> list[int] | None:
    """The last place that each stretch can have."""
    mirrored = _leftmost(text[::-1], [stretch[::-1] for stretch in reversed(stretches)])
    if mirrored is None:
        return None
    placed = zip(reversed(mirrored), stretches, strict=True)
    return [len(text) - place - len(stretch) for place, stretch in placed]


def _only(text: str, own: str, stretch: str, low: int, high: int) -> str | None:
    """What a stretch was before folding, wherever between two places it stood; None if that depends on where."""
    size = len(stretch)
    found = own[low : low + size]
    place = low
    for _ in range(_PLACES_TRIED_MAX):
        place = text.find(stretch, place + 1, high + size)
        if place < 0:
            return found
        if own[place : place + size] != found:
            return None
    return None
