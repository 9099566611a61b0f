"""Events in English business news: a trigger word, and the entities of its sentence in the roles of its type.

Owns how roles are filled: by type of entity, side of the trigger and distance, within one sentence. The tables are in
`event_rules.py`. It gives every type of event; a job keeps those that it was asked for (`options.py`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.analyzers import entities
from runner.endpoint.analyzers.event_rules import RULES, TITLES
from runner.endpoint.analyzers.mentions import Mention, grouped
from runner.endpoint.analyzers.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.endpoint.analyzers import Analyzer
    from runner.endpoint.analyzers.event_rules import EventRule, Role
    from runner.endpoint.analyzers.mentions import Group

_SENTENCE_END: Final = re.compile(r"(?<![A-Z])(?<!\b(?:Inc|Ltd|Mrs))(?<!\b(?:Co|Mr|Dr|Ms))[.!?]+(?=\s|$)|\n+")
_KINDS: Final = frozenset({"DATE", "LOCATION", "ORGANIZATION", "PERSON", "QUANTITY"})
_MONEY: Final = re.compile(r"[$€£¥₹]|\b(?:dollars?|euros?|pounds|yen|USD|EUR|GBP)\b", re.IGNORECASE)
_CAPITALS: Final = re.compile(r"(?<![\w.@#])[A-Z][\w&'’-]{1,30}(?: (?:& )?[A-Z][\w&'’-]{1,30}){0,4}")
_OWNER: Final = re.compile(r"['’]s?$")
_UNLISTED = 0.7
_RATIO: Final = re.compile(
    r"\b(?:\d{1,3}|two|three|four|five|ten|twenty)(?:-|\s)?(?:for|to)(?:-|\s)?(?:\d{1,3}|one|two)\b", re.IGNORECASE
)
_TRIGGER, _TITLE, _RATIO_SCORE = 0.95, 0.95, 0.95
_NEAR, _FAR, _WIDE = 0.95, 0.8, 60  # scores of a role within so many characters of its trigger, and beyond


def load() -> Analyzer:
    """Load entities and return the analyzer."""
    find, common = entities.load(), Tagger().is_common

    def analyze(text: str, _language: str | None, /) -> dict[str, object]:
        if not any(rule.trigger.search(text) for rule in RULES):
            return {"Entities": [], "Events": []}
        known = list(_mentions(text, find))
        groups = grouped([*known, *_firms(text, known, common)])
        placed = sorted(
            ((mention, index) for index, group in enumerate(groups) for mention in group.mentions),
            key=lambda each: each[0].begin,
        )
        events = _joined([event for begin, end in _sentences(text) for event in _events(text, begin, end, placed)])
        used = sorted({index for event in events for index in event["roles"]})
        place = {old: new for new, old in enumerate(used)}
        return {
            "Entities": [_entity(groups[index]) for index in used],
            "Events": [_event(event, place) for event in events],
        }

    return analyze


def _mentions(text: str, find: Analyzer) -> Iterator[Mention]:
    listed: Any = find(text, "en")["Entities"]
    ratios = [(match.start(), match.end()) for match in _RATIO.finditer(text)]
    for begin, end in ratios:
        yield Mention(begin, end, text[begin:end], "RATIO", _RATIO_SCORE)
    for match in TITLES.finditer(text):
        yield Mention(match.start(), match.end(), match[0], "PERSON_TITLE", _TITLE)
    for each in listed:
        begin, end, kind = each["BeginOffset"], each["EndOffset"], each["Type"]
        if kind not in _KINDS or each["Text"] == "IPO" or any(begin < stop and start < end for start, stop in ratios):
            continue
        if kind in {"ORGANIZATION", "PERSON"} and TITLES.fullmatch(each["Text"]):
            continue
        if kind == "QUANTITY" and _MONEY.search(each["Text"]):
            kind = "MONETARY_VALUE"
        yield Mention(begin, end, each["Text"], kind, each["Score"])


def _firms(text: str, known: list[Mention], common: Callable[[str], bool]) -> Iterator[Mention]:
    """Capitals that no list knows: in a text with such triggers, most likely a company."""
    covered = {place for mention in known for place in range(mention.begin, mention.end)}
    opens = {0, *(match.end() + 1 for match in _SENTENCE_END.finditer(text))}
    for match in _CAPITALS.finditer(text):
        name = _OWNER.sub("", match[0])
        words = name.split()
        if not covered.isdisjoint(range(*match.span())) or any(rule.trigger.search(name) for rule in RULES):
            continue
        inside = len(words) > 1 and match.start() not in opens
        if inside or not any(common(word.lower()) for word in words):
            yield Mention(match.start(), match.start() + len(name), name, "ORGANIZATION", _UNLISTED)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        yield begin, match.end()
        begin = match.end()
    if begin < len(text):
        yield begin, len(text)


def _events(text: str, begin: int, end: int, placed: list[tuple[Mention, int]]) -> Iterator[dict[str, Any]]:
    """The events of one sentence: at most one of a type, at its first trigger that has somebody in its first role."""
    first, last = (bisect_left(placed, at, key=lambda each: each[0].begin) for at in (begin, end))
    present = placed[first:last]
    for rule in RULES:
        for trigger in rule.trigger.finditer(text, begin, end):
            roles = _filled(rule, trigger, present, text)
            if roles:
                yield {"kind": rule.kind, "trigger": (*trigger.span(), trigger[0]), "roles": roles}
                break


def _filled(
    rule: EventRule, trigger: re.Match[str], present: list[tuple[Mention, int]], text: str
) -> dict[int, tuple[str, float]]:
    """Group -> role and score; empty where none of a type's own parts is played."""
    turned = rule.passive is not None and rule.passive.match(text, trigger.start()) is not None
    found: dict[int, tuple[str, float]] = {}
    central = False
    for role in rule.roles:
        side = {"before": "after", "after": "before"}.get(role.side, "") if turned else role.side
        for mention, index in _nearest(role, side, trigger, present, found):
            distance = max(mention.begin - trigger.end(), trigger.start() - mention.end)
            found[index] = (role.name, _NEAR if distance <= _WIDE else _FAR)
            central = central or mention.kind in {"ORGANIZATION", "PERSON"}
    return found if central else {}


