"""Names in running text: runs of capitals, what stands in them and what stands beside them.

Owns the rules that tell people, places and organisations apart. Is given the lists and what of them was found
in the text. English has rules of context (titles, roles, prepositions, acronyms); the other languages only
those that the lists and the endings of names carry, because their capitals and prepositions say less.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from runner.endpoint.analyzers.known_names import words
from runner.endpoint.analyzers.tokens import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.endpoint.analyzers.gazetteers import Gazetteer
    from runner.endpoint.analyzers.tokens import Token

Span = tuple[int, int, str, float]

_HONORIFICS = words(
    "Mr Mr. Mrs Mrs. Ms Ms. Miss Dr Dr. Prof Prof. Professor Sir Lady Lord Dame Sen. Senator Rep. Gov. Governor Gen. "
    "General Col. Colonel Capt. Captain Lt. Lieutenant Sgt. Sergeant President Chancellor Minister King Queen Prince "
    "Princess Pope Judge Justice Rev. Reverend Father Sister Uncle Aunt Mayor Ambassador Secretary Herr Frau Señor "
    "Señora Don Doña Monsieur Madame Mme M. Signor Signora Senhor Senhora Sr Sra Sr. Sra. Doktor Präsident "
    "Bundeskanzler Bundeskanzlerin Kanzler Kanzlerin Coach Detective Officer Inspector St. Saint"
)
_PART_OF_NAME = words("Lady Lord Sir Dame King Queen Prince Princess Pope Saint St. Father Sister")
_ROLES = words(
    "actor actress director singer president minister chairman chairwoman ceo founder author writer novelist "
    "professor senator mayor governor coach player striker guitarist drummer rapper comedian photographer artist "
    "painter composer producer screenwriter editor journalist reporter analyst spokesman spokeswoman lawyer attorney "
    "judge detective officer captain star co-star filmmaker wife husband son daughter brother sister mother father "
    "friend cousin named called by starring starred actors stars"
)
_SPEECH = words("said says told tells added explained announced argued claimed wrote asked replied insisted")
ORGANIZATION_WORDS = words(
    "Inc Inc. Corp Corp. Corporation Ltd Ltd. LLC PLC plc Co. Company Companies Group Holdings Partners GmbH AG SE KG "
    "S.A. SA SpA S.p.A. S.L. SARL SAS Lda Ltda University College Institute School Academy Bank Ministry Department "
    "Association Committee Council Party Hospital Records Pictures Studios Studio Entertainment Airlines Airways Club "
    "FC Foundation Agency Commission Court Federation Society Museum Police League Union Bureau Authority Office "
    "Organization Organisation Press Times Post Herald Tribune Gazette News Network Systems Technologies Technology "
    "Software Industries International Motors Motor Pharmaceuticals Energy Insurance Capital Ventures Laboratories "
    "Universität Hochschule Verein Verband Gesellschaft Ministerium Stiftung Universidad Ministerio Banco Asociación "
    "Fundación Partido Université Ministère Banque Société Fondation Parti Università Ministero Banca Associazione "
    "Fondazione Partito Universidade Ministério Associação Fundação"
)
# Words that open a name of an organisation ("Bank of America", "Universidad de Salamanca").
_ORGANIZATION_HEADS = words(
    "University Bank Ministry Department Association Institute Board Church College Bureau House Court Society Museum "
    "Universität Universidad Université Università Universidade Ministerio Ministère Ministero Ministério Banco Banque "
    "Banca"
)
_PLACE_WORDS = words(
    "Street St. Avenue Ave Ave. Road Boulevard Blvd. Drive Lane River Lake Island Islands Bay Beach County City Park "
    "Airport Station Bridge Square Valley Hills Hill Mountain Mountains Ocean Sea Desert Forest Province State "
    "Republic Kingdom Village Town Heights Harbor Harbour Canyon Creek Falls Peninsula Cathedral Castle Palace Tower "
    "Stadium Theatre Theater Plaza Mall Building Center Centre Arena Building Coast"
)
_PLACE_HEADS = words(
    "Lake Mount Mt. Mt Fort Port San Santa Santo Cape North South East West Northern Southern Eastern Western Central "
    "Upper Lower Saint St. Los Las El La New Gulf Bay Isle"
)
_PLACE_PREPOSITIONS = frozenset({"in", "near", "outside", "across", "throughout", "downtown", "visit", "visiting"})
_BEFORE_PEOPLE = words("with and by thank thanks hey hi dear love miss meet met tell told ask asked said @ that")
_AFTER_PEOPLE = words("'s ’s is was has had will said says and would did does can could")
_OF = {
    "de": frozenset({"von", "für", "der"}),
    "en": frozenset({"of", "for"}),
    "es": frozenset({"de", "del"}),
    "fr": frozenset({"de", "du", "des"}),
    "it": frozenset({"di", "del", "della", "dei"}),
    "pt": frozenset({"de", "do", "da", "dos"}),
}
_PARTICLES = frozenset(
    {"de", "da", "di", "del", "della", "van", "von", "der", "den", "la", "bin", "al", "du", "dos", "ter"}
)
# Capitals that begin sentences, titles and shouts, never names.
_NOT_NAMES = words(
    "I I'm A An The This That These Those It Its He She We They You Your My Our His Her Their Who What When Where Why "
    "How Which If And But Or So Yet For Nor As At By In On Of To From With Without Not No Yes Oh Ok OK Please Thanks "
    "Thank Also Then Than There Here All Some Any Many Most Much Few Both Each Every Other Another Such One Two Three "
    "First Second Last Next New Old Good Great Best Bad Big Little Just Only Even Still Now Today Tomorrow Yesterday "
    "Do Does Did Is Are Was Were Be Been Has Have Had Can Could Will Would Shall Should May Might Must Let Lets Get "
    "Got Go Going Come See Look Make Made Take After Before Since Until While During Because Although Though However "
    "Hey Hi Hello Happy Merry Dear Lol LOL OMG WTF RT DM TV DVD CD PC PDF FAQ CEO CFO CTO AM PM AD BC HTML XML URL "
    "API Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July August "
    "September October November December Christmas Easter God Lord Internet Earth Sun Moon Mom Dad Mum Love Life Time "
    "Day Night Man Woman Girl Boy People World House Home Work School Part Chapter Section Figure Table Page Note "
    "Sorry Well AND OR THE FOR WITH Nov Dec Oct Sept Sep Aug Jul Jun Apr Mar Feb Jan Mon Tue Tues Wed Thu Thurs Fri "
    "Sat Sun Wake Unfortunately Finally Maybe Perhaps Well Actually Indeed"
)
_LONGEST_RUN = 8
_ACRONYM = range(2, 7)
_SHOUTED = 0.6


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring tokens that may be one name, and the words beside them."""

    tokens: list[Token]
    before: str
    after: str
    opens: bool


