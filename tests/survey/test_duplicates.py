from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from runner.errors import RunDirectoryError
from runner.model import Document, Ledger, SegmentId
from runner.survey import duplicates, find_duplicates


def ledgers_of(folder: Path, segments: list[list[str]]) -> list[Path]:
    """A ledger for each list of ids; the position of a document counts over all of them, its source is its segment."""
    paths, position = [], 0
    for number, ids in enumerate(segments):
        documents = []
        for id_ in ids:
            documents.append(Document(id_, number, position, 3, 3, "en", fate=None, message="x", fields=b"{}"))
            position += 1
        path = folder / f"{number:03d}.msgpack"
        ledger = Ledger(segment=SegmentId(str(number)), corpus="a", parts=(), documents=tuple(documents))
        path.write_bytes(msgspec.msgpack.encode(ledger))
        paths.append(path)
    return paths


@settings(max_examples=50)
@given(segments=st.lists(st.lists(st.text("abü", max_size=2), max_size=8), max_size=5), held=st.integers(1, 9))
def test_what_is_found_is_what_a_dictionary_finds(tmp_path_factory, segments: list[list[str]], held: int) -> None:
    folder = tmp_path_factory.mktemp("ids")
    seen: dict[str, int] = {}
    expected, position = [], 0
    for ids in segments:
        for id_ in ids:
            if id_ in seen and id_ not in [known for known, *_ in expected]:
                expected.append((id_, seen[id_], position))
            seen.setdefault(id_, position)
            position += 1

    found = find_duplicates(ledgers_of(folder, segments), folder, told=100, held_max=held)

    assert [(each.id, each.first.position, each.second.position) for each in found] == expected
    assert [path for path in folder.iterdir() if path.suffix == ".tmp"] == []


def test_ids_of_one_hash_are_not_one_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "hash", lambda _: 7, raising=False)
    paths = ledgers_of(tmp_path, [["a", "b"], ["c", "b"]])
    (found,) = find_duplicates(paths, tmp_path, told=5)
    assert (found.id, found.first, found.second) == ("b", duplicates.Place(0, 1), duplicates.Place(1, 3))


def test_only_the_first_few_are_told(tmp_path: Path) -> None:
    paths = ledgers_of(tmp_path, [list("abcd"), list("dcba")])
    assert [each.id for each in find_duplicates(paths, tmp_path, told=2)] == ["d", "c"]


def test_a_damaged_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xc1")
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        find_duplicates([tmp_path / "x"], tmp_path, told=1)
