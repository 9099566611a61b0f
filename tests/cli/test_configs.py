"""The examples under `configs/`: each can be planned as it stands, and those for the embedded lane do what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.manifest import load_manifest
from tests.acceptance.house import House

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
IN_S3 = {"s3"}
"""Nothing of these lies on this machine, so that there is nothing to survey."""


@pytest.fixture
def examples(tmp_path: Path, quick: None) -> House:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    return House(root=tmp_path)


def results(house: House, run: str, corpus: str) -> list[dict[str, Any]]:
    folder = house.root / "runs" / run / "latest" / "results" / corpus
    return [json.loads(line) for file in sorted(folder.iterdir()) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in IN_S3])
def test_an_example_is_planned_without_a_network(examples: House, name: str) -> None:
    said = examples.command("plan", f"configs/{name}.yaml", "--json", "--workers", "2")

    assert said.code == 0, said.err
    assert json.loads(said.out)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_to_type_and_is_named_as_its_file(name: str) -> None:
    path = CONFIGS / f"{name}.yaml"
    text = path.read_text()

    assert f" configs/{name}.yaml" in text
    assert load_manifest(path).name == name
    assert yaml.safe_load(text)["name"] == name


def test_every_family_answers(examples: House) -> None:
    said = examples.command("run", "configs/families.yaml", "--workers", "1")

    assert said.code == 0, said.err
    lines = results(examples, "families", "news")
    assert {outcome for line in lines for outcome in line["outcome"].values()} == {"ok"}
    assert len(lines[0]["outcome"]) == 8


def test_redaction_gives_offsets_and_masked_texts(examples: House) -> None:
    pytest.importorskip("ahocorasick_rs")
    said = examples.command("run", "configs/redaction.yaml", "--workers", "1")

    assert said.code == 0, said.err
    lines = {line["id"]: line for line in results(examples, "redaction", "letters")}
    masked = lines["L-1"]["pii"]["RedactedText"]
    assert "[EMAIL]" in masked
    assert "walter.finch@example.com" not in masked
    assert "EMAIL" in {entity["Type"] for entity in lines["L-1"]["pii"]["Entities"]}
    assert lines["L-5"]["problems"][0]["code"] == "LANGUAGE_UNSUPPORTED"


def test_tables_are_read_by_column_and_dialect_and_carry_columns_along(examples: House) -> None:
    pytest.importorskip("pyarrow")
    said = examples.command("run", "configs/tables.yaml", "--workers", "1", "--analyzers", "noop")

    assert said.code == 0, said.err
    lines = {line["id"]: line for line in results(examples, "tables", "feedback")}
    assert list(lines) == ["1", "2", "4", "5", "6"], "the closed one is left out"
    assert lines["1"]["fields"] == {"product": "kettle", "stars": "5"}
    assert lines["4"]["text"] == "Mal\nEl hervidor dejó de funcionar\ndespués de una semana en Madrid."
    assert [line["language"] for line in lines.values()] == ["en", "de", "es", "en", "en"]
    notes = {line["id"]: line["language"] for line in results(examples, "tables", "notes")}
    assert (notes["n1"], notes["n2"], notes["n4"]) == ("en", "de", "es")


def test_a_corpus_is_kept_from_lanes_that_are_not_its_own(examples: House) -> None:
    said = examples.command("plan", "configs/regions.yaml", "--lane", "virginia")

    assert said.code == 2
    assert "--lane is virginia, and corpus postcards is for ireland only" in said.err
    assert examples.command("plan", "configs/regions.yaml", "--lane", "ireland").code == 0


def test_models_of_ones_own_are_trained_and_answer(examples: House) -> None:
    pytest.importorskip("numpy")
    said = examples.command("run", "configs/training.yaml", "--workers", "1")

    assert said.code == 0, said.err
    lines = {line["id"]: line for line in results(examples, "training", "tickets")}
    assert lines["1001"]["subject"][0]["Name"] == "delivery"
    assert lines["1003"]["subject"][0]["Name"] == "billing"
    assert {entity["Type"] for entity in lines["1005"]["things"]} == {"PRODUCT"}
