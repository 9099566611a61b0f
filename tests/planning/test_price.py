from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from runner.catalogue import FAMILIES, units
from runner.model import FamilyPrice
from runner.planning.price import Units, family_cost, ladder_usd, price, units_of

STANDARD = FAMILIES["entities"].price.tiers
assert STANDARD is not None


@pytest.mark.parametrize(
    ("used", "counted", "usd"),
    [
        (0, 0, "0"),
        (0, 3_000_000, "300"),  # a million tweets: COMPREHEND.md section 4
        (0, 10_000_000, "1000"),
        (0, 12_000_000, "1100"),  # 1,000 + 2M at 0.00005
        (9_500_000, 1_000_000, "75"),  # half a million on either side of the first step
        (0, 60_000_000, "3250"),  # 1,000 + 2,000 + 250
        (50_000_000, 4_000_000, "100"),  # the last tier alone
        (70_000_000, 4, "0.0001"),
    ],
)
def test_the_ladder_by_hand(used: int, counted: int, usd: str) -> None:
    assert ladder_usd(STANDARD, used=used, units=counted) == Decimal(usd)


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
def test_two_purchases_cost_what_one_of_both_does(used: int, first: int, second: int) -> None:
    apart = ladder_usd(STANDARD, used=used, units=first) + ladder_usd(STANDARD, used=used + first, units=second)

    assert ladder_usd(STANDARD, used=used, units=first + second) == apart


def test_a_ladder_that_ends_goes_on_with_its_last_price() -> None:
    assert ladder_usd(((100, 1.0), (200, 0.5)), used=0, units=300) == Decimal(100 + 50 + 50)


def test_families_with_the_same_ladder_climb_it_apart(build) -> None:
    """Volume counts per API and month: twice ten million units are both in the first tier."""
    counted = Units(upper=10_000_000, lower=10_000_000)

    costs = price(build.manifest(["entities", "sentiment"]), {"entities": counted, "sentiment": counted})

    assert [cost.usd for cost in costs] == [1000.0, 1000.0]


def test_what_was_used_this_month_and_a_discount_count(build) -> None:
    told = FamilyPrice(units_used_this_month=9_500_000, discount=0.2)
    manifest = build.manifest(["entities"], prices=(("entities", told),))

    cost = family_cost(manifest, "entities", Units(upper=1_000_000, lower=500_000))

    assert (cost.usd, cost.usd_lower) == (60.0, 40.0)
    assert (cost.source, cost.as_of) == ("catalogue", FAMILIES["entities"].price.as_of)


def test_a_price_that_nobody_knows_is_none_and_not_zero(build) -> None:
    cost = family_cost(build.manifest(["events"]), "events", Units(upper=3, lower=1))

    assert (cost.usd, cost.usd_lower) == (None, None)


@given(st.lists(st.integers(1, 5_000), min_size=1))
def test_the_ends_enclose_the_bill_with_and_without_the_minimum(characters: list[int]) -> None:
    counted = sum(units(length) for length in characters)
    without_minimum = sum(-(-length // 100) for length in characters)

    ends = units_of(counted, len(characters))

    assert len(characters) <= ends.lower <= without_minimum <= ends.upper == counted