def _nearest(
    role: Role, side: str, trigger: re.Match[str], present: list[tuple[Mention, int]], taken: dict[int, Any]
) -> list[tuple[Mention, int]]:
    fits = [
        (mention, index)
        for mention, index in present
        if mention.kind in role.kinds
        and index not in taken
        and (side != "before" or mention.end <= trigger.start())
        and (side != "after" or mention.begin >= trigger.end())
    ]
    fits.sort(key=lambda each: max(each[0].begin - trigger.end(), trigger.start() - each[0].end))
    best: dict[int, Mention] = {}
    for mention, index in fits:
        best.setdefault(index, mention)
    return [(mention, index) for index, mention in list(best.items())[: role.most]]


def _joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of one type with the same people in them are one event with several triggers."""
    kept: list[dict[str, Any]] = []
    for event in events:
        for other in kept:
            if other["kind"] == event["kind"] and set(event["roles"]) <= set(other["roles"]):
                other["triggers"].append(event["trigger"])
                break
        else:
            kept.append({**event, "triggers": [event["trigger"]]})
    return kept


def _entity(group: Group) -> dict[str, Any]:
    return {
        "Mentions": [
            {
                "BeginOffset": mention.begin,
                "EndOffset": mention.end,
                "Score": mention.score,
                "GroupScore": mention.group_score,
                "Text": mention.text,
                "Type": "QUANTITY" if mention.kind == "RATIO" else mention.kind,
            }
            for mention in group.mentions
        ]
    }


def _event(event: dict[str, Any], place: dict[int, int]) -> dict[str, Any]:
    return {
        "Type": event["kind"],
        "Arguments": [
            {"EntityIndex": place[index], "Role": role, "Score": score}
            for index, (role, score) in sorted(event["roles"].items())
        ],
        "Triggers": [
            {
                "BeginOffset": begin,
                "EndOffset": end,
                "Score": _TRIGGER,
                "Text": words,
                "GroupScore": 1.0,
                "Type": event["kind"],
            }
            for begin, end, words in event["triggers"]
        ],
    }