class NameFinder:
    """Finds people, places and organisations in texts of one language."""

    def __init__(self, language: str, lists: Gazetteer, common: Callable[[str], bool]) -> None:
        self._common = common
        self._english = language == "en"
        self._german = language == "de"
        self._of = _OF[language]
        self._first = lists.first_names
        self._last = lists.last_names
        self._places = lists.places
        self._organizations = lists.organizations
        # A first name that is a word or a place too ("Will", "Paris") needs a surname beside it.
        unsure = {name for name in lists.first_names if common(name.lower())}
        self._sure_first = lists.first_names - _NOT_NAMES - lists.places - _AMBIGUOUS - unsure
        self._other = lists.products | lists.events | lists.peoples

    def spans(self, text: str, listed: Sequence[Span]) -> Iterator[Span]:
        """Yield spans of names in `text`; `listed` are those that the lists found already."""
        known = {span[0]: span for span in listed}
        people: set[str] = set()
        taken: list[tuple[int, int]] = []
        for sentence in sentences(text):
            for run in self._runs(sentence):
                span = self._judge(run, known, people)
                if span is not None:
                    if span[2] == "PERSON":
                        people.update(token.word for token in run.tokens)
                    taken.append(span[:2])
                    yield span
        covered = iter(taken)
        hole = next(covered, None)
        for span in listed:
            while hole is not None and hole[1] <= span[0]:
                hole = next(covered, None)
            if hole is None or not (hole[0] <= span[0] and span[1] <= hole[1]):
                yield span

    def _runs(self, sentence: list[Token]) -> Iterator[_Run]:
        capitals = [_is_capital(token.word) for token in sentence]
        if len(sentence) > 4 and sum(t.word.isupper() and len(t.word) > 1 for t in sentence) > _SHOUTED * len(sentence):
            return  # a shout: its capitals say nothing
        i, count = 0, len(sentence)
        while i < count:
            word = sentence[i].word
            if not capitals[i] or word in _NOT_NAMES:
                i += 1
                continue
            j = i + 1
            while j < count and j - i < _LONGEST_RUN:
                if capitals[j] and sentence[j].word not in _NEVER_INSIDE:
                    j += 1
                elif self._joins(sentence, capitals, i, j):
                    j += 2
                else:
                    break
            before = sentence[i - 1].word if i else ""
            after = sentence[j].word if j < count else ""
            yield _Run(sentence[i:j], before, after, i == 0)
            i = j

    def _joins(self, sentence: list[Token], capitals: list[bool], i: int, j: int) -> bool:
        """Whether the small word at `j` ties the run from `i` to the capital after it."""
        if j + 1 >= len(sentence) or not capitals[j + 1]:
            return False
        word = sentence[j].word
        if word == "&":
            return True
        if word in self._of and sentence[j - 1].word in _ORGANIZATION_HEADS:
            return True
        return word in _PARTICLES and sentence[i].word in self._first and (self._english or word not in self._of)

    def _judge(self, run: _Run, known: dict[int, Span], people: set[str]) -> Span | None:
        tokens = run.tokens
        titled = False
        while len(tokens) > 1 and tokens[0].word in _HONORIFICS:
            titled = True
            if tokens[0].word in _PART_OF_NAME:
                break
            tokens = tokens[1:]
        if not titled and run.before in _HONORIFICS and run.before not in _NOT_NAMES:
            titled = True
        names = [token.word for token in tokens]
        begin, end = tokens[0].begin, tokens[-1].end
        listed = known.get(begin)
        if listed is not None and listed[1] >= end:
            # "Sydney said", "Jordan's": a list knows the whole run; a title still makes a person of it.
            return (begin, end, "PERSON", 0.9) if titled and listed[2] == "LOCATION" and len(names) == 1 else None
        kind, score = self._kind(names, run, titled=titled, people=people)
        if not kind and len(tokens) > 2:
            return self._inside(tokens)
        return (begin, end, kind, score) if kind else None

    def _inside(self, tokens: list[Token]) -> Span | None:
        """A person within a longer run of capitals, as in headlines: a first name and a surname."""
        for first, last in pairwise(tokens):
            if first.word in self._sure_first and not self._is_odd([last.word]) and not self._common(last.word.lower()):
                return first.begin, last.end, "PERSON", 0.9
        return None

    def _kind(self, names: list[str], run: _Run, *, titled: bool, people: set[str]) -> tuple[str, float]:
        first, last, several = names[0], names[-1], len(names) > 1
        if several and (last in ORGANIZATION_WORDS or first in _ORGANIZATION_HEADS):
            return "ORGANIZATION", 0.97
        if several and last in _PLACE_WORDS and first not in self._sure_first:
            return "LOCATION", 0.93
        if titled and len(names) < 5:
            return "PERSON", 0.98
        if several and len(names) < 5 and self._is_person(names):
            return "PERSON", 0.985 if last in self._last else 0.97
        if several and first in _PLACE_HEADS and last in self._places:
            return "LOCATION", 0.9
        if len(names) == 1 and first in self._sure_first and not (run.opens and self._german):
            return "PERSON", 0.9
        if len(names) == 1 and first in self._first and not run.opens and self._may_stand_alone(first):
            return "PERSON", 0.8
        if len(names) == 1 and first in people:
            return "PERSON", 0.88
        return self._kind_by_context(names, run) if self._english else ("", 0.0)

    def _kind_by_context(self, names: list[str], run: _Run) -> tuple[str, float]:
        first, last, several = names[0], names[-1], len(names) > 1
        if not several and first.isupper() and len(first) in _ACRONYM and first.isalpha():
            return "ORGANIZATION", 0.7
        if run.before.lower() in _ROLES and not self._is_odd(names):
            return "PERSON", 0.85
        if run.after in _SPEECH and several and not self._is_odd(names):
            return "PERSON", 0.85
        if several and len(names) < 4 and last in self._last and not run.opens and not self._common(first.lower()):
            return "PERSON", 0.85
        if any(self._common(name.lower()) for name in names):
            return "", 0.0
        if run.before in _PLACE_PREPOSITIONS and len(names) < 3 and first.isalpha() and not first.isupper():
            return "LOCATION", 0.7
        if not several and first.istitle() and first.isalpha() and len(first) > 2 and self._stands_as_person(run):
            return "PERSON", 0.6
        return "", 0.0

    def _may_stand_alone(self, name: str) -> bool:
        # In English a capital inside a sentence makes a name of a word; German nouns all have one.
        return (
            self._english and name.istitle() and not (name in _AMBIGUOUS or name in _NOT_NAMES or name in self._places)
        )

    @staticmethod
    def _stands_as_person(run: _Run) -> bool:
        """Whether the words beside an unknown name are those that stand beside people."""
        return run.before.lower() in _BEFORE_PEOPLE or run.after in _AFTER_PEOPLE

    def _is_person(self, names: list[str]) -> bool:
        """Whether the first is a first name and the rest may follow one."""
        if names[0] not in self._first or self._is_odd(names[1:]):
            return False
        return names[0] in self._sure_first or names[-1] in self._last or not self._common(names[-1].lower())

    def _is_odd(self, names: Sequence[str]) -> bool:
        """Whether a word after the first name cannot be a surname."""
        return any(word in self._other or word in _NOT_NAMES or word in _PLACE_WORDS for word in names)


