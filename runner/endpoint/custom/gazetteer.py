"""Names from a list, found in texts.

A name is found where no letter or digit touches it on either side, unless it begins or ends with none itself. Case
counts, as the service says of its entity lists, but as its trained models also recognise other writings, so are here:
a name is found in capitals as well ("JANE DOE"), and one that the list has in small letters is found in any case.
Of names that overlap the one that begins first is taken, of those the longest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ahocorasick_rs

from runner.endpoint.custom.spans import Span, longest_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Gazetteer"]

_AS_LISTED: Final = 0.99
_OTHERWISE: Final = 0.9


class Gazetteer:
    """Finds the `names`, (text, number of its type) pairs; the first of several equal ones counts."""

    def __init__(self, names: Sequence[tuple[str, int]]) -> None:
        self._forms: dict[str, list[tuple[str, int]]] = {}
        for text, kind in names:
            self._forms.setdefault(_folded(text), []).append((text, kind))
        self._folded = list(self._forms)
        self._search = ahocorasick_rs.AhoCorasick(self._folded)

    def find(self, text: str) -> list[Span]:
        """The names in a text, in its order, none overlapping another."""
        if not self._folded:
            return []
        return longest_first(self._whole_names(text))

    def _whole_names(self, text: str) -> Iterator[Span]:
        last = len(text)
        for number, begin, end in self._search.find_matches_as_indexes(_folded(text), overlapping=True):
            if begin and text[begin].isalnum() and text[begin - 1].isalnum():
                continue
            if end < last and text[end - 1].isalnum() and text[end].isalnum():
                continue
            found = text[begin:end]
            for listed, kind in self._forms[self._folded[number]]:
                score = _likeness(found, listed)
                if score:
                    yield Span(begin, end, kind, score)


def _likeness(found: str, listed: str) -> float:
    if found == listed:
        return _AS_LISTED
    return _OTHERWISE if listed.islower() or found == listed.upper() else 0.0


def _folded(text: str) -> str:
    """In small letters, code point for code point."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)
