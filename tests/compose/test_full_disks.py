"""A disk that is full, wherever it shows: one clear error, nothing half-written, and on once there is room."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from runner.compose import surveying, workshop
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
