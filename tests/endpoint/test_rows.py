"""Rows, without processes: shapes, limits, error rows, stride, and what faults do to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.families import FAMILIES
from runner.endpoint.rows import Share, Slice, Writer, stride
from runner.endpoint.tampering import Tampering, tamper


def share(family: str = "entities", *, limit: int = 10, blank: str = "rows") -> Share:
    return Share(
        family=family,
        analyzers="default",
        language="en",
        document_bytes_max=limit,
        blank_lines=blank,  # type: ignore[arg-type]
        slices=[],
    )


def piece(data: bytes, *, first_line: int | None = 0, label: str = "a.txt") -> Slice:
    return Slice(label, "", 0, len(data), first_line)


def found(family: str) -> dict[str, Any]:
    """Something found, in the service's members."""
    return {
        "dominant_language": {"Languages": [{"LanguageCode": "en", "Score": 0.5}]},
        "entities": {"Entities": [{"BeginOffset": 0, "EndOffset": 1, "Score": 0.5, "Text": '"', "Type": "PERSON"}]},
        "key_phrases": {"KeyPhrases": []},
        "sentiment": {"Sentiment": "POSITIVE", "SentimentScore": {"Mixed": 0.0, "Positive": 1.0}},
        "targeted_sentiment": {"Entities": [{"DescriptiveMentionIndex": [0], "Mentions": []}]},
        "pii_entities": {"Entities": [{"BeginOffset": 0, "EndOffset": 1, "Score": 0.5, "Type": "NAME"}]},
        "events": {"Entities": [], "Events": [{"Arguments": [], "Triggers": [], "Type": "IPO"}]},
        "classification": {"Labels": [{"Name": "a", "Score": 0.5}]},
    }[family]


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"topics"}))  # which have tables, not rows
@pytest.mark.parametrize("first_line", [7, None])
@pytest.mark.parametrize("noop", [True, False])
def test_a_row_is_the_payload_and_its_place_in_alphabetical_order(
    family: str, first_line: int | None, noop: bool
) -> None:
    empty = dict(FAMILIES[family].empty)
    as_text = FAMILIES[family].line_is_text
    writer = Writer(None if noop else lambda _text, _language: found(family), empty, line_is_text=as_text)
    label = 'odd "name" é.txt'
    (row,), broken = writer.rows(share(family), piece(b"text", first_line=first_line, label=label), b"text")
    place = {"File": label} if first_line is None else {"File": label, "Line": "7" if as_text else 7}
    payload = empty if noop else found(family)
    assert row.endswith(b"\n")
    assert list(json.loads(row).items()) == sorted({**payload, **place}.items())
    assert not broken


def test_the_analyzer_is_given_each_line_as_text_with_the_jobs_language() -> None:
    seen: list[tuple[str, str | None]] = []

    def analyze(text: str, language: str | None) -> dict[str, Any]:
        seen.append((text, language))
        return {"Entities": []}

    data = "é\u2028x\r\n\nlast".encode()
    Writer(analyze, {"Entities": []}).rows(share(limit=100), piece(data), data)
    assert seen == [("é\u2028x", "en"), ("", "en"), ("last", "en")]


@given(lines=st.lists(st.binary(max_size=14).filter(lambda line: not set(line) & {10, 13}), max_size=8))
@pytest.mark.parametrize("blank", ["rows", "skip"])
def test_answering_without_looking_makes_the_rows_that_looking_makes(blank: str, lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    constant = {"Entities": []}
    quick = Writer(None, constant).rows(share(blank=blank), piece(data), data)
    slow = Writer(lambda _text, _language: constant, constant).rows(share(blank=blank), piece(data), data)
    assert quick == slow


def test_after_an_undecodable_line_the_file_is_over() -> None:
    data = b"fine\n" + b"\xff" * 20 + b"\nlost"
    rows, broken = Writer(None, {"Entities": []}).rows(share(), piece(data, first_line=3), data)
    decoded = [json.loads(row) for row in rows]
    assert broken
    assert [(row["Line"], row.get("ErrorCode")) for row in decoded] == [(3, None), (4, "UNSUPPORTED_ENCODING")]


@given(st.integers(0, 200))
def test_the_stride_keeps_every_row_and_not_their_order(count: int) -> None:
    rows = [b"%d" % number for number in range(count)]
    strode = stride(rows)
    assert sorted(strode) == sorted(rows)
    assert count < 2 or strode != rows


ROWS = [b'{"Entities":[{"Text":"%d"}],"File":"a","Line":%d}\n' % (number, number) for number in range(400)]


def lines_of(rows: list[bytes]) -> list[int]:
    return [json.loads(row)["Line"] for row in rows]


def test_rows_without_a_fault_are_left_alone() -> None:
    assert tamper(ROWS, Tampering(seed=3)) is ROWS


def test_missing_rows_are_missing() -> None:
    left = lines_of(tamper(ROWS, Tampering(missing=0.25, seed=1)))
    assert 250 < len(left) < 350
    assert left == sorted(set(left))
    assert left != lines_of(tamper(ROWS, Tampering(missing=0.25, seed=2)))
    assert tamper(ROWS, Tampering(missing=1.0)) == []


def test_doubled_rows_come_twice() -> None:
    lines = lines_of(tamper(ROWS, Tampering(doubled=0.5, seed=1)))
    assert set(lines) == set(range(400))
    assert 540 < len(lines) < 660


def test_altered_rows_bear_anothers_answer() -> None:
    rows = [json.loads(row) for row in tamper(ROWS, Tampering(altered=0.5, seed=1))]
    assert [row["Line"] for row in rows] == list(range(400))
    wrong = [row["Line"] for row in rows if row["Entities"][0]["Text"] != str(row["Line"])]
    assert 140 < len(wrong) < 260
    assert tamper(ROWS, Tampering(altered=0.5, seed=1)) == tamper(ROWS, Tampering(altered=0.5, seed=1))


def test_the_last_of_few_rows_may_bear_the_answer_of_another_object() -> None:
    told = Tampering(altered=1.0)
    (row,) = tamper(ROWS[:1], told, ROWS[7:9])
    assert json.loads(row) == {"Entities": [{"Text": "7"}], "File": "a", "Line": 0}
    assert tamper([b"text\r\n"], told, [b"other"]) == [b"other\r\n"]
    assert tamper(ROWS[:1], Tampering(missing=1.0), ROWS[7:9]) == []


def test_rows_out_of_their_order_are_all_there() -> None:
    moved = tamper(ROWS, Tampering(unordered=0.5, seed=1))
    assert sorted(moved) == sorted(ROWS)
    assert 140 < sum(row != other for row, other in zip(moved, ROWS, strict=True)) < 260


@pytest.mark.parametrize(
    ("name", "expected"), [("Classes", ["Classes", "File", "Line"]), ("Labels", ["File", "Labels", "Line"])]
)
def test_classification_gives_the_line_as_text_and_keeps_the_order_of_its_members(
    name: str, expected: list[str]
) -> None:
    answer = {name: [{"Name": "a", "Score": 0.5}]}
    for analyze in (None, lambda _text, _language: answer):
        writer = Writer(analyze, answer, line_is_text=True)
        data = b"fine\n" + b"x" * 11
        good, bad = writer.rows(share(), piece(data, first_line=3), data)[0]
        assert list(json.loads(good).items()) == [
            (key, {name: answer[name], "File": "a.txt", "Line": "3"}[key]) for key in expected
        ]
        assert json.loads(bad)["Line"] == "4"
