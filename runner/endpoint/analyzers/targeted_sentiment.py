"""Sentiment of what a text speaks of, in English: mentions in groups, each with the sentiment of its clause.

Mentions are the entities of `entities.py`, pronouns, and the common nouns of clauses that hold an opinion ("the
*battery* is terrible"). Owns which mentions there are and where a clause ends; the sentiment of a clause is that
of `sentiment.py`, so a mention shares it with its neighbours: who is praised for what is not told apart.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.analyzers import entities, sentiment
from runner.endpoint.analyzers.known_names import words
from runner.endpoint.analyzers.mentions import Mention, grouped, pronouns
from runner.endpoint.analyzers.tagger import Tagger
from runner.endpoint.analyzers.tokens import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.endpoint.analyzers import Analyzer
    from runner.endpoint.analyzers.mentions import Group

_CLAUSE_END: Final = re.compile(
    r"[.!?;…]+(?=[\s\"”')\]]|$)|\n+|,?\s+(?=(?:but|however|although|though|yet|whereas|while|except|despite)\b)",
    re.IGNORECASE,
)
_KINDS: Final = {"TITLE": "OTHER"}
_WITHOUT_OPINION: Final = frozenset({"DATE", "QUANTITY"})
# Traits of things rather than things.
_ATTRIBUTES: Final = words(
    "quality price prices speed size color colour design service services battery screen display camera sound taste "
    "flavor flavour smell weight performance support delivery shipping packaging comfort look looks style value cost "
    "costs durability build fit finish texture temperature noise brightness resolution interface usability "
    "reliability atmosphere ambience ambiance acting plot story script direction cinematography dialogue music "
    "soundtrack pacing ending characters cast effects location cleanliness staff attitude behavior behaviour manners "
    "portion portions selection variety range warranty documentation accuracy response wait"
)
_NO_THINGS: Final = words(
    "time times day days thing things lot lots way ways bit kind sort one ones week weeks month months year years "
    "hour hours minute minutes today tomorrow yesterday something anything nothing everything everyone someone "
    "anyone people person fact case end part rest point course example reason problem number something"
)
_NEUTRAL: Final = {
    "Sentiment": "NEUTRAL",
    "SentimentScore": {"Mixed": 0.0, "Negative": 0.0, "Neutral": 1.0, "Positive": 0.0},
}
_NOUN = 0.85
_NOUNS_MAX = 3


def load() -> Analyzer:
    """Load entities and sentiment and return the analyzer."""
    find, feel, tagger = entities.load(), sentiment.load(), Tagger()

    def analyze(text: str, _language: str | None, /) -> dict[str, object]:
        clauses = _Clauses(text, feel)
        named = _named(text, find)
        covered = {place for mention in named for place in range(mention.begin, mention.end)}
        nouns = [each for each in _nouns(text, tagger) if each.begin not in covered and clauses.has_opinion(each)]
        groups = grouped([*named, *nouns, *(each for each in pronouns(text) if each.begin not in covered)])
        return {"Entities": [_entity(group, clauses) for group in groups]}

    return analyze


class _Clauses:
    """The clauses of a text, and what each says; asked for once each."""

    def __init__(self, text: str, feel: Analyzer) -> None:
        self._text = text
        self._feel = feel
        self._begins = [0, *(match.end() for match in _CLAUSE_END.finditer(text))]
        self._known: dict[int, dict[str, Any]] = {}

    def of(self, mention: Mention) -> dict[str, Any]:
        """The answer of `sentiment` for the clause in which a mention begins."""
        at = bisect_right(self._begins, mention.begin) - 1
        if at not in self._known:
            end = self._begins[at + 1] if at + 1 < len(self._begins) else len(self._text)
            self._known[at] = self._feel(self._text[self._begins[at] : end], "en")
        return self._known[at]

    def has_opinion(self, mention: Mention) -> bool:
        return bool(self.of(mention)["Sentiment"] != "NEUTRAL")


def _named(text: str, find: Analyzer) -> list[Mention]:
    listed: Any = find(text, "en")["Entities"]
    return [
        Mention(
            each["BeginOffset"], each["EndOffset"], each["Text"], _KINDS.get(each["Type"], each["Type"]), each["Score"]
        )
        for each in listed
    ]


def _nouns(text: str, tagger: Tagger) -> Iterator[Mention]:
    """Runs of common nouns: "customer service"."""
    for sentence in sentences(text):
        tags = tagger.tag([token.word for token in sentence])
        begin = 0
        while begin < len(sentence):
            end = begin
            while end < len(sentence) and tags[end] in {"NN", "NNS"} and sentence[end].word.isalpha():
                end += 1
            run = sentence[begin:end][-_NOUNS_MAX:]
            if run and run[-1].word.lower() not in _NO_THINGS and len(run[-1].word) > 2:
                kind = "ATTRIBUTE" if run[-1].word.lower() in _ATTRIBUTES else "OTHER"
                yield Mention(run[0].begin, run[-1].end, text[run[0].begin : run[-1].end], kind, _NOUN)
            begin = max(end, begin + 1)


def _entity(group: Group, clauses: _Clauses) -> dict[str, object]:
    return {
        "DescriptiveMentionIndex": group.names or [0],
        "Mentions": [
            {
                "BeginOffset": mention.begin,
                "EndOffset": mention.end,
                "Score": mention.score,
                "GroupScore": mention.group_score,
                "Text": mention.text,
                "Type": mention.kind,
                "MentionSentiment": _NEUTRAL if mention.kind in _WITHOUT_OPINION else clauses.of(mention),
            }
            for mention in group.mentions
        ],
    }
