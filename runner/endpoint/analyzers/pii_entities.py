"""Personal data in English and Spanish: forms with check digits, words that give values away, names, places.

Owns how the evidence becomes typed spans that do not overlap. The expressions are in `pii_rules.py` and
`pii_places.py`, the arithmetic in `pii_numbers.py`; people are found by the rules of entities.

Where two finds overlap the surer one stays, then the longer, then the earlier.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from runner.endpoint.analyzers import gazetteers, pii_places
from runner.endpoint.analyzers.entities import Finder, disjoint
from runner.endpoint.analyzers.entity_names import ORGANIZATION_WORDS
from runner.endpoint.analyzers.known_names import words
from runner.endpoint.analyzers.pii_rules import FORMS, LABELS
from runner.endpoint.analyzers.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.endpoint.analyzers import Analyzer
    from runner.endpoint.analyzers.entities import Span

_LANGUAGES: Final = ("en", "es")
# What may stand between a word and the value that it gives away: "password (temporary) is: x".
_BETWEEN: Final = re.compile(
    r"(?:[\s:=#\"“'‘(–-]|(?:number|no|num|nr|code|id|is|was|of|on|file|card|account|key|date|ending|el|la|con|es|era|"
    r"número|numero|núm|nº|n\.º|de|del|al|en|al)\b\.?){0,16}",
    re.IGNORECASE,
)
# A letter that is no small a to z; whether it is a capital is asked of what was matched.
_CAPITAL: Final = r"[^\W\d_a-z]"
_SURNAME: Final = rf"{_CAPITAL}[^\W\d_]{{1,20}}(?:[-'’][^\W\d_]{{1,20}})?"
_PARTICLE: Final = r"(?:van|von|de|den|der|del|da|das|dos|do|di|bin|ten|ter|la|le|al|af|y)"
_LABELLED_NAME: Final = re.compile(
    rf"{_CAPITAL}(?:[^\W\d_]|['’-])*\.?(?: (?:{_PARTICLE} ){{0,2}}(?:{_CAPITAL}\.|{_SURNAME})){{0,4}}"
)
_NAME_LABELS: Final = {
    "en": r"(?:full |first |last |maiden |customer |patient |employee )?name|account holder|card ?holder|dear|attn|"
    r"attention|mr|mrs|ms|miss|dr|prof|sincerely|regards|patient|employee|tenant|signed by|signed",
    "es": r"nombre(?: completo)?|apellidos?|titular|paciente|estimad[oa]|sr|sra|srta|dr|dra|don|doña|d\.|atentamente|"
    r"saludos|empleado|empleada|firmado por",
}
_AFTER_NAME_LABEL: Final = re.compile(r"(?:\.? |\.?:\s?|,\s{1,3}| is )(?:(?:Mr|Mrs|Ms|Dr|Sr|Sra|Don|Doña|Prof)\.? )?")
_NAMES_FROM: Final = 0.8
_DATE, _ADDRESS, _AGE, _NAME = 0.97, 0.985, 0.98, 0.975
_LISTED, _UNLISTED = 0.93, 0.86  # a first and a last name of the lists; two words of no list
# Two capitals or more, of which no word is known to the lexicon: in running English nearly always a person.
_STRANGERS: Final = re.compile(
    rf"(?<![\w@./'’-]){_SURNAME}(?: {_PARTICLE}){{0,2}}(?: (?:{_SURNAME}|{_CAPITAL}\.)){{1,3}}(?![\w@-])"
)
_OPENS_PASSWORDS: Final = "#(-–"
_SECRETS: Final = frozenset({"USERNAME", "PASSWORD"})
_NOBODY: Final = words(
    "Customer Sir Madam All Team Client Colleague Support Service Services Bank Department Human Hiring Manager "
    "Resident Member User Account Number Date Of Birth Address Phone Email Cliente Señor Señora Equipo Usuario Todos "
    "Todas"
)
_CALENDAR: Final = words(
    "January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday"
)
_DIGITS: Final = 6


def load() -> Analyzer:
    """Load the English lists (the Spanish ones when their first text comes) and return the analyzer."""

    @lru_cache(maxsize=len(_LANGUAGES))
    def finder(language: str) -> _PiiFinder:
        return _PiiFinder(language)

    finder("en")

    def analyze(text: str, language: str | None, /) -> dict[str, object]:
        code = "en" if language is None else language
        spans = finder(code).spans(text) if code in _LANGUAGES else []
        return {
            "Entities": [
                {"BeginOffset": begin, "EndOffset": end, "Score": round(score, _DIGITS), "Type": kind}
                for begin, end, kind, score in spans
            ]
        }

    return analyze


class _PiiFinder:
    """Finds the personal data in texts of one language."""

    def __init__(self, language: str) -> None:
        lists = gazetteers.gazetteer(language)
        self._common: Callable[[str], bool] = Tagger().is_common if language == "en" else lambda _word: False
        self._english = language == "en"
        self._lists = lists
        self._people = Finder(language, lists, self._common)
        self._dates = pii_places.dates(language, lists)
        self._addresses = pii_places.addresses(language)
        self._ages = pii_places.ages(language)
        self._labels = LABELS[language]
        words = "|".join(f"(?P<l{at}>{label.words})" for at, label in enumerate(self._labels))
        self._labelled = re.compile(rf"(?<![\w@])(?:{words})(?!\w)", re.IGNORECASE)
        self._name_labels = re.compile(rf"(?<!\w)(?i:{_NAME_LABELS[language]})(?!\w)")

    def spans(self, text: str) -> list[Span]:
        found = [*self._by_form(text), *self._by_label(text), *self._by_name(text)]
        found += [(m.start(), m.end(), "ADDRESS", _ADDRESS) for m in self._addresses.finditer(text)]
        found += [(m.start(), m.end(), "DATE_TIME", _DATE) for m in self._dates.finditer(text)]
        for match in self._ages.finditer(text):
            if match.lastindex is not None:
                found.append((*match.span(match.lastindex), "AGE", _AGE))
        return disjoint(found)

    @staticmethod
    def _by_form(text: str) -> Iterator[Span]:
        for form in FORMS:
            if form.hint in text:
                for match in form.pattern.finditer(text):
                    if form.accepts is None or form.accepts(match[0]):
                        yield match.start(), match.end(), form.kind, form.score

    def _by_label(self, text: str) -> Iterator[Span]:
        for match in self._labelled.finditer(text):
            assert match.lastgroup is not None
            label = self._labels[int(match.lastgroup[1:])]
            between = _BETWEEN.match(text, match.end())
            assert between is not None
            if not between[0]:
                continue
            begin = between.end()
            while label.kind == "PASSWORD" and text[begin - 1] in _OPENS_PASSWORDS:
                begin -= 1
            value = label.value.match(text, begin)
            if value is None or (label.accepts is not None and not label.accepts(value[0])):
                continue
            if label.kind in _SECRETS and not self._is_secret(value[0], between[0]):
                continue
            yield value.start(), value.end(), label.kind, label.score

    def _is_secret(self, value: str, between: str) -> bool:
        """Whether what follows "password" is one, and not a word of the sentence."""
        if any(char.isdigit() or not char.isalnum() for char in value.strip(".-")):
            return True
        lower = value.lower()
        return not self._common(lower) and (self._english or any(sign in between for sign in (":", "=", " es ")))

    def _by_name(self, text: str) -> Iterator[Span]:
        for begin, end, kind, score in self._people.names(text):
            if kind == "PERSON" and score >= _NAMES_FROM:
                yield begin, end, "NAME", score
        for match in _STRANGERS.finditer(text):
            score = self._stranger(match[0].split())
            if score:
                yield match.start(), match.end(), "NAME", score
        for match in self._name_labels.finditer(text):
            between = _AFTER_NAME_LABEL.match(text, match.end())
            name = _LABELLED_NAME.match(text, between.end()) if between else None
            if name is not None and not self._is_nobody(name[0]):
                yield name.start(), name.end(), "NAME", _NAME

    def _stranger(self, listed: list[str]) -> float:
        """How sure it is that these capitals are a person, by no list of whole names."""
        lists = self._lists
        if not all(_looks_like_a_name(word) for word in listed):
            return 0.0
        if " ".join(listed) in lists.places | lists.organizations or listed[-1] in ORGANIZATION_WORDS:
            return 0.0
        if listed[0] in lists.first_names and listed[-1] in lists.last_names and listed[0] not in lists.places:
            return _LISTED
        if not self._english or any(self._common(word.lower()) or word in lists.places for word in listed):
            return 0.0
        return 0.0 if listed[0] in _NOBODY or set(listed) & _CALENDAR else _UNLISTED

    def _is_nobody(self, name: str) -> bool:
        listed = name.split()
        first = listed[0]
        if not first[0].isupper():
            return True
        return first in _NOBODY or (len(listed) == 1 and self._common(first.lower()))


def _looks_like_a_name(word: str) -> bool:
    return word.islower() or len(word) < 3 or (word[0].isupper() and not word.isupper())
