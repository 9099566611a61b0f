"""Many seeds of faults and crashes: Starts refused for want of a slot, calls above a quota, jobs bought twice.

    python -m benchmarks quota [--seeds N] [--first SEED] [--workers N]

The worlds of `tests/simulation`, looked at from the service's own books. A Start counts as refused in vain if every
slot was taken by our own jobs, or if strangers had not moved for a while; a call counts as over the quota if more
arrived in a second than are let in; a job as bought twice if the service has two of one name although it honours tokens
or shows jobs in time. The exit code is 1 if there is any, or a world that did not come to its end; seeds with any are
named as they are found.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from runner.simulation.service import WRITE_CHECK_S
from tests.simulation.checkers import GRACE_S
from tests.simulation.setting import setting_of
from tests.simulation.world import World, simulate

VIOLATIONS = ("broken", "refused in vain", "over the quota", "bought twice")
TELL_EACH = 500


def look(world: World) -> Counter[str]:
    """What the service's books of one world say."""
    found: Counter[str] = Counter(seeds=1)
    behaviours = (world.setting.behaviour, *world.setting.others)
    late_s = max(b.late_s if b.late_calls else 0.0 for b in behaviours)
    names = [job.request.name for service in world.services.values() for job in service.jobs.values()]
    twice = sum(count - 1 for count in Counter(names).values())
    first = world.setting.behaviour
    hidden_s = min(first.list_lag_s, WRITE_CHECK_S if first.write_checks else first.list_lag_s)
    found["jobs"] = len(names)
    kept = first.tokens == "honoured" or hidden_s + late_s < GRACE_S
    found["bought twice" if kept else "bought twice by a service that cannot tell"] = twice
    for service in world.services.values():
        own = service.behaviour
        limits = {"Start": own.start_per_s, "Read": own.read_per_s, "Stop": own.stop_per_s}
        for call, times in service.accounts.arrivals.items():
            per_s = limits[call.partition("/")[0]]
            found["calls"] += len(times)
            if per_s is not None:
                found["over the quota"] += service.accounts.busiest(call, max(1.0, 1.0 / per_s)) > max(1.0, per_s)
        if not twice and late_s < GRACE_S:
            found["refused in vain"] += service.accounts.over_slots
    return found


def attempt(seed: int) -> tuple[int, float, Counter[str]]:
    """One seed: (seed, CPU seconds, what its books say)."""
    begun = time.process_time()
    try:
        found = look(simulate(setting_of(seed)))
    except Exception as error:  # noqa: BLE001 - the other seeds go on
        print(f"seed {seed}: {error!r}"[:400], flush=True)
        found = Counter(seeds=1, broken=1)
    return seed, time.process_time() - begun, found


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    total, seconds, begun = Counter[str](), 0.0, time.perf_counter()
    with multiprocessing.Pool(arguments.workers) as pool:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for done, (seed, cpu, found) in enumerate(pool.imap_unordered(attempt, seeds, chunksize=4), 1):
            total += found
            seconds += cpu
            if any(found[name] for name in VIOLATIONS):
                print(f"seed {seed}: {dict(found)}", flush=True)
            if done % TELL_EACH == 0:
                print(f"{done:,} seeds, {time.perf_counter() - begun:,.0f} s", file=sys.stderr, flush=True)
    print(
        f"{total['seeds']:,} seeds: {total['jobs']:,} jobs bought, {total['calls']:,} calls;"
        f" {1e3 * seconds / arguments.seeds:.0f} ms of CPU a seed"
    )
    for name in VIOLATIONS:
        print(f"{name:<18} {total[name]:,}")
    unseen = total["bought twice by a service that cannot tell"]
    print(f"(beside {unseen:,} bought twice from services that neither honour tokens nor show jobs in time; reported)")
    return 1 if any(total[name] for name in VIOLATIONS) else 0


if __name__ == "__main__":
    sys.exit(main())
