"""Inputs that are missing, unreadable, empty or changing: one clear error, or a fate of their own; then on."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from runner.compose import surveying
from runner.corpus import list_corpus
from runner.model import CorpusSpec, SourceFile
from tests.acceptance.house import House


def files(source: str = "data/texts", **keys: Any) -> list[dict[str, Any]]:
    return [{"name": "lines", "source": source, "format": "files", "language": "en", **keys}]


def test_a_missing_file_is_named_with_the_nearest_one_and_the_run_goes_on_once_it_is_there(house: House) -> None:
    house.tell(corpora=[{"name": "lines", "source": "data/line.txt", "format": "lines", "language": "en"}])

    said = house.run()
    assert said.code == 2
    assert "error: corpus lines:" in said.err
    assert "data/line.txt does not exist" in said.talk
    assert "hint: did you mean lines.txt?" in said.talk
    assert house.leftovers() == []

    house.write("data/line.txt", "Here it is.\n")
    assert house.run().code == 0
    assert house.outcomes() == {"ok": 1}


def test_a_file_where_a_folder_is_meant_is_named(house: House) -> None:
    house.tell(corpora=files("data/lines.txt/*.txt"))

    said = house.run()

    assert said.code == 2
    assert "there is no folder" in said.talk
    assert "data/lines.txt" in said.talk


def test_a_folder_that_may_not_be_read_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal is the kernel's words in another's mouth where the test is root."""
    folder = house.write("data/texts/a.txt", "text").parent
    house.tell(corpora=files())
    if os.geteuid() == 0:
        _refuse(monkeypatch, folder)
    else:
        folder.chmod(0)
    try:
        said = house.run()
    finally:
        folder.chmod(0o700)

    assert said.code == 2
    assert "data/texts" in said.talk
    assert "cannot be read: Permission denied" in said.talk
    assert "hint: make it readable" in said.talk


def _refuse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    scandir = os.scandir

    def refusing(path: str) -> Any:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("runner.corpus.walking.os.scandir", refusing)


def test_a_folder_without_files_is_an_error(house: House) -> None:
    (house.root / "data/texts").mkdir()
    house.tell(corpora=files())

    said = house.run()

    assert said.code == 2
    assert "has no files" in said.talk


@pytest.mark.parametrize("format_", ["lines", "jsonl"])
def test_a_corpus_of_no_documents_is_done_and_says_so(house: House, format_: str) -> None:
    """An empty file is an answer, not a mistake: last night there were no tickets."""
    house.write("data/none.txt", b"")
    text = {"text": "text"} if format_ == "jsonl" else {}
    house.tell(corpora=[{"name": "lines", "source": "data/none.txt", "format": format_, "language": "en", **text}])

    said = house.run()

    assert said.code == 0, said.err
    assert "0 of 0 documents written" in said.talk
    assert house.command("verify").code == 0
    assert house.lines() == []
    assert house.run().code == 0


def test_a_corpus_of_only_empty_documents_buys_nothing(house: House) -> None:
    house.write("data/lines.txt", b"\n\n \n")
    before = house.endpoint.accepted

    assert house.run().code == 0

    assert house.endpoint.accepted == before
    assert house.outcomes() == {"skipped EMPTY": 3}


def test_a_manifest_that_is_a_list_is_told_where_and_what_is_valid(house: House) -> None:
    house.write("m.yaml", "- version: 1\n- name: small\n")

    said = house.run()

    assert said.code == 2
    assert "m.yaml:1:1:" in said.err
    assert "list" in said.err
    assert "version" in said.err
    assert house.directories() == []


def test_a_manifest_that_is_not_there_is_named(house: House) -> None:
    said = house.command("run", "n.yaml")

    assert said.code == 2
    assert "n.yaml" in said.err
    assert "Traceback" not in said.err


def _changing(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let the world change between the listing and the reading."""

    def listing(corpus: CorpusSpec) -> list[SourceFile]:
        found = list_corpus(corpus)
        change()
        return found

    monkeypatch.setattr(surveying, "list_corpus", listing)


@pytest.mark.parametrize("change", ["written to", "deleted"])
def test_a_file_that_changes_before_it_is_read_closes_as_an_error(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    first, second = house.write("data/texts/a.txt", "As it was."), house.write("data/texts/b.txt", "As it is.")
    house.tell(corpora=files())
    _changing(monkeypatch, first.unlink if change == "deleted" else lambda: first.write_text("As it was not."))

    said = house.run()

    assert said.code == 3, said.err
    assert house.outcomes() == {"error INPUT_CHANGED": 1, "ok": 1}
    assert house.command("verify").code == 0
    assert second.exists()


def test_a_changed_line_file_closes_as_one_error_and_the_others_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = house.write("data/more/a.txt", "one\ntwo\n")
    house.write("data/more/b.txt", "three\nfour\n")
    house.tell(corpora=[{"name": "lines", "source": "data/more", "format": "lines", "language": "en"}])
    _changing(monkeypatch, lambda: changed.write_text("one\n"))

    assert house.run().code == 3

    assert house.outcomes() == {"error INPUT_CHANGED": 1, "ok": 2}
    assert house.command("verify").code == 0


def test_a_compressed_file_that_is_cut_off_closes_as_an_error_behind_what_could_be_read(house: House) -> None:
    texts = b"".join(b"Line %d of those that could be read.\n" % n for n in range(4_000))
    house.write("data/cut.txt.gz", gzip.compress(texts)[:-200])
    house.tell(corpora=[{"name": "lines", "source": "data/cut.txt.gz", "format": "lines", "language": "en"}])

    said = house.run()

    assert said.code == 3, said.err
    outcomes = house.outcomes()
    assert sum(count for ending, count in outcomes.items() if ending.startswith("error")) == 1
    assert house.command("verify").code == 0
