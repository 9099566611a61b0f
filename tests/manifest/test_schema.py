"""The schema for editors: it takes what the loader takes, and objects to what editors should underline."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from runner.manifest import json_schema
from tests.manifest.test_parameters import TEXT

CONFIGS = Path(__file__).parents[2] / "configs"
MANIFESTS = sorted(CONFIGS.glob("*.yaml"))
SCHEMA = json_schema()


def problems(data: object) -> list[str]:
    """The addresses of what the schema objects to, the deepest of each."""
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)
    return [jsonschema.exceptions.best_match([error]).json_path for error in found]


@pytest.fixture
def whole() -> dict:
    return yaml.safe_load(TEXT)


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_the_one_beside_the_examples_is_current():
    """Written anew by `runner schema > configs/schema.json`."""
    assert json.loads((CONFIGS / "schema.json").read_text(encoding="utf-8")) == SCHEMA


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_it_takes_every_example_and_each_names_it(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    data = yaml.safe_load(text)
    if "extends" in data:
        base = yaml.safe_load((CONFIGS / data["extends"]).read_text(encoding="utf-8"))
        assert [place for place in problems(data) if place != "$"] == [], "what is missing stands in the base"
        data = base | data
    assert problems(data) == []


def test_it_takes_what_the_loader_takes(whole):
    whole["corpora"][0] |= {
        "limit": "${LIMIT}",
        "language": {"detect": ["en", "de"], "otherwise": "en"},
        "sample": "1%",
    }
    whole["corpora"][1] |= {"where": {"a": [1, "x", None]}, "csv": {"delimiter": "tab"}, "keep": "a"}
    whole["analyses"] += ["sentiment", {"family": "classification", "classifier": "arn:aws:…"}]
    whole["policy"] = {"tolerate": {"errors": "1%"}, "spool_budget": "1 GB", "budget_usd": 3}
    assert problems(whole) == []


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"version": 2}, "$.version"),
        ({"name": "Demo"}, "$.name"),
        ({"nmae": "x"}, "$"),
        ({"corpora": {}}, "$.corpora"),
        ({"corpora": [{"name": "x"}]}, "$.corpora[0]"),
        ({"corpora": [{"name": "x", "source": "x", "langage": "en"}]}, "$.corpora[0]"),
        ({"corpora": [{"name": "x", "source": "x", "format": "json"}]}, "$.corpora[0].format"),
        ({"corpora": [{"name": "x", "source": "x", "limit": 0}]}, "$.corpora[0].limit"),
        ({"analyses": ["sentimnt"]}, "$.analyses[0]"),
        ({"analyses": [{"family": "topics", "topics": 101}]}, "$.analyses[0].topics"),
        ({"analyses": [{"family": "pii_entities", "mode": "offset"}]}, "$.analyses[0].mode"),
        ({"policy": {"budget_usd": "much"}}, "$.policy.budget_usd"),
        ({"output": {"compression": "zip"}}, "$.output.compression"),
        ({"lanes": [{"endpoint": "aws"}]}, "$.lanes[0]"),
    ],
)
def test_it_objects_to_what_the_loader_refuses(whole, change, address):
    assert [place for place in problems(whole | change) if place.startswith(address)]


def test_every_key_says_what_it_is_for():
    sections = [SCHEMA, *SCHEMA["$defs"].values()]
    shapes = [shape for section in sections for shape in section.get("anyOf", [section])]
    silent = [
        key
        for shape in shapes
        for key, value in shape.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]
    assert silent == []
