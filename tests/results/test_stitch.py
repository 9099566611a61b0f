"""Answers to pieces become the answer to the document; a document of one piece keeps every byte."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.errors import InternalError
from runner.model import Piece
from runner.results.stitch import stitch

SPAN_FAMILIES = ("entities", "key_phrases", "custom_entities", "pii_entities")


def piece(begin: int, core_begin: int, core_end: int, end: int) -> Piece:
    return Piece(part=0, line=0, begin=begin, core_begin=core_begin, core_end=core_end, end=end)


def spans(*given: tuple[int, int], extra: str = '"Score": 0.50, "Text":"é"') -> bytes:
    return ("[" + ",".join(f'{{"BeginOffset":{b},"EndOffset":{e},{extra}}}' for b, e in given) + "]").encode()


@given(
    family=st.sampled_from([*SPAN_FAMILIES, "sentiment", "dominant_language", "events", "topics"]), payload=st.binary()
)
def test_one_piece_is_given_back_to_the_byte(family: str, payload: bytes) -> None:
    assert stitch(family, [piece(0, 0, 9, 9)], [payload]) == payload


def test_spans_belong_to_the_piece_whose_core_holds_their_begin() -> None:
    pieces = [piece(0, 0, 10, 14), piece(6, 10, 20, 24), piece(16, 20, 30, 30)]
    answers = [
        spans((0, 3), (9, 12), (10, 12)),  # 10 is the next one's
        spans((0, 2), (3, 6), (4, 6), (13, 18), (14, 16)),  # 6 and 9 are the one's before; 10 and 19 are here
        spans((3, 5), (4, 6), (13, 14)),  # 19 is the one's before; 20 and 29 are here
    ]

    stitched = json.loads(stitch("entities", pieces, answers))

    assert [(span["BeginOffset"], span["EndOffset"]) for span in stitched] == [
        (0, 3),
        (9, 12),
        (10, 12),
        (19, 24),
        (20, 22),
        (29, 30),
    ]


def test_the_rest_of_what_a_piece_before_has_given_is_not_given_again() -> None:
    pieces = [piece(0, 0, 12, 18), piece(8, 12, 30, 30)]
    seen_whole, rest, after = spans((10, 18)), (4, 10), (10, 12)  # New York City; York City; the next word

    stitched = json.loads(stitch("entities", pieces, [seen_whole, spans(rest, after)]))

    assert [(span["BeginOffset"], span["EndOffset"]) for span in stitched] == [(10, 18), (18, 20)]


def test_everything_but_the_offsets_keeps_its_bytes() -> None:
    pieces = [piece(0, 0, 5, 5), piece(5, 5, 10, 10)]
    answers = [b"[]", b'[{"Type": "X","BeginOffset":0,"Score":0.10,"EndOffset": 2,"Text":"\\u00e9\xc3\xa9"}]']

    assert stitch("entities", pieces, answers) == (
        b'[{"Type":"X","BeginOffset":5,"Score":0.10,"EndOffset":7,"Text":"\\u00e9\xc3\xa9"}]'
    )


def sentiment(label: str, **scores: float) -> bytes:
    return json.dumps({"Sentiment": label, "SentimentScore": scores}, separators=(",", ":")).encode()


def test_sentiment_is_weighted_by_core_length_and_takes_the_highest_label() -> None:
    pieces = [piece(0, 0, 30, 35), piece(25, 30, 40, 40)]
    answers = [
        sentiment("POSITIVE", Mixed=0.0, Negative=0.25, Neutral=0.0, Positive=0.75),
        sentiment("NEGATIVE", Mixed=0.0, Negative=1.0, Neutral=0.0, Positive=0.0),
    ]

    assert stitch("sentiment", pieces, answers) == sentiment(
        "POSITIVE", Mixed=0.0, Negative=0.4375, Neutral=0.0, Positive=0.5625
    )


def test_equal_scores_take_the_label_that_the_service_writes_first() -> None:
    pieces = [piece(0, 0, 1, 1), piece(1, 1, 2, 2)]
    answers = [sentiment("X", Mixed=0.5, Positive=0.5), sentiment("Y", Mixed=0.5, Positive=0.5)]

    assert json.loads(stitch("sentiment", pieces, answers))["Sentiment"] == "MIXED"


def test_a_language_that_a_piece_does_not_name_counts_as_zero_there() -> None:
    pieces = [piece(0, 0, 30, 30), piece(30, 30, 40, 40)]
    answers = [
        b'[{"LanguageCode":"en","Score":0.5},{"LanguageCode":"de","Score":0.25}]',
        b'[{"LanguageCode":"fr","Score":1}]',
    ]

    assert stitch("dominant_language", pieces, answers) == (
        b'[{"LanguageCode":"en","Score":0.375},{"LanguageCode":"fr","Score":0.25},{"LanguageCode":"de","Score":0.1875}]'
    )


@pytest.mark.parametrize("member", ["Classes", "Labels"])
def test_classes_and_labels_are_weighted_by_core_length_highest_first(member: str) -> None:
    pieces = [piece(0, 0, 30, 30), piece(30, 30, 40, 40)]
    answers = [
        b'[{"Name":"drama","Score":0.5},{"Name":"comedy","Score":0.5}]',
        b'[{"Name":"comedy","Score":1.0},{"Name":"satire","Score":0.375},{"Name":"drama","Score":0.0}]',
    ]

    assert json.loads(stitch("classification", pieces, answers)) == [
        {"Name": "comedy", "Score": 0.625},
        {"Name": "drama", "Score": 0.375},
        {"Name": "satire", "Score": 0.09375},
    ]


def test_families_that_are_never_split_are_our_bug() -> None:
    with pytest.raises(InternalError, match="topics"):
        stitch("topics", [piece(0, 0, 1, 1), piece(1, 1, 2, 2)], [b"{}", b"{}"])


@st.composite
def split_documents(draw: Any) -> tuple[list[Piece], list[tuple[int, int]], list[list[tuple[int, int]]]]:
    """Pieces with overlaps, spans of the whole document, and the spans that each piece would name."""
    length = draw(st.integers(1, 60))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, length - 1)), max_size=4)) - {length})
    bounds = [0, *cuts, length]
    pieces = []
    for left, right in pairwise(bounds):
        begin = left - draw(st.integers(0, left))
        pieces.append(piece(begin, left, right, right + draw(st.integers(0, length - right))))
    begins = draw(st.sets(st.integers(0, length - 1), max_size=8))
    whole = sorted((begin, begin + 1) for begin in begins)
    seen = [[(b - p.begin, e - p.begin) for b, e in whole if p.begin <= b < p.end] for p in pieces]
    return pieces, whole, seen


@given(split_documents())
def test_cut_anywhere_the_spans_are_those_of_the_whole(
    case: tuple[list[Piece], list[tuple[int, int]], list[list[tuple[int, int]]]],
) -> None:
    """Offsets apart, also to the byte: what the service would have written for the document in one line."""
    pieces, whole, seen = case
    extra = '"Score":0.50,"Text":"é"'

    stitched = stitch("key_phrases", pieces, [spans(*each, extra=extra) for each in seen])

    assert stitched == spans(*whole, extra=extra)


@given(
    weights=st.lists(st.integers(1, 50), min_size=2, max_size=5),
    score=st.floats(0, 1, allow_nan=False),
)
def test_pieces_that_agree_are_stitched_to_what_they_say(weights: list[int], score: float) -> None:
    bounds = [sum(weights[:n]) for n in range(len(weights) + 1)]
    pieces = [piece(b, b, e, e) for b, e in pairwise(bounds)]
    answer = sentiment("POSITIVE", Mixed=0.0, Positive=score + 0.1)

    stitched = json.loads(stitch("sentiment", pieces, [answer] * len(pieces)))

    assert stitched["Sentiment"] == "POSITIVE"
    assert stitched["SentimentScore"]["Positive"] == pytest.approx(score + 0.1)
