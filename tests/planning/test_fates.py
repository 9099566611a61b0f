from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from runner.model import PartFacts, PartId, part_id, segment_id
from runner.planning.fates import closing, overlaps, reads, size_class, split_limit

SENTIMENT_MAX = 5 * 1024


def close(analysis, *, fate: str | None = None, size: int = 10, language: str | None = "en"):
    return closing(analysis, fate=fate, message="why" if fate else None, size=size, language=language)


@pytest.mark.parametrize(
    ("fate", "outcome"),
    [("EMPTY", "skipped"), ("UNDECODABLE", "error"), ("BAD_ROW", "error"), ("INPUT_CHANGED", "error")],
)
def test_what_the_ledger_says_closes_a_document_for_every_analysis(build, fate: str, outcome: str) -> None:
    for family in ("dominant_language", "entities"):
        closed = close(build.analysis(family), fate=fate, language=None, size=10**9)

        assert closed is not None
        assert (closed.outcome, closed.code, closed.message) == (outcome, fate, "why")


@pytest.mark.parametrize(
    ("language", "code"), [("sv", "LANGUAGE_UNSUPPORTED"), (None, "LANGUAGE_UNKNOWN"), ("de", None)]
)
def test_a_family_skips_languages_that_it_does_not_take(build, language: str | None, code: str | None) -> None:
    closed = close(build.analysis("entities"), language=language)

    assert (closed.code if closed else None) == code
    assert close(build.analysis("dominant_language"), language=language) is None


@pytest.mark.parametrize(("oversize", "outcome"), [("skip", "skipped"), ("error", "error"), ("split", None)])
def test_a_document_above_the_limit_is_what_the_analysis_says(build, oversize: str, outcome: str | None) -> None:
    analysis = build.analysis("sentiment", oversize=oversize)

    closed = close(analysis, size=SENTIMENT_MAX + 1)

    assert (closed.outcome if closed else None) == outcome
    assert close(analysis, size=SENTIMENT_MAX) is None


@given(
    family=st.sampled_from(["sentiment", "entities", "dominant_language", "pii_entities"]),
    language=st.sampled_from(["en", "es", "rest"]),
    size=st.integers(1, 3 << 20),
)
def test_a_document_is_sent_exactly_if_the_part_of_its_size_class_is_read(build, family, language, size) -> None:
    """The survey puts it into the smallest class that holds it; `rest` are languages that nobody takes."""
    analysis = build.analysis(family)
    cap = size_class((SENTIMENT_MAX, 1 << 20), size)
    if cap is None:
        return
    part = PartFacts(
        id=part_id(segment_id(0, 0, 0), 0), pool=language, line_bytes_max=cap, lines=1, bytes=size, units=3, digest=""
    )

    sent = close(analysis, size=size, language=None if language == "rest" else language) is None

    assert reads(analysis, part) == sent


def test_pieces_are_read_only_by_who_splits_at_their_limit(build) -> None:
    part = PartFacts(
        id=part_id(segment_id(0, 0, 0), 0),
        pool="en",
        line_bytes_max=SENTIMENT_MAX,
        lines=2,
        bytes=9_000,
        units=90,
        digest="",
        split_bytes=SENTIMENT_MAX,
    )

    assert reads(build.analysis("sentiment", oversize="split"), part)
    assert not reads(build.analysis("sentiment"), part)
    assert not reads(build.analysis("entities", oversize="split"), part)


@pytest.mark.parametrize(("size", "cap"), [(1, 5), (5, 5), (6, 9), (9, 9), (10, None)])
def test_the_size_class_is_the_smallest_limit_that_holds(size: int, cap: int | None) -> None:
    assert size_class((5, 9), size) == cap


def test_redacted_texts_are_cut_apart_from_all_others(build) -> None:
    offsets = build.analysis("pii_entities", oversize="split")
    masked = build.analysis("pii_entities", oversize="split", parameters=(("mode", "redaction"),))
    assert split_limit(build.analysis("pii_entities")) is None
    assert (overlaps(offsets), overlaps(masked)) == (True, False)
    assert split_limit(offsets) == split_limit(masked) + 1 == offsets.document_bytes_max


def test_an_analysis_does_not_read_what_is_answered(build) -> None:
    part = PartFacts(id=PartId("p"), pool="en", line_bytes_max=10, lines=1, bytes=3, units=3, digest="")
    assert reads(build.analysis("sentiment"), part)
    assert not reads(build.analysis("sentiment"), replace(part, answered=("entities", "sentiment")))
    assert reads(build.analysis("sentiment"), replace(part, answered=("entities",)))
