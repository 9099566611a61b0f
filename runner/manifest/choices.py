"""Which rows of a corpus are read, what of them is carried along, and how its CSV files are written.

Values of pydantic's validators; they raise `Wrong`.
"""

from __future__ import annotations

import json
import re
from typing import Final

from pydantic import PlainValidator

from runner.manifest.problems import Wrong, each, found
from runner.manifest.values import as_number, as_share, as_text, unrepeated

Where = tuple[tuple[str, tuple[str, ...]], ...]

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)
_TAB: Final = "tab"


def as_source(value: object) -> str:
    """A local path or pattern, or an S3 location."""
    text = as_text(value)
    if text.startswith("s3://"):
        if not _BUCKET.fullmatch(text):
            raise Wrong(f"{found(text)} is no S3 location", hint="s3://<bucket>/<prefix or pattern>")
    elif _SCHEME.match(text):
        raise Wrong(f"{found(text)} is neither a path nor an S3 location")
    return text


def as_local_file(value: object) -> str:
    """A local path."""
    text = as_text(value)
    if _SCHEME.match(text):
        raise Wrong(f"{found(text)} is no local path", hint="what models are trained with is read from local files")
    return text


def as_where(value: object) -> Where:
    """((path, the values that pass, as compact JSON), …); `{path: value}` or `{path: [value, …]}`."""
    if not isinstance(value, dict) or not value:
        raise Wrong(f"expected a mapping of paths to values, found {found(value)}", hint="for example {status: open}")
    return tuple(each(value.items(), _as_passing))


def _as_passing(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise Wrong("expected at least one value in the list")
    read = each(enumerate(items), _as_scalar) if isinstance(value, list) else [(0, _as_scalar(value))]
    return unrepeated(tuple(text for _, text in read))


def _as_scalar(value: object) -> str:
    if isinstance(value, dict | list):
        raise Wrong(f"expected a text, a number, true, false or null, found {found(value)}")
    if isinstance(value, float):
        as_number(value)
    return json.dumps(value, ensure_ascii=False)


def as_sample(value: object) -> float:
    """A share of the documents, above 0 and below 1: 0.01, or 1%."""
    share = as_share(value) if isinstance(value, str) else float(as_number(value))
    if not 0 < share < 1:
        hint = "for a number of documents: limit" if share > 1 else None
        raise Wrong(f"expected a share such as 1% or 0.01, found {found(value)}", hint=hint)
    return share


def as_delimiter(value: object) -> str:
    """One character, or the word `tab`."""
    text = value if isinstance(value, str) else as_text(value)
    text = "\t" if text == _TAB else text
    if len(text) != 1 or text in '\r\n"\x00':
        raise Wrong(f"expected one character, or tab, found {found(value)}")
    return text


def as_quote(value: object) -> str:
    """One character."""
    text = value if isinstance(value, str) else as_text(value)
    if len(text) != 1 or text in "\r\n\t\x00":
        raise Wrong(f"expected one character, found {found(value)}")
    return text


LOCAL_FILE: Final = PlainValidator(as_local_file, json_schema_input_type=str)
WHERE: Final = PlainValidator(
    as_where, json_schema_input_type=dict[str, str | float | bool | list[str | float | bool | None] | None]
)
SAMPLE: Final = PlainValidator(as_sample, json_schema_input_type=float | str)
DELIMITER: Final = PlainValidator(as_delimiter, json_schema_input_type=str)
QUOTE: Final = PlainValidator(as_quote, json_schema_input_type=str)
