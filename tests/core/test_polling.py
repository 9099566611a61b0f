"""When jobs are looked at: COMPREHEND.md section 5.1 says how long they take."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, strategies as st

from runner.core.polling import TIMINGS, next_look

AWS = TIMINGS["aws"]


def looks(kind: str, *, accepted_at: float, until_s: float) -> list[float]:
    """Ages of a job at its looks."""
    timing = TIMINGS[kind]  # type: ignore[index]
    found: list[float] = []
    looked_at = -inf
    while True:
        looked_at = next_look(timing, accepted_at=accepted_at, looked_at=looked_at)
        if looked_at > accepted_at + until_s:
            return found
        found.append(looked_at - accepted_at)


def test_a_remote_job_is_looked_at_early_once_and_then_not_before_it_can_be_done():
    """A missing permission shows after 12 to 15 s, the quickest job is done after 366 s."""
    first, second, third, *_ = looks("aws", accepted_at=0.0, until_s=700)

    assert (first, second) == (30.0, 330.0)  # the grid's first point at 20 s or later
    assert third - second <= AWS.gap_max_s
    assert looks("aws", accepted_at=10.0, until_s=30) == [20.0]


@given(accepted_at=st.floats(1e9, 2e9), looked=st.floats(0, 10_000))
def test_looks_fall_on_the_grid_and_are_never_in_the_past(accepted_at: float, looked: float):
    at = next_look(AWS, accepted_at=accepted_at, looked_at=accepted_at + looked)

    assert at % AWS.grid_s == pytest.approx(0.0, abs=1e-6) or at % AWS.grid_s == pytest.approx(AWS.grid_s, abs=1e-6)
    assert at >= accepted_at + looked - 1e-5


@given(ages=st.lists(st.floats(0, 15), min_size=2, max_size=10))
def test_jobs_started_within_a_grid_step_share_their_looks_but_for_the_first(ages: list[float]):
    at = {next_look(AWS, accepted_at=1e9 + age, looked_at=1e9 + 1_000) for age in ages}

    assert len(at) == 1


def test_a_local_job_is_looked_at_at_once_and_then_ever_more_rarely():
    ages = looks("embedded", accepted_at=0.0, until_s=100)

    assert ages[0] == pytest.approx(0.05)
    gaps = [later - earlier for earlier, later in pairwise(ages)]
    assert gaps[0] <= 0.1
    assert max(gaps) <= TIMINGS["embedded"].gap_max_s + TIMINGS["embedded"].grid_s
    assert len(ages) < 200
