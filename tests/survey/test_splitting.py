"""Documents that are too long for a family, in pieces: every piece is a line, and the ledger knows where it lies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from runner.catalogue import units
from runner.errors import SourceError
from runner.model import PARTS_MAX, AnalysisSpec, SegmentId, part_id
from runner.planning.fates import reads, split_limit
from runner.survey import segments
from runner.survey.parts import units_of

Survey = Callable[..., Any]
Analysis = Callable[..., AnalysisSpec]

SHORT = "A short one."
LONG = "The quick brown fox jumps over the lazy dog again. " * 40
LONGER = "これは日本語の文です。" * 90


def data(*texts: str) -> bytes:
    return "\n".join(texts).encode()


@pytest.fixture
def split(survey: Survey, analysis: Analysis) -> Callable[..., Any]:
    """Survey with limits of 1,000 bytes for entities and sentiment, which split, and 2,500 for key phrases."""

    def run(*texts: str, **fields: Any) -> Any:
        analyses = (
            analysis("entities", document_bytes_max=1000, oversize="split"),
            analysis("sentiment", document_bytes_max=1000, oversize="split"),
            analysis("key_phrases", document_bytes_max=2500),
        )
        return survey(data(*texts), **{"analyses": analyses, **fields})

    return run


def test_each_piece_is_a_line_with_its_text_and_the_cores_cover_the_document(split: Callable[..., Any]) -> None:
    done = split(SHORT, LONG, LONGER)
    ledger = done.ledger(done.segments[0].id)
    parts = [done.part(part) for part in ledger.parts]

    short, *long = ledger.documents
    assert short.pieces == ()
    for document, text in zip(long, (LONG, LONGER), strict=True):
        ((limit, pieces),) = document.pieces
        assert limit == 1000
        assert len(pieces) > 1
        for piece in pieces:
            assert parts[piece.part][piece.line] == text[piece.begin : piece.end]
            assert len(text[piece.begin : piece.end].encode()) <= 1000
        assert pieces[0].core_begin == 0
        assert pieces[-1].core_end == len(text) == document.characters
        assert all(one.core_end == other.core_begin for one, other in pairwise(pieces))
        assert any(one.end > other.begin for one, other in pairwise(pieces)), "they overlap"


def test_a_document_is_whole_for_those_that_take_it_and_nowhere_for_nobody(split: Callable[..., Any]) -> None:
    done = split(SHORT, LONG, LONGER)
    assert [document.part >= 0 for document in done.documents] == [True, True, False]
    tallies = {(tally.analysis, tally.outcome, tally.code): tally.documents for tally in done.segments[0].tallies}
    assert tallies["key_phrases", "skipped", "TOO_LONG"] == 1
    assert tallies["entities", "sent", ""] == tallies["sentiment", "sent", ""] == 3


def test_the_parts_of_pieces_are_read_by_those_who_split_there(split: Callable[..., Any], analysis: Analysis) -> None:
    done = split(SHORT, LONG, LONGER)
    whole, larger, pieces = sorted(
        done.segments[0].parts, key=lambda part: (part.split_bytes or 0, part.line_bytes_max)
    )
    assert [part.split_bytes for part in (whole, larger, pieces)] == [None, None, 1000]
    entities = analysis("entities", document_bytes_max=1000, oversize="split")
    phrases = analysis("key_phrases", document_bytes_max=2500)
    assert [reads(entities, part) for part in (whole, larger, pieces)] == [True, False, True]
    assert [reads(phrases, part) for part in (whole, larger, pieces)] == [True, True, False]


def test_units_are_those_of_the_lines_overlaps_included(split: Callable[..., Any]) -> None:
    done = split(SHORT, LONG, LONGER)
    (segment,) = done.segments
    for part in segment.parts:
        assert part.units == sum(units(len(line)) for line in done.part(part.id))
    sent = {tally.analysis: tally.units for tally in segment.tallies if tally.outcome == "sent"}
    assert sent["key_phrases"] == units(len(SHORT)) + units(len(LONG))
    lines = sum(part.units for part in segment.parts if part.split_bytes) + units(len(SHORT))
    assert sent["entities"] == sent["sentiment"] == lines > sum(units(len(text)) for text in (SHORT, LONG, LONGER))


def test_pieces_do_not_overlap_if_nothing_found_has_a_place(split: Callable[..., Any], analysis: Analysis) -> None:
    done = split(LONG, analyses=(analysis("sentiment", document_bytes_max=1000, oversize="split"),))
    ((_, pieces),) = done.documents[0].pieces
    assert all(one.end == other.begin for one, other in pairwise(pieces))


def test_redacted_texts_have_pieces_of_their_own_without_overlap(split: Callable[..., Any], analysis: Analysis) -> None:
    redaction = analysis(
        "pii_entities", document_bytes_max=1000, oversize="split", parameters=(("mode", "redaction"),), name="masked"
    )
    offsets = analysis("pii_entities", document_bytes_max=1000, oversize="split", parameters=(("mode", "offsets"),))
    done = split(LONG, analyses=(redaction, offsets))

    pieces = dict(done.documents[0].pieces)

    assert list(pieces) == [split_limit(redaction), split_limit(offsets)] == [999, 1000]
    assert all(one.end == other.begin for one, other in pairwise(pieces[999]))
    assert all(one.end > other.begin for one, other in pairwise(pieces[1000]))
    for part in done.segments[0].parts:
        assert [reads(redaction, part), reads(offsets, part)] == [part.split_bytes == 999, part.split_bytes == 1000]


def test_the_ledger_of_split_documents_is_the_models_own_encoding(split: Callable[..., Any]) -> None:
    done = split(SHORT, LONG, "", LONGER)
    ledger = done.ledger(done.segments[0].id)
    written = (done.directory / "ledger" / f"{ledger.segment}.msgpack").read_bytes()
    assert msgspec.msgpack.encode(ledger) == written


@pytest.mark.parametrize(("job_bytes_max", "job_documents_max"), [(3000, None), (None, 2), (2000, 3)])
def test_no_part_is_above_what_the_user_lets_a_job_hold(
    split: Callable[..., Any], job_bytes_max: int | None, job_documents_max: int | None
) -> None:
    texts = [SHORT, LONG, LONGER] * 4
    done = split(*texts, job_bytes_max=job_bytes_max, job_documents_max=job_documents_max)
    for part in done.segments[0].parts:
        assert part.lines <= (job_documents_max or 1000)
        assert part.bytes <= (job_bytes_max or 10**9) or part.lines == 1
    ledger = done.ledger(done.segments[0].id)
    lines = [done.part(part) for part in ledger.parts]
    for document, text in zip(ledger.documents, texts, strict=True):
        for _, pieces in document.pieces:
            assert all(lines[piece.part][piece.line] == text[piece.begin : piece.end] for piece in pieces)


def test_part_ids_keep_their_width_and_their_order() -> None:
    ids = [part_id(SegmentId("000-000000-00000"), number) for number in range(PARTS_MAX)]
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {len("000-000000-00000-000")}
    assert (ids[7], ids[999], ids[1000], ids[-1]) == tuple(
        f"000-000000-00000-{n}" for n in ("007", "999", "a00", "zzz")
    )


def test_limits_that_leave_too_many_parts_are_told(split: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "PLACED_MAX", 3)
    with pytest.raises(SourceError, match="fill 4 jobs") as raised:
        split(*[SHORT] * 4, job_documents_max=1)
    assert "max_job_documents" in (raised.value.hint or "")


def test_texts_that_nobody_reads_have_lines_if_they_are_kept(split: Callable[..., Any], analysis: Analysis) -> None:
    skipping = (analysis("sentiment", document_bytes_max=1000), analysis("entities", document_bytes_max=2500))
    done = split(SHORT, " \t", "", LONGER, analyses=skipping, keep_text=True)

    assert done.lines == [SHORT, " \t", None, LONGER]
    kept = done.segments[0].parts[1]
    assert (kept.lines, kept.answered) == (2, ("sentiment", "entities"))
    assert not any(reads(each, kept) for each in skipping)
    assert {part.answered for part in done.segments[0].parts if part.id != kept.id} == {()}
    assert split(SHORT, " \t", LONGER, analyses=skipping, into="without").lines == [SHORT, None, None]


def test_texts_in_pieces_are_kept_whole_too(split: Callable[..., Any]) -> None:
    done = split(LONGER, keep_text=True)
    assert done.lines == [LONGER]
    assert done.documents[0].pieces


def test_pools_of_pieces_are_those_of_their_documents(survey: Survey, analysis: Analysis) -> None:
    done = survey(data(LONG), language="fi", analyses=(
        analysis("entities", document_bytes_max=1000, oversize="split"),
        analysis("dominant_language", document_bytes_max=1000, oversize="split"),
    ))  # fmt: skip
    (part,) = done.segments[0].parts
    assert (part.pool, part.split_bytes) == ("rest", 1000)
    assert {(tally.analysis, tally.code) for tally in done.segments[0].tallies} == {
        ("entities", "LANGUAGE_UNSUPPORTED"),
        ("dominant_language", ""),
    }


@given(st.lists(st.integers(0, 2000)))
def test_units_of_a_column_are_those_of_its_documents(characters: list[int]) -> None:
    assert units_of(characters) == sum(map(units, characters))
