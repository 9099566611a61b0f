"""`run.json` is whole or absent; the schema describes the lines that are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.catalogue import FAMILIES
from runner.results import remove_summary, schema_of, write_summary


def test_a_summary_is_readable_json_and_replaces_the_last(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_summary(path, {"name": "Łódź"})
    write_summary(path, {"name": "Łódź", "counts": {"ok": 1}})

    assert path.read_text(encoding="utf-8") == '{\n  "name": "Łódź",\n  "counts": {\n    "ok": 1\n  }\n}\n'
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
    remove_summary(path)
    remove_summary(path)
    assert list(tmp_path.iterdir()) == []


def test_a_summary_that_cannot_be_written_leaves_the_last(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_summary(path, {"done": True})

    with pytest.raises(TypeError):
        write_summary(path, {"done": object()})

    assert json.loads(path.read_bytes()) == {"done": True}
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """The little of JSON Schema that is used."""
    if "anyOf" in schema:
        return any(conforms(value, each) for each in schema["anyOf"])
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    names = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "null": type(None),
    }
    wanted = schema.get("type", [])
    if wanted and not any(isinstance(value, names[each]) for each in ([wanted] if isinstance(wanted, str) else wanted)):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return all(name in value for name in schema.get("required", ())) and all(
            conforms(value[name], each) for name, each in properties.items() if name in value
        )
    if isinstance(value, list):
        return all(conforms(each, schema.get("items", {})) for each in value)
    return True


def test_lines_conform_to_the_schema_and_its_keys_are_in_their_order(world: Any, kit: Any) -> None:
    analyses = [kit.analysis("sentiment"), kit.analysis("entities"), kit.analysis("dominant_language", "tongue")]
    part = world.simple_segment(["Ana", "Bo", "x" * 10])
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)])
    world.collect("entities", [part], [kit.entities_row(part.id, 0, "Ana", "Ana"), kit.error_row(part.id, 1)])
    tongues = [{"File": f"{part.id}.txt", "Line": n, "Languages": [{"LanguageCode": "en", "Score": 1}]} for n in (0, 1)]
    world.collect("dominant_language", [part], tongues, name="tongue")
    world.merge(analyses)

    schema = schema_of("reviews", analyses)

    for line in world.lines():
        assert list(schema["properties"]) == list(line)
        assert schema["required"] == list(line)
        assert conforms(line, schema)
    broken = world.lines()[0]
    broken["sentiment"] = {"Sentiment": 7}
    assert not conforms(broken, schema)


def test_every_family_that_can_be_done_has_a_described_payload(kit: Any) -> None:
    for family in FAMILIES.values():
        if family.available:
            assert schema_of("c", [kit.analysis(family.name, "a")])["properties"]["a"]["anyOf"][0]