_NEVER_INSIDE = words("I The A An And Or But He She It We They You This That In On At")
_AMBIGUOUS = words(
    "Will Mark Grace Hope Joy Faith Rose Lily Ivy Iris Daisy Ruby Amber Pearl Jade Crystal Summer Autumn April "
    "May June August Dawn Eve Angel Art Chase Chance Chip Christian Colt Cash Destiny Dean "
    "Earl Guy Hunter Jewel Lance Major Melody Mercy Miles Miracle "
    "Misty Norm Olive Patience Peg Penny Precious Price Prince Rich Rocky Rusty Sandy Sky "
    "Skip Star Sterling Stone Storm Sunny Tanner Trinity Victory Violet Wade Ward Willow "
    "Winter Young Noble Journey Honor Genesis Harmony Heaven Nevaeh Princess Royal Saint Santa Lane Brook Brooks "
    "Forest Cherish Charity Essence Asia America Chelsea China India Israel Paris London Austin "
    "Dallas Houston Madison Sydney Savannah Carolina Georgia Virginia Florence Lincoln Jackson Marine Ange Aimé "
    "Aimée Juste Pascal Zeit Sonne Wolf Alma Luz Mar Sol Paz Cruz Rosario Dolores Pilar Mercedes "
    "Consuelo Gracia Esperanza Amor Ciro Bravo Fortuna Sole Libero Gioia "
    "Lux Vale Real Dias Vale Santos Reis Jesus "
)


def _is_capital(word: str) -> bool:
    return word[0].isupper() and (len(word) > 1 or word.isalpha()) and not word.startswith("www.")
