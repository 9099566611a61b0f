"""CSV: cells of any text, rows that break the rules, and quotes that would swallow the file."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.corpus import RangeReader, csvtext, list_corpus, ranges
from runner.corpus.csvrows import CsvReader
from runner.corpus.csvtext import CsvText
from runner.corpus.decoding import decoding
from runner.errors import SourceError
from runner.model import CorpusSpec, CsvDialect, LanguageRule, SourceFile

Reader = Callable[..., list[Any]]

FILE = SourceFile(path="/x.csv", label="x.csv", size=0, version="")


def rows_of(data: bytes, chunk_bytes: int = 1 << 19, **fields: Any) -> list[tuple[str | None, str, str | None]]:
    """(id, text, message) of every row."""
    spec = CorpusSpec(name="c", sources=(), format="csv", **fields)
    text = CsvText(spec, FILE, io.BytesIO(data), decoding(spec.encoding, "error"), chunk_bytes=chunk_bytes)
    found = []
    for rows in CsvReader(spec, FILE, text).rows():
        ids = rows.ids or [None] * len(rows.texts)
        for row, (document_id, body) in enumerate(zip(ids, rows.texts, strict=True)):
            found.append((document_id, body, rows.troubles[row].message if row in rows.troubles else None))
    return found


cells = st.text(st.sampled_from('ab,"\r\n é😀\ufeff\x00\u2028'), max_size=8)


@given(table=st.lists(st.tuples(cells, cells), min_size=1, max_size=8), chunk=st.integers(1, 40), end=st.booleans())
def test_what_python_writes_is_read_cell_by_cell(table: list[tuple[str, str]], chunk: int, end: bool) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n" if end else "\n").writerows([("id", "text"), *table])
    found = rows_of(out.getvalue().encode(), chunk, id="id")
    assert found == [(first, second, None) for first, second in table]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 1 << 19])
def test_rows_that_break_the_rules_close_alone(chunk_bytes: int) -> None:
    data = (
        b"\xef\xbb\xbfid,text\r\n"
        b'1,"over\r\nlines, ""quoted"""\r\n'
        b"\r\n"
        b"2\r\n"
        b"3,a,b\r\n"
        b'4,"a"b\r\n'
        b'5,"a\nb"c\r\n'
        b"6,\xff\r\n"
        b"7,\r\n"
        b'8,quo"te\x00'
    )
    assert rows_of(data, chunk_bytes, id="id") == [
        ("1", 'over\r\nlines, "quoted"', None),
        (None, "", None),
        (None, "", "the row has 1, not 2 columns"),
        (None, "", "the row has 3, not 2 columns"),
        (None, "", "not valid CSV: ',' expected after '\"'"),
        (None, "", "not valid CSV: ',' expected after '\"' (a row over 2 lines)"),
        (None, "", "not utf-8"),
        ("7", "", None),
        ("8", 'quo"te\x00', None),
    ]


def test_dialects_encodings_and_columns_by_place(read: Reader) -> None:
    found = read("1;'a;''b'\n2;ü\n".encode("cp1252"), "csv", encoding="cp1252", text=("1",), id="0",
                 csv=CsvDialect(delimiter=";", quote="'", header=False))  # fmt: skip
    assert [(each.id, each.text) for each in found] == [("1", "a;'b"), ("2", "ü")]
    found = read(b'x\ttext\n1\t"a\n', "csv", csv=CsvDialect(delimiter="\t", quote=""))
    assert [(each.id, each.text) for each in found] == [("x.txt:0", '"a')]
    found = read("text,b\nü,1\n".encode("utf-16"), "csv", encoding="utf-16")
    assert [each.text for each in found] == ["ü"]
    assert read(b"", "csv") == read(b"text\n", "csv") == []


def test_several_texts_fields_languages_and_choices(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('n,a,b,lang\n1,x,y,en\n"2%",,z,\nbad\n3,p,"q""",de\n')
    spec = CorpusSpec(
        name="c",
        sources=(str(tmp_path / "x.csv"),),
        format="csv",
        text=("b", "a"),
        language=LanguageRule(kind="field", path="lang"),
        keep=("n", "b"),
        where=(("n", ("1", '"2%"')),),
    )
    (source_range,) = ranges(spec, list_corpus(spec))
    (block,) = RangeReader(spec, source_range, undecodable="error").blocks()
    assert block.texts == ["y\nx", "z\n", ""]
    assert block.ids == ["x.csv:0", "x.csv:1", "x.csv:2"]
    assert block.languages == ["en", None, None]
    assert block.fields == [b'{"n":"1","b":"y"}', b'{"n":"2%","b":"z"}', b'{"n":null,"b":null}']
    assert list(block.troubles) == [2]


@pytest.mark.parametrize(
    ("header", "fields", "message", "hint"),
    [
        (b"id,body", {}, "has no column 'text', which `text` names", "its columns are: id, body"),
        (b"id,text", {"id": "ID"}, "has no column 'ID', which `id` names", "its columns are: id, text"),
        (b"id,texts", {}, "has no column 'text'", "did you mean texts?"),
        (b"text,a,a", {"keep": ("a",)}, "has 2 columns named 'a', which `keep` names", "rename"),
        (b"text,\xff", {}, "the header of .* is not utf-8", "encoding"),
        (b'text,"a"b', {}, "the first line of .* is not valid CSV", "delimiter"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_those_that_are(
    read: Reader, header: bytes, fields: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(header + b"\n1,2\n", "csv", **fields)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("chunk_bytes", [7, 1 << 19])
def test_a_quote_too_many_is_found_where_it_stands(read: Reader, chunk_bytes: int) -> None:
    before = "id,text\n" + '1,"two\nlines"\n' * 5_000
    unclosed = before + 'x,"never\nclosed\n' + "2,row\n" * 5_000
    with pytest.raises(
        SourceError, match=r"x.txt:10002: the quoted cell that opens in line 10002, as column 2"
    ) as caught:
        read(unclosed.encode(), "csv", chunk_bytes=chunk_bytes)
    assert "double the quote" in str(caught.value.hint)
    closed_by_another = before + 'x,"never\n' + "2,row\n" * 5_000 + '3,"quoted"\n'
    with pytest.raises(SourceError, match="row that begins in line 10002 is not valid CSV, and reaches to line 15003"):
        read(closed_by_another.encode(), "csv", chunk_bytes=chunk_bytes)


def test_a_cell_without_end_does_not_take_all_the_memory(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvtext, "RECORD_CHARACTERS_MAX", 100_000)
    data = b'id,text\n1,"' + b"x" * 99 + b"\n" + b"2,row\n" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="line 2, as column 2"):
            read(data, "csv", chunk_bytes=1 << 14)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
