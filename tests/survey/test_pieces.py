"""Cutting long documents: pieces fit, cores cover the document, and no cut goes through a character."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings, strategies as st

from runner.survey.cuts import LIMIT_MIN, Cut, overlap_of
from runner.survey.pieces import cut

WORDS = [
    "a",
    "tree",
    "Größe",
    "日本語の文。",
    "ไทย",
    "한국어",
    "e\u0301",
    "👩‍👩‍👧‍👦",
    "🇩🇪🇫🇷",
    "क्षि",
    "word.",
    "End!",
    "\u0301",
    "؟",
]
texts = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from([" ", "  ", " " * 90, "\t", "\u3000"]),
        st.text(max_size=8).map(str.strip),
    ),
    min_size=1,
    max_size=120,
).map("".join)  # fmt: skip
limits = st.sampled_from([LIMIT_MIN, 65, 100, 256])


def clusters(text: str) -> set[int]:
    return {0, *(found.end() for found in regex.finditer(r"\X", text))}


@settings(deadline=None, max_examples=200)
@given(text=texts.filter(lambda text: not text.isspace()), limit=limits, overlapping=st.booleans())
def test_cores_cover_the_document_and_every_piece_fits_and_says_something(
    text: str, limit: int, overlapping: bool
) -> None:
    text = text.encode(errors="ignore").decode()
    if not text or text.isspace():
        return
    overlap = overlap_of(limit) if overlapping else 0

    cuts = cut(text, limit, overlap)

    assert cuts[0].core_begin == 0
    assert cuts[-1].core_end == len(text)
    assert all(one.core_end == other.core_begin for one, other in pairwise(cuts))
    for begin, core_begin, core_end, end in cuts:
        sent = text[begin:end]
        assert len(sent.encode()) <= limit
        assert sent.strip()
        assert text[core_begin : max(begin, core_begin)].strip() == ""
        assert text[min(end, core_end) : core_end].strip() == ""
        assert len(text[begin:core_begin].encode()) <= overlap
        assert len(text[core_end:end].encode()) <= overlap
    if not overlap:
        assert all(begin >= core_begin and end <= core_end for begin, core_begin, core_end, end in cuts)


@settings(deadline=None, max_examples=200)
@given(text=texts, limit=limits, overlapping=st.booleans())
def test_no_bound_lies_inside_a_character_as_people_see_it(text: str, limit: int, overlapping: bool) -> None:
    bounds = clusters(text)
    longest = max((b - a for a, b in pairwise(sorted(bounds))), default=0)
    if not text or text.isspace() or longest * 4 > limit // 4:
        return

    for each in cut(text, limit, overlap_of(limit) if overlapping else 0):
        assert bounds.issuperset(each)


def test_a_cut_falls_after_a_sentence() -> None:
    text = "One two three four. " * 12

    cuts = cut(text, 128, 0)

    assert [text[each.begin : each.end][-6:] for each in cuts] == ["four. "] * len(cuts)
    assert len(cuts) == 2


def test_without_sentences_it_falls_after_a_word_and_without_words_anywhere() -> None:
    assert cut("word " * 20, 64, 0) == [Cut(0, 0, 60, 60), Cut(60, 60, 100, 100)]
    assert cut("x" * 100, 64, 0) == [Cut(0, 0, 64, 64), Cut(64, 64, 100, 100)]


def test_the_sentences_of_chinese_and_japanese_have_no_space_after_them() -> None:
    text = "これは文です。" * 10
    assert [each.core_end for each in cut(text, 64, 0)] == [21, 42, 63, 70]


def test_overlaps_are_whole_words_of_the_neighbours() -> None:
    text = "".join(f"w{number:02d} " for number in range(100))

    one, other, *_ = cut(text, 128, 8)

    assert text[one.core_end : one.end] == text[other.core_begin :][:8]
    assert text[other.begin : other.core_begin] == text[: other.core_begin][-8:]


def test_white_space_that_would_fill_a_piece_is_not_sent() -> None:
    text = "a" + " " * 1000 + "b" + " " * 1000
    assert cut(text, 64, 4) == [Cut(0, 0, 60, 64), Cut(1001, 60, 2002, 1065)]


def test_a_character_longer_than_a_piece_is_cut_between_code_points() -> None:
    text = "e" + "\u0301" * 200
    cuts = cut(text, 64, 0)
    assert [each.core_end for each in cuts][:2] == [32, 64]
    assert "".join(text[each.begin : each.end] for each in cuts) == text


def test_a_character_at_the_end_of_much_white_space_is_not_cut() -> None:
    text = "a" * 20 + " " * 83 + "क्षि" + "aa"
    for each in cut(text, 64, 4):
        assert clusters(text).issuperset(each)


@pytest.mark.parametrize("limit", [5 * 1024, 1024 * 1024])
def test_a_document_of_exactly_the_limit_is_one_piece(limit: int) -> None:
    assert cut("x" * limit, limit, overlap_of(limit)) == [Cut(0, 0, limit, limit)]
