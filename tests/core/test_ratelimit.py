"""Paces: never above the quota in any window, slower on feedback, and back again."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, strategies as st

from runner.core.ratelimit import BURST_WINDOW_S, CLIMB_AFTER, CLIMB_BY, FLOOR_SHARE, UNPACED_CEILING, Pace


def eager(pace: Pace, *, now: float, calls: int) -> list[float]:
    """The times at which a caller calls who always calls as soon as it may."""
    times = []
    for _ in range(calls):
        now = max(now, pace.ready_at())
        pace.spend(now)
        times.append(now)
    return times


def busiest(times: list[float], window_s: float) -> int:
    return max(sum(1 for other in times if at <= other < at + window_s - 1e-9) for at in times)


@given(quota=st.floats(1.0, 100.0), pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_second_holds_more_calls_than_the_quota_however_they_come(quota: float, pauses: list[float]):
    pace, now, times = Pace(quota, "seed"), 100.0, []
    for pause in pauses:
        now += pause
        times += eager(pace, now=now, calls=1)

    assert busiest(times, 1.0) <= ceil(quota)


def test_less_than_one_call_a_second_is_one_call_in_so_many_seconds():
    times = eager(Pace(0.5, "seed"), now=0.0, calls=10)

    assert busiest(times, 2.0) == 1


def test_the_quota_is_used_but_for_a_margin():
    times = eager(Pace(1.0, "seed"), now=0.0, calls=100)

    assert times[-1] < 99 * 1.03


def test_without_a_quota_nothing_waits():
    assert eager(Pace(None, "seed"), now=5.0, calls=50) == [5.0] * 50


@given(quota=st.sampled_from([1.0, 4.0, 10.0]), pause=st.floats(0.0, 3.0))
def test_a_new_session_leaves_room_for_the_calls_of_the_one_before(quota: float, pause: float):
    """A process may have made its last calls just before it died."""
    before = eager(Pace(quota, "seed"), now=0.0, calls=20)
    pace = Pace(quota, "seed")
    pace.begin(before[-1] + pause)
    after = eager(pace, now=before[-1] + pause, calls=20)

    assert busiest(before + after, 1.0) <= quota


def test_a_burst_of_throttles_halves_the_pace_once():
    pace = Pace(8.0, "seed")
    for delay in (0.0, 0.1, 1.0, BURST_WINDOW_S - 0.1):
        pace.throttled(100.0 + delay)
    assert pace.rate == 4.0

    pace.throttled(100.0 + BURST_WINDOW_S)
    assert pace.rate == 2.0


def test_throttles_never_stop_a_pace_altogether():
    pace = Pace(8.0, "seed")
    for burst in range(50):
        pace.throttled(burst * 10.0)

    assert pace.rate == 8.0 * FLOOR_SHARE


def test_each_throttle_in_a_row_waits_longer_than_the_interval():
    pace = Pace(10.0, "seed")
    waits = []
    for number in range(6):
        now = 1_000.0 * number
        pace.throttled(now)
        waits.append(pace.ready_at() - now)

    assert all(earlier < 2 * later for earlier, later in pairwise(waits))
    assert waits[0] >= 0.5
    assert waits[5] >= 16.0


def test_a_pace_climbs_by_steps_up_to_its_quota_and_no_further():
    pace = Pace(8.0, "seed")
    pace.throttled(0.0)
    for _ in range(CLIMB_AFTER - 1):
        pace.succeeded()
    assert pace.rate == 4.0
    pace.succeeded()
    assert pace.rate == pytest.approx(4.0 * CLIMB_BY)
    for _ in range(20 * CLIMB_AFTER):
        pace.succeeded()
    assert pace.rate == 8.0


def test_what_has_no_quota_is_paced_once_throttled_and_set_free_again():
    pace = Pace(None, "seed")
    pace.throttled(0.0)
    assert pace.rate == UNPACED_CEILING / 2

    for _ in range(10 * CLIMB_AFTER):
        pace.succeeded()
    assert pace.rate is None
