"""A box is lost, and another takes its run up: nothing is bought twice, and the results have the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from runner.compose.boxes import lease
from runner.compose.boxes.record import intent_key, read_intent
from runner.core import events as e
from runner.model import JobKey
from tests.acceptance.house import Endpoint, House, Said, ended, kill_group, serving, wait_until

JOBS = 6
AFTER_TWO = {"operation": "Start*", "do": "throttle", "after": 2}


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint whose jobs take most of a second, time enough to lose a box."""
    slowly = ("--timing", "service", "--time-scale", "0.002")
    with serving(tmp_path_factory.mktemp("serve"), "--analyzers", "noop", "--workers", "1", *slowly) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(unhurried: Endpoint) -> Iterator[Endpoint]:
    yield unhurried
    unhurried.set_faults()


@pytest.fixture
def box(house: House, tmp_path: Path) -> House:
    """A box with six jobs of one document each before it."""
    first = House(root=tmp_path / "first", endpoint=house.endpoint, bucket=house.bucket)
    first.furnish()
    first.tell(policy={"max_job_documents": 1})
    return first


@pytest.fixture
def fresh(box: House, tmp_path: Path) -> House:
    """Another box with the same sources and the same manifest."""
    other = House(root=tmp_path / "second", endpoint=box.endpoint, bucket=box.bucket)
    shutil.copytree(box.root / "data", other.root / "data")
    other.tell(**box.manifest)
    return other


