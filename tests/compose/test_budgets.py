"""A budget that is reached in the midst of a run: refused before the Start, told in words, and gone on with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core import events as e
from tests.acceptance.house import House


def planned_usd(house: House) -> float:
    said = house.command("plan", "m.yaml", "--json")
    assert said.code == 0, said.err
    return float(json.loads(said.out)["totals"]["usd"])


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ({"do": "rows_missing", "share": 0.5, "seed": 1}, "lines sent again: sentiment-r000002 could"),
        ({"do": "job_failed", "message": "INTERNAL_SERVER_ERROR: no"}, "try 2 of sentiment-b000001 could"),
    ],
    ids=["a repair", "another generation"],
)
def test_what_the_budget_does_not_cover_is_not_started(house: House, fault: dict[str, Any], what: str) -> None:
    """The plan is within it; what goes wrong on the way is not."""
    usd = planned_usd(house)
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": "Start*", "times": 1, **fault})

    said = house.run("--budget", f"{usd:.6f}")

    assert said.code == 4, said.err
    assert "Stopped at its budget" in said.talk
    assert what in said.talk
    assert f"above the budget of ${usd:.4f}: it was not started; up to ${usd:.4f} is spent" in said.talk
    assert "1 job and 6 documents are open; to finish may come to $" in said.talk
    assert "next runner run m.yaml --budget 0.01" in said.talk
    assert house.endpoint.accepted == before + 1
    (reached,) = [event for event in house.events() if isinstance(event, e.BudgetReached)]
    assert reached.committed_usd == pytest.approx(usd)
    assert reached.usd > usd
    again = house.run("--budget", f"{usd:.6f}")
    assert (again.code, house.endpoint.accepted) == (4, before + 1), "the same budget buys nothing more"

    said = house.run("--budget", "0.01")

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == before + 2
    assert house.command("verify").code == 0
