"""The main job over real texts: wall time, memory per process, and where the time goes.

Three corpora (whole reviews as files, sentences as lines, long speeches as files, one of them not UTF-8) and four
analyses, on the embedded lane: once with no-op analyzers, which leaves what the runner and its endpoint cost by
themselves, and once with the real ones. Every process is sampled ten times a second; memory is the peak of its resident
set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil

MANIFEST = """\
version: 1
name: real
corpora:
  - {{name: reviews, source: {data}/movie_reviews, format: files, language: en}}
  - {{name: sentences, source: [{data}/sentence_polarity/rt-polarity.pos, {data}/sentence_polarity/rt-polarity.neg],
     format: lines, language: en}}
  - {{name: inaugural, source: {data}/inaugural, format: files, language: en}}
analyses: [dominant_language, entities, key_phrases, sentiment]
policy: {{tolerate: {{errors: 10%}}}}
"""
SAMPLE_S = 0.1


@dataclass
class Measured:
    """One run."""

    wall_s: float = 0.0
    peaks_mb: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    spans: dict[str, float] = field(default_factory=dict)
    summary: dict[str, int] = field(default_factory=dict)


def measure(data: Path, analyzers: str) -> Measured:
    """Run the manifest once in a directory of its own."""
    found = Measured()
    with tempfile.TemporaryDirectory(prefix="bench-run-") as scratch:
        manifest = Path(scratch) / "real.yaml"
        manifest.write_text(MANIFEST.format(data=data))
        run_dir = Path(scratch) / "run"
        command = [sys.executable, "-m", "runner", "run", str(manifest), "--run-dir", str(run_dir)]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--analyzers", analyzers], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as process:
            watch(process, found)
        found.wall_s = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"the run ended with {process.returncode}")
        found.spans = dict(spans(run_dir / "log.jsonl"))
        found.summary = json.loads((run_dir / "results" / "run.json").read_bytes())["summary"]
    return found


def watch(process: subprocess.Popen[bytes], found: Measured) -> None:
    """Sample a process and its descendants until it ends."""
    names: dict[int, str] = {}
    while process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        except psutil.Error:
            break
        for member in family:
            try:
                name = names.get(member.pid) or role(member, process.pid, names)
                if name is None:
                    continue
                names[member.pid] = name
                times = member.cpu_times()
                found.peaks_mb[name] = max(found.peaks_mb.get(name, 0.0), member.memory_info().rss / 1e6)
                found.cpu_s[name] = times.user + times.system
            except psutil.Error:
                continue
        time.sleep(SAMPLE_S)


def role(process: psutil.Process, root: int, names: dict[int, str]) -> str | None:
    """What a process is for, by its command line; None while it is still being started."""
    line = " ".join(process.cmdline())
    if process.pid == root:
        return "runner"
    for mark, name in (("runner.endpoint.worker", "endpoint worker"), ("to_process", "worker")):
        if mark in line:
            return f"{name} {1 + sum(known.startswith(name) for known in names.values())}"
    return "endpoint" if "runner.endpoint" in line else None


def spans(log: Path) -> Iterator[tuple[str, float]]:
    """Seconds from the first to the last event of each stage; stages overlap."""
    stages = {
        "survey": ("survey.listing_taken", "survey.finished"),
        "open endpoint": ("survey.finished", "run.session_opened"),
        "jobs": ("job.start_intended", "job.status_seen"),
        "collect": ("job.status_seen", "job.collected"),
        "merge": ("job.collected", "segment.merged"),
    }
    rows = [json.loads(line) for line in log.read_bytes().splitlines()]
    times = {
        name: [datetime.fromisoformat(row["at"]).timestamp() for row in rows if row["event"] == name]
        for name in {name for pair in stages.values() for name in pair}
    }
    for stage, (first, last) in stages.items():
        if times[first] and times[last]:
            yield stage, max(times[last]) - min(times[first])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder with movie_reviews, sentence_polarity, inaugural"
    )
    parser.add_argument("--analyzers", choices=["noop", "default", "both"], default="both")
    arguments = parser.parse_args()
    kinds = ["noop", "default"] if arguments.analyzers == "both" else [arguments.analyzers]
    for kind in kinds:
        found = measure(arguments.data.resolve(), kind)
        summary = found.summary
        pairs = summary["pairs"]
        print(
            f"\n{kind} analyzers: {summary['written']:,} documents, {pairs:,} pairs, {summary['jobs']} jobs, "
            f"{summary['errors']} errors, {summary['skipped']} skipped"
        )
        print(f"  wall {found.wall_s:.1f} s, {1e6 * found.wall_s / pairs:.0f} us a pair")
        print(
            "  stages (they overlap): "
            + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in found.spans.items())
        )
        for name, peak in sorted(found.peaks_mb.items()):
            cpu = found.cpu_s[name]
            print(f"  {name:<20} peak {peak:6.0f} MB   cpu {cpu:6.1f} s  {1e6 * cpu / pairs:6.0f} us a pair")


if __name__ == "__main__":
    main()
