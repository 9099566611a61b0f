"""Inputs that are missing, unreadable, empty or changing: one clear error, or a fate of their own; then on."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.compose import surveying
from runner.core import events as e
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
@pytest.mark.parametrize("named", [[], ["--run-dir", "here"]], ids=["unnamed", "named"])
def test_a_corpus_of_no_documents_is_an_error_until_there_are_some(
    house: House, format_: str, named: list[str]
) -> None:
    house.write("data/some.txt", b"")
    text = {"text": "text"} if format_ == "jsonl" else {}
    house.tell(corpora=[{"name": "lines", "source": "data/some.txt", "format": format_, "language": "en", **text}])
    before = house.endpoint.accepted

    said = house.run(*named)
    assert said.code == 2, said.err
    assert "error: corpus lines: not a single document was found" in said.talk
    assert "hint: correct source, format or limit" in said.talk
    assert house.endpoint.accepted == before

    assert house.run(*named).code == 2, "as long as nothing is mended"
    house.write("data/some.txt", b'{"text":"Here we are."}\n')
    said = house.run(*named)
    assert said.code == 0, said.err
    assert "the sources were changed before anything was sent" in said.talk
    assert house.command("verify", *named[1:]).code == 0


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


@pytest.mark.parametrize("named", [[], ["--run-dir", "here"]], ids=["unnamed", "named"])
def test_a_compressed_file_that_is_cut_off_is_told_and_once_it_is_mended_read(house: House, named: list[str]) -> None:
    """Nothing was bought yet, so that the mended file is no other input: it is what was meant all along."""
    whole = gzip.compress(b"".join(b"Line %d of those that can be read.\n" % n for n in range(400)))
    house.write("data/cut.txt.gz", whole[:-200])
    corpus = {"source": ["data/lines.txt", "data/cut.txt.gz"], "format": "lines", "language": "en"}
    house.tell(corpora=[{"name": "lines", **corpus}])
    before = house.endpoint.accepted

    said = house.run(*named)
    assert said.code == 2, said.err
    assert "data/cut.txt.gz is truncated" in said.talk
    assert "hint: mend or replace the file" in said.talk
    assert house.leftovers() == []
    assert house.endpoint.accepted == before

    house.write("data/cut.txt.gz", whole)
    said = house.run(*named)
    assert said.code == 0, said.err
    assert "406 of 406 documents written" in said.talk
    assert house.command("verify", *named[1:]).code == 0


def test_a_survey_that_was_kept_by_a_plan_is_not_read_again(house: House) -> None:
    """What was surveyed is what the plan priced: sources that change afterwards wait for the next run."""
    assert house.command("plan", "m.yaml", "--run-dir", "here").code == 0
    house.write("data/lines.txt", "Another text altogether.\n")

    said = house.run("--run-dir", "here")

    assert said.code == 0
    assert "6 of 6 documents written" in said.talk


def test_results_in_zstd_are_refused_before_anything_is_read_where_its_package_is_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all is bought, and then cannot be written."""
    house.tell(output={"compression": "zstd"})
    for package in ("backports", "compression"):
        monkeypatch.setitem(sys.modules, package, None)

    said = house.run()

    assert said.code == 2
    assert "error: output.compression is zstd, and the package for it is missing" in said.talk
    assert "hint: install the extra `zstd`: pip install 'comprehend-runner[zstd]'" in said.talk
    assert not any(isinstance(event, e.ListingTaken) for event in house.events())
    assert "wrong   zstd: output.compression is zstd" in house.command("doctor", "m.yaml").out
