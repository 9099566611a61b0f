"""SIGKILL to everything at any moment, then again the same command: the same bytes, and no job bought twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runner.core import events as e
from runner.journal import RunDirectory
from tests.acceptance.house import FAMILIES, LINES, Endpoint, House, children_of, ended, kill_group, serving, wait_until

KILLS = 4
ARGUMENTS = ("run", "m.yaml", "--yes", "--workers", "1", "--analyzers", "noop")


def furnish(house: House) -> None:
    """Three corpora, four analyses; several segments in one of them."""
    for n in range(40):
        house.write(f"data/texts/{n % 7}/{n:03}.txt", f"Text {n} of some texts.\nIt has two lines.\n" * (n % 5))
    house.write("data/lines.txt", LINES)
    house.write("data/many.txt", "".join(f"Document {n} of many.\n" for n in range(5_200)))
    house.tell(
        corpora=[
            {"name": "texts", "source": "data/texts", "format": "files", "language": "en"},
            {"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "en"},
            {"name": "many", "source": "data/many.txt", "format": "lines", "language": "en"},
        ],
        analyses=FAMILIES,
    )


def journalled(directory: Path) -> int:
    """How many events there are."""
    if not RunDirectory.at(directory).begun:
        return 0
    with closing(sqlite3.connect(f"file:{directory}/journal.db?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def accepted_by(endpoint_data: Path) -> int:
    """How many jobs an endpoint that does not run any more ever accepted."""
    with closing(sqlite3.connect(endpoint_data / "endpoint.db")) as db:
        return int(db.execute("SELECT count(*) FROM jobs").fetchone()[0])


def check(house: House, directory: Path, undisturbed: dict[str, bytes], accepted: int) -> None:
    """The same bytes, and as many jobs accepted as planned, each with one generation."""
    assert house.results(directory) == undisturbed
    events = house.events(directory)
    planned = {event.job.key for event in events if isinstance(event, e.JobPlanned)}
    assert accepted == len(planned)
    assert {event.generation for event in events if isinstance(event, e.StartIntended)} == {0}
    assert house.command("verify", str(directory)).code == 0
    assert house.leftovers() == []


def test_killed_at_random_moments_a_run_ends_as_if_nothing_had_happened(hermit: House) -> None:
    """Everything is killed at once, the embedded endpoint too. Moments are drawn by what is journalled, and by time."""
    furnish(hermit)
    began = time.monotonic()
    assert ended(hermit.begin(*ARGUMENTS, "--run-dir", "undisturbed")).code == 0
    duration = time.monotonic() - began
    undisturbed = hermit.results(hermit.root / "undisturbed")
    events = journalled(hermit.root / "undisturbed")
    draw = random.Random(os.urandom(8))
    directory = hermit.root / "disturbed"
    for kill in range(KILLS):
        process = hermit.begin(*ARGUMENTS, "--run-dir", "disturbed")
        if kill % 2:
            enough = draw.randint(journalled(directory) + 1, max(events, journalled(directory) + 2))
            wait_until(lambda p=process, n=enough: p.poll() is not None or journalled(directory) >= n)
        else:
            with suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0.2, duration / 2))
        kill_group(process)

    said = ended(hermit.begin(*ARGUMENTS, "--run-dir", "disturbed"))

    assert said.code == 0, said.err
    check(hermit, directory, undisturbed, accepted_by(directory / "endpoint"))


def test_killed_endpoint_beside_comes_back_and_the_run_goes_on(tmp_path: Path) -> None:
    """Its data directory holds the jobs; the runner waits for it, and buys nothing anew."""
    slow = ("--analyzers", "noop", "--workers", "1", "--timing", "service", "--time-scale", "0.002")
    with serving(tmp_path / "serve", *slow) as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("staging"))
        house.furnish()
        furnish(house)
        assert ended(house.begin(*ARGUMENTS, "--run-dir", "undisturbed")).code == 0
        undisturbed = house.results(tmp_path / "undisturbed")
        before = endpoint.accepted

        process = house.begin(*ARGUMENTS, "--run-dir", "disturbed")
        for jobs in (1, 4):
            wait_until(lambda n=jobs: process.poll() is not None or endpoint.accepted >= before + n)
            bounce(endpoint)
        said = ended(process)

        assert said.code == 0, said.err
        check(house, tmp_path / "disturbed", undisturbed, endpoint.accepted - before)


def bounce(endpoint: Endpoint) -> None:
    endpoint.kill()
    endpoint.restart()


@pytest.mark.parametrize("moment", ["ListingTaken", "StartAccepted"])
def test_an_embedded_endpoint_that_dies_is_started_again(hermit: House, moment: str) -> None:
    furnish(hermit)
    process = hermit.begin(*ARGUMENTS)
    wait_until(lambda: process.poll() is not None or (seen(hermit, moment) and bool(endpoints_of(process))))
    for pid in endpoints_of(process):
        os.kill(pid, signal.SIGKILL)
    said = ended(process)

    assert said.code == 0, said.err
    root = hermit.directory.root
    check(hermit, root, hermit.results(), accepted_by(root / "endpoint"))
    assert len(hermit.lines("many")) == 5_200


def seen(house: House, kind: str) -> bool:
    return bool(house.directories()) and any(type(event).__name__ == kind for event in house.events())


def endpoints_of(process: subprocess.Popen[str]) -> list[int]:
    """The embedded endpoint's process, once it is there."""
    found = []
    for pid in children_of(process.pid):
        with suppress(OSError):
            if b"runner.endpoint\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_an_embedded_endpoint_that_lost_its_data_has_its_jobs_done_again(hermit: House) -> None:
    """Another incarnation: what it had accepted is gone, and goes through as new generations."""
    furnish(hermit)
    process = hermit.begin(*ARGUMENTS)
    wait_until(lambda: process.poll() is not None or seen(hermit, "StartAccepted"))
    kill_group(process)
    root = hermit.directory.root
    if (root / "results/run.json").exists():
        pytest.skip("it was done before it could be killed")
    data = RunDirectory.at(root).endpoint
    for path in sorted(data.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    said = hermit.run()

    assert said.code == 0, said.err
    assert hermit.command("verify").code == 0
    assert len(hermit.lines("many")) == 5_200
