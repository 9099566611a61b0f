"""Stitches answers that gather mentions into entities: targeted sentiment and events. Pure; see `stitch.py` beside it.

Rules beyond those there:

1. A mention belongs to the piece whose core holds its begin, an event to the one that holds its first trigger's.
2. Entities of different pieces that both name one mention (it lies where the pieces overlap) are one entity; so what
   runs on across a cut stays together. Entities that share no mention stay apart, whatever they are called.
3. Indices are re-based: `DescriptiveMentionIndex` to the mentions that are left, and to the first of them if none of
   the descriptive ones is; `EntityIndex` to the entities of the document.
4. An entity of which no mention is left is dropped, unless an event speaks of it: then it keeps all its piece said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from runner.model import Piece

Members = dict[str, Raw]

_encode: Final = msgspec.json.Encoder().encode
_decode_items: Final = msgspec.json.Decoder(list[Members]).decode
_decode_members: Final = msgspec.json.Decoder(Members).decode
_decode_indices: Final = msgspec.json.Decoder(list[int]).decode
_decode_index: Final = msgspec.json.Decoder(int).decode


class Named(NamedTuple):
    """An entity's place: its piece, and its place in what the piece's answer lists."""

    piece: int
    place: int


class _Mention(NamedTuple):
    begin: int
    end: int
    owned: bool
    members: Members


@dataclass(frozen=True, slots=True)
class _Entity:
    members: Members
    mentions: tuple[_Mention, ...]
    descriptive: tuple[int, ...]


def stitch_mentions(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Targeted sentiment: entities with mentions."""
    answers = [_decode_items(payload) for payload in payloads]
    entities, _ = _joined(_entities(pieces, answers), frozenset())
    return _encode(entities)


def stitch_events(pieces: Sequence[Piece], payloads: Sequence[bytes]) -> bytes:
    """Events, and the entities that are their arguments."""
    answers = [_decode_members(payload) for payload in payloads]
    entities = _entities(pieces, [_decode_items(answer["Entities"]) for answer in answers])
    kept = [
        (number, event, _decode_items(event["Arguments"]))
        for number, (piece, answer) in enumerate(zip(pieces, answers, strict=True))
        for event in _events(piece, _decode_items(answer["Events"]))
    ]
    spoken_of = {_argument(number, argument) for number, _, arguments in kept for argument in arguments}
    unknown = spoken_of - entities.keys()
    if unknown:
        raise msgspec.ValidationError(f"an event names entity {min(unknown).place}, which is not there")
    joined, places = _joined(entities, frozenset(spoken_of))
    for number, event, arguments in kept:
        for argument in arguments:
            argument["EntityIndex"] = Raw(b"%d" % places[_argument(number, argument)])
        event["Arguments"] = Raw(_encode(arguments))
    stitched = dict(answers[0])
    stitched["Entities"] = Raw(_encode(joined))
    stitched["Events"] = Raw(_encode([event for _, event, _ in kept]))
    return _encode(stitched)


def _argument(piece: int, argument: Members) -> Named:
    return Named(piece, _decode_index(argument["EntityIndex"]))


def _shifted(piece: Piece, item: Members) -> _Mention:
    begin = _decode_index(item["BeginOffset"]) + piece.begin
    end = _decode_index(item["EndOffset"]) + piece.begin
    shifted = {**item, "BeginOffset": Raw(b"%d" % begin), "EndOffset": Raw(b"%d" % end)}
    return _Mention(begin, end, piece.core_begin <= begin < piece.core_end, shifted)


def _entities(pieces: Sequence[Piece], answers: Sequence[list[Members]]) -> dict[Named, _Entity]:
    """Every entity of every piece, its mentions shifted to their places in the document."""
    found: dict[Named, _Entity] = {}
    for number, (piece, answer) in enumerate(zip(pieces, answers, strict=True)):
        for index, entity in enumerate(answer):
            mentions = tuple(_shifted(piece, item) for item in _decode_items(entity["Mentions"]))
            descriptive = entity.get("DescriptiveMentionIndex")
            indices = () if descriptive is None else tuple(_decode_indices(descriptive))
            if any(not 0 <= place < len(mentions) for place in indices):
                raise msgspec.ValidationError("an entity names a mention that is not there")
            found[Named(number, index)] = _Entity(entity, mentions, indices)
    return found


def _events(piece: Piece, events: Iterable[Members]) -> Iterable[Members]:
    """The events that belong to a piece, with their triggers shifted."""
    for event in events:
        triggers = [_shifted(piece, item) for item in _decode_items(event["Triggers"])]
        if triggers and min(triggers, key=lambda trigger: trigger[:2]).owned:
            yield {**event, "Triggers": Raw(_encode([trigger.members for trigger in triggers]))}


def _joined(entities: dict[Named, _Entity], spoken_of: frozenset[Named]) -> tuple[list[Members], dict[Named, int]]:
    """The document's entities in order of first naming, and where each piece's entity is among them."""
    groups: dict[Named, list[Named]] = {}
    for named, first in _firsts(entities).items():
        groups.setdefault(first, []).append(named)
    joined: list[Members] = []
    places: dict[Named, int] = {}
    for group in groups.values():
        entity = _one([entities[named] for named in group])
        if entity is None:
            held = next((named for named in group if named in spoken_of), None)
            if held is None:
                continue
            entity = _as_it_is(entities[held])
        places.update(dict.fromkeys(group, len(joined)))
        joined.append(entity)
    return joined, places


def _firsts(entities: dict[Named, _Entity]) -> dict[Named, Named]:
    """For each entity the first of those that are the same: they share mentions, directly or through others."""
    first = {named: named for named in entities}

    def root(named: Named) -> Named:
        while first[named] != named:
            first[named] = first[first[named]]
            named = first[named]
        return named

    named_by: dict[tuple[int, int], Named] = {}
    for named, entity in entities.items():
        for mention in entity.mentions:
            other = named_by.setdefault((mention.begin, mention.end), named)
            if other.piece != named.piece:
                one, two = sorted((root(other), root(named)))
                first[two] = one
    return {named: root(named) for named in entities}


def _one(group: Sequence[_Entity]) -> Members | None:
    """One entity of all mentions that belong to their pieces; None if there are none."""
    mentions: list[Members] = []
    descriptive: list[int] = []
    for entity in group:
        for place, mention in enumerate(entity.mentions):
            if mention.owned:
                if place in entity.descriptive:
                    descriptive.append(len(mentions))
                mentions.append(mention.members)
    return _made(group[0], mentions, descriptive or [0]) if mentions else None


def _as_it_is(entity: _Entity) -> Members:
    return _made(entity, [mention.members for mention in entity.mentions], list(entity.descriptive))


def _made(entity: _Entity, mentions: list[Members], descriptive: list[int]) -> Members:
    made = {**entity.members, "Mentions": Raw(_encode(mentions))}
    if "DescriptiveMentionIndex" in made:
        made["DescriptiveMentionIndex"] = Raw(_encode(descriptive))
    return made
