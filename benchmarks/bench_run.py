"""A whole run on the embedded lane: wall time, memory per process, and where the time goes.

    python -m benchmarks run --documents 1000000      # so many short lines, no-op analyzers
    python -m benchmarks run --data DIR               # real texts

With `--documents`: one corpus of so many made-up lines of about 100 bytes. With `--data`: three corpora (whole reviews
as files, sentences as lines, long speeches as files, one of them not UTF-8), once with no-op analyzers, which leaves
what the runner and its endpoint cost by themselves, and once with the real ones. Four analyses in each. Processes are
sampled ten times a second; memory is the peak of a resident set, and a stage's CPU is that of all processes between
its first event and its last; stages overlap.
"""

from __future__ import annotations

import argparse
import json
import random
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
SHORT = """\
version: 1
name: short
corpora:
  - {{name: lines, source: {data}/lines.txt, format: lines, language: en}}
analyses: [dominant_language, entities, key_phrases, sentiment]
"""
TEXT = "the ship sailed slowly from Lisbon toward Café Ribeira and Ana met Müller there before winter"
SAMPLE_S = 0.1


@dataclass
class Measured:
    """One run."""

    wall_s: float = 0.0
    peaks_mb: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)
    """(seconds, CPU seconds of all processes) by stage."""
    summary: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[float, float]] = field(default_factory=list)
    """(time, CPU seconds of all processes until then)."""

    def cpu_between(self, begin: float, end: float) -> float:
        """CPU seconds of all processes between two times."""
        before = max((cpu for at, cpu in self.samples if at <= begin), default=0.0)
        return max((cpu for at, cpu in self.samples if at <= end), default=0.0) - before


def write_short(folder: Path, documents: int) -> None:
    """So many lines of 8 to 30 words; the same for the same number."""
    chance, words = random.Random(20), TEXT.split(" ")
    with (folder / "lines.txt").open("w", encoding="utf-8") as file:
        for number in range(documents):
            file.write(f"{number} {' '.join(chance.choices(words, k=chance.randint(8, 30)))}\n")


def measure(manifest_text: str, data: Path, analyzers: str) -> Measured:
    """Run the manifest once in a directory of its own."""
    found = Measured()
    with tempfile.TemporaryDirectory(prefix="bench-run-") as scratch:
        manifest = Path(scratch) / "real.yaml"
        manifest.write_text(manifest_text.format(data=data))
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
        found.stages = dict(stages(run_dir / "log.jsonl", found))
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
        found.samples.append((time.time(), sum(found.cpu_s.values())))
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


def stages(log: Path, found: Measured) -> Iterator[tuple[str, tuple[float, float]]]:
    """What each stage took, from its first event to its last; stages overlap."""
    known = {
        "survey": ("survey.listing_taken", "survey.finished"),
        "open endpoint": ("survey.finished", "run.session_opened"),
        "jobs": ("job.start_intended", "job.status_seen"),
        "collect": ("job.status_seen", "job.collected"),
        "merge": ("job.collected", "segment.merged"),
    }
    rows = [json.loads(line) for line in log.read_bytes().splitlines()]
    times = {
        name: [datetime.fromisoformat(row["at"]).timestamp() for row in rows if row["event"] == name]
        for name in {name for pair in known.values() for name in pair}
    }
    for stage, (first, last) in known.items():
        if times[first] and times[last]:
            begin, end = min(times[first]), max(times[last])
            yield stage, (end - begin, found.cpu_between(begin, end))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--data", type=Path, help="a folder with movie_reviews, sentence_polarity, inaugural")
    which.add_argument("--documents", type=int, help="so many short lines instead, with no-op analyzers")
    parser.add_argument("--analyzers", choices=["noop", "default", "both"], default="both", help="with --data")
    arguments = parser.parse_args()
    if arguments.documents:
        with tempfile.TemporaryDirectory(prefix="bench-run-") as data:
            write_short(Path(data), arguments.documents)
            report(measure(SHORT, Path(data), "noop"), "noop")
        return
    for kind in ["noop", "default"] if arguments.analyzers == "both" else [arguments.analyzers]:
        report(measure(MANIFEST, arguments.data.resolve(), kind), kind)


def report(found: Measured, analyzers: str) -> None:
    """Print what one run took."""
    summary = found.summary
    pairs, documents = summary["pairs"], summary["written"]
    print(
        f"\n{analyzers} analyzers: {documents:,} documents, {pairs:,} pairs, {summary['jobs']} jobs, "
        f"{summary['errors']} errors, {summary['skipped']} skipped"
    )
    cpu_s = sum(found.cpu_s.values())
    print(
        f"  wall {found.wall_s:.1f} s, {documents / found.wall_s:,.0f} documents/s; CPU {cpu_s:.1f} s, "
        f"{1e6 * cpu_s / pairs:.0f} us a pair"
    )
    print("  stage (they overlap)     wall    CPU of all")
    for stage, (wall, cpu) in found.stages.items():
        print(f"  {stage:<20} {wall:6.1f} s   {cpu:6.1f} s")
    for name, peak in sorted(found.peaks_mb.items()):
        cpu = found.cpu_s[name]
        print(f"  {name:<20} peak {peak:6.0f} MB   cpu {cpu:6.1f} s  {1e6 * cpu / pairs:6.1f} us a pair")


if __name__ == "__main__":
    main()
