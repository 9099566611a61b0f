"""Runs that share a store of answers: only what is new is bought, and results are those of a run that bought all."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import time
from types import SimpleNamespace
from typing import Any

import pytest

from runner.core import events as e
from runner.journal import Journal, RunDirectory
from runner.model import KeepReport, KeepTask, LookupReport, LookupTask, RenameReport, RenameTask
from runner.results.reuse import find_answers, keep_answers, rename_lines
from tests.acceptance.house import FAMILIES, House, Said

TEXTS = [f"Mary Smith saw a {word} film in Berlin." for word in ("good", "bad", "dull", "great", "poor", "sad", "odd")]
LONG = " ".join(f"Sentence {number} of a long story about Paris is here." for number in range(120))


def _lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


@pytest.fixture
def tell(house: House) -> Callable[..., None]:
    """Write the corpus of a manifest with a store: tell(texts, analyses=…, output=…, policy=…)."""

    def write(*texts: str, name: str = "lines", **more: Any) -> None:
        house.write(f"data/{name}.txt", _lines(*texts))
        source = {"name": name, "source": f"data/{name}.txt", "format": "lines", "language": "en"}
        policy = {"reuse": {"from": "answers"}, **more.pop("policy", {})}
        house.tell(**{"corpora": [source], "analyses": FAMILIES, "policy": policy, **more})

    return write


@pytest.fixture
def runs(house: House) -> Callable[..., Said]:
    """Run in a directory of its own, verified if it ends well; the endpoint's jobs are counted."""

    def run(name: str, *options: str) -> Said:
        said = house.run("--run-dir", name, *options)
        if said.code == 0:
            assert house.command("verify", str(house.root / name)).code == 0
        return said

    return run


def _bought(house: House, name: str) -> dict[str, int]:
    """Lines that jobs of a run read, by analysis."""
    found: dict[str, int] = {}
    batches: dict[str, int] = {}
    with Journal.open(RunDirectory.at(house.root / name).journal_path, read_only=True) as journal:
        for _, event in journal.read():
            match event:
                case e.BatchPlanned(batch=batch):
                    batches[batch.id] = batch.lines
                case e.JobPlanned(job=job):
                    found[job.analysis] = found.get(job.analysis, 0) + batches[job.batch]
                case _:
                    pass
    return found


