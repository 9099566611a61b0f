"""A file is either whole or not there, and nothing is left behind."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from runner.errors import MachineError
from runner.storage import atomic
from runner.storage.atomic import make_directory, remove_tmp, replacing, replacing_all
from runner.storage.local import free_bytes, require_free


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_ends_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    target = tmp_path / "part.txt"
    with replacing(target) as file:
        file.write(b"one\n")
        assert not target.exists()
    assert target.read_bytes() == b"one\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path) == ["part.txt"]


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "part.txt"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(target) as file:
        file.write(b"%d" % (1 // 0))
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["part.txt"]


def test_files_written_together_appear_together_in_order(tmp_path: Path) -> None:
    with replacing_all() as files:
        for name in ("b", "a", "ledger"):
            with files.open(tmp_path / name) as file:
                file.write(name.encode())
        assert not (tmp_path / "a").exists()
    assert names(tmp_path) == ["a", "b", "ledger"]


def test_if_one_of_several_fails_none_appears(tmp_path: Path) -> None:
    def write_both() -> None:
        with replacing_all() as files:
            with files.open(tmp_path / "a") as file:
                file.write(b"a")
            with files.open(tmp_path / "b") as file:
                file.write(b"%d" % (1 // 0))

    with pytest.raises(ZeroDivisionError):
        write_both()
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_the_users_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(_: int) -> None:
        raise OSError(number, "no room")

    monkeypatch.setattr(atomic.os, "fsync", full)
    target = tmp_path / "part.txt"
    with pytest.raises(MachineError, match=r"part\.txt") as caught, replacing(target) as file:
        file.write(b"x")
    assert "free some space" in str(caught.value.hint)
    assert names(tmp_path) == []


def test_if_one_of_several_cannot_be_made_durable_none_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, calls = atomic.os.fsync, iter(range(100))

    def full(descriptor: int) -> None:
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, "no room")
        sync(descriptor)

    def write_all() -> None:
        with replacing_all() as files:
            for name in "abcdefghijklm":
                with files.open(tmp_path / name) as file:
                    file.write(b"x")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(MachineError):
        write_all()
    assert names(tmp_path) == []


def test_some_may_be_put_in_place_before_the_rest_and_some_given_up(tmp_path: Path) -> None:
    with replacing_all() as files:
        for name in "ab":
            with files.open(tmp_path / name) as file:
                file.write(b"x")
        files.put_in_place()
        assert names(tmp_path) == ["a", "b"]
        with files.open(tmp_path / "c") as file:
            file.write(b"x")
        files.discard()
    assert names(tmp_path) == ["a", "b"]


def test_other_faults_of_the_disk_are_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "part.txt"):
        pass


def test_leavings_of_a_killed_process_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "part.txt").touch()
    (tmp_path / "part.txt.abc.tmp").touch()
    (tmp_path / "folder.tmp").mkdir()
    assert remove_tmp(tmp_path) == 1
    assert names(tmp_path) == ["folder.tmp", "part.txt"]
    assert remove_tmp(tmp_path / "nowhere") == 0


def test_directories_are_private_and_those_there_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_directory(tmp_path / "run" / "parts")
    make_directory(tmp_path / "run" / "parts")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "run" / "parts").stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_room_is_asked_for_on_the_disk_of_a_directory_yet_to_be_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
    require_free(tmp_path, 1, purpose="the survey")
    with pytest.raises(MachineError, match=r"the survey needs about 1000000\.0 TB"):
        require_free(tmp_path, 10**18, purpose="the survey")
