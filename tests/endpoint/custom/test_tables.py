"""CSV files of training data: what is read, and what is refused in which words."""

from __future__ import annotations

import io

import pytest

from runner.endpoint.custom.problems import TrainingDataError
from runner.endpoint.custom.tables import labelled, read_rows, without_header


def rows_of(*files: bytes, trim: bool = False) -> list[list[str]]:
    return [
        row.cells for row in read_rows([(f"f{n}.csv", io.BytesIO(data)) for n, data in enumerate(files)], trim=trim)
    ]


def documents_of(data: bytes, delimiter: str | None = None) -> list[tuple[tuple[str, ...], str]]:
    found = labelled(read_rows([("train.csv", io.BytesIO(data))]), delimiter=delimiter)
    return [(each.labels, each.text) for each in found]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_end_as_the_service_allows_and_quotes_hold_commas_quotes_and_line_breaks(end: bytes) -> None:
    data = end.join([b"A,plain", b'B,"a, ""b""' + end + b'second"', b"", b"C,last"])

    assert documents_of(data) == [
        (("A",), "plain"),
        (("B",), 'a, "b"' + end.decode() + "second"),
        (("C",), "last"),
    ]


def test_a_bom_is_not_text_and_files_follow_each_other() -> None:
    assert rows_of(b"\xef\xbb\xbfA,x\n", b"\xef\xbb\xbfB,y") == [["A", "x"], ["B", "y"]]


def test_several_labels_are_split_at_the_delimiter_each_once() -> None:
    assert documents_of(b"A|B| A,x\n", "|") == [(("A", "B"), "x")]
    assert documents_of(b"A|B,x\n", "~") == [(("A|B",), "x")]
    assert documents_of(b"A|B,x\n") == [(("A|B",), "x")]


@pytest.mark.parametrize(
    ("data", "delimiter", "says"),
    [
        (b"A,x\nonly one\n", None, "train.csv line 2 has one column"),
        (b"A,x,y\n", None, "train.csv line 1 has 3 columns"),
        (b",x\n", None, "line 1 has an empty label."),
        (b"A||B,x\n", "|", "which no class name may contain"),
        (b"A,x\nB,\xff\xfe\n", None, "train.csv is not UTF-8"),
        (b'A,"x" y\n', None, "line 1 is no CSV"),
        (b"A" * 5001 + b",x\n", None, "more than 5000 characters"),
    ],
)
def test_a_bad_row_is_told_by_its_place(data: bytes, delimiter: str | None, says: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        documents_of(data, delimiter)
    assert says in str(caught.value)


def test_a_header_may_have_spaces_as_in_the_guide_and_stands_in_every_file() -> None:
    files = [b"Text, Type\nJo Brown, ENGINEER\n", b"Text,Type\nJane, MANAGER\n"]
    rows = read_rows([(str(n), io.BytesIO(data)) for n, data in enumerate(files)], trim=True)

    assert [row.cells for row in without_header(rows, ("Text", "Type"))] == [
        ["Jo Brown", "ENGINEER"],
        ["Jane", "MANAGER"],
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty"),
        (b"Jo,ENGINEER\n", "line 1 is another; the first line must be the header Text,Type"),
        (b"Text,Type\nJo\n", "line 2 has 1 columns; a row has 2: Text, Type"),
    ],
)
def test_a_table_without_its_header_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        list(without_header(read_rows([("list.csv", io.BytesIO(data))], trim=True), ("Text", "Type")))
    assert says in str(caught.value)
