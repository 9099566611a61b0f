"""1,000 small corpora under five analyses on one lane: packed jobs against one job for each corpus and analysis.

    python -m benchmarks packing [--corpora N]

Both in virtual time. Packed: the real planner and scheduler against the simulated service. Unpacked: the jobs that a
script makes, a job for each corpus and analysis, ideally scheduled (each starts the moment a slot and the pace allow,
and nobody has to look): better than any script. Target: at least 50 times shorter; the exit code is 1 below that.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.workloads import FAMILY_CHOICES, corpus, lane, manifest, survey
from runner.compose.simulating import simulate
from runner.planning.durations import DurationModel, Load
from runner.planning.packing import pack
from runner.planning.schedule import finish_s, room

TARGET = 50.0
DOCUMENTS, SIZE = 20, 400


def main() -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=1_000)
    count = parser.parse_args().corpora
    lanes, model = [lane(0)], DurationModel()
    names = [f"c{number:04d}" for number in range(count)]
    made = manifest(lanes, [corpus(name) for name in names], FAMILY_CHOICES)
    segments = [facts for index, name in enumerate(names) for facts in survey(index, name, DOCUMENTS, SIZE, ("en",))]
    begun = time.perf_counter()
    work = pack(made, segments, durations=model)
    packed = simulate(made, segments, work, durations=model)
    seconds = time.perf_counter() - begun
    assert packed.closed
    load = Load(bytes=DOCUMENTS * (SIZE + 1), lines=DOCUMENTS)
    alone_s = max(
        finish_s([model.predict("aws", a.operation, load).seconds] * count, room(lanes, a.operation))
        for a in made.analyses
    )
    ratio = alone_s / packed.finish_s
    print(f"{count:,} corpora of {DOCUMENTS} documents, {len(made.analyses)} analyses, one lane of 10 slots")
    print(f"{'':<32} {'jobs':>6} {'makespan':>12}")
    print(f"{'a job per corpus and analysis':<32} {count * len(made.analyses):>6,} {alone_s / 3600:>10.2f} h")
    print(f"{'packed':<32} {len(work.jobs):>6,} {packed.finish_s / 60:>8.2f} min")
    print(f"{ratio:.0f} times shorter (planned and simulated in {seconds:.1f} s)")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
