"""Parquet: nested columns, values of any type, row groups as units of work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.corpus import Block, RangeReader, list_corpus, ranges
from runner.errors import MachineError, SourceError
from runner.model import CorpusSpec, LanguageRule

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def blocks(tmp_path: Path) -> Callable[..., list[Block]]:
    """Write a table as a file and read it: blocks(columns, row_range_bytes=…, write={…}, **corpus fields)."""

    def read(columns: Any, *, row_range_bytes: int = 1 << 30, write: Any = (), **fields: Any) -> list[Block]:
        pq.write_table(pa.table(columns), tmp_path / "x.parquet", **dict(write))
        spec = CorpusSpec(name="c", sources=(str(tmp_path / "x.parquet"),), format="parquet", **fields)
        found: list[Block] = []
        for source_range in ranges(spec, list_corpus(spec), row_range_bytes=row_range_bytes):
            found += RangeReader(spec, source_range, undecodable="error").blocks()
        return found

    return read


Blocks = Callable[..., list[Block]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_texts_are_columns_of_any_strings(blocks: Blocks, kind: Any) -> None:
    (block,) = blocks({"text": pa.array(["a", None, "é\r\n😀", ""]).cast(kind)})
    assert block.texts == ["a", "", "é\r\n😀", ""]
    assert block.ids == [f"x.parquet:{position}" for position in range(4)]
    assert block.troubles == {}


def test_texts_inside_structs_are_joined_without_nulls(blocks: Blocks) -> None:
    meta = [{"a": "x", "b": {"c": "y"}}, {"a": None, "b": {"c": "z"}}, {"a": "w", "b": None}, None]
    (block,) = blocks({"meta": meta, "dotted.name": ["1", "2", "3", "4"]}, text=("meta.a", "meta.b.c", "dotted.name"))
    assert block.texts == ["x\ny\n1", "z\n2", "w\n3", "4"]


def test_what_cannot_be_decoded_closes_alone(blocks: Blocks) -> None:
    (block,) = blocks({"text": [b"good", b"b\xff", None]})
    assert (list(block.texts), block.troubles[1].code) == (["good", "", ""], "UNDECODABLE")
    lying = pa.Array.from_buffers(pa.string(), 2, pa.array([b"good", b"b\xff"]).buffers())
    (block,) = blocks({"text": lying})
    assert (list(block.texts), block.troubles[1].code) == (["good", ""], "UNDECODABLE")


MOMENT = datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pa.array([1, 2**62]), ["1", str(2**62)]),
        (pa.array([1, 2**64 - 1], pa.uint64()), ["1", str(2**64 - 1)]),
        (pa.array([1.5, 1e300]), ["1.5", "1e+300"]),
        (pa.array([Decimal("1.50"), Decimal("-2.00")]), ["1.50", "-2.00"]),
        (pa.array(["a", ""]), ["a", ""]),
        (pa.array([date(2024, 2, 29)] * 2), ["2024-02-29"] * 2),
        (pa.array([MOMENT] * 2, pa.timestamp("us", "UTC")), ["2024-02-29T01:02:03.000004Z"] * 2),
        (pa.array([1, 2], pa.timestamp("ns")), [f"1970-01-01T00:00:00.00000000{n}" for n in (1, 2)]),
        (pa.array([b"ab\xff\x00", b"utf8"], pa.binary(4)), ["6162ff00", "utf8"]),
    ],
    ids=str,
)
def test_ids_of_other_kinds_are_rendered(blocks: Blocks, values: Any, ids: list[str]) -> None:
    (block,) = blocks({"text": ["a", "b"], "key": values}, id="key")
    assert block.ids == ids


def test_a_null_id_is_a_bad_row(blocks: Blocks) -> None:
    (block,) = blocks({"text": ["a", "b"], "key": [None, 2]}, id="key")
    assert list(block.ids) == ["x.parquet:0", "2"]
    assert (block.troubles[0].code, block.texts[0]) == ("BAD_ROW", "")


def test_kept_values_languages_and_choices(blocks: Blocks) -> None:
    columns = {
        "text": ["a", "b", "c", "d"],
        "n": [1, 2, 3, None],
        "more": [{"l": [1, None]}, {"l": []}, None, {"l": None}],
        "day": pa.array([0, 1, 2, 3], pa.date32()),
        "lang": pa.array(["en", None, "de", "fr"]).dictionary_encode(),
    }
    (block,) = blocks(
        columns,
        keep=("n", "more", "more.l", "day"),
        language=LanguageRule(kind="field", path="lang"),
        where=(("n", ("1.0", "3", "null")), ("lang", ('"en"', '"fr"'))),
    )
    assert block.texts == ["a", "d"]
    assert block.ids == ["x.parquet:0", "x.parquet:3"]
    assert block.languages == ["en", "fr"]
    assert block.fields == [
        b'{"n":1,"more":{"l":[1,null]},"more.l":[1,null],"day":"1970-01-01"}',
        b'{"n":null,"more":{"l":null},"more.l":null,"day":"1970-01-04"}',
    ]


@pytest.mark.parametrize("row_range_bytes", [1 << 30, 5000, 300, 1])
def test_row_groups_are_dealt_out_and_positions_count_over_the_file(blocks: Blocks, row_range_bytes: int) -> None:
    if row_range_bytes == 1:
        row_range_bytes = 40  # a range for every few bytes: most have no row group
    found = blocks(
        {"text": [f"text {number}" for number in range(1000)]},
        row_range_bytes=row_range_bytes,
        write={"row_group_size": 30},
    )
    assert [text for block in found for text in block.texts] == [f"text {number}" for number in range(1000)]
    assert [place for block in found for place in block.positions] == list(range(1000))
    assert len(found) >= 34


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ({"text": ("body",)}, "has no column 'body', which `text` names", "its columns are: text, n, s, s.x"),
        ({"text": ("s.y",)}, r"has no column 's.y'", "did you mean s.x?"),
        ({"text": ("n",)}, "the column 'n' of .*, which `text` names, is int64, not text", "another type"),
        ({"id": "s"}, r"which `id` names, is struct<x: int64>, not text, numbers or times", "another type"),
    ],
)
def test_a_column_that_cannot_serve_is_told(blocks: Blocks, fields: Any, message: str, hint: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        blocks({"text": ["a"], "n": [1], "s": [{"x": 1}]}, **fields)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("data", [b"", b"text", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_not_parquet_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    spec = CorpusSpec(name="c", sources=(str(tmp_path),), format="parquet")
    (source_range,) = ranges(spec, list_corpus(spec))
    with pytest.raises(SourceError, match="x cannot be read as Parquet"):
        list(RangeReader(spec, source_range, undecodable="error").blocks())


def test_the_missing_extra_is_named(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MachineError) as caught:
        blocks({"text": ["a"]})
    assert "comprehend-runner[parquet]" in str(caught.value.hint)
