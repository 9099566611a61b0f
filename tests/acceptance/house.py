"""A house to run the program in: a folder with corpora and a manifest, an endpoint beside it, and what came out.

`House.run` calls the command line in this process, hastened; `House.begin` starts it as a process group of its own,
as it is, to be signalled and killed.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import anyio
import botocore.session
import pytest
import yaml
from anyio import to_thread
from botocore import xform_name

from runner.cli.app import run_app
from runner.core import events as e
from runner.core.polling import TIMINGS
from runner.core.retry import Policy
from runner.journal import Journal, RunDirectory, find_runs

T = TypeVar("T")
R = TypeVar("R")

ROLE = "arn:aws:iam::000000000000:role/test"
UNHURRIED = {"active_jobs": 10, "start_per_s": 1000, "read_per_s": 1000, "stop_per_s": 1000}
"""Quotas of an endpoint on this machine: nobody waits for a quota that is not there."""
FAMILIES = ["dominant_language", "entities", "key_phrases", "sentiment"]

LINES = b"one fine day\n\nsecond line here\r\nthird\n"
ROWS = b'{"key":"x1","text":"Hello from Berlin"}\n{"key":2,"text":null}\n[1]\n{"key":"x4","text":"All good"}\n'


class ThreadPool:
    """Stands in for `runner.engine.workers.WorkerPool`: threads, with everything pickled on the way all the same."""

    def __init__(self, size: int, *, prepare: Callable[[Path], None], directory: Path) -> None:
        self.size = size
        self._limiter = anyio.CapacityLimiter(size)

    async def run(self, function: Callable[[T], R], task: T) -> R:
        def work() -> R:
            copied = pickle.loads(pickle.dumps((function, task)))
            return pickle.loads(pickle.dumps(copied[0](copied[1])))

        return await to_thread.run_sync(work, limiter=self._limiter)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands called in this process use threads for worker processes, and look and retry without waiting.

    What `House.begin` begins is the program as it is.
    """
    at_once = Policy(base_s=0.01, cap_s=0.02, attempts_max=3, elapsed_max_s=float("inf"))
    calls = replace(TIMINGS["embedded"].calls, base_s=0.01, cap_s=0.1)
    monkeypatch.setitem(TIMINGS, "url", replace(TIMINGS["embedded"], grace_s=0.2, gap_max_s=0.1, calls=calls))
    monkeypatch.setattr("runner.compose.lanes.PAUSES_S", (0.01,) * 4)
    for module in ("running", "stopping"):
        monkeypatch.setattr(f"runner.compose.{module}.WorkerPool", ThreadPool)
    for module in [module for name, module in sys.modules.items() if name.startswith("runner.core.")]:
        for name in ("GENERATIONS", "OUTPUTS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, at_once)


def as_nobody(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Credentials that any endpoint on this machine takes, and none of the user's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def talk(self) -> str:
        """Its stderr on one line: tables and messages are wrapped for people."""
        return re.sub(r"\s+", " ", self.err)


@dataclass
class Endpoint:
    """A running endpoint process, seen from outside."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    options: Sequence[str] = ()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_runner/health", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    @property
    def accepted(self) -> int:
        """How many jobs it ever accepted."""
        return int(self.health()["jobs_accepted"])

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """Put these rules in force, and no others."""
        request = urllib.request.Request(f"{self.url}/_runner/faults", json.dumps(rules).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == {"rules": len(rules)}

    def rest(self) -> None:
        """Take off all faults and stop what still runs: the jobs that a test leaves hold slots of those to come."""
        self.set_faults()
        if self.health()["jobs_active"]:
            self._stop_all()
            wait_until(lambda: self.health()["jobs_active"] == 0)

    def _stop_all(self) -> None:
        client = botocore.session.Session().create_client("comprehend", "us-east-1", endpoint_url=self.url)
        operations = client.meta.service_model.operation_names
        kinds = [name.removeprefix("Stop") for name in operations if name.startswith("Stop") and name.endswith("Job")]
        for kind in kinds:
            (jobs,) = (
                value
                for key, value in getattr(client, xform_name(f"List{kind}s"))().items()
                if key.endswith("JobPropertiesList")
            )
            for job in jobs:
                if job["JobStatus"] in {"SUBMITTED", "IN_PROGRESS"}:
                    getattr(client, xform_name(f"Stop{kind}"))(JobId=job["JobId"])

    def make_bucket(self, name: str) -> str:
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=10):
            return name

    def kill(self) -> None:
        """End it as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def restart(self) -> None:
        """Begin again on the same data and port."""
        self.process, facts = _launch(self.data_dir, ["--port", str(self.port), *self.options])
        assert facts["endpoint_url"] == self.url

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self._close()

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()


def _launch(data_dir: Path, options: Sequence[str]) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    command = [sys.executable, "-m", "runner", "serve", "--data-dir", str(data_dir), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.stdout.close()
        raise AssertionError(f"the endpoint did not start, exit code {process.wait()}")
    return process, json.loads(line)


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Endpoint]:
    """`runner serve` as a process, for as long as the block lasts."""
    process, facts = _launch(data_dir, options)
    endpoint = Endpoint(url=facts["endpoint_url"], data_dir=data_dir, process=process, options=options)
    try:
        yield endpoint
    finally:
        endpoint.end()


@dataclass
class House:
    """A folder to run in. Commands are given relative to it; `runs/` appears in it."""

    root: Path
    endpoint: Endpoint | None = None
    bucket: str = ""
    manifest: dict[str, Any] = field(default_factory=dict)

    # --- furnishing -------------------------------------------------------------------------------------------------

    def write(self, path: str, content: bytes | str) -> Path:
        """A file below the house."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def tell(self, **keys: Any) -> None:
        """Write the manifest with these keys changed (None: left out)."""
        self.manifest = {key: value for key, value in {**self.manifest, **keys}.items() if value is not None}
        self.write("m.yaml", yaml.safe_dump(self.manifest, sort_keys=False, allow_unicode=True))

    def furnish(self, *analyses: str | dict[str, Any], documents: int = 6) -> None:
        """A small corpus of lines, the analyses (sentiment), and a lane if there is an endpoint beside."""
        texts = [f"Document number {n} says that all is well in Lisbon." for n in range(documents)]
        self.write("data/lines.txt", "".join(f"{text}\n" for text in texts))
        self.tell(
            version=1,
            name="small",
            lanes=[self.lane()] if self.endpoint else None,
            corpora=[{"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "en"}],
            analyses=list(analyses or ["sentiment"]),
        )

    def lane(self, **keys: Any) -> dict[str, Any]:
        """The lane of the endpoint beside."""
        assert self.endpoint is not None
        return {
            "name": "near",
            "endpoint": self.endpoint.url,
            "region": "us-east-1",
            "staging": f"s3://{self.bucket}/",
            "data_access_role": ROLE,
            "quotas": UNHURRIED,
            **keys,
        }

    # --- running ----------------------------------------------------------------------------------------------------

    def run(self, *arguments: str) -> Said:
        """`runner run m.yaml …`, agreed to and with no-op analyzers where it is embedded, in this process."""
        return self.command("run", "m.yaml", "--yes", "--workers", "2", "--analyzers", "noop", *arguments)

    def command(self, *arguments: str) -> Said:
        """Any command, in this process."""
        out, err = io.StringIO(), io.StringIO()
        before = Path.cwd()
        os.chdir(self.root)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run_app(arguments)
        finally:
            os.chdir(before)
        return Said(code, out.getvalue(), err.getvalue())

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Any command, as a process group of its own; the caller ends it (`ended`)."""
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    # --- what came out ----------------------------------------------------------------------------------------------

    def directories(self) -> list[RunDirectory]:
        """The runs, newest first."""
        runs = self.root / "runs"
        return [run for base in (sorted(runs.iterdir()) if runs.is_dir() else ()) for run in find_runs(base)]

    @property
    def directory(self) -> RunDirectory:
        """The one run that there is."""
        (found,) = self.directories()
        return found

    def results(self, directory: Path | None = None) -> dict[str, bytes]:
        """Every result file by its path below the results' folder, `run.json` left out: it holds times."""
        folder = (directory or self.directory.root) / "results"
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*.jsonl"))}

    def lines(self, corpus: str = "lines") -> list[dict[str, Any]]:
        """A corpus's result lines."""
        whole = b"".join(content for name, content in self.results().items() if name.startswith(f"{corpus}/"))
        return [json.loads(line) for line in whole.splitlines()]

    def outcomes(self, analysis: str = "sentiment", corpus: str = "lines") -> Counter[str]:
        """How many documents ended in which way: `ok`, or `error CODE`."""
        counts: Counter[str] = Counter()
        for line in self.lines(corpus):
            ending = line["outcome"][analysis]
            codes = [entry["code"] for entry in line["problems"] if entry["analysis"] == analysis]
            counts[ending if ending == "ok" else f"{ending} {codes[0]}"] += 1
        return counts

    def events(self, directory: Path | None = None) -> list[e.Event]:
        """The journal."""
        run = RunDirectory.at(directory or self.directory.root)
        with Journal.open(run.journal_path, read_only=True) as journal:
            return [event for _, event in journal.read()]

    def leftovers(self) -> list[str]:
        """Files that were being written and are not in place."""
        return [str(path) for path in self.root.rglob("*.tmp")]


def ended(process: subprocess.Popen[str], *, within_s: float = 60.0) -> Said:
    """Wait for a process that `begin` started; what is left of it after the time is killed, and the test fails."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise
    return Said(process.returncode, out, err)


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to a process and all that it started: its group, and those of an embedded endpoint."""
    for pid in [process.pid, *descendants_of(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def descendants_of(pid: int) -> list[int]:
    """All that a process started, and those started, by /proc; it is stopped first, so that none is missed."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    found = children_of(pid)
    for child in tuple(found):
        found += descendants_of(child)
    return found


def children_of(pid: int) -> list[int]:
    """The children of a process, by /proc."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def wait_until(happened: Callable[[], bool], *, within_s: float = 90.0) -> None:
    """Look at the world again and again until something is so."""
    until = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
