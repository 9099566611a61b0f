"""Lines end at LF, CR and CRLF and at nothing else; what cannot be decoded closes that line alone."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.corpus.assembling import names_of
from runner.corpus.decoding import decoding
from runner.corpus.textlines import text_lines
from runner.errors import SourceError
from runner.model import Format

Reader = Callable[..., list[Any]]


def lines_of(
    data: bytes, encoding: str = "utf-8", *, chunk_bytes: int = 1 << 19, undecodable: str = "error"
) -> list[str]:
    """Lines as text; those that cannot be decoded as `<CODE>`."""
    found: list[str] = []
    for lines, troubles, _ in text_lines(io.BytesIO(data), decoding(encoding, undecodable), chunk_bytes=chunk_bytes):
        assert lines
        found += [f"<{troubles[row].code}>" if row in troubles else line for row, line in enumerate(lines)]
    return found


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"a\rb\r\nc\nd", ["a", "b", "c", "d"]),
        (b"a\r\r\nb\n\rc\r", ["a", "", "b", "", "c"]),
        ("a\u2028b\u2029c\vd\fe\x1cf\x1dg\x1eh\x85i\n".encode(), ["a\u2028b\u2029c\vd\fe\x1cf\x1dg\x1eh\x85i"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbf\n", [""]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", ["\ufeffa"]),
        (b"a\x00b\n\x00", ["a\x00b", "\x00"]),
        (b"good\nb\xffd\ngood", ["good", "<UNDECODABLE>", "good"]),
        (b"good\n\xed\xa0\x80\n", ["good", "<UNDECODABLE>"]),
        (b"\xe2\x82\n\xac", ["<UNDECODABLE>", "<UNDECODABLE>"]),
        ("\U0001f600\U0010ffff\n".encode(), ["\U0001f600\U0010ffff"]),
        (b"a\n \t\n", ["a", " \t"]),
    ],
)
def test_lines_of_traps(data: bytes, lines: list[str]) -> None:
    for chunk_bytes in (1, 2, 3, 5, 1 << 19):
        assert lines_of(data, chunk_bytes=chunk_bytes) == lines


def by_definition(text: str) -> list[str]:
    """The lines of a text, written down once more in the plainest way."""
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    return lines if lines[-1] else lines[:-1]


tricky = st.text(st.sampled_from("ab\r\n\ufeff\u2028\x85\x00é😀 "), max_size=40)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_wide_encodings_take_either_order_by_the_mark_and_little_endian_without(
    encoding: str, order: str, read: Reader
) -> None:
    """As whole files are read; a codec for streams would refuse what has no mark."""
    text = "one\nzwölf\n"
    codec = f"{encoding}-{order}"
    marked = f"\ufeff{text}".encode(codec)

    for chunk_bytes in (1, 3, 100):
        assert lines_of(marked, encoding, chunk_bytes=chunk_bytes) == ["one", "zwölf"]
        if order == "le":
            assert lines_of(text.encode(codec), encoding, chunk_bytes=chunk_bytes) == ["one", "zwölf"]
    if order == "le":
        assert read(text.encode(codec), "files", encoding=encoding)[0].text == text


def test_a_chunk_may_end_inside_an_escape_sequence_that_never_ends() -> None:
    """The decoders of ISO 2022 raise there, whatever their error handler."""
    data = "日本\n".encode("iso2022_jp") + b"\x1b$" + b"\x1b" * 20 + "\n語\n".encode("iso2022_jp")

    whole = lines_of(data, "iso2022_jp")
    assert whole[:2] == ["日本", "<UNDECODABLE>"]
    for chunk_bytes in (1, 7, 13):
        assert lines_of(data, "iso2022_jp", chunk_bytes=chunk_bytes) == whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32-le", "gb18030", "utf-7", "utf-8-sig"])
@given(text=tricky, chunk_bytes=st.integers(1, 30))
def test_any_text_in_any_encoding_in_chunks_of_any_size_gives_the_same_lines(
    encoding: str, text: str, chunk_bytes: int
) -> None:
    data = text.encode(encoding)
    # These codecs write a mark of their own, so that a mark of the text's is not at the start.
    marked = encoding in {"utf-16", "utf-8-sig"}
    expected = by_definition("\ufeff" + text) if marked else by_definition(text)
    assert lines_of(data, encoding, chunk_bytes=chunk_bytes) == expected


@given(
    data=st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\xff", b"\xe2\x82", b"\xac", b"\xef\xbb\xbf"])),
    size=st.integers(1, 9),
)
def test_bytes_that_fit_no_encoding_give_the_same_lines_in_chunks_of_any_size(data: list[bytes], size: int) -> None:
    whole = b"".join(data)
    for undecodable in ("error", "replace"):
        assert lines_of(whole, chunk_bytes=size, undecodable=undecodable) == lines_of(whole, undecodable=undecodable)


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "shift_jis", "euc_kr", "gbk", "koi8-r", "iso2022_jp", "cp037"]
)
def test_other_encodings_are_split_where_their_line_ends_are(encoding: str) -> None:
    text = {
        "shift_jis": "表示\r\nソ",
        "euc_kr": "한국\r어",
        "gbk": "中文\n文",
        "koi8-r": "да\nнет",
        "iso2022_jp": "日本\n語",
    }
    sample = text.get(encoding, "a\nb\r\nc")
    for chunk_bytes in (1, 2, 100):
        assert lines_of(sample.encode(encoding), encoding, chunk_bytes=chunk_bytes) == by_definition(sample)


def test_nel_is_a_character_of_latin_1_and_ends_no_line() -> None:
    assert lines_of(b"a\x85b\n", "latin-1") == ["a\x85b"]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (
            "good\nb".encode("utf-16-le") + b"\x00\xdc" + "d\nlast\n".encode("utf-16-le"),
            ["good", "<UNDECODABLE>", "last"],
        ),
        ("good\nlast".encode("utf-16-le") + b"\x41", ["good", "<UNDECODABLE>"]),
    ],
)
def test_undecodable_utf16_closes_its_line_alone(data: bytes, lines: list[str]) -> None:
    for chunk_bytes in (1, 3, 100):
        assert lines_of(data, "utf-16-le", chunk_bytes=chunk_bytes) == lines


def test_the_policy_replaces_what_cannot_be_decoded() -> None:
    assert lines_of(b"a\xffb\nc", undecodable="replace") == ["a\ufffdb", "c"]
    assert lines_of("a\n".encode("utf-16-le") + b"\x41", "utf-16-le", undecodable="replace") == ["a", "\ufffd"]
    assert lines_of(b"a\x81\x20b\nc", "cp1252", undecodable="replace") == ["a\ufffd b", "c"]


def test_ids_are_the_path_and_the_position(read: Reader) -> None:
    assert [(each.id, each.position, each.text) for each in read(b"a\n\nb")] == [
        ("x.txt:0", 0, "a"),
        ("x.txt:1", 1, ""),
        ("x.txt:2", 2, "b"),
    ]


def test_gz_is_read_through_in_members_too(read: Reader) -> None:
    data = gzip.compress(b"a\nb") + gzip.compress(b"c\n")
    assert [(each.id, each.text) for each in read(data, name="x.txt.gz")] == [("x.txt.gz:0", "a"), ("x.txt.gz:1", "bc")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(b"line\n" * 100_000)[:-100], "is truncated"),
        (gzip.compress(b"line\n")[:-4], "is truncated"),
        (gzip.compress(b"line\n")[:6], "is truncated"),
        (b"", "is truncated"),
        (b"plain text, 20 bytes", "is not gzip: its name says that it is"),
        (gzip.compress(b"line\n")[:-8] + b"\0" * 8, "is damaged"),
    ],
    ids=["without its end", "without its length", "a header", "empty", "no gzip", "another checksum"],
)
@pytest.mark.parametrize("form", ["lines", "files"])
def test_a_damaged_gz_is_one_clear_error_that_names_it(read: Reader, data: bytes, said: str, form: Format) -> None:
    with pytest.raises(SourceError, match="corpus c: .*x\\.txt\\.gz " + said) as caught:
        read(data, form, name="x.txt.gz")
    assert "replace the file" in str(caught.value.hint)


def test_an_unknown_encoding_is_an_error(read: Reader) -> None:
    with pytest.raises(SourceError, match="utf-9 is not known"):
        read(b"a", encoding="utf-9")


def test_a_long_line_takes_a_few_times_its_own_size_and_short_ones_take_a_chunk(tmp_path: Path) -> None:
    size = 20_000_000
    for data, limit in ((b"x" * size, 5 * size), (b"a short line\n" * (size // 13), 20_000_000)):
        path = tmp_path / "x.txt"
        path.write_bytes(data)
        del data
        with path.open("rb", buffering=0) as stream:
            tracemalloc.start()
            for _ in text_lines(stream, decoding("utf-8", "error")):
                pass
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < limit


@given(st.integers(0, 3500), st.integers(0, 2500))
def test_names_are_made_by_the_thousand_as_one_by_one(begin: int, count: int) -> None:
    places = range(begin, begin + count)
    assert names_of("a.txt", places) == [f"a.txt:{place}" for place in places]
