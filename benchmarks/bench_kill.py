"""Kill and resume: SIGKILL at random moments; the same bytes come out, and no job is bought twice.

    python -m benchmarks kill --data DIR

One manifest over three corpora of real texts and four analyses. First it runs undisturbed. Then again, and everything
(the runner, its workers, the embedded endpoint and its workers) is killed at once, 20 times, each time followed by the
same command; half of the moments are drawn by the clock, half by how many events are journalled, so that short phases
get their share. A run that ends between two kills is checked, and the next one begins. Then `runner serve` stands
beside and is killed 5 times under a runner that goes on. Checked each time: result files byte for byte those of the
undisturbed run, as many jobs accepted by the endpoint as planned, all in their first generation, and `runner verify`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from runner.core import events as e
from runner.journal import Journal

MANIFEST = """\
version: 1
name: killed
{lanes}corpora:
  - {{name: reviews, source: {data}/movie_reviews, format: files, language: en}}
  - {{name: sentences, source: [{data}/sentence_polarity/rt-polarity.pos, {data}/sentence_polarity/rt-polarity.neg],
     format: lines, language: en}}
  - {{name: inaugural, source: {data}/inaugural, format: files, language: en}}
analyses: [dominant_language, entities, key_phrases, sentiment]
policy: {{tolerate: {{errors: 10%}}}}
"""
LANE = """\
lanes:
  - {{name: beside, endpoint: "{url}", region: us-east-1, staging: "s3://staging/",
     data_access_role: "arn:aws:iam::000000000000:role/bench",
     quotas: {{active_jobs: 4, start_per_s: 1000, read_per_s: 1000, stop_per_s: 1000}}}}
"""
POLL_S = 0.005
NOBODY = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}


@dataclass
class Bench:
    """One manifest with one kind of analyzers, in a scratch folder."""

    scratch: Path
    data: Path
    analyzers: str
    limit: int | None
    draw: random.Random
    undisturbed: dict[str, bytes] = field(default_factory=dict)
    duration_s: float = 0.0
    events: int = 0
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def begin(self, name: str, *, url: str | None = None) -> subprocess.Popen[bytes]:
        """The run `name`, begun or gone on with, as a process group of its own."""
        manifest = self.scratch / ("beside.yaml" if url else "embedded.yaml")
        manifest.write_text(MANIFEST.format(lanes=LANE.format(url=url) if url else "", data=self.data))
        command = [sys.executable, "-m", "runner", "run", str(manifest), "--run-dir", str(self.scratch / name)]
        command += ["--yes", "--analyzers", self.analyzers]
        command += ["--limit", str(self.limit)] if self.limit else []
        log = (self.scratch / f"{name}.log").open("ab")
        with log:
            return subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, env=os.environ | NOBODY
            )

    def finish(self, name: str, *, url: str | None = None) -> float:
        """Let a run come to its end; seconds."""
        began = time.perf_counter()
        self.ended(name, self.begin(name, url=url).wait())
        return time.perf_counter() - began

    def ended(self, name: str, code: int) -> None:
        """Refuse to go on after a run that did not end well."""
        if code:
            words = (self.scratch / f"{name}.log").read_text().splitlines()[-12:]
            raise SystemExit("\n".join([f"the run {name} ended with {code}:", *words]))

    def check(self, name: str, accepted: int) -> None:
        """The same bytes, as many jobs accepted as planned, and closed books."""
        folder = self.scratch / name
        if results_of(folder) != self.undisturbed:
            raise SystemExit(f"{name}: the results differ from the undisturbed run's; they are in {folder}")
        with Journal.open(folder / "journal.db", read_only=True) as journal:
            events = [event for _, event in journal.read()]
        planned = {event.job.key for event in events if isinstance(event, e.JobPlanned)}
        later = [event for event in events if isinstance(event, e.StartIntended) and event.generation]
        if accepted != len(planned) or later:
            raise SystemExit(f"{name}: {len(planned)} jobs planned, {accepted} accepted, {len(later)} begun again")
        subprocess.run([sys.executable, "-m", "runner", "verify", str(folder)], check=True, stdout=subprocess.DEVNULL)
        sessions = sum(isinstance(event, e.SessionOpened) for event in events)
        print(
            f"  {name}: {len(self.undisturbed)} result files identical, {accepted} jobs accepted of {len(planned)} "
            f"planned, verified; {sessions} sessions, {len(events)} events"
        )

    # --- the runner and all it started ------------------------------------------------------------------------------

    def kill_runners(self, kills: int) -> None:
        """Kill everything that many times, over as many runs as it takes."""
        left, number = kills, 0
        while left:
            number += 1
            name = f"disturbed-{number}"
            while left and self._killed(name):
                left -= 1
            self.finish(name)
            self.check(name, accepted_by(self.scratch / name / "endpoint"))

    def _killed(self, name: str) -> bool:
        """Go on with a run and kill it at a random moment; whether it was still alive."""
        folder = self.scratch / name
        before = journalled(folder)
        by_time = self.draw.random() < 0.5
        moment = self.draw.uniform(0.0, self.duration_s)
        enough = self.draw.randint(before + 1, max(before + 1, self.events))
        began = time.perf_counter()
        process = self.begin(name)
        while process.poll() is None:
            age = time.perf_counter() - began
            if age >= moment if by_time else journalled(folder) >= enough:
                break
            time.sleep(POLL_S)
        if process.poll() is not None:
            self.ended(name, process.returncode)
            return False
        count = kill_all(process)
        last, total = last_event(folder)
        drawn = f"{moment:.2f} s" if by_time else f"event {enough}"
        self.rows.append((name, drawn, f"{time.perf_counter() - began:.2f}", str(count), str(total), last))
        return True

    # --- the endpoint beside ----------------------------------------------------------------------------------------

    def kill_endpoints(self, kills: int) -> None:
        """Kill the endpoint under runners that go on, that many times."""
        data_dir = self.scratch / "serve"
        process, url = serve(data_dir, self.analyzers)
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{url}/staging", method="PUT"), timeout=10):
                pass
            left, number = kills, 0
            while left:
                number += 1
                name, before = f"beside-{number}", accepted_by(data_dir)
                runner = self.begin(name, url=url)
                while left and runner.poll() is None:
                    began = time.perf_counter()
                    moment = self.draw.uniform(0.0, self.duration_s / 2)
                    while runner.poll() is None and time.perf_counter() - began < moment:
                        time.sleep(POLL_S)
                    if runner.poll() is not None:
                        break
                    count = kill_all(process)
                    last, total = last_event(self.scratch / name)
                    self.rows.append((name, f"{moment:.2f} s", "", str(count), str(total), last))
                    process, _ = serve(data_dir, self.analyzers, port=int(url.rpartition(":")[2]))
                    left -= 1
                self.ended(name, runner.wait())
                self.check(name, accepted_by(data_dir) - before)
        finally:
            kill_all(process)


def results_of(folder: Path) -> dict[str, bytes]:
    """The result files of a run, by name."""
    results = folder / "results"
    return {str(path.relative_to(results)): path.read_bytes() for path in sorted(results.glob("*/*.jsonl"))}


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A database to read from, also beside its writer."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection


def journalled(folder: Path) -> int:
    """How many events a run's journal has; none before there is one."""
    if not (folder / "journal.db").exists():
        return 0
    with database(folder / "journal.db") as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def last_event(folder: Path) -> tuple[str, int]:
    """The name of the last event, and how many there are."""
    if not journalled(folder):
        return "nothing yet", 0
    with Journal.open(folder / "journal.db", read_only=True) as journal:
        *_, (number, event) = journal.read()
    return type(event).__name__, number


