"""Spool files are whole or refused, and give back the entries of a part without reading the others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runner.errors import RunDirectoryError
from runner.model import PartId
from runner.results.entries import error_entry
from runner.results.runs import Rows
from runner.results.spool import MAGIC, Block, SpoolReader, SpoolWriter

entries = st.sampled_from([b"", b"[]", b'{"a":"\xc3\xa9"}', error_entry("C", "m"), b"[1,2,3]"])


def written(path: Path, blocks: dict[str, list[bytes]]) -> str:
    with path.open("wb") as file:
        writer = SpoolWriter(file, "entities")
        for part in sorted(blocks):
            writer.add(PartId(part), blocks[part])
        size, digest = writer.finish()
    assert path.stat().st_size == size
    return digest


@given(blocks=st.dictionaries(st.text("abc-0", min_size=1, max_size=5), st.lists(entries, max_size=6), max_size=5))
def test_what_was_written_is_read(blocks: dict[str, list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("spool") / "spool"
    written(path, blocks)

    with SpoolReader(str(path)) as spool:
        assert {part: spool.entries(part) for part in spool} == blocks
        assert list(spool) == sorted(blocks)
        for part, lines in blocks.items():
            block = spool.block(PartId(part))
            errors = sum(line.startswith(b"!") for line in lines)
            missing = lines.count(b"")
            assert (block.lines, block.ok, block.errors) == (len(lines), len(lines) - errors - missing, errors)
            assert block.whole == (errors + missing == 0)


def test_a_block_may_have_several_runs_written_between_those_of_others(tmp_path: Path) -> None:
    with (tmp_path / "spool").open("wb") as file:
        writer = SpoolWriter(file, "entities")
        first = writer.runs.append(Rows.of([2, 0], [b"[2]", b"[0]"]), None)
        other = writer.runs.append(Rows.of([0], [b"[9]"]), None)
        last = writer.runs.append(Rows.of([4], [error_entry("C", "m")]), first)
        writer.add_block(Block(PartId("a"), lines=5, ok=2, errors=1, run=last))
        writer.add_block(Block(PartId("b"), lines=1, ok=1, errors=0, run=other))
        writer.finish()

    with SpoolReader(str(tmp_path / "spool")) as spool:
        assert spool.entries(PartId("a")) == [b"[0]", b"", b"[2]", b"", error_entry("C", "m")]
        assert spool.entries(PartId("b")) == [b"[9]"]


def test_entries_stand_in_the_file_as_they_are(tmp_path: Path) -> None:
    written(tmp_path / "spool", {"a": [b"[]", b"", error_entry("C", "m")]})

    data = (tmp_path / "spool").read_bytes()

    assert data.startswith(MAGIC)
    assert b'[]\n!["C","m"]{"family":"entities","blocks":[{"part":"a",' in data
    assert data.endswith(b" spool 2\n")


def test_the_digest_follows_the_entries(tmp_path: Path) -> None:
    one = written(tmp_path / "one", {"a": [b"[1]"]})

    assert written(tmp_path / "again", {"a": [b"[1]"]}) == one
    assert written(tmp_path / "other", {"a": [b"[2]"]}) != one


def test_parts_out_of_order_are_our_bug() -> None:
    writer = SpoolWriter(io.BytesIO(), "entities")
    writer.add(PartId("b"), [])

    for part in ("a", "b"):
        with pytest.raises(ValueError, match="after b"):
            writer.add(PartId(part), [])


def test_every_truncation_and_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    written(path, {"a": [b"[1]", b""], "b": [b"[2]"]})
    whole = path.read_bytes()

    damaged = [whole[:cut] for cut in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(MAGIC), len(whole))]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(RunDirectoryError) as caught, SpoolReader(str(path)) as spool:
            [spool.entries(part) for part in spool]
        assert caught.value.directory == str(path)


def test_a_missing_spool_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="missing") as caught:
        SpoolReader(str(tmp_path / "none"))

    assert caught.value.hint is not None
