"""Stopping a run from outside: signals, deadlines, cancels, and a second runner on the same directory."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.house import House, ended, kill_group, wait_until


@contextmanager
def under_way(house: House, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose job the service has taken and has not ended."""
    before = house.endpoint.accepted
    process = house.begin("run", "m.yaml", "--yes", "--workers", "1", *arguments)
    try:
        wait_until(lambda: house.endpoint.accepted > before or process.poll() is not None)
        yield process
    finally:
        if process.poll() is None:
            kill_group(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_interrupts_and_the_next_run_collects_the_job_that_ran_on(
    house: House, number: signal.Signals
) -> None:
    """No signal ever stops a remote job: it was paid for, and its answer is waited for by whoever comes next."""
    before = house.endpoint.accepted
    with under_way(house) as process:
        process.send_signal(number)
        said = ended(process)
    assert said.code == 130, said.err
    assert number.name in said.talk
    assert "Interrupted; nothing is lost" in said.talk
    assert "goes on from here" in said.talk
    assert house.leftovers() == []

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == before + 1


def test_a_second_signal_ends_the_process_at_once_and_safely(house: House) -> None:
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": "Start*", "do": "delay", "delay_s": 5})
    process = house.begin("run", "m.yaml", "--yes", "--workers", "1")
    directory = wait_for_intent(house)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: b"SIGTERM" in os.read(process.stderr.fileno(), 65536))  # type: ignore[union-attr]
    process.send_signal(signal.SIGTERM)
    said = ended(process, within_s=4)
    assert said.code == 130
    house.endpoint.set_faults()

    assert house.run().code == 0

    assert directory == house.directory.root
    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == before + 1


def wait_for_intent(house: House) -> object:
    def intended() -> bool:
        runs = house.directories()
        return bool(runs) and any(type(event).__name__ == "StartIntended" for event in house.events())

    wait_until(intended)
    return house.directory.root


def test_a_run_can_be_watched_by_others_and_driven_by_one(house: House) -> None:
    with under_way(house) as process:
        said = house.run()
        assert said.code == 2
        assert f"in use by process {process.pid}" in said.talk
        assert "hint:" in said.talk
        status = house.command("status").out
        assert f"process {process.pid}" in status
        assert "running" in status
        assert "0 of 6 documents" in status
        assert house.command("verify").code == 3
        assert ended(process).code == 0
    assert house.outcomes() == {"ok": 6}


@pytest.mark.parametrize("stop", ["cancel beside a runner", "cancel alone"])
def test_a_cancel_stops_the_jobs_and_a_later_run_goes_on(house: House, stop: str) -> None:
    house.endpoint.set_faults({"operation": "Start*", "do": "job_stuck", "times": 1})
    with under_way(house) as process:
        if stop == "cancel alone":
            process.send_signal(signal.SIGTERM)
            assert ended(process).code == 130
        cancelled = house.command("cancel", str(house.directory.root))
        if stop != "cancel alone":
            assert ended(process).code == 5
    assert cancelled.code == 0, cancelled.err
    assert "1 job stopped" in cancelled.out
    assert house.command("verify").code == 3, "what was not collected stays open"

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}
    assert house.leftovers() == []
