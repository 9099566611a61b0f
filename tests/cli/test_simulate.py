"""`plan --simulate`, as a user calls it."""

from __future__ import annotations

import json

from runner.errors import EXIT_DONE
from tests.cli.conftest import House


def test_a_simulated_plan_shows_each_operation_and_the_calls(house: House) -> None:
    said = house.command("plan", "m.yaml", "--simulate")

    assert said.code == EXIT_DONE
    assert "Simulated: the last line is written after" in said.out
    assert "calls" in said.out
    assert "for want of a slot" in said.out
    bars = [line for line in said.out.splitlines() if any(block in line for block in "▁▂▃▄▅▆▇█")]
    assert bars
    assert max(map(len, bars)) <= 80


def test_a_simulated_plan_is_the_same_each_time(house: House) -> None:
    first, second = (json.loads(house.command("plan", "m.yaml", "--simulate", "--json").out) for _ in range(2))

    assert first["simulation"] == second["simulation"]
    assert first["simulation"]["closed"]
    assert first["simulation"]["finish_s"] > 0


def test_a_plan_that_is_not_simulated_says_nothing_of_it(house: House) -> None:
    said = house.command("plan", "m.yaml", "--json")

    assert "simulation" not in json.loads(said.out)
