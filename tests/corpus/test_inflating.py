"""Compressed sources give what is in them; damaged ones are the user's to mend, and say where."""

from __future__ import annotations

import bz2
import gzip
import sys
from collections.abc import Callable
from typing import Any

import pytest

from runner.corpus.inflating import zstd
from runner.errors import MachineError, SourceError

Reader = Callable[..., list[Any]]

PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": lambda data: zstd("tests").compress(data)}
TEXT = b"".join(b"line %d of some length\n" % (number * 7919) for number in range(50_000))


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("form", ["files", "lines", "csv", "jsonl"])
def test_what_is_compressed_reads_like_what_is_not(read: Reader, suffix: str, form: Any) -> None:
    data = b'{"text":"a,b"}\n{"text":"c,d"}\n' if form == "jsonl" else b"text,b\na,b\n"
    assert [each.text for each in read(PACK[suffix](data), form, name=f"x{suffix}")] == [
        each.text for each in read(data, form)
    ]


@pytest.mark.parametrize("suffix", PACK)
def test_parts_that_were_packed_one_by_one_are_one_file(read: Reader, suffix: str) -> None:
    packed = PACK[suffix](b"one\n") + PACK[suffix](b"two\n")
    assert [each.text for each in read(packed, name=f"x{suffix}")] == ["one", "two"]


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("form", ["files", "lines", "csv"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: packed[: len(packed) * 2 // 3], r"is truncated.*: its \w+ stream has no end"),
        (lambda packed: b"", "is truncated"),
        (lambda packed: b"plain text, after all", "is not"),
    ],
    ids=["cut", "empty", "foreign"],
)
def test_damage_is_told_with_the_file(
    read: Reader, suffix: str, form: Any, damage: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(damage(PACK[suffix](TEXT)), form, name=f"x{suffix}", text=("line 0 of some length",))
    assert f"x{suffix}" in str(caught.value)
    assert "mend or replace the file" in str(caught.value.hint)


@pytest.mark.parametrize("suffix", PACK)
def test_a_broken_stream_is_told_as_such(read: Reader, suffix: str) -> None:
    packed = bytearray(PACK[suffix](TEXT))
    for place in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[place] ^= 0xFF
    with pytest.raises(SourceError, match=r"is damaged|is truncated"):
        read(bytes(packed), name=f"x{suffix}")


def test_the_missing_extra_is_named(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PACK[".zst"](b"text")
    monkeypatch.setitem(sys.modules, "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd", None)
    monkeypatch.delattr("backports.zstd", raising=False)
    with pytest.raises(MachineError) as caught:
        read(data, name="x.zst")
    assert "comprehend-runner[zstd]" in str(caught.value.hint)
