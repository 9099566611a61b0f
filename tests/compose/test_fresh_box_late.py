"""A box is lost that worked on two lanes, or had trained, sorted by language, or cut: nothing is bought twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.compose.boxes import lease
from runner.core import events as e
from tests.acceptance.house import Endpoint, House, kill_group, serving, wait_until
from tests.compose.test_models import GENRE, models, training_data

SLOWLY = ("--timing", "service", "--time-scale", "0.002")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Two endpoints whose jobs take most of a second: two accounts, so to speak."""
    options = ("--analyzers", "noop", "--workers", "1", *SLOWLY)
    near, far = (tmp_path_factory.mktemp(name) for name in ("near", "far"))
    with serving(near, *options) as first, serving(far, *options) as second:
        yield first, second


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that tells languages."""
    with serving(tmp_path_factory.mktemp("knowing"), "--workers", "1") as endpoint:
        yield endpoint


@pytest.fixture
def box(house: House, tmp_path: Path) -> House:
    """A box with six jobs of one document each before it."""
    first = House(root=tmp_path / "first", endpoint=house.endpoint, bucket=house.bucket)
    first.furnish()
    first.tell(policy={"max_job_documents": 1})
    return first


def another(box: House) -> House:
    """A box with the same sources and the same manifest."""
    other = House(root=box.root.parent / "second", endpoint=box.endpoint, bucket=box.bucket)
    shutil.copytree(box.root, other.root, ignore=shutil.ignore_patterns("runs"))
    other.tell(**box.manifest)
    return other


def lose(box: House, *rules: dict[str, Any], for_s: float = 2.5) -> list[e.Event]:
    """A run that does not come to its end, and its box with it; what its journal said."""
    box.endpoint.set_faults(*rules)
    said = box.run("--for", f"{for_s}s")
    assert said.code == 5, said.err
    box.endpoint.set_faults()
    told = box.events()
    shutil.rmtree(box.root / "runs")
    return told


def of(told: list[e.Event], *kinds: type[e.Event]) -> list[e.Event]:
    return [event for event in told if isinstance(event, kinds)]


def test_a_box_killed_at_work_on_two_lanes(
    two: tuple[Endpoint, Endpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 and the directory gone: the jobs of both lanes are found, those that ran and those that had ended."""
    monkeypatch.setattr(lease, "LEASE_S", 0.0)
    near, far = two
    box = House(root=tmp_path / "first", endpoint=near, bucket=near.make_bucket("two"))
    box.furnish(documents=8)
    narrow = {"active_jobs": 1, "start_per_s": 1000, "read_per_s": 1000, "stop_per_s": 1000}
    there = {"endpoint": far.url, "staging": f"s3://{far.make_bucket('two')}/runner/"}
    lanes = [box.lane(quotas=narrow), box.lane(name="far", quotas=narrow, **there)]
    corpus = {"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "auto"}
    box.tell(lanes=lanes, corpora=[corpus], policy={"max_job_documents": 1})
    process = box.begin("run", "m.yaml", "--yes", "--workers", "1")
    wait_until(lambda: min(near.accepted, far.accepted) >= 2 or process.poll() is not None)
    kill_group(process)
    shutil.rmtree(box.root / "runs")
    bought = near.accepted + far.accepted
    fresh = another(box)

    said = fresh.run()

    assert said.code == 0, said.err
    assert f"{bought} of 8 jobs were started there" in said.talk
    assert fresh.outcomes() == {"ok": 8}
    assert near.accepted + far.accepted == 8
    assert {event.lane for event in fresh.events() if isinstance(event, e.StartIntended)} == {"near", "far"}
    assert fresh.command("verify").code == 0


def test_languages_that_were_told_are_told_again(knowing: Endpoint, tmp_path: Path) -> None:
    """The jobs that followed from them are those of the first box, and not bought twice."""
    box = House(root=tmp_path / "first", endpoint=knowing, bucket=knowing.make_bucket("told"))
    box.furnish()
    corpus = {"name": "lines", "source": "data/lines.txt", "format": "lines", "language": {"from": "dominant_language"}}
    one_each = {"max_job_documents": 1}
    box.tell(corpora=[corpus], analyses=["dominant_language", "entities"], policy=one_each)
    before = box.endpoint.accepted
    told = lose(box, {"operation": "StartEntities*", "do": "throttle", "after": 2})
    assert len(of(told, e.LanguagesRouted)) == 1
    bought = box.endpoint.accepted - before
    assert 6 < bought < 12
    fresh = another(box)

    said = fresh.run()

    assert said.code == 0, said.err
    assert f"{bought} of 12 jobs were started there" in said.talk
    assert fresh.endpoint.accepted == before + 12
    assert {line["language"] for line in fresh.lines()} == {"en"}
    assert fresh.outcomes("entities") == fresh.outcomes("dominant_language") == {"ok": 6}
    assert fresh.command("verify").code == 0


@pytest.mark.parametrize("lost", ["before its first job", "after that"])
def test_a_model_that_was_asked_for_is_not_asked_for_again(box: House, lost: str) -> None:
    training_data(box)
    box.tell(analyses=[GENRE])
    rule = {"after": 2} if lost == "after that" else {}
    told = lose(box, {"operation": "StartDocument*", "do": "throttle", **rule})
    (asked,) = of(told, e.TrainingIntended)
    fresh = another(box)

    said = fresh.run()

    assert said.code == 0, said.err
    assert [model["DocumentClassifierArn"] for model in models(fresh)] == [asked.arn]
    assert fresh.outcomes("genre") == {"ok": 6}
    (again,) = of(fresh.events(), e.TrainingIntended)
    assert (again.arn, again.usd) == (asked.arn, asked.usd), "what was bought counts towards the budget here too"


def test_a_job_that_was_cut_is_not_sent_whole_again(box: House) -> None:
    """Nor its pieces: the search for the document that brings them down goes on where it was."""
    texts = [f"Line {n} about {'arsenic' if n == 5 else 'sugar'}." for n in range(8)]
    box.write("data/lines.txt", "".join(f"{text}\n" for text in texts))
    box.tell(policy=None)
    before = box.endpoint.accepted
    poison = {"operation": "Start*Job", "text": "arsenic", "do": "job_failed", "message": "INVALID_DOCUMENT: no"}
    told = lose(box, {"operation": "Start*", "do": "throttle", "after": 4}, poison)
    assert of(told, e.JobCut)
    fresh = another(box)
    fresh.endpoint.set_faults(poison)

    said = fresh.run()

    assert said.code == 3, said.err
    assert fresh.outcomes() == {"ok": 7, "error JOB_FAILED": 1}
    started = of(fresh.events(), e.StartIntended)
    assert fresh.endpoint.accepted - before == len({(event.job, event.generation) for event in started}) == len(started)
    assert {event.job for event in of(told, e.StartIntended)} <= {event.job for event in started}
    assert fresh.command("verify").code == 0
