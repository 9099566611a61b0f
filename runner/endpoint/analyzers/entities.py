"""Entities: lists of names, rules about capitals and neighbours, and expressions for dates and numbers.

Owns how evidence becomes a typed span, and that spans do not overlap. The lists come from `gazetteers.py`, the
expressions from `entity_patterns.py`. For each language one finder, made when the first text of it arrives.

Where two finds overlap the surer one stays, then the longer, then the earlier. Scores say how a span was found.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import ahocorasick_rs

from runner.endpoint.analyzers import entity_patterns, gazetteers
from runner.endpoint.analyzers.entity_names import NameFinder
from runner.endpoint.analyzers.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runner.endpoint.analyzers import Analyzer
    from runner.endpoint.analyzers.gazetteers import Gazetteer

# (begin, end, type, score)
Span = tuple[int, int, str, float]

_LANGUAGES = ("de", "en", "es", "fr", "it", "pt")
# "2000 euro" is no date.
_YEAR_ALONE = 0.9
# "in 1999" is.
_COUNT_ALONE = 0.85
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')\]]{1,2000}(?<![.,;:!?])"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|(?<![\w@#])@\w{2,30}"
)
_TITLE = re.compile(
    r"(?i:\b(?:film|movie|book|novel|song|album|single|series|show|play|musical|documentary|poem|opera)),?\s"
    r"[\"“‘«]\s?([^\"”’»\n]{2,60}?)\s?[\"”’»]"
)


def load() -> Analyzer:
    """Load the English lists (the others when their first text comes) and return the analyzer."""

    @lru_cache(maxsize=len(_LANGUAGES))
    def finder(language: str) -> Finder:
        common = Tagger().is_common if language == "en" else lambda _word: False
        return Finder(language, gazetteers.gazetteer(language), common)

    finder("en")

    def analyze(text: str, language: str | None, /) -> dict[str, object]:
        code = "en" if language is None else language
        spans = finder(code).spans(text) if code in _LANGUAGES else []
        return {
            "Entities": [
                {"BeginOffset": begin, "EndOffset": end, "Score": score, "Text": text[begin:end], "Type": kind}
                for begin, end, kind, score in spans
            ]
        }

    return analyze


class Finder:
    """Finds the entities of texts in one language; `common` tells words that are no names."""

    def __init__(self, language: str, lists: Gazetteer, common: Callable[[str], bool]) -> None:
        self._dates = entity_patterns.dates(language, lists)
        self._quantities = entity_patterns.quantities(language)
        self._names = NameFinder(language, lists, common)
        self._listed: list[tuple[str, float]] = []
        phrases: list[str] = []
        for kind, score, names in (
            ("EVENT", 0.98, lists.events),
            ("COMMERCIAL_ITEM", 0.96, lists.products),
            ("ORGANIZATION", 0.97, lists.organizations),
            ("LOCATION", 0.97, lists.places),
            ("OTHER", 0.9, lists.peoples),
        ):
            for name in sorted(names.difference(phrases)):
                phrases.append(name)
                self._listed.append((kind, score))
        # Shouted and whispered places: "CANADA", "in london".
        for name in sorted(lists.places if language == "en" else ()):
            for other in {name.upper(), name.lower()} - {name}:
                if len(name) > 4 and not common(other.lower()) and other not in phrases:
                    phrases.append(other)
                    self._listed.append(("LOCATION", 0.8))
        self._automaton = ahocorasick_rs.AhoCorasick(phrases, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)

    def names(self, text: str) -> list[Span]:
        """The names in a text, without its dates and numbers."""
        return disjoint(self._names.spans(text, list(self._find_listed(text))))

    def spans(self, text: str) -> list[Span]:
        """The entities of a text, in order, none overlapping another."""
        listed = list(self._find_listed(text))
        found = [
            *((m.start(), m.end(), "OTHER", 0.99) for m in _ADDRESS.finditer(text)),
            *((m.start(1), m.end(1), "TITLE", 0.9) for m in _TITLE.finditer(text)),
            *(
                (m.start(), m.end(), "DATE", _YEAR_ALONE if m[0].isdigit() else 0.98)
                for m in self._dates.finditer(text)
            ),
            *(
                (m.start(), m.end(), "QUANTITY", _COUNT_ALONE if m[0].isdigit() else 0.95)
                for m in self._quantities.finditer(text)
            ),
            *self._names.spans(text, listed),
        ]
        return disjoint(found)

    def _find_listed(self, text: str) -> Iterator[Span]:
        for index, begin, end in self._automaton.find_matches_as_indexes(text):
            if _stands_alone(text, begin, end):
                kind, score = self._listed[index]
                yield begin, end, kind, score


def _stands_alone(text: str, begin: int, end: int) -> bool:
    before = text[begin - 1] if begin else " "
    after = text[end] if end < len(text) else " "
    return not (before.isalnum() or before in "_@#" or after.isalnum() or after == "_")


def disjoint(found: Iterable[Span]) -> list[Span]:
    """Of spans that overlap keep the surer, then the longer, then the earlier; in order of offset."""
    kept: list[Span] = []
    for span in sorted(found, key=lambda s: (s[0], -s[3], -(s[1] - s[0]))):
        while kept and span[0] < kept[-1][1]:
            if _rank(span) <= _rank(kept[-1]):
                break
            kept.pop()
        else:
            kept.append(span)
    return kept


def _rank(span: Span) -> tuple[int, int, float, int]:
    # A date holds its number, a name its nationality: containing beats contained when the scores are near.
    return (round(span[3] * 20), span[1] - span[0], span[3], -span[0])
