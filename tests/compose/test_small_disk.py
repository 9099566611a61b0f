"""A disk that is really full: a small file system of its own, where the test may mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.compose import disks
from tests.acceptance.house import House

MEGABYTES = 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounting.returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("left_kb", [0, 40, 200, 700])
def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(
    house: House, small_disk: Path, left_kb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is left: too little to begin, to survey, to keep the journal, or to merge.

    The gate would refuse what it can foresee; a disk may as well be filled by others, later.
    """
    monkeypatch.setattr(disks, "free_bytes", lambda folder: 10**12)
    house.furnish("entities", "key_phrases", documents=3_000)
    before = house.endpoint.accepted
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(MEGABYTES * 1024 * 1024 - left_kb * 1024 - 4096))
    arguments = ("run", "m.yaml", "--yes", "--run-dir", str(small_disk / "run"))

    said = house.command(*arguments)
    assert said.code == 2, said.err
    assert "Traceback" not in said.err
    assert "space" in said.err.lower() or "full" in said.err.lower()
    assert "hint" in said.err

    ballast.unlink()
    said = house.command(*arguments)
    assert said.code == 0, said.err
    assert "3,000 of 3,000 documents written" in said.talk
    assert house.endpoint.accepted <= before + 2
    assert not list(small_disk.rglob("*.tmp"))
