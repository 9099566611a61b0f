"""The manifest's JSON Schema, for editors: keys, what they take, what they are for. `load_manifest` checks far more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from runner.manifest.schema import ManifestFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE: Final = "Variable"
_NO_TEXT: Final = frozenset({"integer", "number", "boolean"})
_SHORT: Final = {
    "AnalysisSection": "A family with its defaults, named after it.",
    "ClassifierSection": "The ARN of a document classifier or flywheel.",
    "RecognizerSection": "The ARN of an entity recognizer or flywheel.",
}
"""Sections that may be written as one word, and what that is."""

Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Defaults here are values as the model wants them, not as people write them."""

    def default_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])


def json_schema() -> Schema:
    """The schema, in the dialect of 2020-12; the same text for the same version of this program."""
    made = ManifestFile.model_json_schema(schema_generator=_Generator)
    sections = made["$defs"]
    for name, section in sections.items():
        section.pop("title", None)
        for key, value in section.get("properties", {}).items():
            section["properties"][key] = _property(value)
        if name in _SHORT:
            sections[name] = _with_short_form(name, section)
    for key, value in made["properties"].items():
        made["properties"][key] = _property(value)
    sections[_VARIABLE] = {
        "description": "An environment variable.",
        "type": "string",
        "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$",
    }
    return {"$schema": DIALECT, **made, "title": "A manifest of comprehend-runner, version 1"}


def _with_short_form(name: str, section: Schema) -> Schema:
    word = section["properties"].get("family") or {"type": "string"}
    short = {**word, "description": _SHORT[name]}
    return {"anyOf": [short, section]}


def _property(schema: Schema) -> Schema:
    """What a key takes: as the model says, or an environment variable where no text would do."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    kinds = set(_types(schema))
    if not kinds & _NO_TEXT or "string" in kinds:
        return schema
    described = {key: schema.pop(key) for key in ("description",) if key in schema}
    choices = schema.get("anyOf", [schema])
    return {**described, "anyOf": [*choices, {"$ref": f"#/$defs/{_VARIABLE}"}]}


def _types(schema: Schema) -> Iterator[str]:
    for choice in schema.get("anyOf", [schema]):
        yield str(choice.get("type", "any"))
