"""The archive: whatever the pieces, one gzip stream with one tar member that every reader accepts."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from isal import igzip

from runner.endpoint.archive import ArchiveFile, pack


def begun(path: Path) -> ArchiveFile:
    archive = ArchiveFile(path)
    archive.begin("output")
    return archive


def archived(pieces: list[bytes], directory: Path) -> bytes:
    path = directory / "output.tar.gz"
    path.unlink(missing_ok=True)
    with closing(begun(path)) as archive:
        for piece in pieces:
            archive.append(pack(piece))
        size = archive.finish()
    data = path.read_bytes()
    assert len(data) == size
    return data


def only_member(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        (entry,) = tar.getmembers()
        assert entry.name == "output"
        content = tar.extractfile(entry)
        assert content is not None
        return content.read()


@settings(max_examples=60)
@given(pieces=st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=500, max_size=3000)), max_size=6))
def test_the_member_is_the_pieces_in_their_order(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        data = archived(pieces, Path(directory))
    assert only_member(data) == b"".join(pieces)
    single = zlib.decompressobj(31)
    tar = single.decompress(data)
    assert single.eof
    assert not single.unused_data  # one gzip stream, not several: some readers stop after the first
    assert len(tar) % 512 == 0
    assert gzip.decompress(data) == igzip.decompress(data) == tar


@settings(max_examples=25, deadline=None)
@given(
    members=st.lists(
        st.tuples(
            st.text("ab/é", min_size=1, max_size=300).filter(lambda name: not name.startswith("/")),
            st.lists(st.binary(max_size=700), max_size=3),
        ),
        max_size=5,
    )
)
def test_every_member_holds_its_own_pieces(members: list[tuple[str, list[bytes]]]) -> None:
    """Also under names that need blocks of their own, of any size, and of no pieces at all."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "output.tar.gz"
        with closing(ArchiveFile(path)) as archive:
            for name, pieces in members:
                archive.begin(f"{name}.out")
                for piece in pieces:
                    archive.append(pack(piece))
            archive.finish()
        data = path.read_bytes()
    assert gzip.decompress(data) == igzip.decompress(data)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        found = [(entry.name, tar.extractfile(entry).read()) for entry in tar]  # type: ignore[union-attr]
    assert found == [(f"{name}.out", b"".join(pieces)) for name, pieces in members]


def test_the_tar_of_the_system_accepts_it(tmp_path: Path) -> None:
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("there is no tar on this system")
    archived([b"row one\n", b"row two\n" * 1000], tmp_path)
    subprocess.run([tar, "xzf", "output.tar.gz"], cwd=tmp_path, check=True)
    assert (tmp_path / "output").read_bytes() == b"row one\n" + b"row two\n" * 1000


def test_a_cut_archive_is_short(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with closing(begun(path)) as archive:
        archive.append(pack(b"row\n" * 10_000))
        size = archive.finish()
        archive.cut(size // 2)
    with pytest.raises((EOFError, tarfile.ReadError, zlib.error)):
        only_member(path.read_bytes())
