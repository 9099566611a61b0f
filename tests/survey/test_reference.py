"""The survey, which works on blocks of documents, beside the plainest way to survey one document after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.survey import LINE_BREAKS, surveying

Survey = Callable[..., Any]
Row = tuple[str, int, int, int, bytes, str | None, str | None]
"""Id, position, size, characters, digest, fate, and what is sent."""

PIECES = [
    *(character.encode() for character in LINE_BREAKS),
    *(b"\r\n", b"\n\n", b"a", b" ", b"\t", b"\x00", b"\x1f", "é".encode(), "😀".encode(), "\u3000".encode()),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"long " * 30),
]
hostile = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


def one_by_one(data: bytes, *, replace: bool) -> list[Row]:
    """What a file of lines holds, by the words of the design."""
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf"))
    if not lines[-1]:
        lines.pop()
    rows: list[Row] = []
    for position, line in enumerate(lines):
        fate = None
        try:
            text = line.decode(errors="replace" if replace else "strict")
        except UnicodeDecodeError:
            text, fate = "", "UNDECODABLE"
        folded = "".join(" " if character in LINE_BREAKS else character for character in text)
        if fate is None and not folded.strip():
            fate = "EMPTY"
        sent = folded.encode()
        digest = blake2b(sent, digest_size=16).digest()
        rows.append((f"x.txt:{position}", position, len(sent), len(folded), digest, fate, None if fate else folded))
    return rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(
    data=hostile,
    chunk_bytes=st.sampled_from([1, 2, 7, 64, 1 << 19]),
    replace=st.booleans(),
    documents=st.integers(3, 20),
)
def test_blocks_of_lines_are_surveyed_as_each_line_would_be(
    survey: Survey,
    tmp_path_factory: pytest.TempPathFactory,
    *,
    data: bytes,
    chunk_bytes: int,
    replace: bool,
    documents: int,
) -> None:
    """Whatever the bytes are, wherever reading is cut, and wherever segments end."""
    into = tmp_path_factory.mktemp("run").name
    reader: Any = surveying.RangeReader
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(reader.__init__.__kwdefaults__, "chunk_bytes", chunk_bytes)
        patch.setattr(surveying, "SEGMENT_DOCUMENTS_MAX", documents)
        done = survey(data, into=into, folder=f"source-{into}", undecodable="replace" if replace else "error")
    assert [
        (each.id, each.position, each.size, each.characters, each.digest, each.fate, line)
        for each, line in zip(done.documents, done.lines, strict=True)
    ] == one_by_one(data, replace=replace)
    assert all(segment.documents == documents for segment in done.segments[:-1])
    for segment in done.segments:
        for part in segment.parts:
            text = (done.directory / "parts" / f"{part.id}.txt").read_bytes()
            assert (part.bytes, part.lines) == (len(text), text.count(b"\n"))
            assert part.digest == blake2b(text, digest_size=16).hexdigest()
