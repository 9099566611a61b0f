"""`runner init`: what it writes passes `check` and `plan`, says what was guessed, and replaces nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from runner.manifest import load_manifest
from runner.model import CorpusSpec, CsvDialect, LanguageRule
from tests.acceptance.house import House

ENGLISH = "It was a fine day in the garden, and everybody liked the cake that she had made."
GERMAN = "Es war ein schöner Tag im Garten, und alle mochten den Kuchen, den sie gebacken hatte."


def begun(house: House, *arguments: str) -> dict[str, CorpusSpec]:
    """The corpora of the manifest that was written."""
    said = house.command("init", *arguments, "--out", "new.yaml")
    assert said.code == 0, said.err
    assert house.command("check", "new.yaml").code == 0
    return {corpus.name: corpus for corpus in load_manifest(house.root / "new.yaml").corpora}


@pytest.fixture
def bare(tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    return House(root=tmp_path)


def test_a_folder_of_texts_is_a_corpus_of_files(bare):
    bare.write("texts/a/one.txt", ENGLISH.encode())
    bare.write("texts/b/two.txt", ENGLISH.encode())
    bare.write("texts/.hidden/three.txt", b"x")
    corpora = begun(bare, "texts")
    assert corpora["texts"].format == "files"
    assert corpora["texts"].sources == (f"{bare.root}/texts/**/*.txt",)
    assert corpora["texts"].language == LanguageRule(kind="fixed", code="en")
    assert bare.command("plan", "new.yaml").code == 0


def test_what_a_run_wrote_is_no_corpus(bare):
    bare.write("texts/one.txt", ENGLISH.encode())
    bare.write("texts/runs/small/1/journal.db", b"")
    bare.write("texts/runs/small/1/results/lines/00000.jsonl", b'{"id": 1}\n')
    assert list(begun(bare, "texts")) == ["texts"]


def test_a_file_of_several_lines_is_a_corpus_of_lines_and_one_with_paragraphs_a_document(bare):
    bare.write("lines.txt", f"{ENGLISH}\n{GERMAN}\n".encode())
    bare.write("letter.txt", f"{ENGLISH}\n\n{ENGLISH}\n".encode())
    corpora = begun(bare, "lines.txt", "letter.txt")
    assert {name: corpus.format for name, corpus in corpora.items()} == {"lines": "lines", "letter": "files"}


def test_columns_of_json_lines_are_guessed_by_names_and_by_what_is_in_them(bare):
    rows = [{"ticket_id": n, "meta": {"lang": "en_US"}, "title": "x" * 40, "doc": {"body": ENGLISH}} for n in range(3)]
    packed = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    bare.write("tickets.jsonl.gz", packed)
    corpus = begun(bare, "tickets.jsonl.gz")["tickets"]
    assert (corpus.format, corpus.text, corpus.id) == ("jsonl", ("doc.body",), "ticket_id")
    assert corpus.language == LanguageRule(kind="field", path="meta.lang")
    assert "guessed; there are also title" in (bare.root / "new.yaml").read_text()


@pytest.mark.parametrize(
    ("header", "delimiter", "dialect", "text"),
    [
        ("nr,comment,when", ",", CsvDialect(), "comment"),
        ("nr;comment;when", ";", CsvDialect(delimiter=";"), "comment"),
        ("nr\tcomment\twhen", "\t", CsvDialect(delimiter="\t"), "comment"),
        ("", ";", CsvDialect(delimiter=";", header=False), "1"),
    ],
)
def test_the_dialect_of_csv_is_guessed(bare, header, delimiter, dialect, text):
    rows = [delimiter.join([str(n), f'"{sample}"', "2024"]) for n, sample in enumerate([ENGLISH, GERMAN] * 3)]
    bare.write("odd [1].csv", "\n".join([*filter(None, [header]), *rows]).encode())
    corpus = begun(bare, "odd [1].csv")["odd-1"]
    assert (corpus.format, corpus.csv, corpus.text) == ("csv", dialect, (text,))
    assert corpus.language == LanguageRule(kind="detect", among=("en", "de"), code="en")
    assert bare.command("plan", "new.yaml").code == 0


def test_parquet_is_looked_into(bare):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"uuid": ["a", "b"], "stars": [1, 2], "review": [ENGLISH, ENGLISH]}), bare.root / "r.parquet"
    )
    corpus = begun(bare, "r.parquet")["r"]
    assert (corpus.format, corpus.text, corpus.id) == ("parquet", ("review",), "uuid")


def test_a_folder_with_several_kinds_of_files_is_several_corpora_with_names_of_their_own(bare):
    bare.write("in/a.txt", ENGLISH.encode())
    bare.write("in/b.jsonl", json.dumps({"text": ENGLISH}).encode())
    bare.write("in/c.jsonl.gz", gzip.compress(json.dumps({"text": ENGLISH}).encode()))
    corpora = begun(bare, "in")
    assert {(name, Path(corpus.sources[0]).name) for name, corpus in corpora.items()} == {
        ("in", "*.txt"),
        ("in-jsonl", "*.jsonl"),
        ("in-2", "*.jsonl.gz"),
    }


def test_texts_that_are_not_utf8_are_given_an_encoding(bare):
    bare.write("old.txt", "Voilà la belle vie\nOù est le café ?\n".encode("cp1252"))
    assert begun(bare, "old.txt")["old"].encoding == "cp1252"


def test_names_and_columns_that_mean_something_to_yaml_are_quoted(bare):
    row = json.dumps({"# text: ${HOME}": ENGLISH, "yes": 1})
    bare.write("a: b #1 ${HOME}.jsonl", row.encode())
    (corpus,) = begun(bare, "a: b #1 ${HOME}.jsonl").values()
    assert corpus.text == ("# text: ${HOME}",)
    assert corpus.sources == (f"{bare.root}/a: b #1 ${{HOME}}.jsonl",)
    assert bare.command("plan", "new.yaml").code == 0


def test_nothing_is_written_over(bare):
    bare.write("lines.txt", ENGLISH.encode())
    bare.write("manifest.yaml", b"mine")
    said = bare.command("init", "lines.txt")
    assert said.code == 2
    assert "manifest.yaml: is there already, and is never written over" in said.err
    assert (bare.root / "manifest.yaml").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "nowhere: no such file or folder"),
        ("empty", "empty: nothing in it has a name that ends in one of .csv, "),
        ("s3://bucket/x", "s3://bucket/x: init looks at local files only"),
        ("array.json", "array.json: no line of it is a JSON object"),
        ("broken.parquet", "broken.parquet: cannot be read as Parquet: "),
        ("broken.txt.gz", "broken.txt.gz: cannot be read: "),
    ],
)
def test_what_cannot_be_looked_at_is_told_and_nothing_written(bare, path, message):
    (bare.root / "empty").mkdir()
    for name in ("array.json", "broken.parquet", "broken.txt.gz"):
        bare.write(name, b"[1, 2]")
    said = bare.command("init", path)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert not (bare.root / "manifest.yaml").exists()
