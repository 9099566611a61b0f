"""The README and the examples are true: what they tell to type exists, and does what they show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runner.model
from runner import errors
from runner.catalogue import FAMILIES
from runner.manifest import json_schema, load_manifest
from tests.acceptance.house import House

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
FIRST_SCREEN = 45
SET_UP = re.compile(r"^python3 -m venv .*$", re.MULTILINE)
HOUSE_WORDS = ("corpus", "documents", "segment", "pool", "parts", "batch", "job", "generation", "scheduler")


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """A section of the README, without its heading."""
    match = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    return match[1]


def table(title: str) -> list[list[str]]:
    """The rows of the first table of a section, head and rule left out."""
    rows = [line.strip("|").split(" | ") for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def codes(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture
def folder(tmp_path: Path) -> House:
    """A folder with the examples."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return House(root=tmp_path)


# --- setting up -------------------------------------------------------------------------------------------------------


def test_the_first_screen_has_the_two_commands_that_set_everything_up() -> None:
    first = "\n".join(README.splitlines()[:FIRST_SCREEN])

    see, test = SET_UP.findall(first)
    assert see.endswith(".venv/bin/runner run configs/quickstart.yaml")
    assert test.endswith(".venv/bin/python -m pytest")
    assert SET_UP.findall(README) == [see, test], "and no other does it differently"