def _summary(house: House, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((house.root / name / "results/run.json").read_bytes())
    return found


def test_a_second_run_buys_nothing_and_a_third_what_is_new(house: House, tell: Any, runs: Any) -> None:
    tell(*TEXTS, "", TEXTS[0])
    assert runs("first").code == 0
    assert _bought(house, "first") == dict.fromkeys(FAMILIES, len(TEXTS))

    accepted = house.endpoint.accepted
    assert runs("second").code == 0
    assert house.endpoint.accepted == accepted
    assert house.results(house.root / "second") == house.results(house.root / "first")
    assert _summary(house, "second")["summary"]["reused"] == len(FAMILIES) * (len(TEXTS) + 1)
    assert not (house.root / "second/reused").exists()

    changed = [*TEXTS[:3], "Something else happened in Rome.", *TEXTS[4:]]
    tell(*changed, "", TEXTS[0])
    assert runs("third").code == 0
    assert _bought(house, "third") == dict.fromkeys(FAMILIES, 1)
    tell(*changed, "", TEXTS[0], policy={"reuse": {"from": "elsewhere"}})
    assert runs("plain").code == 0
    assert house.results(house.root / "third") == house.results(house.root / "plain")


def test_an_added_analysis_is_all_that_is_bought(house: House, tell: Any, runs: Any) -> None:
    both = {"family": "pii_entities", "name": "pii", "mode": "both"}
    tell(*TEXTS, analyses=["sentiment"])
    runs("first")
    tell(*TEXTS, analyses=["sentiment", both])
    assert runs("second").code == 0
    assert _bought(house, "second") == {"pii": len(TEXTS)}

    # One that is masked here has the same answers as one that is not.
    tell(*TEXTS, analyses=[{**both, "name": "masked", "mask": "*"}, {**both, "name": "found", "mode": "offsets"}])
    assert runs("third").code == 0
    assert _bought(house, "third") == {}
    tell(*TEXTS, analyses=[{**both, "name": "gone", "mode": "redaction"}])
    assert runs("fourth").code == 0
    assert _bought(house, "fourth") == {"gone": len(TEXTS)}


def test_pieces_of_long_documents_are_reused_and_stitched(house: House, tell: Any, runs: Any) -> None:
    analyses = ["entities", {"family": "pii_entities", "name": "pii", "mode": "redaction"}]
    tell(LONG * 20, TEXTS[0], analyses=analyses)
    runs("first")
    tell(LONG * 20 + " And more in London.", TEXTS[0], analyses=analyses)
    assert runs("second").code == 0
    assert _bought(house, "second") == {"entities": 1, "pii": 1}
    tell(LONG * 20 + " And more in London.", TEXTS[0], analyses=analyses, policy={"reuse": {"from": "elsewhere"}})
    assert runs("plain").code == 0
    assert house.results(house.root / "second") == house.results(house.root / "plain")


def test_texts_that_corpora_share_are_reused_by_both(house: House, tell: Any, runs: Any) -> None:
    tell(*TEXTS[:4])
    runs("first")
    corpora = [
        {"name": name, "source": f"data/{name}.txt", "format": "lines", "language": "en"} for name in ("one", "two")
    ]
    house.write("data/one.txt", _lines(*TEXTS[:5], TEXTS[6]))
    house.write("data/two.txt", _lines(*reversed(TEXTS)))
    told = {"corpora": corpora, "analyses": FAMILIES}
    house.tell(**told, policy={"reuse": {"from": "answers"}})
    assert runs("second").code == 0
    assert _bought(house, "second") == dict.fromkeys(FAMILIES, 3)
    house.tell(**told, policy={})
    assert runs("plain").code == 0
    assert house.results(house.root / "second") == house.results(house.root / "plain")


def test_only_changed_documents_have_a_line(house: House, tell: Any, runs: Any) -> None:
    changed = {"emit": "changed"}
    tell(*TEXTS, "", analyses=["sentiment"], output=changed)
    assert runs("first").code == 0
    whole = house.results(house.root / "first")["lines/00000.jsonl"].splitlines()
    assert len(whole) == len(TEXTS) + 1

    tell(*TEXTS[:2], "New.", *TEXTS[3:], "", analyses=["sentiment"], output=changed)
    said = runs("second")
    assert said.code == 0
    lines = house.results(house.root / "second")["lines/00000.jsonl"].splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["lines.txt:2", f"lines.txt:{len(TEXTS)}"]
    assert f"2 of {len(TEXTS) + 1} documents written, {len(TEXTS) - 1} unchanged" in said.talk
    summary = _summary(house, "second")["summary"]
    assert (summary["written"], summary["unchanged"], summary["ok"]) == (2, len(TEXTS) - 1, len(TEXTS))
    assert f"{len(TEXTS) + 1} of {len(TEXTS) + 1} documents" in house.command("verify", str(house.root / "second")).out
    assert "line 1" in house.command("why", str(house.root / "second"), "lines", "lines.txt:2").out
    assert "reused from" in house.command("why", str(house.root / "second"), "lines", "lines.txt:1").out

    path = house.root / "second/results/lines/00000.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in [*lines, whole[0]]))
    assert house.command("verify", str(house.root / "second")).code == 3

    tell(*TEXTS[:2], "New.", *TEXTS[3:], "", analyses=["sentiment", "entities"], output=changed)
    assert runs("third").code == 0
    assert len(house.results(house.root / "third")["lines/00000.jsonl"].splitlines()) == len(TEXTS) + 1


def test_errors_are_not_kept_and_retried_beside_documents_without_a_line(house: House, tell: Any, runs: Any) -> None:
    tell(*TEXTS[:3], analyses=["sentiment"])
    runs("first")
    tell(*TEXTS[:2], "New.", TEXTS[2], analyses=["sentiment"], output={"emit": "changed"}, policy={"repair_rounds": 0})
    house.endpoint.set_faults({"operation": "Start*", "do": "job_failed"})
    try:
        assert runs("second").code == 3
    finally:
        house.endpoint.set_faults()
    assert house.command("retry", str(house.root / "second")).code == 0
    assert runs("second").code == 0
    (line,) = house.results(house.root / "second")["lines/00000.jsonl"].splitlines()
    assert json.loads(line)["outcome"] == {"sentiment": "ok"}


def test_plan_says_what_is_reused(house: House, tell: Any, runs: Any) -> None:
    tell(*TEXTS, analyses=["sentiment"])
    runs("first")
    tell(*TEXTS, "Another one.", analyses=["sentiment", "entities"])
    shown = house.command("plan", "m.yaml").out
    assert f"reused   {3 * len(TEXTS)} units" in shown
    assert f"sentiment {len(TEXTS)} of {len(TEXTS) + 1}" in shown
    document = json.loads(house.command("plan", "m.yaml", "--json").out)
    assert document["totals"]["reused"] == len(TEXTS)
    assert document["totals"]["reused_usd"] == pytest.approx(3 * len(TEXTS) * 0.0001)
    assert [row["reused_units"] for row in document["rows"]] == [3 * len(TEXTS), 0]


def _find_and_die(task: LookupTask) -> LookupReport:
    find_answers(task)
    raise PowerCutError


def _rename_and_die(task: RenameTask) -> RenameReport:
    rename_lines(task)
    raise PowerCutError


def _move_one_and_die(directory: Path) -> None:
    moved = next((directory / "reused/parts").iterdir())
    moved.replace(directory / "parts" / moved.name)
    raise PowerCutError


def _keep_half_and_die(task: KeepTask) -> KeepReport:
    keep_answers(replace(task, pools=task.pools[:1]))
    raise PowerCutError


CRASHES = {
    "reusing.find_answers": _find_and_die,
    "reusing.rename_lines": _rename_and_die,
    "surveying.put_reused_in_place": _move_one_and_die,
    "workshop.keep_answers": _keep_half_and_die,
}


class PowerCutError(Exception):
    """The end of a process."""


def test_a_crash_buys_nothing_twice_and_changes_no_byte(
    house: House, tell: Any, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(*TEXTS[:4], TEXTS[0])
    runs("first")
    shutil.copytree(house.root / "answers", house.root / "before")
    tell(*TEXTS, TEXTS[0])
    runs("whole")
    for number, (at, crash) in enumerate(CRASHES.items()):
        shutil.rmtree(house.root / "answers")
        shutil.copytree(house.root / "before", house.root / "answers")
        with monkeypatch.context() as patching:
            patching.setattr(f"runner.compose.{at}", crash)
            said = house.run("--run-dir", f"run{number}")
        assert (said.code, "PowerCutError" in said.err) == (1, True), said.err
        accepted = house.endpoint.accepted
        assert runs(f"run{number}").code == 0
        assert house.results(house.root / f"run{number}") == house.results(house.root / "whole")
        assert _bought(house, f"run{number}") == dict.fromkeys(FAMILIES, len(TEXTS) - 4)
        assert house.endpoint.accepted - accepted <= len(FAMILIES)
        # And all of it is in the store: nothing is left to be bought.
        assert runs(f"after{number}").code == 0
        assert _bought(house, f"after{number}") == {}


def test_a_damaged_store_is_told_and_never_believed(house: House, tell: Any, runs: Any) -> None:
    tell(*TEXTS, analyses=["sentiment"])
    runs("first")
    for path in (house.root / "answers").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE answers SET payload = ?", (b'{"Sentiment":"MIXED"}',))
    said = house.run("--run-dir", "second")
    assert said.code == 2
    assert "answers/answers-" in said.err
    assert "an answer does not agree with its checksum" in said.talk
    assert "delete it" in said.talk
    shutil.rmtree(house.root / "answers")
    assert runs("second").code == 0
    assert _bought(house, "second") == {"sentiment": len(TEXTS)}


def test_answers_grow_too_old(house: House, tell: Any, runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(*TEXTS, analyses=["sentiment"])
    with monkeypatch.context() as patching:
        patching.setattr("runner.results.reuse.keeping.time", SimpleNamespace(time=lambda: time() - 86400))
        runs("first")
    for age, bought in (("30d", {}), ("1h", {"sentiment": len(TEXTS)})):
        tell(*TEXTS, analyses=["sentiment"], policy={"reuse": {"from": "answers", "max_age": age}})
        assert runs(age).code == 0
        assert _bought(house, age) == bought


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_sent(house: House, tell: Any) -> None:
    tell("one fine day", policy={})
    house.write("answers", b"no folder")
    for command in ("plan", "run"):
        said = house.run() if command == "run" else house.command("plan", "m.yaml")
        assert said.code == 2
        assert "policy.reuse.from: answers cannot be kept in" in said.talk
        assert "is no folder that may be written" in said.talk
    assert not [event for event in house.events() if isinstance(event, e.BatchPlanned)]
