"""Which mentions speak of one thing: equal names, parts of a person's name, and pronouns close behind.

Owns the grouping, kept simple: a pronoun means the last thing that it can mean. Knows nothing of sentiment or events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Group", "Mention", "grouped", "pronouns"]

_PRONOUN: Final = re.compile(
    r"(?<![\w'’])(?:I|me|my|mine|myself|he|him|his|himself|she|her|hers|herself|it|its|itself)(?![\w])", re.IGNORECASE
)
_SPEAKER: Final = frozenset({"i", "me", "my", "mine", "myself"})
_PERSONS: Final = frozenset({"he", "him", "his", "himself", "she", "her", "hers", "herself"})
_NO_IT: Final = frozenset({"PERSON", "DATE", "QUANTITY", "MONETARY_VALUE", "PERSONAL_TITLE", "PERSON_TITLE"})
_ARTICLE: Final = re.compile(r"(?:the|a|an)\s+", re.IGNORECASE)
_PART_OF: Final = "a part of a person's name"
_SAME, _PART, _PRONOUN_SCORE = 1.0, 0.95, 0.8
# "it" looks back no further.
_REACH: Final = 300


@dataclass(frozen=True, slots=True)
class Mention:
    """A span of the text and its type; `group_score` is how sure it is that it belongs to its group."""

    begin: int
    end: int
    text: str
    kind: str
    score: float
    group_score: float = _SAME


@dataclass(slots=True)
class Group:
    """The mentions of one thing, in their order; `names` are the places of those that are no pronouns."""

    mentions: list[Mention] = field(default_factory=list)
    names: list[int] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The type of its first mention."""
        return self.mentions[0].kind

    def add(self, mention: Mention, *, named: bool) -> None:
        """Take one more mention, which comes after the others."""
        if named:
            self.names.append(len(self.mentions))
        self.mentions.append(mention)


def pronouns(text: str) -> list[Mention]:
    """The pronouns of a text; their type is settled by what they are grouped with."""
    return [Mention(m.start(), m.end(), m[0], "", 0.9, _PRONOUN_SCORE) for m in _PRONOUN.finditer(text) if m[0] != "i"]


def grouped(mentions: Iterable[Mention]) -> list[Group]:
    """Groups in the order of their first mention; a pronoun that can mean nothing here is left out."""
    groups: list[Group] = []
    known: dict[tuple[str, str], Group] = {}
    last: dict[str, Group] = {}
    for mention in sorted(mentions, key=lambda each: (each.begin, each.end)):
        if mention.kind:
            group, score = _named(groups, known, mention)
            group.add(Mention(mention.begin, mention.end, mention.text, mention.kind, mention.score, score), named=True)
            last["person" if group.kind == "PERSON" else "thing" if group.kind not in _NO_IT else "other"] = group
            continue
        meant = _meant(mention, groups, last)
        if meant is not None:
            kind, score = meant.kind if meant.mentions else "PERSON", mention.group_score if meant.mentions else _SAME
            meant.add(
                Mention(mention.begin, mention.end, mention.text, kind, mention.score, score),
                named=mention.text.lower() in _SPEAKER,
            )
    return groups


def _named(groups: list[Group], known: dict[tuple[str, str], Group], mention: Mention) -> tuple[Group, float]:
    key = _key(mention.text)
    if (mention.kind, key) in known:
        return known[mention.kind, key], _SAME
    if mention.kind == "PERSON" and (_PART_OF, key) in known:
        return known[_PART_OF, key], _PART
    known[mention.kind, key] = group = Group()
    if mention.kind == "PERSON":
        known |= {(_PART_OF, part): group for part in key.split()}
    groups.append(group)
    return group, _SAME


def _meant(mention: Mention, groups: list[Group], last: dict[str, Group]) -> Group | None:
    word = mention.text.lower()
    if word in _SPEAKER:
        if "speaker" not in last:
            last["speaker"] = Group()
            groups.append(last["speaker"])
        return last["speaker"]
    group = last.get("person" if word in _PERSONS else "thing")
    return group if group is not None and mention.begin - group.mentions[-1].end <= _REACH else None


def _key(text: str) -> str:
    return _ARTICLE.sub("", text, count=1).casefold() if _ARTICLE.match(text) else text.casefold()
