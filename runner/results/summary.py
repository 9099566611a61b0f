"""What lies beside the result lines: `run.json`, which written last means complete, and a JSON Schema per corpus.

The summary's content is its caller's affair; this file knows how it is written, and the form of a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runner.model import AnalysisSpec
from runner.storage.atomic import StrPath, replacing, sync_directory

FORMAT_VERSION: Final = 1
"""Of the result lines; a reader that knows it need not look further."""

_NUMBER: Final = {"type": "number"}
_TEXT: Final = {"type": "string"}
_OFFSET: Final = {"type": "integer", "minimum": 0}
_SCORES: Final = ("Mixed", "Negative", "Neutral", "Positive")


def write_summary(path: StrPath, summary: Mapping[str, Any]) -> None:
    """Write `run.json` (or a schema): indented UTF-8 JSON, durable, in place of what was there."""
    with replacing(path) as file:
        file.write(json.dumps(summary, ensure_ascii=False, indent=2).encode() + b"\n")


def remove_summary(path: StrPath) -> None:
    """Take `run.json` away before results change; nothing happens if it is not there."""
    file = Path(path)
    if file.exists():
        file.unlink()
        sync_directory(file.parent)


def schema_of(corpus: str, analyses: Sequence[AnalysisSpec]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a corpus's result lines: every key is there on every line, in this order."""
    names = [analysis.name for analysis in analyses]
    properties: dict[str, Any] = {
        "corpus": {"const": corpus},
        "id": _TEXT,
        "language": {"type": ["string", "null"]},
        "outcome": _object({name: {"enum": ["ok", "error", "skipped"]} for name in names}),
        "problems": {"type": "array", "items": _object(dict.fromkeys(("analysis", "code", "message", "by"), _TEXT))},
        **{analysis.name: {"anyOf": [_payload(analysis.family), {"type": "null"}]} for analysis in analyses},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Results of {corpus}",
        "x-format-version": FORMAT_VERSION,
        **_object(properties),
    }


def _payload(family: str) -> dict[str, Any]:
    """The form of a family's payload; members that the service may add are allowed."""
    return _PAYLOADS.get(family, {})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _array(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(properties)}


_SPAN: Final = {"BeginOffset": _OFFSET, "EndOffset": _OFFSET, "Score": _NUMBER}

_PAYLOADS: Final[dict[str, dict[str, Any]]] = {
    "dominant_language": _array({"LanguageCode": _TEXT, "Score": _NUMBER}),
    "entities": _array({**_SPAN, "Text": _TEXT, "Type": _TEXT}),
    "custom_entities": _array({**_SPAN, "Text": _TEXT, "Type": _TEXT}),
    "key_phrases": _array({**_SPAN, "Text": _TEXT}),
    "pii_entities": _array({**_SPAN, "Type": _TEXT}),
    "sentiment": _object({"Sentiment": _TEXT, "SentimentScore": _object(dict.fromkeys(_SCORES, _NUMBER))}),
}
