"""A whole run of many jobs: control calls per job, and the runner's own CPU per call and per job.

Many small corpora and a limit on documents per job make about `--jobs` jobs on an embedded lane with no-op analyzers,
so that nearly all of the CPU of this process goes into scheduling, the journal and the calls. Worker processes and the
endpoint are other processes; their CPU is not in the figures.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import anyio

from runner.compose.running import Hooks, RunOptions, run_manifest
from runner.manifest import load_manifest

ANALYSES = ("dominant_language", "entities", "key_phrases", "sentiment")


def main() -> None:
    """Run once and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as scratch:
        folder = Path(scratch)
        corpora = max(1, arguments.jobs // len(ANALYSES))
        manifest = load_manifest(write(folder, corpora))
        began, cpu = time.perf_counter(), cpu_s()
        options = RunOptions(run_dir=folder / "run", analyzers="noop")
        outcome = anyio.run(run_manifest, manifest, options, Hooks())
        wall, cpu = time.perf_counter() - began, cpu_s() - cpu
    jobs, calls = outcome.summary.jobs, sum(outcome.calls.values())
    print(f"{jobs:,} jobs, exit code {outcome.exit_code}, {wall:.1f} s, {jobs / wall:.0f} jobs/s")
    print(f"{'operation':<38} {'calls':>8} {'per job':>8}")
    for operation, count in sorted(outcome.calls.items()):
        print(f"{operation:<38} {count:>8,} {count / jobs:>8.2f}")
    print(f"{'all':<38} {calls:>8,} {calls / jobs:>8.2f}")
    print(f"CPU of the runner: {cpu:.1f} s, {1e3 * cpu / calls:.2f} ms a call, {1e3 * cpu / jobs:.2f} ms a job")


def write(folder: Path, corpora: int) -> Path:
    """Small corpora of ten lines each, and a manifest that gives each a batch of its own."""
    lines = [
        "version: 1",
        "name: calls",
        "policy: {max_job_documents: 10}",
        f"analyses: [{', '.join(ANALYSES)}]",
        "corpora:",
    ]
    for number in range(corpora):
        name = f"corpus{number:05d}"
        (folder / f"{name}.txt").write_text(
            "".join(f"line {line} of {name} and some more words\n" for line in range(10))
        )
        lines.append(f"  - {{name: {name}, source: {name}.txt, format: lines, language: en}}")
    path = folder / "calls.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def cpu_s() -> float:
    """CPU of this process alone, children left out."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
