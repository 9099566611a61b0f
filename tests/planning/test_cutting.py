from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest
from hypothesis import given, strategies as st

from runner.planning.cutting import Limits, Strip

Item = tuple[int, int, int]
"""weight, bytes, lines"""

ROOMY = Limits(bytes=10**12, lines=10**12, files=10**6)
items = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=9)
limits = st.builds(Limits, bytes=st.integers(1, 120), lines=st.integers(1, 30), files=st.integers(1, 6))


def strip(of: Sequence[Item], within: Limits = ROOMY) -> Strip:
    weights, sizes, lines = zip(*of, strict=True)
    return Strip(weights, item_bytes=sizes, item_lines=lines, limits=within)


def allowed(run: Sequence[Item], within: Limits) -> bool:
    """One item is always a run; several must keep the limits."""
    return len(run) == 1 or (
        sum(item[1] for item in run) <= within.bytes
        and sum(item[2] for item in run) <= within.lines
        and len(run) <= within.files
    )


def every_cut(of: Sequence[Item], within: Limits) -> dict[int, int]:
    """By number of runs, the lightest heaviest run of all cuts that the limits allow."""
    lightest: dict[int, int] = {}
    for count in range(1, len(of) + 1):
        for inner in combinations(range(1, len(of)), count - 1):
            runs = [of[begin:end] for begin, end in pairwise([0, *inner, len(of)])]
            if all(allowed(run, within) for run in runs):
                heaviest = max(sum(item[0] for item in run) for run in runs)
                lightest[count] = min(heaviest, lightest.get(count, heaviest))
    return lightest


@given(items, limits)
def test_cuts_keep_the_limits_and_their_heaviest_run_is_as_light_as_can_be(of: list[Item], within: Limits) -> None:
    """Against every possible cut of up to nine items."""
    expected = every_cut(of, within)
    actual = strip(of, within)

    assert actual.fewest == min(expected)
    for count in range(actual.fewest, len(of) + 1):
        bounds = actual.cut(count)
        runs = [of[begin:end] for begin, end in pairwise(bounds)]

        assert (bounds[0], bounds[-1], len(runs)) == (0, len(of), count)
        assert all(run and allowed(run, within) for run in runs)
        assert max(sum(item[0] for item in run) for run in runs) == expected[count]


@given(st.integers(1, 500), st.data())
def test_equal_items_are_cut_into_runs_that_differ_by_one_at_most(size: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, size))

    lengths = [end - begin for begin, end in pairwise(strip([(1, 1, 1)] * size).cut(count))]

    assert max(lengths) - min(lengths) <= 1


def test_the_last_run_is_not_a_remainder() -> None:
    """Filling each run to the cap would leave runs of 4, 4 and 1."""
    assert strip([(1, 1, 1)] * 9, Limits(bytes=4, lines=99, files=99)).cut(3) == [0, 3, 6, 9]


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_number_of_runs_that_cannot_be_is_refused(count: int) -> None:
    """Three items, of which the limit lets no three share a run."""
    with pytest.raises(ValueError, match="at least 2"):
        strip([(1, 1, 1)] * 3, Limits(bytes=2, lines=9, files=9)).cut(count)
