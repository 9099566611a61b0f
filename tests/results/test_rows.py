"""Rows of every shape that a service might write become entries by the payload rule, or refuse the output."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.catalogue import FAMILIES
from runner.errors import OutputError
from runner.results.rows import RowDecoder


def decoded(family: str, *rows: str) -> list[tuple[str, int, bytes]]:
    batch = RowDecoder(FAMILIES[family]).decode("".join(f"{row}\n" for row in rows).encode())
    return list(zip(batch.files, batch.lines, batch.entries, strict=True))


@pytest.mark.parametrize(
    ("family", "row", "entry"),
    [
        ("entities", '{"Entities": [ {"Score":1.50} ], "File": "a.txt", "Line": 7}', '[ {"Score":1.50} ]'),
        ("entities", '{"File":"a.txt","Line":7,"Entities":[]}', "[]"),
        ("key_phrases", '{"Line":7,"KeyPhrases":[],"File":"a.txt"}', "[]"),
        ("dominant_language", '{"File":"a.txt","Languages":[{"Score":1e-5}],"Line":7}', '[{"Score":1e-5}]'),
        (
            "sentiment",
            '{"File":"a.txt","Line":7,"Sentiment":"X","SentimentScore":{ }}',
            '{"Sentiment":"X","SentimentScore":{ }}',
        ),
        (
            "sentiment",
            '{"SentimentScore":{},"File":"a.txt","Sentiment": "X", "Line":7}',
            '{"SentimentScore":{},"Sentiment":"X"}',
        ),
        ("entities", '{"File":"a.txt","Line":7,"Entities":[],"Model":"v2"}', '{"Entities":[],"Model":"v2"}'),
        (
            "sentiment",
            '{"New":1,"File":"a.txt","Line":7,"Sentiment":"X","SentimentScore":{}}',
            '{"New":1,"Sentiment":"X","SentimentScore":{}}',
        ),
        ("classification", '{"File":"a.txt","Line":"7","Classes":[{"Name":"é"}]}', '[{"Name":"é"}]'),
        ("classification", '{"File":"a.txt","Line":"7","Labels":[]}', "[]"),
        ("entities", '{"File":"a.txt","Line":"7","Entities":[]}', "[]"),
        ("entities", '{"File":"a.txt","Line":7,"ErrorCode":"C","ErrorMessage":"m \\"q\\" é"}', '!["C","m \\"q\\" é"]'),
        ("entities", '{"File":"a.txt","Line":7,"ErrorCode":"C"}', '!["C",""]'),
        ("sentiment", '{"File":"a.txt","Line":7,"ErrorCode":"C","ErrorMessage":null}', '!["C",""]'),
        ("entities", '{"File":"a.txt","Line":7,"Entities":[],"ErrorCode":"C","ErrorMessage":""}', '!["C",""]'),
        ("sentiment", '{"File":"a.txt","Line":7,"Sentiment":"X","ErrorCode":"C","ErrorMessage":""}', '!["C",""]'),
        ("entities", '{"File":"a.txt","Line":7,"ErrorCode":"C","ErrorMessage":"m","New":1}', '!["C","m"]'),
    ],
)
def test_the_payload_is_the_row_without_file_and_line(family: str, row: str, entry: str) -> None:
    """Also when it stands beside a row of another shape, which makes the block go the slow way."""
    strange = '{"File":"b.txt","Line":1,"ErrorCode":"E","Strange":[]}'

    assert decoded(family, row) == [("a.txt", 7, entry.encode())]
    assert decoded(family, strange, row)[1:] == [("a.txt", 7, entry.encode())]


@pytest.mark.parametrize(
    "row",
    [
        "[]",
        "7",
        "{",
        "nonsense",
        '{"File":"a.txt","Line":7}',
        '{"File":"a.txt","Entities":[]}',
        '{"Line":7,"Entities":[]}',
        '{"File":7,"Line":7,"Entities":[]}',
        '{"File":"a.txt","Line":-1,"Entities":[]}',
        '{"File":"a.txt","Line":1.0,"Entities":[]}',
        '{"File":"a.txt","Line":"","Entities":[]}',
        '{"File":"a.txt","Line":"x","Entities":[]}',
        '{"File":"a.txt","Line":" 7","Entities":[]}',
        '{"File":"a.txt","Line":"٧","Entities":[]}',
        '{"File":"a.txt","Line":null,"Entities":[]}',
        '{"File":"a.txt","Line":99999999999999999999999,"Entities":[]}',
        '{"File":"a.txt","Line":7,"Entities":null}',
        '{"File":"a.txt","Line":7,"KeyPhrases":[]}',
        '{"File":"a.txt","Line":7,"ErrorCode":7,"ErrorMessage":"m"}',
        '{"File":"a.txt","Line":7,"Entities":[]} {"File":"a.txt","Line":8,"Entities":[]}',
        '{"File":"a.txt","Line":7,\n"Entities":[]}',
        '{"File":"a.txt","Line":7,"Entities":[]},',
    ],
)
def test_what_is_no_row_refuses_the_output_and_is_named_by_its_number(row: str) -> None:
    good = '{"File":"a.txt","Line":1,"Entities":[]}'

    with pytest.raises(OutputError, match="row 3 of the output"):
        decoded("entities", good, good, row)


def test_a_row_over_two_lines_is_noticed_even_if_another_line_holds_two_rows() -> None:
    """The count of rows then equals the count of lines."""
    one = '{"File":"a.txt","Line":1,"Entities":[\n]}'
    two = '{"File":"a.txt","Line":2,"Entities":[]}' * 2

    with pytest.raises(OutputError, match="several lines"):
        decoded("entities", one, two)


@pytest.mark.parametrize("missing", ["Sentiment", "SentimentScore"])
def test_half_a_result_is_none(missing: str) -> None:
    row = {"File": "a.txt", "Line": 0, "Sentiment": "MIXED", "SentimentScore": {}}

    for value in ({k: v for k, v in row.items() if k != missing}, row | {missing: None}):
        with pytest.raises(OutputError):
            decoded("sentiment", json.dumps(value))


def test_blank_lines_and_carriage_returns_are_no_rows() -> None:
    row = '{"File":"a.txt","Line":1,"Entities":[]}'

    assert decoded("entities", "", row + "\r", "  ", row, "\r") == [("a.txt", 1, b"[]")] * 2


def test_the_last_row_may_lack_its_line_feed() -> None:
    batch = RowDecoder(FAMILIES["entities"]).decode(b'{"File":"a.txt","Line":1,"Entities":[]}')

    assert batch.lines == [1]


def test_an_output_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(OutputError, match="UTF-8"):
        RowDecoder(FAMILIES["entities"]).decode(b'{"File":"a.txt","Line":1,"Entities":["\xff"]}\n')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats(0, 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["entities", "sentiment"]),
            st.dictionaries(st.sampled_from(["Extra", "Other"]), json_values, max_size=2),
            st.lists(json_values, max_size=3),
            st.randoms(use_true_random=False),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    ),
    family=st.sampled_from(["entities", "sentiment"]),
    spaced=st.booleans(),
)
def test_rows_equal_the_rule_applied_to_parsed_json(rows: list[Any], family: str, spaced: bool) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    texts, expected = [], []
    for number, (_, extra, value, chance, fails) in enumerate(rows):
        result = {"Entities": value} if family == "entities" else {"Sentiment": "X", "SentimentScore": {"v": value}}
        members = result | extra | {"File": "a.txt", "Line": number}
        if fails:
            members |= {"ErrorCode": "C", "ErrorMessage": "m"}
        shuffled = sorted(members, key=lambda _: chance.random())
        texts.append(json.dumps({key: members[key] for key in shuffled}, ensure_ascii=False, separators=separators))
        left = {key: members[key] for key in shuffled if key not in {"File", "Line"}}
        expected.append(["C", "m"] if fails else next(iter(left.values())) if len(left) == 1 else left)

    found = decoded(family, *texts)

    assert [line for _, line, _ in found] == list(range(len(rows)))
    for (_, _, entry), value in zip(found, expected, strict=True):
        text = entry.removeprefix(b"!").decode()
        assert json.loads(text) == value
        assert list(json.loads(text)) == list(value)
