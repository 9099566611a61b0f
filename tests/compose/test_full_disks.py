"""A disk that is full, wherever it shows: one clear error, nothing half-written, and on once there is room."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from runner.compose import disks, running, surveying, workshop
from tests.acceptance.house import House


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/file.tmp")


@pytest.mark.parametrize("task", ["collect", "merge_segments"])
def test_a_disk_that_fills_up_at_work_parks_it_and_the_next_run_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    before = house.endpoint.accepted
    with monkeypatch.context() as broken:
        broken.setattr(workshop, task, full)
        said = house.run()
    assert said.code == 2, said.err
    assert "Waiting for you" in said.talk
    assert "DISK_FULL" in said.talk
    assert "the disk is full: /somewhere/file.tmp" in said.talk
    assert "free some space, then run again" in said.talk
    assert house.leftovers() == []

    assert house.run().code == 0

    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == before + 1


def test_a_disk_that_fills_up_while_documents_are_read_is_one_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.endpoint.accepted
    with monkeypatch.context() as broken:
        broken.setattr(surveying, "survey_range", full)
        said = house.run()
    assert said.code == 2, said.err
    assert "error: the disk is full: /somewhere/file.tmp" in said.talk
    assert "hint: free some space" in said.talk
    assert "Traceback" not in said.err
    assert house.endpoint.accepted == before

    assert house.run().code == 0
    assert house.outcomes() == {"ok": 6}


def test_a_run_that_will_not_fit_is_refused_before_anything_is_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.endpoint.accepted
    with monkeypatch.context() as small:
        small.setattr(disks, "free_bytes", lambda folder: 500)
        said = house.run()
    assert said.code == 2, said.err
    assert f"runs/small/{house.directory.root.name}: about " in said.talk
    assert "will be needed there, and 500 bytes are free" in said.talk
    assert "hint: free some space, or use less" in said.talk
    assert house.endpoint.accepted == before
    assert not house.results()

    assert house.run().code == 0
    assert house.outcomes() == {"ok": 6}


def test_results_elsewhere_are_held_against_the_disk_that_they_are_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == house.root.stat().st_dev:
        pytest.skip("there is no other file system here")
    house.tell(output={"directory": str(elsewhere / "runner-test" / house.bucket)})
    asked: list[Path] = []
    monkeypatch.setattr(disks, "free_bytes", lambda folder: asked.append(folder) or 10**6 * (folder != elsewhere))
    monkeypatch.setattr(running, "claim_results", lambda *_: None)
    said = house.run()
    assert asked == [house.directory.root, elsewhere]
    assert said.code == 2
    assert f"{elsewhere}: about " in said.talk


def test_a_run_that_is_nearly_done_asks_for_what_is_left_only(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert house.run().code == 0
    (house.directory.root / "results" / "run.json").unlink()
    monkeypatch.setattr(disks, "free_bytes", lambda folder: 0)
    said = house.run()
    assert said.code == 0, said.err
