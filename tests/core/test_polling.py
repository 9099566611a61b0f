"""When jobs are looked at: COMPREHEND.md section 5.1 says how long they take."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, strategies as st

from runner.core.polling import END_MARGIN_S, PROOF_MARGIN_S, TIMINGS, next_look

AWS = TIMINGS["aws"]


def looks(kind: str, *, accepted_at: float, until_s: float, predicted_s: float = 0.0) -> list[float]:
    """Ages of a job at its looks."""
    timing = TIMINGS[kind]  # type: ignore[index]
    found: list[float] = []
    looked_at = -inf
    while True:
        looked_at = next_look(timing, accepted_at=accepted_at, looked_at=looked_at, predicted_s=predicted_s)
        if looked_at > accepted_at + until_s:
            return found
        found.append(looked_at - accepted_at)


def test_a_remote_job_is_looked_at_early_once_and_then_not_before_it_can_be_done():
    """A missing permission shows after 12 to 15 s, the quickest job is done after 366 s."""
    first, second, third, *_ = looks("aws", accepted_at=0.0, until_s=700)

    assert (first, second) == (30.0, 330.0)  # the first multiple of the shortest gap at 20 s or later
    assert third - second <= AWS.gap_max_s
    assert looks("aws", accepted_at=10.0, until_s=30) == [20.0]


@given(accepted_at=st.floats(1e9, 2e9), looked=st.floats(0, 10_000))
def test_looks_fall_on_the_grid_and_are_never_in_the_past(accepted_at: float, looked: float):
    at = next_look(AWS, accepted_at=accepted_at, looked_at=accepted_at + looked)

    assert at % AWS.grid_s == pytest.approx(0.0, abs=1e-6) or at % AWS.grid_s == pytest.approx(AWS.grid_s, abs=1e-6)
    assert at >= accepted_at + looked - 1e-5


@given(ages=st.lists(st.floats(0, 5), min_size=2, max_size=10))
def test_jobs_started_within_a_grid_step_share_their_looks_but_for_the_first(ages: list[float]):
    at = {next_look(AWS, accepted_at=1e9 + age, looked_at=1e9 + 1_000) for age in ages}

    assert len(at) == 1


@pytest.mark.parametrize("predicted_s", [367.0, 487.0, 607.0, 1_807.0])
def test_a_remote_job_is_looked_at_just_after_it_is_predicted_to_end(predicted_s: float):
    """And seldom before, so that a wrong prediction costs little: each look halves the time that is left."""
    ages = looks("aws", accepted_at=0.0, until_s=predicted_s + AWS.grid_s + END_MARGIN_S, predicted_s=predicted_s)

    assert predicted_s < ages[-1] <= predicted_s + END_MARGIN_S + AWS.grid_s
    assert len(ages) <= 9
    assert all(later - earlier >= AWS.gap_min_s for earlier, later in pairwise(ages[:-1]))


def test_a_job_for_which_others_wait_is_looked_at_as_soon_as_it_can_have_shown_anything():
    at = next_look(AWS, accepted_at=1_000.0, looked_at=-inf, probing=True)

    assert at == 1_000.0 + AWS.permission_s + PROOF_MARGIN_S
    assert next_look(AWS, accepted_at=1_000.0, looked_at=at, probing=True) == 1_025.0


def test_a_local_job_is_looked_at_at_once_and_then_ever_more_rarely():
    ages = looks("embedded", accepted_at=0.0, until_s=100)

    assert ages[0] == pytest.approx(0.05)
    gaps = [later - earlier for earlier, later in pairwise(ages)]
    assert gaps[0] <= 0.1
    assert max(gaps) <= TIMINGS["embedded"].gap_max_s + TIMINGS["embedded"].grid_s
    assert len(ages) < 200
