"""Result lines, to the byte of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.errors import InternalError
from runner.model import AnalysisSpec, Document, Ledger, PartId, Piece, SegmentId
from runner.results.entries import error_entry
from runner.results.merge import Answers, merge_lines
from runner.results.tallies import TallyBook

SEGMENT = SegmentId("000-000000-00000")
PARTS = (PartId(f"{SEGMENT}-000"), PartId(f"{SEGMENT}-001"))


def merged(documents: Sequence[Document], analyses: Sequence[AnalysisSpec], *answers: Answers) -> bytes:
    ledger = Ledger(segment=SEGMENT, corpus="reviews", parts=PARTS, documents=tuple(documents))
    return b"".join(merge_lines(ledger, analyses, answers, TallyBook()))


def test_a_line_is_what_the_contract_says(kit: Any) -> None:
    analyses = [kit.analysis("sentiment"), kit.analysis("entities")]
    sentiment = b'{"Sentiment":"POSITIVE","SentimentScore":{"Mixed":0.0,"Negative":0.1,"Neutral":0.2,"Positive":0.70}}'
    failed = error_entry("DOCUMENT_SIZE_EXCEEDED", 'größer, "zu" groß')

    line = merged([kit.document("pos/cv000.txt", "x")], analyses, Answers({0: [sentiment]}), Answers({0: [failed]}))

    assert line == (
        b'{"corpus":"reviews","id":"pos/cv000.txt","language":"en","outcome":{"sentiment":"ok","entities":"error"},'
        b'"problems":[{"analysis":"entities","code":"DOCUMENT_SIZE_EXCEEDED",'
        b'"message":"gr\xc3\xb6\xc3\x9fer, \\"zu\\" gro\xc3\x9f","by":"service"}],'
        b'"sentiment":' + sentiment + b',"entities":null}\n'
    )


def test_keys_follow_the_manifest_and_names_are_the_analyses_own(kit: Any) -> None:
    analyses = [kit.analysis("key_phrases", "phrases"), kit.analysis("entities", "who"), kit.analysis("entities", "e2")]
    answers = [Answers({0: [b"[1]"]}, frozenset([0])), Answers({0: [b"[2]"]}), Answers({0: [b"[]"]}, frozenset([0]))]

    assert (
        merged([kit.document("é%b%\x01\u2028", "x")], analyses, *answers)
        == (
            '{"corpus":"reviews","id":"é%b%\\u0001\u2028","language":"en",'
            '"outcome":{"phrases":"ok","who":"ok","e2":"ok"},"problems":[],"phrases":[1],"who":[2],"e2":[]}\n'
        ).encode()
    )


@pytest.mark.parametrize(
    ("fields", "outcome", "code", "message"),
    [
        ({"fate": "EMPTY", "part": -1}, "skipped", "EMPTY", ""),
        ({"fate": "UNDECODABLE", "message": "byte 3", "part": -1}, "error", "UNDECODABLE", "byte 3"),
        ({"fate": "BAD_ROW", "message": "no object", "part": -1}, "error", "BAD_ROW", "no object"),
        ({"fate": "INPUT_CHANGED", "part": -1}, "error", "INPUT_CHANGED", ""),
        ({"language": None}, "skipped", "LANGUAGE_UNKNOWN", "the language of the document is not known"),
        ({"language": "xx"}, "skipped", "LANGUAGE_UNSUPPORTED", "sentiment does not take xx here"),
    ],
)
def test_documents_that_no_job_sees_are_closed_by_the_runner(
    kit: Any, fields: dict[str, Any], outcome: str, code: str, message: str
) -> None:
    line = merged([kit.document("d", "x", **fields)], [kit.analysis("sentiment")], Answers({0: [b"never"]}))

    assert f'"outcome":{{"sentiment":"{outcome}"}}'.encode() in line
    problem = f'{{"analysis":"sentiment","code":"{code}","message":"{message}","by":"runner"}}'
    assert f'"problems":[{problem}],"sentiment":null}}\n'.encode() in line


@pytest.mark.parametrize(("oversize", "outcome"), [("skip", "skipped"), ("error", "error")])
def test_a_document_too_long_for_one_analysis_is_read_by_the_others(kit: Any, oversize: str, outcome: str) -> None:
    small = kit.analysis("sentiment", document_bytes_max=3, oversize=oversize)

    line = merged([kit.document("d", "1234")], [small, kit.analysis("entities")], Answers({}), Answers({0: [b"[]"]}))

    assert f'"outcome":{{"sentiment":"{outcome}","entities":"ok"}}'.encode() in line
    assert b'"code":"TOO_LONG"' in line


def test_a_line_without_row_closes_as_no_result_or_as_what_was_given_up(kit: Any) -> None:
    documents = [kit.document("a", "x"), kit.document("b", "y", line=1), kit.document("c", "z", part=1)]
    answers = Answers({0: [b"", error_entry("E", "m")]}, given_up={1: ("JOB_FAILED", "it failed")})

    lines = merged(documents, [kit.analysis("sentiment")], answers).splitlines()

    assert b'"code":"NO_RESULT","message":"the service gave no row for this document","by":"runner"' in lines[0]
    assert b'"code":"E","message":"m","by":"service"' in lines[1]
    assert b'"code":"JOB_FAILED","message":"it failed","by":"runner"' in lines[2]


def test_what_a_given_up_job_did_answer_counts(kit: Any) -> None:
    documents = [kit.document("a", "x"), kit.document("b", "y", line=1)]
    answers = Answers({0: [b'{"x":1}', b""]}, given_up={0: ("FAMILY_CLOSED", "closed")})

    lines = merged(documents, [kit.analysis("sentiment")], answers).splitlines()

    assert b'"sentiment":"ok"' in lines[0]
    assert b'"code":"FAMILY_CLOSED"' in lines[1]


def test_a_part_that_is_neither_answered_nor_given_up_is_not_merged(kit: Any) -> None:
    """It would close as NO_RESULT, and a paid answer would be lost without a word."""
    with pytest.raises(InternalError, match=PARTS[1]):
        merged([kit.document("a", "x", part=1)], [kit.analysis("sentiment")], Answers({0: [b"1"]}))


def test_a_document_without_a_line_is_our_bug(kit: Any) -> None:
    with pytest.raises(InternalError, match="no line"):
        merged([kit.document("a", "x", part=-1)], [kit.analysis("sentiment")], Answers({0: [b"1"]}))


def pieces(*bounds: tuple[int, int, int, int]) -> tuple[Piece, ...]:
    return tuple(
        Piece(part=1, line=line, begin=begin, core_begin=core_begin, core_end=core_end, end=end)
        for line, (begin, core_begin, core_end, end) in enumerate(bounds)
    )


def test_a_split_document_takes_the_first_problem_of_its_pieces(kit: Any) -> None:
    split = pieces((0, 0, 4, 5), (3, 4, 8, 8))
    text = kit.document("d", "12345678", pieces=((5, split),))
    reads = [kit.analysis("entities", document_bytes_max=5, oversize="split")]

    assert b'"entities":[]}' in merged([text], reads, Answers({1: [b"[]", b"[]"]}))
    assert b'"code":"NO_RESULT"' in merged([text], reads, Answers({1: [b"[]", b""]}))
    assert b'"code":"E"' in merged([text], reads, Answers({1: [error_entry("E", "m"), b""]}))


@given(payload=st.sampled_from([b"[]", b'[ {"BeginOffset" : 0,"EndOffset":1}]', b"[{}]"]))
def test_a_document_of_one_piece_has_the_bytes_of_an_unsplit_one(kit: Any, payload: bytes) -> None:
    whole = kit.document("d", "1234")
    split = kit.document("d", "1234", pieces=((3, pieces((0, 0, 4, 4))),))

    in_pieces = kit.analysis("entities", document_bytes_max=3, oversize="split")

    one = merged([split], [in_pieces], Answers({1: [payload]}))

    assert one == merged([whole], [kit.analysis("entities")], Answers({0: [payload]}))


def test_pairs_are_counted_by_analysis_language_outcome_and_code(kit: Any) -> None:
    documents = (
        kit.document("a", "x" * 301),
        kit.document("b", "y", line=1),
        kit.document("c", "z", line=2, language="de"),
        kit.document("d", "", fate="EMPTY", part=-1, language=None),
    )
    ledger = Ledger(segment=SEGMENT, corpus="reviews", parts=PARTS, documents=documents)
    analyses = [kit.analysis("sentiment"), kit.analysis("dominant_language", languages=None)]
    answers = [Answers({0: [b"1", error_entry("E", "m"), b""]}), Answers({0: [b"[]"] * 3}, frozenset([0]))]
    book = TallyBook()

    list(merge_lines(ledger, analyses, answers, book))

    found = [(t.analysis, t.language, t.outcome, t.code, t.documents, t.bytes, t.units) for t in book.tallies(analyses)]
    assert found == [
        ("sentiment", None, "skipped", "EMPTY", 1, 0, 3),
        ("sentiment", "de", "skipped", "LANGUAGE_UNSUPPORTED", 1, 1, 3),
        ("sentiment", "en", "error", "E", 1, 1, 3),
        ("sentiment", "en", "ok", "", 1, 301, 4),
        ("dominant_language", None, "skipped", "EMPTY", 1, 0, 3),
        ("dominant_language", "de", "ok", "", 1, 1, 3),
        ("dominant_language", "en", "ok", "", 2, 302, 7),
    ]


payloads = st.sampled_from([b"[]", b'{"a":"\xc3\xa9"}', b"[1]"])


@given(
    rows=st.lists(
        st.tuples(
            st.text(max_size=4), st.sampled_from(["en", "de", "%b", None]), st.integers(0, 12), payloads, payloads
        ),
        max_size=12,
    ),
    fate=st.sampled_from([None, "EMPTY"]),
    together=st.integers(1, 12),
)
def test_the_quick_way_gives_the_bytes_and_counts_of_the_general_one(
    kit: Any, rows: list[Any], fate: str | None, together: int
) -> None:
    """Many documents' lines are joined at once; one by one they are the same."""
    documents = tuple(
        kit.document(name, "x" * size, language=language, line=line, fate=fate if size == 3 else None)
        for line, (name, language, size, _, _) in enumerate(rows)
    )
    analyses = [kit.analysis("sentiment", document_bytes_max=9), kit.analysis("dominant_language", languages=None)]
    columns = [[row[3] for row in rows], [row[4] for row in rows]]
    ledger = Ledger(segment=SEGMENT, corpus="reviews", parts=PARTS, documents=documents)
    books = TallyBook(), TallyBook()

    answers = [Answers({0: each}, frozenset([0])) for each in columns]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("runner.results.merge._TOGETHER", together)
        quick = b"".join(merge_lines(ledger, analyses, answers, books[0]))
        patched.setattr("runner.results.merge._Merge.usual_rows", lambda _, documents: [None] * len(documents))
        general = b"".join(merge_lines(ledger, analyses, answers, books[1]))

    assert quick == general
    assert books[0].tallies(analyses) == books[1].tallies(analyses)
