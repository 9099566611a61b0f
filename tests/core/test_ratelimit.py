"""Paces: never above the quota in any window, slower on feedback, and back again."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, strategies as st

from runner.core.ratelimit import (
    BURST_WINDOW_S,
    CLIMB_BY,
    CLIMB_S,
    FLOOR_SHARE,
    FLOOR_SHARE_SLOW,
    FORGIVE_S,
    REMEMBER_S,
    UNPACED_CEILING,
    Pace,
)


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


def refused(pace: Pace, now: float) -> None:
    """A call was refused as one too many, as the core has it: the new rate as a fact, then the call's end."""
    rate = pace.after_throttle(now)
    if rate != pace.rate:
        pace.change(rate, now)
    pace.throttled(now)


def answered(pace: Pace, now: float) -> None:
    """A call that the pace had held up went well."""
    pace.held = True
    rate = pace.after_success(now)
    if rate != pace.rate:
        pace.change(rate, now)
    pace.succeeded()


def test_a_burst_of_throttles_halves_the_pace_once():
    pace = Pace(8.0, "seed")
    for delay in (0.0, 0.1, 1.0, BURST_WINDOW_S - 0.1):
        refused(pace, 100.0 + delay)
    assert pace.rate == 4.0

    refused(pace, 100.0 + BURST_WINDOW_S)
    assert pace.rate == 2.0


@pytest.mark.parametrize(("quota", "floor"), [(8.0, 8.0 * FLOOR_SHARE), (1.0, FLOOR_SHARE_SLOW), (0.5, 0.125)])
def test_throttles_never_bring_a_pace_far_below_its_quota(quota: float, floor: float):
    pace = Pace(quota, "seed")
    for burst in range(50):
        refused(pace, burst * 10.0)

    assert pace.rate == floor


def test_a_stranger_who_starts_every_three_seconds_takes_its_share_and_no_more():
    """Calls that meet the stranger's are refused whatever our pace; ours must not be starved by that."""
    pace, now, accepted, recent = Pace(1.0, "seed"), 0.0, 0, -10.0
    while now < 600.0:
        now = max(now, pace.ready_at())
        pace.spend(now)
        if now % 3.0 < 1.0 or now - recent < 1.0:
            refused(pace, now)
        else:
            recent, accepted = now, accepted + 1
            answered(pace, now)

    assert accepted >= 600.0 / 8.0


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


def test_a_pace_that_holds_calls_up_climbs_by_steps_up_to_its_quota_and_no_further():
    pace = Pace(8.0, "seed")
    refused(pace, 0.0)
    answered(pace, CLIMB_S)
    assert pace.rate == 4.0
    answered(pace, CLIMB_S)
    assert pace.rate == pytest.approx(4.0 * CLIMB_BY)
    for number in range(40):
        answered(pace, CLIMB_S * (2 + number))
    assert pace.rate == 8.0


def test_a_throttle_does_not_undo_the_climb_before_it():
    """Successes count since the last change, whatever came in between."""
    pace = Pace(1.0, "seed")
    for burst in range(3):
        refused(pace, burst * 10.0)
    assert pace.rate == pace.floor
    for number in range(6):
        answered(pace, 30.0 + 8.0 * number)
        refused(pace, 34.0 + 8.0 * number)

    assert pace.rate is not None
    assert pace.rate >= pace.floor


def test_a_pace_that_holds_nothing_up_recovers_with_time_alone():
    pace = Pace(1.0, "seed")
    refused(pace, 0.0)
    for number in range(1, 8):
        pace.held = False
        rate = pace.after_success(FORGIVE_S * number)
        pace.change(rate, FORGIVE_S * number)

    assert pace.rate == 1.0


def test_a_new_session_goes_on_with_the_pace_that_was_learnt_for_a_while():
    pace = Pace(8.0, "seed")
    refused(pace, 0.0)
    pace.begin(REMEMBER_S)
    assert pace.rate == 4.0

    pace.begin(REMEMBER_S + 1.0)
    assert pace.rate == 8.0


def test_what_has_no_quota_is_paced_once_throttled_and_set_free_again():
    pace = Pace(None, "seed")
    refused(pace, 0.0)
    assert pace.rate == UNPACED_CEILING / 2

    for number in range(1, 20):
        answered(pace, CLIMB_S * number)
    assert pace.rate is None