def test_the_projects_own_check_runs_the_test_command_of_the_readme() -> None:
    """By the very line of `.ci/run` that takes it from here."""
    script = (ROOT / ".ci/run").read_text()
    (extraction,) = re.findall(r"^test_command=\$\((.*)\)$", script, re.MULTILINE)

    taken = subprocess.run(["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert taken.strip() == SET_UP.findall(README)[1]


def test_what_the_commands_install_is_what_the_project_offers() -> None:
    project = (ROOT / "pyproject.toml").read_text()

    for extra in re.findall(r"\.\[(\w+)\]", README) + re.findall(r"--extra (\w+)", README):
        assert f"\n{extra} = [" in project


def test_every_file_that_is_linked_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_heading_that_is_linked_to_exists() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_of(text: str) -> set[str]:
    """The commands that a text tells to type; Python is not typed at a shell."""
    text = re.sub(r"^```python\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"(?:^|[`/ ])runner ([a-z]+)\b(?=[ `]|$)", text, re.MULTILINE))


def test_every_command_that_is_told_exists(folder: House) -> None:
    told = commands_of(README) | {name for path in CONFIGS for name in commands_of(path.read_text())}

    assert {"run", "verify", "why", "serve", "plan"} <= told
    assert [name for name in sorted(told) if folder.command(name, "--help").code != 0] == []


def test_the_table_of_commands_has_every_command_and_only_options_that_there_are(folder: House) -> None:
    listed = {}
    for usage, text in table("Commands"):
        name = codes(usage)[0].split()[0]
        listed[name] = text
        told = folder.command(name, "--help").out
        assert [option for option in re.findall(r"--[a-z-]+", text) if f"{option} " not in told] == [], name

    shown = folder.command("--help").out
    assert set(listed) == set(re.findall(r"^  ([a-z]+) (?=.* {2}[a-z])", shown, re.MULTILINE))


def test_every_option_that_is_told_is_one_of_a_command(folder: House) -> None:
    ours = re.sub(r"^\$ aws .*?(?=^\$|^```)", "", README, flags=re.MULTILINE | re.DOTALL)
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) - {"--extra", "--seed"}
    names = [codes(usage)[0].split()[0] for usage, _ in table("Commands")]
    there = "".join(folder.command(*name, "--help").out for name in [[], *([name] for name in names)])

    assert [option for option in sorted(told) if f"{option} " not in there] == []


def test_exit_codes_are_told_as_they_are() -> None:
    (sentence,) = re.findall(r"Exit codes: (.*?)\. The first", README, re.DOTALL)
    told = {int(part.split()[0]): " ".join(part.split()[1:]) for part in sentence.split("; ")}

    expected = {
        errors.EXIT_DONE: "done",
        errors.EXIT_INTERNAL: "bug",
        errors.EXIT_USER: "mend",
        errors.EXIT_ERRORS: "errors than tolerated",
        errors.EXIT_LIMIT: "limit",
        errors.EXIT_UNFINISHED: "--for",
        errors.EXIT_INTERRUPTED: "interrupted",
    }
    assert told.keys() == expected.keys()
    assert [code for code, word in expected.items() if word not in told[code]] == []


def test_every_code_of_a_result_that_is_told_is_in_the_program() -> None:
    source = "".join(path.read_text() for path in (ROOT / "runner").rglob("*.py"))
    told = [code for row in table("The results") for code in codes(row[0])]

    assert len(told) > 8
    assert [code for code in told if f'"{code}"' not in source] == []


# --- manifests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_manifest_that_is_shown_is_valid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shown.yaml"
    path.write_text(text)

    manifest = load_manifest(path)

    assert manifest.corpora
    assert manifest.analyses


def test_the_table_of_keys_is_the_schema() -> None:
    """Every key that is told exists where it is told."""
    schema = json_schema()
    places = {row[0]: {key for cell in row[1:] for key in codes(cell)} for row in table("The manifest")}
    everything = set(re.findall(r'"([a-z_0-9]+)": \{', json.dumps(schema)))

    assert set(places) == {"lane", "corpus", "analysis", "policy", "output", "prices"}
    assert {place: keys - everything - {".gz"} for place, keys in places.items()} == {place: set() for place in places}


def test_the_families_that_are_told_are_those_of_this_version() -> None:
    (told,) = re.findall(r"This version does \w+ families \((.*?)\)", README, re.DOTALL)

    assert sorted(codes(told)) == sorted(name for name, row in FAMILIES.items() if row.available)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_example_is_valid(folder: House, path: Path) -> None:
    said = folder.command("check", f"configs/{path.name}")

    assert (said.code, said.err) == (0, "")


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_program_that_is_shown_runs(folder: House) -> None:
    (program,) = [block for block in blocks("python") if "anyio.run(main)" in block]
    folder.write("program.py", program)  # workers import what was started, if it is a file
    done = subprocess.run([sys.executable, "program.py"], cwd=folder.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    free, *lines = done.stdout.splitlines()
    assert (free, len(lines)) == ("0.0", 5)
    assert lines[0].startswith("1001 {'Sentiment': ")


def test_the_names_that_python_is_given_are_told() -> None:
    told = section("From Python")
    assert {"load_manifest", "plan", "run", "read_results"} <= set(re.findall(r"\w+", told))
    assert "comprehend_environment" in told


@pytest.mark.slow
def test_results_are_read_as_it_is_shown(folder: House) -> None:
    """The query and the two frames; Spark is shown too, and is too large to be installed for this."""
    import duckdb
    import pandas as pd
    import polars as pl

    assert folder.command("run", "configs/quickstart.yaml").code == 0
    results = folder.root / "runs/quickstart/latest/results/tickets"
    (query,) = blocks("sql")
    moods = duckdb.sql(query.replace("runs/tickets/latest/results/tickets", str(results))).fetchall()
    assert sum(count for _, count in moods) == 8
    pandas_told, polars_told, _ = section("Reading the results").partition("```python\n")[2].splitlines()[:3]
    assert pandas_told.startswith('pandas.read_json("00000.jsonl", lines=True)')
    assert polars_told.startswith('polars.read_ndjson("00000.jsonl", infer_schema_length=None)')
    assert len(pd.read_json(results / "00000.jsonl", lines=True)) == 8
    assert len(pl.read_ndjson(results / "00000.jsonl", infer_schema_length=None)) == 8


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", HOUSE_WORDS)
def test_the_words_of_the_house_are_explained(word: str) -> None:
    assert f"**{word}**" in section("How it works")


def test_the_words_of_the_house_are_the_names_of_its_values() -> None:
    """One noun for one thing: what the README explains is called so in the code."""
    for name in ("CorpusSpec", "Document", "SegmentFacts", "PartFacts", "Batch", "Job"):
        assert hasattr(runner.model, name)


# --- the quickstart ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_quickstart_is_planned_and_done_as_it_is_shown(folder: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it in a process of its own, with the embedded endpoint: output, a result line, what is next."""
    monkeypatch.setenv("COLUMNS", "100")
    planned = json.loads(folder.command("plan", "configs/quickstart.yaml", "--json").out)
    assert planned["totals"]["documents"] == 28

    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", "configs/quickstart.yaml"],
        cwd=folder.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (console,) = [block for block in blocks("console") if block.startswith("$ runner run configs/quickstart.yaml\n")]
    assert _timeless(done.stderr) == _timeless(console.partition("\n")[2])
    shown = json.loads("".join(blocks("json")[0].splitlines()))
    written = (folder.root / "runs/quickstart/latest/results/tickets/00000.jsonl").read_text().splitlines()
    (line,) = [found for found in map(json.loads, written) if found["id"] == shown["id"]]
    assert _scoreless(line) == _scoreless(shown)

    verified = folder.command("verify", "runs/quickstart/latest")
    assert (verified.code, verified.out[:8]) == (0, "Verified")
    assert folder.command("why", "runs/quickstart/latest", "reviews", "lamp.txt").code == 0
    assert "nothing was left to do" in folder.command("run", "configs/quickstart.yaml").err


def _timeless(text: str) -> list[str]:
    """What a run says, without what differs each time."""
    text = re.sub(r"\d{8}T\d{6}-[a-z2-7]{16}", "RUN", text)
    text = re.sub(r"(jobs|take) ?,? [0-9.]+ (s|min)\b", r"\1 TIME", text)
    return [line for line in text.splitlines() if not line.startswith("quickstart: ")]


def _scoreless(value: Any) -> Any:
    """A result line without its scores: models are tuned, and their shape is what is shown."""
    if isinstance(value, dict):
        return {key: _scoreless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scoreless(item) for item in value]
    return "score" if isinstance(value, float) else value
