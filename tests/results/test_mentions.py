"""Entities with mentions, and events: every mention once, indices as in one answer, what overlaps is joined."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from runner.model import Piece
from runner.results.stitch import stitch


def piece(begin: int, core_begin: int, core_end: int, end: int) -> Piece:
    return Piece(part=0, line=0, begin=begin, core_begin=core_begin, core_end=core_end, end=end)


def mention(begin: int, end: int, piece: Piece | None = None) -> dict[str, Any]:
    shift = piece.begin if piece else 0
    return {"BeginOffset": begin - shift, "EndOffset": end - shift, "Score": 0.5, "Text": f"{begin}"}


def entity(descriptive: list[int], *mentions: dict[str, Any]) -> dict[str, Any]:
    return {"DescriptiveMentionIndex": descriptive, "Mentions": list(mentions)}


def packed(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


ONE, OTHER = piece(0, 0, 50, 60), piece(40, 50, 100, 100)


def targeted(*answers: list[dict[str, Any]]) -> Any:
    return json.loads(stitch("targeted_sentiment", [ONE, OTHER], [packed(answer) for answer in answers]))


def test_mentions_are_shifted_and_descriptive_ones_are_those_that_are_left() -> None:
    stitched = targeted(
        [entity([0], mention(1, 4))],
        [entity([2], mention(42, 44, OTHER), mention(70, 72, OTHER), mention(80, 84, OTHER))],
    )
    assert stitched == [entity([0], mention(1, 4)), entity([1], mention(70, 72), mention(80, 84))]


def test_an_entity_on_both_sides_of_a_cut_is_one() -> None:
    stitched = targeted(
        [entity([0, 1], mention(3, 5), mention(45, 48)), entity([0], mention(7, 9))],
        [entity([1], mention(45, 48, OTHER), mention(90, 92, OTHER)), entity([0], mention(95, 97, OTHER))],
    )
    assert stitched == [
        entity([0, 1, 2], mention(3, 5), mention(45, 48), mention(90, 92)),
        entity([0], mention(7, 9)),
        entity([0], mention(95, 97)),
    ]


def test_an_entity_whose_mentions_are_all_the_neighbours_is_not_doubled() -> None:
    stitched = targeted([entity([0], mention(45, 48))], [entity([0], mention(45, 48, OTHER))])
    assert stitched == [entity([0], mention(45, 48))]


def test_without_its_descriptive_mention_an_entity_is_described_by_its_first() -> None:
    stitched = targeted([], [entity([0], mention(45, 48, OTHER), mention(60, 61, OTHER))])
    assert stitched == [entity([0], mention(60, 61))]


def happening(trigger: dict[str, Any], *arguments: int) -> dict[str, Any]:
    return {
        "Type": "IPO",
        "Arguments": [{"EntityIndex": index, "Role": "OFFEROR", "Score": 0.75} for index in arguments],
        "Triggers": [trigger],
    }


def plain(*mentions: dict[str, Any]) -> dict[str, Any]:
    return {"Mentions": list(mentions)}


def events(*answers: dict[str, Any]) -> Any:
    return json.loads(stitch("events", [ONE, OTHER], [packed(answer) for answer in answers]))


def test_events_name_the_entities_of_the_document() -> None:
    stitched = events(
        {
            "Entities": [plain(mention(55, 57)), plain(mention(2, 4), mention(44, 46))],
            "Events": [happening(mention(6, 8), 1), happening(mention(52, 54), 0)],
        },
        {
            "Entities": [plain(mention(60, 63, OTHER)), plain(mention(44, 46, OTHER))],
            "Events": [happening(mention(52, 54, OTHER), 0, 1), happening(mention(41, 43, OTHER), 0)],
        },
    )
    assert stitched == {
        "Entities": [plain(mention(2, 4), mention(44, 46)), plain(mention(60, 63))],
        "Events": [happening(mention(6, 8), 0), happening(mention(52, 54), 1, 0)],
    }


def test_an_entity_that_an_event_speaks_of_is_there_if_only_in_a_margin() -> None:
    stitched = events(
        {"Entities": [], "Events": []},
        {"Entities": [plain(mention(44, 46, OTHER))], "Events": [happening(mention(60, 62, OTHER), 0)]},
    )
    assert stitched == {"Entities": [plain(mention(44, 46))], "Events": [happening(mention(60, 62), 0)]}


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("events", {"Entities": [], "Events": [happening(mention(1, 2), 0)]}),
        ("targeted_sentiment", [entity([1], mention(1, 2))]),
        ("targeted_sentiment", [entity([0])]),
    ],
)
def test_an_index_that_leads_nowhere_is_not_the_familys_form(family: str, answer: Any) -> None:
    with pytest.raises(msgspec.MsgspecError):
        stitch(family, [ONE, OTHER], [packed(answer), packed(answer)])


@st.composite
def split_documents(draw: Any) -> tuple[list[Piece], list[list[int]]]:
    """Pieces with overlaps, and entities as the begins of their mentions, each of one character."""
    length = draw(st.integers(4, 60))
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=4)))
    pieces = []
    for left, right in pairwise([0, *cuts, length]):
        begin = left - draw(st.integers(0, left))
        pieces.append(piece(begin, left, right, right + draw(st.integers(0, length - right))))
    owners = draw(st.dictionaries(st.integers(0, length - 1), st.integers(0, 3), max_size=12))
    return pieces, [sorted(at for at, owner in owners.items() if owner == which) for which in range(4)]


@settings(deadline=None)
@given(split_documents())
def test_cut_anywhere_every_mention_is_there_once_and_entities_are_never_mixed(
    case: tuple[list[Piece], list[list[int]]],
) -> None:
    pieces, entities = case
    answers = [
        [
            entity([0], *(mention(at, at + 1, each) for at in seen))
            for whole in entities
            if (seen := [at for at in whole if each.begin <= at < each.end])
        ]
        for each in pieces
    ]

    stitched = json.loads(stitch("targeted_sentiment", pieces, [packed(answer) for answer in answers]))

    found = [[each["BeginOffset"] for each in one["Mentions"]] for one in stitched]
    assert sorted(at for one in found for at in one) == sorted(at for whole in entities for at in whole)
    assert all(any(set(one) <= set(whole) for whole in entities) for one in found)
    for one in stitched:
        assert all(0 <= place < len(one["Mentions"]) for place in one["DescriptiveMentionIndex"])
