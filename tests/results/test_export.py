"""Results in other forms: typed by the schema, whole to the last merged line, and never over what is there."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from runner.errors import MachineError, UserError
from runner.model import AnalysisSpec
from runner.results import schema_of
from runner.results.export import ExportCorpus, column_type, export

ANALYSES = (
    AnalysisSpec(name="mood", family="sentiment", corpora=("c",), document_bytes_max=5_120, languages=None),
    AnalysisSpec(name="names", family="entities", corpora=("c",), document_bytes_max=5_120, languages=None),
)
SCHEMA = schema_of("c", ANALYSES)
MOOD = {"Sentiment": "POSITIVE", "SentimentScore": {"Mixed": 0, "Negative": 0.1, "Neutral": 0.2, "Positive": 0.7}}
NAME = {"BeginOffset": 0, "EndOffset": 3, "Score": 0.5, "Text": "Zoë", "Type": "PERSON"}
PROBLEM = {"analysis": "mood", "code": "TOO_LONG", "message": "m", "by": "runner"}


def line(number: int, *, mood: Any = None, names: Any = None) -> dict[str, Any]:
    return {
        "corpus": "c",
        "id": str(number),
        "language": "en" if mood else None,
        "outcome": {"mood": "ok" if mood else "skipped", "names": "ok" if names is not None else "error"},
        "problems": [] if mood else [PROBLEM],
        "mood": mood,
        "names": names,
    }


def write(path: Path, lines: list[dict[str, Any]]) -> tuple[str, int]:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines), "utf-8")
    return str(path), path.stat().st_size


@pytest.fixture
def corpus(tmp_path: Path) -> ExportCorpus:
    """Two files; the payloads first occur on the last lines of the first, past what any reader looks at to guess."""
    late = [*(line(number) for number in range(30_000)), line(30_000, mood=MOOD, names=[NAME])]
    files = (
        write(tmp_path / "00000.jsonl", late),
        write(tmp_path / "00001.jsonl", [line(30_001, mood=MOOD, names=[])]),
    )
    return ExportCorpus(name="c", files=files, schema=SCHEMA)


def test_parquet_is_typed_whatever_comes_first(corpus: ExportCorpus, tmp_path: Path) -> None:
    written = export([corpus], tmp_path / "out", form="parquet")
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "out/corpus=c/00000.parquet",
        "out/corpus=c/00001.parquet",
    ]
    everything = str(tmp_path / "out" / "**" / "*.parquet")
    found = duckdb.sql(
        f"SELECT corpus, count(*), count(mood), sum(mood.SentimentScore.Positive), sum(len(names)), sum(len(problems)) "
        f"FROM read_parquet('{everything}') GROUP BY corpus"
    ).fetchall()
    assert found == [("c", 30_002, 2, 1.4, 1, 30_000)]
    assert pl.read_parquet(written[0])["names"].drop_nulls().to_list() == [[NAME]]
    assert pd.read_parquet(written[1]).loc[0, "mood"] == MOOD


def test_csv_has_the_columns_that_were_asked_for(corpus: ExportCorpus, tmp_path: Path) -> None:
    columns = ("id", "mood.SentimentScore.Positive", "names", "outcome.names")
    (written,) = export([corpus], tmp_path / "out", form="csv", columns=columns)
    with written.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == list(columns)
    assert rows[1] == ["0", "", "", "error"]
    assert rows[30_001] == ["30000", "0.7", json.dumps([NAME], ensure_ascii=False, separators=(",", ":")), "ok"]
    assert len(rows) == 30_003


def test_a_database_has_a_table_per_corpus(corpus: ExportCorpus, tmp_path: Path) -> None:
    (written,) = export([corpus], tmp_path / "deep" / "results.duckdb", form="duckdb")
    with duckdb.connect(str(written), read_only=True) as connection:
        assert connection.sql("SELECT count(*), any_value(corpus) FROM c").fetchall() == [(30_002, "c")]
    with pytest.raises(UserError, match="exists already"):
        export([corpus], written, form="duckdb")


@pytest.mark.parametrize("form", ["parquet", "csv", "duckdb"])
def test_what_a_running_run_is_writing_is_left_out(tmp_path: Path, form: Any) -> None:
    path, end = write(tmp_path / "00000.jsonl", [line(0, mood=MOOD), line(1)])
    with Path(path).open("ab") as file:
        file.write(b'{"corpus":"c","id":"2","langu')
    half = ExportCorpus(name="c", files=((path, end),), schema=SCHEMA)
    (written,) = export([half], tmp_path / "out", form=form)
    if form == "duckdb":
        with duckdb.connect(str(written), read_only=True) as connection:
            assert connection.sql("SELECT id FROM c").fetchall() == [("0",), ("1",)]
    else:
        assert duckdb.sql(f"SELECT id::VARCHAR FROM '{written}'").fetchall() == [("0",), ("1",)]
    assert [each.name for each in tmp_path.rglob(".export-*")] == []


def test_a_column_that_is_not_there_is_refused_before_anything_is_written(corpus: ExportCorpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"corpus c has no column mood\.Sentimnt") as refused:
        export([corpus], tmp_path / "out", form="csv", columns=["mood.Sentimnt"])
    assert refused.value.hint == "mood has: Sentiment, SentimentScore"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(corpus: ExportCorpus, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        export([corpus], tmp_path / "out", form="parquet")


@pytest.mark.parametrize("form", ["parquet", "csv", "duckdb"])
def test_without_its_package_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Any) -> None:
    corpus = ExportCorpus(name="c", files=(write(tmp_path / "0.jsonl", [line(0)]),), schema=SCHEMA)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MachineError, match="needs the package duckdb") as told:
        export([corpus], tmp_path / "out", form=form)
    assert "comprehend-runner[export]" in str(told.value.hint)
    assert not (tmp_path / "out").exists()


def test_a_damaged_line_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "00000.jsonl"
    path.write_text('{"corpus":"c","id":1e400000,"outcome":[}\n')
    broken = ExportCorpus(name="c", files=((str(path), path.stat().st_size),), schema=SCHEMA)
    with pytest.raises(MachineError, match="could not be written"):
        export([broken], tmp_path / "out", form="csv")
    assert not (tmp_path / "out" / "c.csv").exists()


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "VARCHAR"),
        ({"type": ["string", "null"]}, "VARCHAR"),
        ({"const": "c"}, "VARCHAR"),
        ({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}, "BIGINT[]"),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "JSON"),
        ({"type": "object", "properties": {'a"b': {"type": "number"}}}, 'STRUCT("a""b" DOUBLE)'),
        ({}, "JSON"),
    ],
)
def test_types_follow_the_schema(schema: dict[str, Any], expected: str) -> None:
    assert column_type(schema) == expected


def test_readers_guess_the_lines_as_they_are(corpus: ExportCorpus) -> None:
    """DuckDB and pandas with their defaults; polars if it may look at every line, since it types `[]` by the first."""
    path = corpus.files[0][0]
    assert duckdb.sql(f"SELECT outcome.mood, count(*) FROM '{path}' GROUP BY 1 ORDER BY 1").fetchall() == [
        ("ok", 1),
        ("skipped", 30_000),
    ]
    moods = pd.read_json(path, lines=True)["outcome"].map(lambda outcome: outcome["mood"])
    assert moods.value_counts().to_dict() == {"skipped": 30_000, "ok": 1}
    frame = pl.read_ndjson(path, infer_schema_length=None)
    assert frame["mood"].struct.field("Sentiment").drop_nulls().to_list() == ["POSITIVE"]
