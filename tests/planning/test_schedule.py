from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from runner.model import LaneSpec, Limit, Quotas
from runner.planning.schedule import SLOTS_UNLIMITED, Room, all_held_s, finish_s, room, timeline

durations = st.lists(st.integers(1, 50).map(float), min_size=1, max_size=40)


@given(durations, st.integers(1, 8), st.sampled_from([0.0, 1.0, 7.5]))
def test_a_timeline_keeps_slots_order_and_pace(seconds: list[float], slots: int, gap: float) -> None:
    spans = timeline(seconds, Room(slots=slots, start_gap_s=gap))

    starts = [start for start, _ in spans]
    assert [end - start for start, end in spans] == pytest.approx(seconds)
    assert all(later - earlier >= gap for earlier, later in pairwise(starts))
    for start in starts:
        assert sum(begin <= start < end for begin, end in spans) <= slots


@given(durations, st.integers(1, 8))
def test_no_slot_idles_while_a_job_waits(seconds: list[float], slots: int) -> None:
    """Graham's bound on list scheduling: the mean of the slots and the longest job."""
    finish = finish_s(seconds, Room(slots=slots, start_gap_s=0.0))

    assert finish <= sum(seconds) / slots + max(seconds) * (slots - 1) / slots + 1e-9
    assert finish >= max(*seconds, sum(seconds) / slots)


def test_a_job_starts_when_the_first_slot_frees() -> None:
    spans = timeline([10.0, 4.0, 3.0, 1.0], Room(slots=2, start_gap_s=0.0))

    assert spans == [(0.0, 10.0), (0.0, 4.0), (4.0, 7.0), (7.0, 8.0)]


def test_time_with_every_slot_taken_is_counted_once() -> None:
    """Two slots: both taken from 0 to 4 and from 4 to 7, then only one."""
    assert all_held_s([(0.0, 10.0), (0.0, 4.0), (4.0, 7.0)], 2) == 7.0
    assert all_held_s([(0.0, 10.0)], 2) == 0.0


def lane(name: str, **quotas: Limit) -> LaneSpec:
    return LaneSpec(name=name, kind="aws", quotas=Quotas(**quotas))


def test_lanes_add_their_slots_and_their_pace_less_what_is_reserved() -> None:
    lanes = [
        lane("one"),
        lane(
            "two", active_jobs=Limit(default=10, by_operation=(("EventsDetection", 4),)), reserve_slots=Limit(default=3)
        ),
    ]

    assert room(lanes, "EntitiesDetection") == Room(slots=17, start_gap_s=0.5)
    assert room(lanes, "EventsDetection").slots == 11


def test_a_lane_without_limits_has_many_slots_and_no_pace() -> None:
    unlimited = lane("local", active_jobs=Limit(default=None), start_per_s=Limit(default=None))

    assert room([unlimited], "EntitiesDetection") == Room(slots=SLOTS_UNLIMITED, start_gap_s=0.0)


def test_reserving_more_than_there_is_leaves_nothing() -> None:
    assert room([lane("full", reserve_slots=Limit(default=12))], "EntitiesDetection").slots == 0


def test_jobs_that_one_lane_may_run_wait_for_that_lane():
    """Two slots here, eight there: four jobs bound to the first take two waves, whatever is free beside them."""
    lanes = [lane("few", active_jobs=Limit(default=2), start_per_s=Limit(default=None)), lane("many")]
    within = room(lanes, "EntitiesDetection")

    spans = timeline([10.0] * 5, within, [("few",)] * 4 + [()])

    assert [end for _, end in spans] == [10.0, 10.0, 20.0, 20.0, 10.0]


def test_a_job_that_any_lane_may_run_goes_where_it_starts_first():
    lanes = [lane(name, active_jobs=Limit(default=1), start_per_s=Limit(default=None)) for name in ("a", "b")]

    spans = timeline([10.0, 3.0, 1.0], room(lanes, "EntitiesDetection"), [("a",), ("b",), ()])

    assert spans == [(0.0, 10.0), (0.0, 3.0), (3.0, 4.0)]
