"""What lies beside the result lines: `run.json`, which written last means complete, and a JSON Schema per corpus.

The summary's content is its caller's affair; this file knows how it is written, and the form of a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runner.model import AnalysisSpec, LineForm
from runner.results.dressing import mode_of
from runner.results.merge import PLAIN
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
        file.write(summary_bytes(summary))


def summary_bytes(summary: Mapping[str, Any]) -> bytes:
    """The text of such a file."""
    return json.dumps(summary, ensure_ascii=False, indent=2).encode() + b"\n"


def remove_summary(path: StrPath) -> None:
    """Take `run.json` away before results change; nothing happens if it is not there."""
    file = Path(path)
    if file.exists():
        file.unlink()
        sync_directory(file.parent)


def schema_of(corpus: str, analyses: Sequence[AnalysisSpec], form: LineForm = PLAIN) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a corpus's result lines: every key is there on every line, in this order."""
    names = [analysis.name for analysis in analyses]
    properties: dict[str, Any] = {
        "corpus": {"const": corpus},
        "id": _TEXT,
        "language": {"type": ["string", "null"]},
        "outcome": _object({name: {"enum": ["ok", "error", "skipped"]} for name in names}),
        "problems": {"type": "array", "items": _object(dict.fromkeys(("analysis", "code", "message", "by"), _TEXT))},
        **({"fields": {"type": ["object", "null"]}} if form.fields else {}),
        **({"text": {"type": ["string", "null"]}} if form.text else {}),
        **{analysis.name: {"anyOf": [_payload(analysis), {"type": "null"}]} for analysis in analyses},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Results of {corpus}",
        "x-format-version": FORMAT_VERSION,
        **_object(properties),
    }


def _payload(analysis: AnalysisSpec) -> dict[str, Any]:
    """The form of an analysis's payload; members that the service may add are allowed."""
    form: dict[str, Any] = _PAYLOADS[analysis.family]
    match mode_of(analysis):
        case "redaction":
            return _TEXT
        case "both":
            return _object({"Entities": form, "RedactedText": _TEXT})
        case _:
            return form


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _array(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(properties)}


_SPAN: Final = {"BeginOffset": _OFFSET, "EndOffset": _OFFSET, "Score": _NUMBER}

_SENTIMENT: Final = {"Sentiment": _TEXT, "SentimentScore": _object(dict.fromkeys(_SCORES, _NUMBER))}
_MENTION: Final = {**_SPAN, "GroupScore": _NUMBER, "Text": _TEXT, "Type": _TEXT}

_PAYLOADS: Final[dict[str, dict[str, Any]]] = {
    "dominant_language": _array({"LanguageCode": _TEXT, "Score": _NUMBER}),
    "entities": _array({**_SPAN, "Text": _TEXT, "Type": _TEXT}),
    "custom_entities": _array({**_SPAN, "Text": _TEXT, "Type": _TEXT}),
    "key_phrases": _array({**_SPAN, "Text": _TEXT}),
    "pii_entities": _array({**_SPAN, "Type": _TEXT}),
    "sentiment": _object(_SENTIMENT),
    "targeted_sentiment": _array(
        {
            "DescriptiveMentionIndex": {"type": "array", "items": _OFFSET},
            "Mentions": _array({**_MENTION, "MentionSentiment": _object(_SENTIMENT)}),
        }
    ),
    "events": _object(
        {
            "Entities": _array({"Mentions": _array(_MENTION)}),
            "Events": _array(
                {
                    "Type": _TEXT,
                    "Arguments": _array({"EntityIndex": _OFFSET, "Role": _TEXT, "Score": _NUMBER}),
                    "Triggers": _array(_MENTION),
                }
            ),
        }
    ),
    "topics": _array({"topic": _TEXT, "proportion": _NUMBER}),
    "classification": _array({"Name": _TEXT, "Score": _NUMBER}),
}
