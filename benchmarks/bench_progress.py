"""What watching costs: CPU of progress, log and metrics at 10,000 jobs, and the report's size and time.

A run of tiny jobs is told event by event; the share is of the CPU that the runner itself takes for such a run (`calls`
measures that: give it with --job-ms), and of one core for what a terminal redraws four times a second.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from runner.core import events as e
from runner.telemetry.log import EventLog
from runner.telemetry.metrics import Metrics
from runner.telemetry.progress import REFRESHES_PER_S, Progress
from runner.telemetry.report import fold_history
from tests.telemetry.conftest import Story
from tests.telemetry.report.test_page import facts_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks progress", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--job-ms", type=float, default=9.8, help="CPU of the runner for one tiny job, in ms")
    options = parser.parse_args()
    events = _events(options.jobs)
    print(f"{options.jobs:,} jobs, {len(events):,} events")
    with TemporaryDirectory() as folder:
        for name, cost in _costs(events, Path(folder)).items():
            share = cost / options.jobs / (options.job_ms / 1000)
            print(f"  {name:9} {1e6 * cost / options.jobs:7.1f} us a job  {share:6.2%} of the runner's CPU")
    drawn = _drawing(options.jobs)
    share = drawn * REFRESHES_PER_S
    print(f"  a redraw  {1e3 * drawn:7.2f} ms        {share:6.2%} of a core, {REFRESHES_PER_S} a second")
    began = time.process_time()
    fold_history(events)
    print(f"  the report's fold of the journal: {time.process_time() - began:.2f} s")
    for jobs in (100, options.jobs):
        _report(jobs)


def _events(jobs: int) -> list[e.Event]:
    story = Story()
    events: list[e.Event] = []
    story.watchers.append(events.append)
    _tell(story, jobs)
    return events


def _tell(story: Story, jobs: int) -> None:
    story.ready(jobs)
    for number in range(jobs):
        story.at += 0.1
        story.start(number)
        story.end(number)
        story.collect(number)
        story.merge(number)


def _costs(events: list[e.Event], folder: Path) -> dict[str, float]:
    """Seconds that each observer takes for all events, each timed by itself."""
    found = {}
    for name in ("progress", "log", "metrics"):
        story = Story()
        watcher = _watcher(name, story, folder)
        taken = 0
        for event in events:
            story.tell(event)
            began = time.perf_counter_ns()
            watcher(event)
            taken += time.perf_counter_ns() - began
        found[name] = taken / 1e9
    return found


def _watcher(name: str, story: Story, folder: Path) -> Callable[[e.Event], None]:
    match name:
        case "progress":
            progress = Progress(console=Console(file=io.StringIO()), name="bench")
            progress.watch(story.run)
            return progress.notice
        case "log":
            return EventLog(folder / "log.jsonl", run=story.run).notice
        case _:
            return Metrics(story.run).notice


def _drawing(jobs: int) -> float:
    """Seconds of CPU of one redraw, with half of the jobs done and ten active."""
    story = Story()
    progress = Progress(console=Console(file=io.StringIO(), force_terminal=True, width=120), name="bench")
    story.ready(jobs)
    progress.watch(story.run)
    story.watchers.append(progress.notice)
    for number in range(jobs // 2):
        story.start(number)
        story.end(number)
        story.collect(number)
    for number in range(jobs // 2, jobs // 2 + 10):
        story.start(number)
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    began = time.process_time()
    for _ in range(100):
        console.print(progress._render())  # noqa: SLF001 - what the terminal's thread does
    return (time.process_time() - began) / 100


def _report(jobs: int) -> None:
    from runner.telemetry.report import render_report

    facts = facts_of(jobs)
    began = time.process_time()
    page = render_report(facts).encode()
    print(f"  a report of {jobs:,} jobs: {len(page) / 1000:,.0f} kB in {time.process_time() - began:.2f} s")


if __name__ == "__main__":
    main()
