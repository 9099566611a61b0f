"""Status and time, without either."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.lifecycle import ACTIVE, TRANSITIONS, IllegalMoveError, Status, Timing, move
from runner.endpoint.protocol import service_model
from runner.endpoint.quotas import RateLimiter

STATUSES: tuple[Status, ...] = get_args(Status)


def test_the_statuses_are_the_services() -> None:
    assert set(STATUSES) == set(service_model()["shapes"]["JobStatus"]["enum"]) == set(TRANSITIONS)
    assert {"SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"} == ACTIVE


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_every_move_is_either_in_the_table_or_refused(before: Status, after: Status) -> None:
    if after in TRANSITIONS[before]:
        assert move(before, after) == after
    else:
        with pytest.raises(IllegalMoveError, match=f"{before} cannot become {after}"):
            move(before, after)


@given(submitted=st.floats(1e9, 2e9), worked=st.floats(0, 5000), scale=st.sampled_from([1.0, 0.1, 0.001]))
def test_the_services_jobs_end_at_its_looks(submitted: float, worked: float, scale: float) -> None:
    timing = Timing(kind="service", scale=scale)
    until = submitted + worked * scale
    end = timing.ended_at(submitted, until)
    steps = (end - submitted) / scale
    assert end >= until - 1e-3
    assert steps >= 367 - 1e-3
    assert abs((steps - 367) / 120 - round((steps - 367) / 120)) < 1e-2
    assert end - until <= max(367, 120) * scale + 1e-3


def test_the_seen_durations_come_out() -> None:
    timing = Timing(kind="service")
    ends = [round(timing.ended_at(1000.0, 1000.0 + seconds) - 1000.0) for seconds in (5, 367, 368, 487, 500)]
    assert ends == [367, 367, 487, 487, 607]
    assert timing.checked_at(1000.0) == 1012.0


def test_at_once_means_at_once() -> None:
    timing = Timing()
    assert timing.checked_at(5.0) == 5.0
    assert timing.ended_at(5.0, 7.5) == 7.5


@given(
    per_s=st.sampled_from([1.0, 10.0]), gaps=st.lists(st.floats(0, 0.5, allow_subnormal=False), min_size=1, max_size=80)
)
def test_no_second_admits_more_than_twice_the_rate_and_the_long_run_not_more_than_it(
    per_s: float, gaps: list[float]
) -> None:
    limiter = RateLimiter(per_s)
    now, admitted = 100.0, []
    for gap in gaps:
        now += gap
        if limiter.admit("key", now):
            admitted.append(now)
    assert admitted
    assert len(admitted) <= per_s + (now - 100.0) * per_s + 1
    for begin in admitted:
        assert sum(begin <= at < begin + 1 for at in admitted) <= 2 * per_s


def test_keys_have_rates_of_their_own_and_refusals_cost_nothing() -> None:
    limiter = RateLimiter(1.0)
    assert limiter.admit("a", 10.0)
    assert not any(limiter.admit("a", 10.0 + step / 100) for step in range(99))
    assert limiter.admit("b", 10.5)
    assert limiter.admit("a", 11.0)


def test_no_rate_admits_everything() -> None:
    limiter = RateLimiter(None)
    assert all(limiter.admit("a", 1.0) for _ in range(1000))
