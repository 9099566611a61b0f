"""What analyses cost: units over a monthly ladder of tiers, per family, as an upper and a lower end.

Facts: COMPREHEND.md section 4. The service counts 100 characters as a unit, and whether its minimum of three units
holds for each document of an asynchronous job is not documented. The upper end takes the minimum; the lower end is
what the lines would come to without it, at the least: a line counted with u units has more than u - 3 hundreds of
characters. Families are priced apart even where their ladders are equal: volume counts per API and month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from runner.catalogue import FAMILIES, UNITS_PER_DOCUMENT_MIN
from runner.model import FamilyPrice, Manifest

Tiers = tuple[tuple[int | None, float], ...]
PriceSource = Literal["catalogue", "manifest", "embedded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Billing units with the minimum per document, and the fewest that there can be without it."""

    upper: int
    lower: int

    def __add__(self, other: Units) -> Units:
        return Units(upper=self.upper + other.upper, lower=self.lower + other.lower)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCost:
    """What a family costs in this run; `usd` (upper end) and `usd_lower` are None if its price is not known."""

    family: str
    units: Units
    usd: float | None
    usd_lower: float | None
    source: PriceSource
    as_of: str | None


def units_of(counted: int, lines: int) -> Units:
    """Both ends, from units counted with the minimum over so many lines."""
    return Units(upper=counted, lower=max(0, counted - (UNITS_PER_DOCUMENT_MIN - 1) * lines))


def ladder_usd(tiers: Tiers, *, used: int, units: int) -> Decimal:
    """USD of `units` after `used` units of the month; above the last tier its price goes on."""
    total, position, left = Decimal(0), used, units
    for place, (end, usd) in enumerate(tiers):
        open_end = end is None or place == len(tiers) - 1
        taken = left if open_end else min(left, max(0, (end or 0) - position))
        total += taken * Decimal(str(usd))
        position, left = position + taken, left - taken
    return total


def family_cost(manifest: Manifest, family: str, units: Units) -> FamilyCost:
    """The cost of so many units of one family, by the manifest's prices or else the catalogue's."""
    if manifest.embedded:
        return FamilyCost(family=family, units=units, usd=0.0, usd_lower=0.0, source="embedded", as_of=None)
    told = dict(manifest.prices).get(family, FamilyPrice())
    listed = FAMILIES[family].price
    source: PriceSource = "catalogue" if told.tiers is None else "manifest"
    tiers = listed.tiers if told.tiers is None else told.tiers
    as_of = listed.as_of if told.tiers is None else manifest.prices_as_of
    if not tiers and units.upper:
        return FamilyCost(family=family, units=units, usd=None, usd_lower=None, source=source, as_of=as_of)
    factor = 1 - Decimal(str(told.discount))
    used = told.units_used_this_month
    return FamilyCost(
        family=family,
        units=units,
        usd=float(ladder_usd(tiers or (), used=used, units=units.upper) * factor),
        usd_lower=float(ladder_usd(tiers or (), used=used, units=units.lower) * factor),
        source=source,
        as_of=as_of,
    )


def price(manifest: Manifest, units: Mapping[str, Units]) -> tuple[FamilyCost, ...]:
    """The cost of each family, in the order given."""
    return tuple(family_cost(manifest, family, counted) for family, counted in units.items())


def upper_usd(manifest: Manifest, units: Mapping[str, int]) -> float:
    """The upper end of what so many units per family cost together; families without a known price count nothing."""
    costs = (family_cost(manifest, family, Units(upper=many, lower=0)) for family, many in units.items())
    return sum(cost.usd or 0.0 for cost in costs)