def accepted_by(data_dir: Path) -> int:
    """How many jobs an endpoint ever accepted, by its own books."""
    with database(data_dir / "endpoint.db") as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])


def serve(data_dir: Path, analyzers: str, *, port: int = 0) -> tuple[subprocess.Popen[bytes], str]:
    """`runner serve` on a data directory, and its URL."""
    command = [sys.executable, "-m", "runner", "serve", "--data-dir", str(data_dir), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--analyzers", analyzers], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"the endpoint did not start, exit code {process.wait()}")
    return process, json.loads(line)["endpoint_url"]


def kill_all(process: subprocess.Popen[bytes]) -> int:
    """SIGKILL to a process and to all that it started; how many they were."""
    try:
        root = psutil.Process(process.pid)
        root.suspend()  # so that it starts no more meanwhile
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        try:
            os.kill(member.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    return len(family)


def show(rows: list[tuple[str, ...]]) -> None:
    """Every kill, and over all of them what was last journalled."""
    head = ("run", "drawn", "after s", "processes", "events", "last event")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    phases = Counter(row[-1] for row in rows)
    print("  " + ", ".join(f"{count} after {name}" for name, count in phases.most_common()))


def bench(data: Path, analyzers: str, limit: int | None, *, kills: int, endpoint_kills: int, seed: int) -> None:
    """One kind of analyzers: undisturbed, killed, and with an endpoint that is killed."""
    documents = f"at most {limit} documents per corpus" if limit else "all documents"
    print(f"\n{analyzers} analyzers, {documents}, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-kill-") as scratch:
        bench = Bench(Path(scratch), data, analyzers, limit, random.Random(seed))
        bench.duration_s = bench.finish("undisturbed")
        bench.undisturbed = results_of(bench.scratch / "undisturbed")
        bench.events = journalled(bench.scratch / "undisturbed")
        size = sum(map(len, bench.undisturbed.values()))
        print(f"  undisturbed: {bench.duration_s:.1f} s, {size:,} bytes of results, {bench.events} events", flush=True)
        began = time.perf_counter()
        bench.kill_runners(kills)
        print(f"  {kills} kills of everything, {time.perf_counter() - began:.0f} s", flush=True)
        began = time.perf_counter()
        bench.kill_endpoints(endpoint_kills)
        print(f"  {endpoint_kills} kills of the endpoint beside, {time.perf_counter() - began:.0f} s", flush=True)
        show(bench.rows)


def main() -> None:
    """Kill, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with movie_reviews, sentence_polarity, inaugural")
    add("--kills", type=int, default=20, help="of everything, with no-op analyzers (%(default)s)")
    add("--endpoint-kills", type=int, default=5, help="of `runner serve` under a runner (%(default)s)")
    add("--default-kills", type=int, default=5, help="of everything, with the real analyzers; 0: none (%(default)s)")
    add("--default-limit", type=int, default=300, help="documents per corpus for the real analyzers (%(default)s)")
    add("--seed", type=int, default=None, help="of the moments; the machine adds its own chance")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    data = arguments.data.resolve()
    bench(data, "noop", None, kills=arguments.kills, endpoint_kills=arguments.endpoint_kills, seed=seed)
    if arguments.default_kills:
        bench(data, "default", arguments.default_limit, kills=arguments.default_kills, endpoint_kills=1, seed=seed)


if __name__ == "__main__":
    main()
