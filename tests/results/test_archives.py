"""Archives are streamed whole or refused; whatever wrote them, and wherever they were cut."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterable

import pytest
from hypothesis import given, settings, strategies as st

from runner.errors import OutputError, ServiceError
from runner.results import archives
from runner.results.archives import Archive, line_blocks
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_NOT_ARCHIVE, OUTPUT_TOO_LARGE, OUTPUT_TRUNCATED


def packed(members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def regular(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def unpacked(data: bytes, chunk: int = 1 << 20) -> list[tuple[str, bytes]]:
    with Archive(io.BytesIO(data)) as archive:
        return [(member.name, b"".join(member.chunks(chunk))) for member in archive.members()]


def refused(data: bytes) -> str:
    with pytest.raises(OutputError) as caught:
        unpacked(data)
    return caught.value.code


ONE = gzip.compress(packed([regular("output", b"a row\n" * 1000)]))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_every_tar_format_come_with_name_and_data(form: int) -> None:
    names = ["output", "folder/predictions.jsonl", "a" * 60 + "/" + "b" * 90]
    if form != tarfile.USTAR_FORMAT:
        names += ["é" * 120, "x" * 300]
    members = [(name, os.urandom(size)) for size, name in zip([0, 1, 511, 512, 513], names, strict=False)]

    found = unpacked(gzip.compress(packed([regular(*member) for member in members], form)))

    assert found == members


def test_only_regular_members_are_given_out() -> None:
    folder, link = tarfile.TarInfo("folder"), tarfile.TarInfo("link")
    folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "elsewhere"

    assert unpacked(gzip.compress(packed([(folder, b""), (link, b""), regular("output", b"x")]))) == [("output", b"x")]


def test_pax_global_headers_change_nothing() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "hello"}) as tar:
        info, data = regular("output", b"x")
        tar.addfile(info, io.BytesIO(data))

    assert unpacked(gzip.compress(file.getvalue())) == [("output", b"x")]


def test_a_size_in_base_256_is_read() -> None:
    info, data = regular("output", b"four")
    tar = bytearray(packed([(info, data)], tarfile.GNU_FORMAT))
    tar[124:136] = bytes([0x80]) + (4).to_bytes(11, "big")
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(tar[:512])

    assert unpacked(gzip.compress(bytes(tar))) == [("output", b"four")]


def test_a_pax_size_stands_before_the_header_s() -> None:
    info, data = regular("output", b"four")
    info.pax_headers = {"size": "4"}

    assert unpacked(gzip.compress(packed([(info, data)]))) == [("output", b"four")]


def test_a_member_that_is_not_read_is_passed_over() -> None:
    data = gzip.compress(packed([regular("one", b"x" * 5000), regular("two", b"y")]))

    with Archive(io.BytesIO(data)) as archive:
        names = [member.name for member in archive.members()]

    assert names == ["one", "two"]


def test_a_member_that_is_half_read_is_passed_over() -> None:
    data = gzip.compress(packed([regular("one", b"x" * 5000), regular("two", b"y")]))
    with Archive(io.BytesIO(data)) as archive:
        found = [(member.name, next(member.chunks(7))) for member in archive.members()]

    assert found == [("one", b"xxxxxxx"), ("two", b"y")]


def test_every_truncation_is_noticed() -> None:
    """Cut anywhere, the archive is refused: never a shorter answer."""
    for cut in range(len(ONE)):
        assert refused(ONE[:cut]) in {OUTPUT_TRUNCATED, OUTPUT_NOT_ARCHIVE}


def test_every_flipped_byte_is_noticed_or_harmless() -> None:
    """Only bytes of gzip's own header (time, system) may change without notice."""
    whole = unpacked(ONE)
    for place in range(len(ONE)):
        damaged = bytearray(ONE)
        damaged[place] ^= 0xFF
        try:
            assert unpacked(bytes(damaged)) == whole
            assert place < 10
        except OutputError:
            pass


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", OUTPUT_TRUNCATED),
        (b'{"File":"a.txt","Line":0}\n', OUTPUT_NOT_ARCHIVE),
        (gzip.compress(b"no tar" * 1000), OUTPUT_NOT_ARCHIVE),
        (gzip.compress(bytes(10240)), OUTPUT_CORRUPT),
        (gzip.compress(b""), OUTPUT_TRUNCATED),
        (ONE + b"garbage", OUTPUT_TRUNCATED),
        (ONE + b"garbage that is long enough", OUTPUT_CORRUPT),
        (ONE + gzip.compress(b"garbage"), OUTPUT_CORRUPT),
        (ONE + ONE, OUTPUT_CORRUPT),
    ],
    ids=["empty", "plain", "gzip of text", "zeros", "gzip of nothing", "short tail", "tail", "gzipped tail", "twice"],
)
def test_what_is_no_archive_is_refused(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_zeros_after_the_end_mark_are_padding() -> None:
    assert unpacked(gzip.compress(packed([regular("output", b"x")]) + bytes(20480))) == [("output", b"x")]


def changed(offset: int, value: bytes) -> bytes:
    """An archive whose first header has other bytes, with a right checksum."""
    tar = bytearray(packed([regular("output", b"x" * 600)], tarfile.USTAR_FORMAT))
    tar[offset : offset + len(value)] = value
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(tar[:512])
    return gzip.compress(bytes(tar))


@pytest.mark.parametrize(
    "data",
    [
        changed(124, b"77777777777\0"),
        changed(124, b"-0000000001\0"),
        changed(124, b"hello\0"),
        changed(124, bytes([0xFF]) * 12),
        changed(156, b"S"),
        changed(156, b"x"),
        changed(156, b"L"),
    ],
    ids=["8 GB in 600 bytes", "negative", "letters", "negative base 256", "sparse", "not pax", "endless long names"],
)
def test_absurd_headers_are_refused(data: bytes) -> None:
    assert refused(data) in {OUTPUT_CORRUPT, OUTPUT_TRUNCATED}


def test_a_pax_record_that_claims_more_than_it_has_is_refused() -> None:
    tar = bytearray(packed([regular("output", b"99 path=x\n")], tarfile.USTAR_FORMAT))
    tar[156:157] = b"x"
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(tar[:512])

    assert refused(gzip.compress(bytes(tar))) == OUTPUT_CORRUPT


def test_a_bomb_is_refused_before_it_has_gone_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "INFLATION_FREE_BYTES", 1 << 20)
    bomb = gzip.compress(packed([regular("output", bytes(16 << 20))]))

    assert refused(bomb) == OUTPUT_TOO_LARGE


