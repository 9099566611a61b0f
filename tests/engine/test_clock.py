"""The run clock: continuous over resumes, never backwards."""

from __future__ import annotations

from runner.engine.clock import RunClock


class Times:
    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.monotonic = 5.0


def clock(times: Times, last_at: float | None) -> RunClock:
    return RunClock(last_at, wall=lambda: times.wall, monotonic=lambda: times.monotonic)


def test_a_fresh_run_begins_at_the_wall_clock_and_goes_on_by_the_monotonic_one():
    times = Times(1_000.0)
    run_clock = clock(times, None)
    assert run_clock.now() == 1_000.0

    times.monotonic += 3.0
    assert run_clock.now() == 1_003.0


def test_a_wall_clock_that_is_set_back_while_a_run_goes_on_changes_nothing():
    times = Times(1_000.0)
    run_clock = clock(times, None)
    times.wall -= 500.0
    times.monotonic += 1.0

    assert run_clock.now() == 1_001.0


def test_a_resume_never_begins_before_the_last_fact_of_the_journal():
    assert clock(Times(1_000.0), 2_000.0).now() == 2_000.0
    assert clock(Times(3_000.0), 2_000.0).now() == 3_000.0
