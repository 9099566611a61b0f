"""Rows: text and id at paths, and what is said of rows that have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.corpus.quickrows import Asked
from runner.corpus.rows import Row, RowReader
from runner.model import CorpusSpec, LanguageRule

Reader = Callable[..., list[Any]]


def row(line: str, *text: str, document_id: str | None = None) -> Row:
    return reader_of(text, document_id).read(line)


def reader_of(text: tuple[str, ...], document_id: str | None = None, **fields: Any) -> RowReader:
    return RowReader(Asked.of(CorpusSpec(name="c", sources=(), format="jsonl", text=text, id=document_id, **fields)))


@pytest.mark.parametrize(
    ("line", "paths", "text"),
    [
        ('{"text":"a"}', (), "a"),
        ('{"text":"a","other":[1,{"x":null}]}', ("text",), "a"),
        ('{"a":{"b":{"c":"deep"}}}', ("a.b.c",), "deep"),
        ('{"subject":"s","body":"b"}', ("subject", "body"), "s\nb"),
        ('{"subject":"s","body":"b"}', ("body", "subject"), "b\ns"),
        ('{"subject":null,"body":"b"}', ("subject", "body"), "b"),
        ('{"text":null}', (), ""),
        ('{"a":null}', ("a.b",), ""),
        ('{"text":""}', (), ""),
        ('{"text":"\\u00e9\\ud83d\\ude00\\u0000\\u2028"}', (), "é😀\x00\u2028"),
        ('{"te xt!":"a"}', ("te xt!",), "a"),
        ('{"a":"x","b":{"a":"y"}}', ("a", "b.a"), "x\ny"),
        ('{"text":"one","text":"two"}', (), "two"),
        ('  {"text" : "a"}  ', (), "a"),
    ],
)
def test_texts(line: str, paths: tuple[str, ...], text: str) -> None:
    assert row(line, *paths) == Row(text, None, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"other":"a"}', "no text at text.body"),
        ('{"text":{}}', "no text at text.body"),
        ('{"text":{"body":5}}', "the text at text.body is a number, not a string"),
        ('{"text":{"body":{"secret":1}}}', "the text at text.body is an object, not a string"),
        ('{"text":{"body":["secret"]}}', "the text at text.body is a list, not a string"),
        ('{"text":{"body":true}}', "the text at text.body is a boolean, not a string"),
        ('{"text":"secret"}', "no text at text.body"),
        ('["secret"]', "the row is a list, not an object"),
        ('"secret"', "the row is a string, not an object"),
        ("17", "the row is a number, not an object"),
        ("null", "the row is null, not an object"),
        ('{"text":{"body":"secret"}', "not valid JSON"),
        ('{"text":{"body":"secret"}} {}', "not valid JSON (byte 28)"),
        ("{'text':'secret'}", "not valid JSON (byte 1)"),
        ("secret", "not valid JSON (byte 0)"),
        ('{"text":{"body":"\\ud800 secret"}}', "not valid JSON (byte 23)"),
        ('{"text":{"body":NaN}}', "not valid JSON (byte 16)"),
        ('{"text":' * 100_000, "nested too deeply"),
    ],
)
def test_bad_rows_say_what_is_wrong_and_never_what_is_in_them(line: str, message: str) -> None:
    found = row(line, "text.body")
    assert found.trouble is not None
    assert found.trouble.code == "BAD_ROW"
    assert found.trouble.message == message
    assert found.text == ""


@pytest.mark.parametrize(
    ("value", "document_id"),
    [
        ('"a-1"', "a-1"),
        ('""', ""),
        ('"\\u00e9\\n"', "é\n"),
        ("7", "7"),
        ("1.50", "1.50"),
        (" 1.50 ", "1.50"),
        (' "a" ', "a"),
        ("-0.0", "-0.0"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1E+2", "1E+2"),
    ],
)
def test_ids_are_as_written(value: str, document_id: str) -> None:
    assert row(f'{{"text":"a","id":{value}}}', document_id="id") == Row("a", document_id, None)
    assert row(f'{{"text":"a","meta":{{"id":{value}}}}}', document_id="meta.id") == Row("a", document_id, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text":"a"}', "no id at id"),
        ('{"text":"a","id":null}', "the id at id is null, not a string or a number"),
        ('{"text":"a","id":[1]}', "the id at id is a list, not a string or a number"),
        ('{"text":"a","id":true}', "the id at id is a boolean, not a string or a number"),
    ],
)
def test_a_row_without_its_id_is_bad(line: str, message: str) -> None:
    found = row(line, document_id="id")
    assert (found.id, found.text) == (None, "")
    assert found.trouble is not None
    assert found.trouble.message == message


def test_a_bad_row_keeps_an_id_that_can_be_read() -> None:
    found = row('{"text":5,"id":"a"}', document_id="id")
    assert found.id == "a"
    assert found.trouble is not None


def test_one_path_may_serve_as_text_and_id_and_lead_through_another() -> None:
    assert row('{"title":"t"}', "title", document_id="title") == Row("t", "t", None)
    assert row('{"a":null}', "a", "a.b") == Row("", None, None)


def by_the_slow_way(reader: RowReader, line: str) -> Row:
    reader._quick = None
    return reader.read(line)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=values,
    text=st.lists(st.sampled_from(["a", "a.b", "b.c", "c.a.b"]), min_size=1, max_size=3),
    document_id=st.sampled_from([None, "a", "b.a", "c"]),
)
def test_the_quick_way_and_the_slow_one_agree(value: Any, text: list[str], document_id: str | None) -> None:
    reader = reader_of(tuple(text), document_id)
    line = json.dumps(value)
    assert reader.read(line) == by_the_slow_way(reader, line)


def rows_with(lines: list[str], **fields: Any) -> tuple[Any, Any]:
    """The columns of rows by the quick way (None if it gives up) and by the slow one."""
    reader = reader_of(fields.pop("text", ("text",)), fields.pop("document_id", None), **fields)
    quick = reader.read_all(lines)
    reader._quick = None
    return quick, reader.read_each(lines, {})


def test_values_are_kept_verbatim_and_languages_as_text() -> None:
    lines = [
        '{"text":"a","n":1.50,"m":{"x":[1, {"y":"\\u00e9"}]},"lang":"en-US","%":true}',
        '{"text":"b","lang":null,"m":{}}',
        '{"text":"c","lang":7}',
        '{"text":"d","lang":["en"]}',
    ]
    quick, slow = rows_with(
        lines, keep=("n", "m.x", "text", "%"), language=LanguageRule(kind="field", path="lang"), document_id="text"
    )
    assert quick == slow
    assert quick.languages == ["en-US", None, "7", None]
    assert quick.ids == quick.texts == ["a", "b", "c", "d"]
    assert quick.fields[0] == b'{"n":1.50,"m.x":[1, {"y":"\\u00e9"}],"text":"a","%":true}'
    assert quick.fields[2] == b'{"n":null,"m.x":null,"text":"c","%":null}'


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        (("1",), ["one", "float"]),
        (("1.0", '"x"'), ["one", "float", "text"]),
        (("true",), ["true"]),
        (("null",), ["null", "none"]),
        (('"\\u0078"',), ["text"]),
        (("0",), []),
    ],
)
def test_where_compares_values_as_json(values: tuple[str, ...], taken: list[str]) -> None:
    written = {
        "one": "1",
        "float": "1.00",
        "text": '"x"',
        "digit": '"1"',
        "true": "true",
        "null": "null",
        "list": "[1]",
    }
    lines = [f'{{"text":"{name}","v":{value}}}' for name, value in written.items()] + ['{"text":"none"}']
    quick, slow = rows_with(lines, where=(("v", values),))
    assert quick == slow
    assert [text for text, passes in zip(quick.texts, quick.passes, strict=True) if passes] == taken


def test_what_where_leaves_out_is_counted_and_what_cannot_be_judged_is_kept(read: Reader) -> None:
    data = b'{"text":"a","k":{"v":"x"}}\n{"text":"b","k":{"v":"y"}}\n\nnonsense\n{"text":"c","k":{"v":"x"}}\n\xff\n{}'
    found = read(data, "jsonl", where=(("k.v", ('"x"',)),))
    assert [(each.id, each.position, each.text, each.code) for each in found] == [
        ("x.txt:0", 0, "a", None),
        ("x.txt:3", 3, "", "BAD_ROW"),
        ("x.txt:4", 4, "c", None),
        ("x.txt:5", 5, "", "UNDECODABLE"),
    ]


@pytest.mark.parametrize("form", ["lines", "jsonl", "csv"])
def test_a_sample_is_drawn_by_place_and_a_larger_one_contains_it(read: Reader, form: Any) -> None:
    rows = {"lines": "text {}", "jsonl": '{{"text":"text {}"}}', "csv": "text {}"}[form]
    data = ("text\n" if form == "csv" else "").encode() + b"".join(f"{rows.format(n)}\n".encode() for n in range(2000))
    samples = [
        {each.id for each in read(data, form, sample=share, row_range_bytes=row_range_bytes)}
        for share in (0.1, 0.5, 1.0)
        for row_range_bytes in (1000, 1 << 30)
    ]
    assert samples[0] == samples[1] < samples[2] == samples[3] < samples[4] == samples[5]
    assert 150 < len(samples[0]) < 250
    assert 900 < len(samples[2]) < 1100
    assert len(samples[4]) == 2000


def test_documents_of_a_file(read: Reader) -> None:
    data = b'{"text":"a","id":1}\n\n  \n{"text":"b"}\n\xff\n{"text":null,"id":"n"}\n[1]\r\n{"text":"c","id":"z"}'
    found = read(data, "jsonl", text=("text",), id="id")
    assert [(each.id, each.position, each.text, each.code) for each in found] == [
        ("1", 0, "a", None),
        ("x.txt:1", 1, "", None),
        ("x.txt:2", 2, "", None),
        ("x.txt:3", 3, "", "BAD_ROW"),
        ("x.txt:4", 4, "", "UNDECODABLE"),
        ("n", 5, "", None),
        ("x.txt:6", 6, "", "BAD_ROW"),
        ("z", 7, "c", None),
    ]


def test_without_an_id_rows_are_known_by_path_and_position(read: Reader) -> None:
    found = read(b'\xef\xbb\xbf{"text":"a"}\n{"text":"b"}', "jsonl", text=("text",))
    assert [(each.id, each.text) for each in found] == [("x.txt:0", "a"), ("x.txt:1", "b")]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64])
def test_chunks_of_any_size_give_the_same_rows(read: Reader, chunk_bytes: int) -> None:
    data = "\r\n".join(json.dumps({"text": f"tëxt {n}", "id": n}, ensure_ascii=False) for n in range(20)).encode()
    whole = read(data, "jsonl", text=("text",), id="id")
    assert len(whole) == 20
    assert read(data, "jsonl", text=("text",), id="id", chunk_bytes=chunk_bytes) == whole


@given(
    st.lists(
        st.sampled_from(
            [
                '{"text":"a"}',
                '{"text":"é😀"}',
                "",
                " ",
                '{"text":',
                '"b"}',
                "[1]",
                '{"text":"a"} {"text":"b"}',
                "\r",
                '{"text":null}',
                '{"x":{},"text":"c"}',
            ]
        ),
        max_size=8,
    )
)
def test_whole_blocks_are_read_as_line_by_line(lines: list[str]) -> None:
    """Rows that go on over lines, share one, or are none, must not shift the others."""
    reader = reader_of(("text",))
    ends = [line.replace("\r", " ") for line in lines]
    found = reader.read_block("".join(f"{line}\n" for line in ends).encode())
    if found is not None:
        assert found == reader.read_each(ends, {})
    assert (found is not None) == all(reader.read_all([line]) for line in ends)


def test_bytes_that_are_not_utf_8_close_their_row_wherever_they_stand(read: Reader) -> None:
    found = read(b'{"text":"a","x":"\xff"}\n{"text":"b"}\n{"text":"c\xff"}\n', "jsonl")
    assert [(each.text, each.code) for each in found] == [("", "UNDECODABLE"), ("b", None), ("", "UNDECODABLE")]
