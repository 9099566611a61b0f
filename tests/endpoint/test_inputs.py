"""How a job's input is cut: every byte in exactly one slice, every line with its number."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.inputs import LineScanner, label_of, split_uri
from runner.endpoint.rows import Slice


def scanned(data: bytes, chunk_bytes: int, line_bytes_max: int) -> list[Slice]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        scanner = LineScanner(Path(file.name), "f", chunk_bytes=chunk_bytes, line_bytes_max=line_bytes_max)
        slices = []
        while (piece := scanner.next()) is not None:
            slices.append(piece)
        return slices


LINE = st.text(alphabet="aé\x85\u2028", max_size=8).map(str.encode)
END = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\r\n", b"\r\r"])


@given(
    parts=st.lists(st.tuples(LINE, END), max_size=12),
    tail=LINE,
    chunk_bytes=st.integers(1, 24),
    line_bytes_max=st.integers(1, 12),
)
def test_the_slices_are_the_lines(
    parts: list[tuple[bytes, bytes]], tail: bytes, chunk_bytes: int, line_bytes_max: int
) -> None:
    data = b"".join(line + end for line, end in parts) + tail
    lines = data.splitlines()
    found: dict[int, bytes] = {}
    position = 0
    for piece in scanned(data, chunk_bytes, line_bytes_max):
        assert piece.offset == position
        assert piece.length > 0
        position += piece.length
        assert piece.first_line == len(found)
        content = data[piece.offset : position].splitlines()
        if piece.oversize:
            assert len(content) == 1
            assert len(content[0]) > line_bytes_max
        found.update(enumerate(content, start=len(found)))
    assert position == len(data)
    assert [found[number] for number in range(len(found))] == lines


def test_slices_stay_near_the_wanted_size() -> None:
    data = b"".join(b"x" * (number % 50) + b"\n" for number in range(2000))
    slices = scanned(data, 1000, 100)
    assert max(piece.length for piece in slices) <= 1001
    assert min(piece.length for piece in slices[:-1]) > 900


@pytest.mark.parametrize(("key", "prefix", "label"), [
    ("in/a.txt", "in/", "a.txt"),
    ("in/2020/a.txt", "in/", "2020/a.txt"),
    ("in/a.txt", "in", "a.txt"),
    ("in/a.txt", "in/a.txt", "a.txt"),
    ("a.txt", "", "a.txt"),
    ("run10/a", "run1", "0/a"),
])  # fmt: skip
def test_labels_are_relative_to_the_prefix(key: str, prefix: str, label: str) -> None:
    assert label_of(key, prefix) == label


def test_uris_are_split_at_the_first_slash() -> None:
    assert split_uri("s3://bucket/bucket/key") == ("bucket", "bucket/key")
    assert split_uri("s3://bucket") == ("bucket", "")
