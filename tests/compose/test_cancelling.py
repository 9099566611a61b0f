"""`cancel` with many jobs open: Stops that are refused are made again, and what cannot be stopped is named."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from runner.core import events as e
from tests.acceptance.house import House, ended, kill_group, serving, wait_until

STUCK = {"operation": "Start*", "do": "job_stuck"}
JOBS = 8
PACE = 25.0
"""Stops a second: slow enough to be seen."""


def furnish(house: House, *analyses: Any) -> None:
    """A job a document, and slots for all of them beside what other tests have left at work on the endpoint."""
    house.furnish(*analyses, documents=JOBS)
    quotas = {"active_jobs": 1000, "start_per_s": 1000, "read_per_s": 1000, "stop_per_s": PACE}
    house.tell(lanes=[house.lane(quotas=quotas)], policy={"max_job_documents": 1})


def leave(house: House, *, jobs: int = JOBS) -> None:
    """A run that is interrupted with so many jobs at work that will not end."""
    house.endpoint.set_faults(STUCK)
    until = house.endpoint.accepted + jobs

    def interrupt() -> None:
        try:
            wait_until(lambda: house.endpoint.accepted >= until)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    said = house.run()
    watcher.join()
    assert said.code == 130, said.err
    assert house.endpoint.accepted == until


def stops(house: House) -> list[e.StopAnswered]:
    return [event for event in house.events() if isinstance(event, e.StopAnswered)]


def cancel(house: House) -> str:
    said = house.command("cancel", str(house.directory.root))
    assert said.code == 0, said.err
    return said.out


@pytest.fixture
def many(house: House) -> House:
    furnish(house)
    return house


def test_many_jobs_are_stopped_at_the_pace_and_a_later_run_buys_only_the_rest(many: House) -> None:
    leave(many)
    many.endpoint.set_faults({"operation": "Stop*", "do": "throttle", "times": 2})

    told = cancel(many)

    assert f"cancelled: {JOBS} jobs stopped, {JOBS} collected" in told
    assert "goes on:" not in told
    events = many.events()
    refused = [event.fault.code for event in events if isinstance(event, e.StopFailed)]
    assert refused == ["ThrottlingException"] * 2
    assert len(stops(many)) == len({event.remote_id for event in stops(many)}) == JOBS
    times = [event.at for event in stops(many)]
    assert max(times) - min(times) >= (JOBS - 2) / PACE, "one after the other, at the pace"
    assert sum(isinstance(event, e.Collected) for event in events) == JOBS, "what they had written was fetched"
    before = many.endpoint.accepted
    many.endpoint.set_faults()
    said = many.run()
    assert said.code == 0, said.err
    assert many.outcomes() == {"ok": JOBS}
    repairs = {event.job.batch for event in many.events() if isinstance(event, e.JobPlanned) and event.job.repairs}
    batches = [event.batch for event in many.events() if isinstance(event, e.BatchPlanned)]
    lines = sum(batch.lines for batch in batches if batch.id in repairs)
    assert many.endpoint.accepted - before == len(repairs)
    assert lines == sum(event.report.missing for event in events if isinstance(event, e.Collected))
    assert many.command("verify").code == 0


def test_a_runner_at_work_stops_them_itself(many: House) -> None:
    many.endpoint.set_faults(STUCK, {"operation": "Stop*", "do": "throttle", "times": 1})
    before = many.endpoint.accepted
    process = many.begin("run", "m.yaml", "--yes", "--workers", "1")
    try:
        wait_until(lambda: many.endpoint.accepted - before == JOBS or process.poll() is not None)
        told = cancel(many)
        said = ended(process)
    finally:
        if process.poll() is None:
            kill_group(process)

    assert said.code == 5, said.err
    assert f"cancelled: {JOBS} jobs stopped" in told
    assert len(stops(many)) == JOBS


def test_what_the_service_cannot_stop_is_named_with_its_cost_and_not_waited_for(tmp_path: Path) -> None:
    """On an endpoint of its own: there is nothing that would end that job."""
    with serving(tmp_path / "serve", "--analyzers", "noop", "--workers", "2") as endpoint:
        house = House(root=tmp_path / "house", endpoint=endpoint, bucket=endpoint.make_bucket("topics"))
        furnish(house, "topics", "sentiment")
        house.tell(prices={"topics": {"tiers": [{"usd_per_unit": 0.01}]}})
        leave(house, jobs=1 + JOBS)

        told = cancel(house)

    assert told.count("goes on:") == 1
    assert "the service cannot stop topics jobs; 30 units, up to $0.3000" in told
    assert f"cancelled: {JOBS} jobs stopped" in told


def test_what_may_not_be_stopped_is_named_and_not_waited_for(many: House) -> None:
    leave(many)
    many.endpoint.set_faults({"operation": "Stop*", "do": "access_denied", "after": 4})

    told = cancel(many)

    assert "cancelled: 4 jobs stopped" in told
    assert told.count("goes on:") == told.count("it could not be stopped (AccessDeniedException") == JOBS - 4
    many.endpoint.set_faults()
    assert f"cancelled: {JOBS} jobs stopped" in cancel(many), "once it is allowed"
