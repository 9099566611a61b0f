"""A document is a file: whole, without its byte order mark, undecodable as a whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.corpus import RangeReader, list_corpus, ranges
from runner.corpus.files import BLOCK_DOCUMENTS_MAX
from runner.errors import SourceError
from runner.model import CorpusSpec, Format

Reader = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("data", "text", "code"),
    [
        (b"", "", None),
        (b"one\r\ntwo\n", "one\r\ntwo\n", None),
        (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo", "one\n\ufefftwo", None),
        (b"\x00", "\x00", None),
        (b"good\nb\xffd", "", "UNDECODABLE"),
        ("\U0001f600".encode(), "\U0001f600", None),
    ],
)
def test_files_of_traps(read: Reader, data: bytes, text: str, code: str | None) -> None:
    assert read(data, "files") == [("x.txt", 0, 0, text, code)]
    assert read(gzip.compress(data), "files", name="x.txt.gz") == [("x.txt.gz", 0, 0, text, code)]


def test_other_encodings_and_the_policy(read: Reader) -> None:
    assert read("Grüße".encode("latin-1"), "files", encoding="latin-1")[0].text == "Grüße"
    assert read("\ufeffa".encode("utf-16"), "files", encoding="UTF16")[0].text == "\ufeffa"
    assert read(b"b\xffd", "files", undecodable="replace")[0].text == "b\ufffdd"
    assert read(b"\xef\xbb\xbfb\xffd", "files", undecodable="replace")[0].text == "b\ufffdd"


def corpus_of(root: Path, form: Format = "files") -> CorpusSpec:
    return CorpusSpec(name="c", sources=(str(root),), format=form)


def test_many_files_keep_their_order_over_blocks(tmp_path: Path, read_corpus: Reader) -> None:
    count = BLOCK_DOCUMENTS_MAX + 5
    for number in range(count):
        (tmp_path / f"{number:05}.txt").write_text(str(number))
    documents = read_corpus(corpus_of(tmp_path))
    assert [each.text for each in documents] == [str(number) for number in range(count)]
    assert [each.source for each in documents] == list(range(count))
    assert {each.position for each in documents} == {0}


@pytest.mark.parametrize("form", ["files", "lines"])
def test_a_source_that_changed_or_vanished_closes_as_one_document(tmp_path: Path, form: Format) -> None:
    for name in "abcde":
        (tmp_path / name).write_text(f"{name}1\n{name}2")
    corpus = corpus_of(tmp_path, form)
    (source_range,) = ranges(corpus, list_corpus(corpus))
    (tmp_path / "a").write_text("longer than it was")
    (tmp_path / "b").unlink()
    os.utime(tmp_path / "c", ns=(1, 1))
    (tmp_path / "d").unlink()
    (tmp_path / "d").mkdir()
    found = [
        (row_id, block.troubles[row].code if row in block.troubles else None)
        for block in RangeReader(corpus, source_range, undecodable="error").blocks()
        for row, row_id in enumerate(block.ids)
    ]
    suffix = ":0" if form == "lines" else ""
    changed = [(name + suffix, "INPUT_CHANGED") for name in "abcd"]
    assert found == changed + ([("e:0", None), ("e:1", None)] if form == "lines" else [("e", None)])


def test_a_file_that_may_not_be_read_is_the_users_to_mend(
    tmp_path: Path, read_corpus: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a")

    def denied(path: str, mode: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("runner.corpus.opening.io.FileIO", denied)
    with pytest.raises(SourceError, match="a cannot be opened: Permission denied"):
        read_corpus(corpus_of(tmp_path))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.4 plain ASCII after all", "PDF"),
        (b"%PDF-1.7\xe2\xe3", "PDF"),
        (b"PK\x03\x04\xff", "a zip archive, as Word"),
        (b"\x89PNG\xff", "a PNG image"),
        (b"\x1f\x8b\x08", "gzip without .gz in its name"),
    ],
)
def test_a_file_that_is_no_text_says_what_it_is(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "x").write_bytes(data)
    spec = corpus_of(tmp_path)
    (source_range,) = ranges(spec, list_corpus(spec))
    (block,) = RangeReader(spec, source_range, undecodable="error").blocks()
    assert (block.troubles[0].code, block.texts) == ("UNDECODABLE", [""])
    assert block.troubles[0].message.startswith(f"the file is {kind}")


def test_a_sample_of_files_opens_no_others(tmp_path: Path, read_corpus: Reader) -> None:
    for number in range(300):
        (tmp_path / f"{number}.txt").write_text(str(number))
    half = read_corpus(CorpusSpec(name="c", sources=(str(tmp_path),), format="files", sample=0.5))
    assert 100 < len(half) < 200
    assert all(each.text == each.id.removesuffix(".txt") for each in half)
    assert [each.source for each in half] == sorted(each.source for each in half)
