"""How many simulated runs a second, and how much virtual time they live through.

    python -m benchmarks simulation [--seeds N] [--first SEED]

Each seed is a whole run with faults, crashes and checkers, as in `tests/simulation`; a seed that breaks a promise is
named, and the exit code is 1. With some thousands of seeds this is the nightly soak.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.simulation.checkers import check_everything
from tests.simulation.setting import setting_of
from tests.simulation.world import World, simulate


def attempt(seed: int) -> World | None:
    """One seed; None if it broke a promise."""
    try:
        world = simulate(setting_of(seed))
        check_everything(world)
    except Exception as error:  # noqa: BLE001 - a soak goes on
        print(f"seed {seed}: {error!r}"[:400])
        return None
    return world


def main() -> int:
    """Print what was lived through."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    seeds, first = arguments.seeds, arguments.first
    begun, cpu = time.perf_counter(), time.process_time()
    attempts = [attempt(seed) for seed in range(first, first + seeds)]
    worlds = [world for world in attempts if world is not None]
    seconds = time.perf_counter() - begun
    hours = sum(world.closed_at for world in worlds) / 3_600.0
    print(f"seeds {seeds:,}, of which broken {seeds - len(worlds)}")
    print(f"{seconds:.1f} s ({time.process_time() - cpu:.1f} s of CPU): {seeds / seconds:.1f} seeds a second")
    print(f"{hours:,.0f} virtual hours, {hours * 60 / max(1, len(worlds)):,.0f} minutes a seed")
    print(
        f"{sum(world.sessions for world in worlds):,} sessions,"
        f" {sum(len(world.disk.journal) for world in worlds):,} facts,"
        f" {sum(len(world.service.jobs) for world in worlds):,} remote jobs,"
        f" {sum(len(times) for world in worlds for times in world.service.accounts.arrivals.values()):,} calls"
    )
    return 1 if len(worlds) < seeds else 0


if __name__ == "__main__":
    sys.exit(main())
