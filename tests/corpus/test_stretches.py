"""Stretches of a file together give what the file gives, wherever their bounds fall."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from runner.corpus import RangeReader, count_range, list_corpus, needs_position, ranges
from runner.corpus.decoding import decoding
from runner.corpus.stretches import Stretch, count_lines
from runner.corpus.textlines import text_lines
from runner.model import CorpusSpec

Reader = Callable[..., list[Any]]

UTF_8 = decoding("utf-8", "error")

tricky = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"a", b"bc", "é".encode(), "😀".encode(), b"\xff", b"\xef\xbb\xbf", b"\x00"]
    ),
    max_size=30,
).map(b"".join)


class Pieces(io.BytesIO):
    """A file that gives at most `most` bytes a read, as sockets do."""

    most = 3

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def lines_of(data: bytes, bounds: list[int], chunk_bytes: int, most: int) -> list[tuple[str, bool]]:
    """The lines of each stretch, one after the other, and whether each is in trouble."""
    found = []
    for begin, end in zip([0, *bounds], [*bounds, None], strict=True):
        file = Pieces(data)
        file.most = most
        stream = Stretch(file, begin, end)
        count = 0
        for lines, troubles, _ in text_lines(stream, UTF_8, chunk_bytes=chunk_bytes, at_start=not begin):
            found += [(line, row in troubles) for row, line in enumerate(lines)]
            count += len(lines)
        assert count_lines(Stretch(Pieces(data), begin, end), UTF_8, at_start=not begin) == count
    return found


@given(data=tricky, cuts=st.sets(st.integers(1, 60), max_size=8), chunk=st.integers(1, 9), most=st.integers(1, 9))
@example(data=b"a\r\nb", cuts={2}, chunk=1, most=1)
@example(data=b"a\rb\r", cuts={1, 2, 3}, chunk=9, most=9)
@example(data=b"abcdefgh\r\n\r\nx", cuts={2, 4, 6, 9, 11}, chunk=2, most=1)
def test_stretches_together_are_the_file(data: bytes, cuts: set[int], chunk: int, most: int) -> None:
    whole = [
        (line, row in troubles)
        for lines, troubles, _ in text_lines(io.BytesIO(data), UTF_8)
        for row, line in enumerate(lines)
    ]
    bounds = sorted(cut for cut in cuts if cut < len(data))
    assert lines_of(data, bounds, chunk, most) == whole


@pytest.mark.parametrize("form", ["lines", "jsonl"])
@pytest.mark.parametrize("row_range_bytes", [1, 7, 64, 1000])
def test_ids_and_positions_are_those_of_the_whole_file(read: Reader, form: str, row_range_bytes: int) -> None:
    rows = [json.dumps({"text": "ü" * (number % 40)}, ensure_ascii=False) for number in range(60)]
    data = "\ufeff" + "\r\n".join(rows) + "\r\n\n"
    fields = {"text": ("text",)} if form == "jsonl" else {}
    whole = read(data.encode(), form, **fields)
    assert len(whole) == 61
    assert read(data.encode(), form, row_range_bytes=row_range_bytes, **fields) == whole


@pytest.mark.parametrize(
    ("name", "form", "encoding"),
    [("x.csv", "csv", "utf-8"), ("x.gz", "lines", "utf-8"), ("x.zst", "jsonl", "utf-8"), ("x", "lines", "utf-16")],
)
def test_what_cannot_be_cut_safely_is_one_range(tmp_path: Path, name: str, form: Any, encoding: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 100)
    spec = CorpusSpec(name="c", sources=(str(tmp_path / name),), format=form, encoding=encoding)
    (only,) = ranges(spec, list_corpus(spec), row_range_bytes=10)
    assert (only.begin, only.end) == (0, None)


def test_each_stretch_of_a_file_that_changed_closes_as_one_document(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("line\n" * 20)
    spec = CorpusSpec(name="c", sources=(str(tmp_path),), format="lines")
    first, second, third, fourth = ranges(spec, list_corpus(spec), row_range_bytes=30)
    assert [needs_position(spec, each) for each in (first, second, third, fourth)] == [False, True, True, True]
    assert [count_range(spec, each) for each in (first, second, third, fourth)] == [5, 5, 5, 5]
    (tmp_path / "x.txt").write_text("other")
    assert count_range(spec, first) is None
    ids = []
    for each in (first, second, replace(third, position=10)):
        (block,) = RangeReader(spec, each, undecodable="error").blocks()
        assert [trouble.code for trouble in block.troubles.values()] == ["INPUT_CHANGED"]
        ids += block.ids
    assert ids == ["x.txt:0", "x.txt:byte 25", "x.txt:10"]
