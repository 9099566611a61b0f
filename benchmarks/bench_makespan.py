"""The real scheduler's makespan over the lower bound, on seeded workloads in virtual time; and what faults cost.

    python -m benchmarks makespan [--workloads N] [--faulty N] [--worst N]

Workloads of one to four lanes (see `benchmarks/workloads.py`), planned and then carried out by the real scheduler and
driver against the simulated service. The service takes the time that the duration model predicts; the bound
(`runner/planning/bound.py`) is what no schedule can beat, and knows nothing of local work: the machine is taken to be
quick (eight workers, 1 GB/s each way); one row shows what a small one costs. `plan` is the forecast of the plan over
the bound: what packing costs; `jobs` the end of the last job: what scheduling costs; the others are of the last line
written. Targets without faults: median 1.05, worst 1.15; the exit code is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.workloads import workload
from runner.compose.simulating import behaviour_of, simulate
from runner.model import LaneSpec
from runner.planning.bound import lower_bound_s
from runner.planning.durations import DurationModel
from runner.planning.plan import make_plan
from runner.simulation.behaviour import Behaviour
from runner.simulation.work import WorkTimes

QUICK = WorkTimes(upload_bytes_per_s=1e9, collect_bytes_per_s=1e9, merge_bytes_per_s=1e9)
MEDIAN_MAX, WORST_MAX = 1.05, 1.15
FAULTS: dict[str, dict[str, float]] = {
    "none": {},
    "1 % of calls throttled": {"throttles": 0.01},
    "10 % of calls throttled": {"throttles": 0.1},
    "5 % of looks answered by 500": {"read_faults": 0.05},
    "1 % of Starts lose their answer": {"lost_answers": 0.01},
    "1 % of jobs fail": {"failing": 0.01},
    "5 % of jobs fail": {"failing": 0.05},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One workload: its bound, the plan's own forecast of its longest operation, and what came of it."""

    seed: int
    lanes: int
    jobs: int
    calls: int
    bound_s: float
    plan_s: float
    jobs_end_s: float
    finish_s: float

    @property
    def plan_ratio(self) -> float:
        return self.plan_s / self.bound_s

    @property
    def jobs_ratio(self) -> float:
        return self.jobs_end_s / self.bound_s

    @property
    def ratio(self) -> float:
        return self.finish_s / self.bound_s


def attempt(
    seed: int,
    behave: Callable[[LaneSpec], Behaviour] = behaviour_of,
    *,
    times: WorkTimes = QUICK,
    workers: int = 8,
    bound_share: float = 0.0,
) -> Trial:
    """Plan and simulate one workload."""
    manifest, segments = workload(seed, bound_share=bound_share)
    model = DurationModel()
    plan = make_plan(manifest, segments, durations=model)
    told = simulate(
        manifest, segments, plan.work, durations=model, behave=behave, seed=str(seed), times=times, workers=workers
    )
    assert told.closed, f"workload {seed} did not come to its end"
    return Trial(
        seed=seed,
        lanes=len(manifest.lanes),
        jobs=len(plan.work.jobs),
        calls=sum(count for _, count in told.calls),
        bound_s=lower_bound_s(manifest, segments, durations=model),
        plan_s=plan.finish_s,
        jobs_end_s=max(tale.ends_s for tale in told.stations),
        finish_s=told.finish_s,
    )


def small(seed: int) -> Trial:
    """Carried out by a machine with two workers."""
    return attempt(seed, times=WorkTimes(), workers=2)


def bound(seed: int) -> Trial:
    """Half of the corpora may be analysed on one lane only."""
    return attempt(seed, bound_share=0.5)


def faulty(name: str, seed: int) -> Trial:
    """With faults of a kind."""
    return attempt(seed, lambda lane: replace(behaviour_of(lane), **FAULTS[name]))  # type: ignore[arg-type]


WAYS: dict[str, Callable[[int], Trial]] = {
    "two workers, 30 MB/s each": small,
    "half of the corpora bound to a lane": bound,
    **{name: partial(faulty, name) for name in FAULTS},
}


def together(way: Callable[[int], Trial], seeds: range) -> list[Trial]:
    """Workloads side by side, on every core; each is a world of its own."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(way, seeds, chunksize=2))


HEAD = (
    f"{'workloads':<34} {'count':>5} {'jobs':>7} {'plan':>6} {'jobs':>6} {'median':>7} {'90 %':>6} {'worst':>6}"
    f" {'calls/job':>10}"
)


def row(name: str, trials: Sequence[Trial]) -> str:
    """A line of the table: medians over the bound, but for the last three."""
    ratios = sorted(trial.ratio for trial in trials)
    ninth = ratios[int(0.9 * (len(ratios) - 1))]
    jobs = sum(trial.jobs for trial in trials)
    calls = sum(trial.calls for trial in trials)
    return (
        f"{name:<34} {len(trials):>5} {jobs:>7,} {median(t.plan_ratio for t in trials):>6.3f}"
        f" {median(t.jobs_ratio for t in trials):>6.3f} {median(ratios):>7.3f} {ninth:>6.3f} {ratios[-1]:>6.3f}"
        f" {calls / jobs:>10.2f}"
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=200)
    parser.add_argument("--faulty", type=int, default=20, help="workloads for each kind of fault")
    parser.add_argument("--worst", type=int, default=5, help="name so many of the worst")
    arguments = parser.parse_args()
    print(HEAD)
    trials = together(attempt, range(arguments.workloads))
    for lanes in sorted({trial.lanes for trial in trials}):
        print(row(f"{lanes} lane{'s' if lanes > 1 else ''}", [trial for trial in trials if trial.lanes == lanes]))
    print(row("all", trials))
    for trial in sorted(trials, key=lambda trial: -trial.ratio)[: arguments.worst]:
        print(
            f"  workload {trial.seed}: {trial.ratio:.3f} ({trial.finish_s:,.0f} s, bound {trial.bound_s:,.0f} s,"
            f" {trial.jobs} jobs, {trial.lanes} lanes)"
        )
    some = range(arguments.faulty)
    print()
    print(HEAD)
    for name, way in WAYS.items():
        print(row(name, together(way, some)), flush=True)
    ratios = sorted(trial.ratio for trial in trials)
    return 1 if median(ratios) > MEDIAN_MAX or ratios[-1] > WORST_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