@pytest.fixture
def unleased(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease is old as soon as it is written."""
    monkeypatch.setattr(lease, "LEASE_S", 0.0)


def stop_early(box: House, *rules: dict[str, Any], for_s: float = 2.5) -> int:
    """A run that ends before it is done, and its box with it; how many jobs it has bought."""
    before = box.endpoint.accepted
    box.endpoint.set_faults(*rules)
    said = box.run("--for", f"{for_s}s")
    assert said.code == 5, said.err
    box.endpoint.set_faults()
    shutil.rmtree(box.root / "runs")
    return box.endpoint.accepted - before


def keys(box: House) -> list[str]:
    """Everything that lies in the staging bucket."""
    assert box.endpoint is not None
    with urllib.request.urlopen(f"{box.endpoint.url}/{box.bucket}?list-type=2", timeout=10) as answer:
        return [node.text or "" for node in ET.parse(answer).iter() if node.tag.endswith("Key")]


def check_refused(said: Said, *words: str) -> None:
    assert said.code == 2, said.err
    assert "Traceback" not in said.err
    assert "hint:" in said.err
    for word in words:
        assert word in said.talk


def test_a_fresh_box_takes_up_what_another_has_bought(box: House, fresh: House, undisturbed: dict[str, bytes]) -> None:
    before = box.endpoint.accepted
    bought = stop_early(box, AFTER_TWO)
    assert 0 < bought < JOBS

    said = fresh.run()

    assert said.code == 0, said.err
    assert "taking it up" in said.talk
    assert f"{bought} of {JOBS} jobs were started there" in said.talk
    assert fresh.results() == undisturbed
    assert fresh.endpoint.accepted == before + JOBS
    assert fresh.directory.root.name in keys(fresh)[0], "the outputs lie under the run id that the first box gave"


def test_a_job_that_runs_is_watched_and_not_bought_again(
    box: House, fresh: House, undisturbed: dict[str, bytes]
) -> None:
    before = box.endpoint.accepted
    process = begin(box, before)
    process.terminate()
    assert ended(process).code == 130
    shutil.rmtree(box.root / "runs")
    bought = box.endpoint.accepted - before

    said = fresh.run()

    assert said.code == 0, said.err
    assert f"{bought} of {JOBS} jobs were started there" in said.talk
    assert fresh.results() == undisturbed
    assert fresh.endpoint.accepted == before + JOBS


def test_generations_that_came_to_nothing_are_not_bought_again(box: House, fresh: House) -> None:
    before = box.endpoint.accepted
    failing = {"operation": "Start*", "do": "job_failed", "times": 1}
    assert stop_early(box, failing, {"operation": "Start*", "do": "throttle", "after": 2}) == 2, "one job, twice"

    said = fresh.run()

    assert said.code == 0, said.err
    assert fresh.outcomes() == {"ok": 6}
    assert fresh.endpoint.accepted == before + JOBS + 1
    started = [(event.job, event.generation) for event in fresh.events() if isinstance(event, e.StartIntended)]
    assert sorted(generation for _, generation in started) == [0, 0, 0, 0, 0, 0, 1]


def test_lines_that_were_sent_again_are_not_sent_once_more(
    box: House, fresh: House, undisturbed: dict[str, bytes]
) -> None:
    box.tell(policy=None)
    fresh.tell(policy=None)
    before = box.endpoint.accepted
    box.endpoint.set_faults({"operation": "Start*", "do": "rows_missing", "times": 1})
    process = box.begin("run", "m.yaml", "--yes", "--workers", "1")
    wait_until(lambda: box.endpoint.accepted == before + 2 or process.poll() is not None)
    process.terminate()
    assert ended(process).code == 130, "with the job, and the one that sends its missing lines again"
    shutil.rmtree(box.root / "runs")

    said = fresh.run()

    assert said.code == 0, said.err
    assert fresh.results() == undisturbed
    assert fresh.endpoint.accepted == before + 2


def test_killed_while_it_starts_a_job(box: House, fresh: House, unleased: None, undisturbed: dict[str, bytes]) -> None:
    before = box.endpoint.accepted
    process = begin(box, before, {"operation": "Start*", "do": "answer_lost"})
    kill_group(process)
    shutil.rmtree(box.root / "runs")
    box.endpoint.set_faults()

    said = fresh.run()

    assert said.code == 0, said.err
    assert fresh.results() == undisturbed
    assert fresh.endpoint.accepted == before + JOBS


def begin(box: House, before: int, *rules: dict[str, Any]) -> subprocess.Popen[str]:
    """A run in a process of its own that has just bought a job."""
    box.endpoint.set_faults(*rules)
    process = box.begin("run", "m.yaml", "--yes", "--workers", "1")
    wait_until(lambda: box.endpoint.accepted > before or process.poll() is not None)
    return process


def test_a_lost_box_that_comes_back_is_refused(box: House, fresh: House) -> None:
    box.endpoint.set_faults(AFTER_TWO)
    assert box.run("--for", "2.5s").code == 5
    box.endpoint.set_faults()
    before = box.endpoint.accepted
    assert fresh.run("--for", "100ms").code in {0, 5}

    bought = box.endpoint.accepted
    check_refused(box.run(), "was taken up by another box", "move the directory away")

    assert box.endpoint.accepted == bought
    assert bought >= before


def test_two_boxes_at_once(box: House, fresh: House) -> None:
    """The second is told who is at work."""
    before = box.endpoint.accepted
    process = begin(box, before, AFTER_TWO)

    check_refused(fresh.run(), f"process {process.pid}", "wait for it or end it there")

    assert fresh.directories() == [], "nothing is surveyed in vain"
    process.terminate()
    assert ended(process).code == 130
    box.endpoint.set_faults()
    assert fresh.run().code == 0
    assert box.endpoint.accepted == before + JOBS


def test_other_sources_than_were_sent_are_refused(box: House, fresh: House) -> None:
    stop_early(box, AFTER_TWO)
    bought = box.endpoint.accepted
    sources = fresh.root / "data/lines.txt"
    as_sent = sources.read_bytes()
    sources.write_bytes(as_sent.replace(b"Lisbon", b"London"))

    check_refused(fresh.run(), "corpus lines is not what the other box sent", "put its sources back", "--again")

    assert fresh.endpoint.accepted == bought
    assert fresh.run("--again").code == 0
    assert fresh.endpoint.accepted == bought + JOBS


def test_a_lane_that_has_moved_is_refused(box: House, fresh: House) -> None:
    stop_early(box, AFTER_TWO)
    bought = box.endpoint.accepted
    fresh.tell(lanes=[fresh.lane(name="far")])

    check_refused(fresh.run(), "it may have jobs on lane near", "that lane is not open")

    assert fresh.endpoint.accepted == bought


def test_a_finished_run_is_nobodys_to_take_up(box: House, fresh: House) -> None:
    before = box.endpoint.accepted
    assert box.run().code == 0
    assert not any(key.startswith("by-identity/") for key in keys(box))

    said = fresh.run()

    assert said.code == 0, said.err
    assert "taking it up" not in said.talk
    assert fresh.endpoint.accepted == before + 2 * JOBS


def test_clean_removes_the_record(box: House) -> None:
    box.endpoint.set_faults(AFTER_TWO)
    assert box.run("--for", "2.5s").code == 5
    box.endpoint.set_faults()
    assert any("/record/" in key for key in keys(box))

    said = box.command("clean", "runs/small/latest", "--staged", "--remote", "--abandon")

    assert said.code == 0, said.err
    assert keys(box) == []


@pytest.mark.parametrize("damaged", ["by-identity", "record/run.json", "record/plan.jsonl"])
def test_a_damaged_record_is_named(box: House, fresh: House, damaged: str) -> None:
    stop_early(box, AFTER_TWO)
    (key,) = [key for key in keys(box) if damaged in key]
    request = urllib.request.Request(f"{box.endpoint.url}/{box.bucket}/{key}", b"{", method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass
    bought = box.endpoint.accepted

    check_refused(fresh.run(), "damaged", "--again")

    assert box.endpoint.accepted == bought


def test_an_intent_is_read_as_it_was_written_and_others_are_no_intents() -> None:
    assert read_intent(intent_key(JobKey("my-sentiment-b000001"), 2, 12.345)) == ("my-sentiment-b000001", 2, 12.345)
    assert read_intent("sentiment-b000001-0") == ("sentiment-b000001", 0, 0.0), "as records had it once"
    assert [read_intent(key) for key in ("", "x", "x-y", "-0@1", "x-1@y")] == [None] * 5