def test_more_members_than_a_job_can_write_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS_MAX", 3)

    assert refused(gzip.compress(packed([regular(f"{n}.out", b"") for n in range(4)]))) == OUTPUT_TOO_LARGE


def test_a_fault_of_the_stream_is_not_mistaken_for_a_fault_of_the_archive() -> None:
    """S3 broke off: the caller tries again; were it an OutputError, the job would be given up."""

    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 100:
                raise ServiceError("SlowDown", "please reduce your request rate")
            return super().read(min(size or 50, 50))

    with pytest.raises(ServiceError) as caught, Archive(Breaking(ONE)) as archive:
        [list(member.chunks()) for member in archive.members()]

    assert not isinstance(caught.value, OutputError)
    assert caught.value.code == "SlowDown"


@given(data=st.binary(max_size=60), sizes=st.lists(st.integers(1, 9), min_size=1))
def test_line_blocks_lose_nothing_and_end_with_lines(data: bytes, sizes: list[int]) -> None:
    data = data.replace(b"\x07", b"\n")
    chunks, at = [], 0
    while at < len(data):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[at : at + size])
        at += size

    blocks = list(line_blocks(iter(chunks)))

    assert b"".join(blocks) == data
    assert all(block.endswith(b"\n") for block in blocks[:-1])


def test_rows_are_the_same_at_every_chunk_size() -> None:
    data = b"".join(b'{"Line":%d}\n' % n for n in range(20))
    tar = gzip.compress(packed([regular("output", data)]))

    for size in range(1, len(data) + 2):
        with Archive(io.BytesIO(tar)) as archive:
            (member,) = [b"".join(line_blocks(member.chunks(size))) for member in archive.members()]
        assert member == data


def test_a_row_without_end_is_refused() -> None:
    with pytest.raises(OutputError) as caught:
        list(line_blocks(iter([b"x" * 10] * 10), row_bytes_max=50))

    assert caught.value.code == OUTPUT_TOO_LARGE


@settings(max_examples=30)
@given(members=st.lists(st.tuples(st.text("ab/é", min_size=1, max_size=200), st.binary(max_size=2000)), min_size=1))
def test_what_tarfile_writes_is_read(members: list[tuple[str, bytes]]) -> None:
    members = [(name.strip("/") or "x", data) for name, data in members]

    assert unpacked(gzip.compress(packed([regular(*member) for member in members]))) == members
