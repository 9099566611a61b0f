"""Runs from Python: the names that the package gives out, and a run driven and watched from user code."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

import runner
from runner.core import events as e
from runner.errors import UserError

MANIFEST = """
version: 1
name: library
corpora:
  - {name: notes, source: notes.txt, format: lines, language: en}
analyses: [sentiment]
"""


@pytest.fixture
def manifest(tmp_path: Path) -> runner.Manifest:
    (tmp_path / "notes.txt").write_text("What a lovely morning.\n\nThis is a terrible, sad mess.\n")
    (tmp_path / "library.yaml").write_text(MANIFEST)
    return runner.load_manifest(tmp_path / "library.yaml")


def test_the_package_gives_out_what_its_stub_says() -> None:
    stub = (Path(runner.__file__).with_suffix(".pyi")).read_text()
    named = {line.split(" as ")[0].strip() for line in stub.splitlines() if " as " in line}
    assert named == set(runner._LIBRARY)
    assert all(callable(getattr(runner, name)) for name in named)
    with pytest.raises(AttributeError, match="nonsense"):
        runner.nonsense  # noqa: B018


def test_a_plan_sends_nothing_and_leaves_nothing(manifest: runner.Manifest, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = anyio.run(runner.plan, manifest)
    assert (made.documents, made.usd) == ((("notes", 3),), 0.0)
    assert not (tmp_path / "runs").exists()


def test_what_the_user_must_mend_is_raised_as_itself(manifest: runner.Manifest, tmp_path: Path) -> None:
    """Also where a task group of ours found it."""
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    overrides = ["corpora.notes.source=notes.csv", "corpora.notes.format=csv", "corpora.notes.text=c"]
    wrong = runner.load_manifest(tmp_path / "library.yaml", overrides=overrides)
    for call in (runner.plan, runner.run):
        with pytest.raises(UserError, match=r"notes\.csv has no column 'c'") as raised:
            anyio.run(lambda call=call: call(wrong, run_dir=tmp_path / "run"))
        assert raised.value.__notes__ == ["hint: its columns are: a, b"]


def test_a_run_is_driven_and_watched_from_a_loop_of_ones_own(manifest: runner.Manifest, tmp_path: Path) -> None:
    seen: list[runner.Event] = []

    async def pipeline() -> runner.Outcome:
        return await runner.run(manifest, run_dir=tmp_path / "run", workers=1, on_event=seen.append)

    outcome = anyio.run(pipeline)
    assert (outcome.exit_code, outcome.summary.ok, outcome.summary.skipped) == (0, 2, 1)
    assert sum(isinstance(event, e.Collected) for event in seen) == outcome.summary.jobs
    lines = list(runner.read_results(outcome.directory, "notes"))
    assert [line["outcome"]["sentiment"] for line in lines] == ["ok", "skipped", "ok"]
    assert [line["sentiment"] and line["sentiment"]["Sentiment"] for line in lines] == ["POSITIVE", None, "NEGATIVE"]
    assert runner.status(outcome.directory).phase == "finished"
    assert runner.verify(outcome.directory).accounted_for
    page = runner.report(outcome.directory, out=tmp_path / "page.html").read_text("utf-8")
    assert "POSITIVE" in page
    assert "lovely" not in page
    assert (outcome.directory / "report.html").exists()
    assert (outcome.directory / "log.jsonl").read_text().count("job.done") == outcome.summary.jobs
    with pytest.raises(UserError, match="no corpus 'letters'"):
        next(runner.read_results(outcome.directory, "letters"))
