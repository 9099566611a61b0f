"""What the program must make of the bytes of a corpus, put as plainly as can be: the model of whole-run tests.

It shares no code with the program and follows DESIGN 5.2 to 5.5: how bytes become documents, what their ids are, which
of them come to an early end and by which code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

BOM: Final = "\ufeff"
LOCAL: Final = frozenset({"en", "es", "fr", "de", "it", "pt"})
FAMILIES: Final[dict[str, tuple[frozenset[str] | None, int]]] = {
    # family: languages that the embedded lane takes, longest document
    "dominant_language": (None, 1 << 20),
    "entities": (LOCAL, 1 << 20),
    "key_phrases": (LOCAL, 1 << 20),
    "sentiment": (frozenset({"en"}), 5 << 10),
}
FOLDED: Final = dict.fromkeys(map(ord, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")
BOM: Final = "\ufeff"


class Expected(NamedTuple):
    """One document: its id, its folded text (None: it could not be read) and the code of what it came to, if early."""

    id: str
    text: str | None
    code: str | None = None


class Number(str):
    """A number of JSON, as written."""

    __slots__ = ()


def decoded(data: bytes, encoding: str, *, replace: bool) -> str | None:
    """The text, or None if it is not in the encoding."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = None
    if text is None or not sound(text):
        return data.decode(encoding, "replace") if replace else None
    return text


def sound(text: str) -> bool:
    return re.search("[\ud800-\udfff]", text) is None


def lines_of(data: bytes, encoding: str, *, replace: bool) -> list[str | None]:
    """The lines of a file; None for one that is not in the encoding."""
    if encoding.startswith("utf-16"):
        return _wide_lines(data, encoding, replace=replace)
    if encoding == "utf-8":
        data = data.removeprefix(BOM.encode())
    lines = re.split(rb"\r\n|\r|\n", data)
    return [decoded(line, encoding, replace=replace) for line in (lines if lines[-1] else lines[:-1])]


def _wide_lines(data: bytes, encoding: str, *, replace: bool) -> list[str | None]:
    """Two bytes a code unit: what does not fit is a lone surrogate, or half a unit at the end."""
    text = data[: len(data) // 2 * 2].decode(encoding, "surrogatepass")
    if len(data) % 2:
        text += "\udfff"
    lines = re.split(r"\r\n|\r|\n", text if encoding == "utf-16" else text.removeprefix(BOM))
    whole = lines if lines[-1] else lines[:-1]
    return [line if sound(line) else re.sub("[\ud800-\udfff]", "\ufffd", line) if replace else None for line in whole]


def row_of(line: str, texts: list[str], key: str | None) -> tuple[str | None, str | None]:
    """Text and id of a row; a text of None is a bad row, an id of None none that could be read."""
    try:
        row = json.loads(line, parse_int=Number, parse_float=Number, parse_constant=_refuse)
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(row, dict):
        return None, None
    values = [_walk(row, path) for path in texts]
    good = all(value is None or (isinstance(value, str) and not isinstance(value, Number)) for value in values)
    document_id = _walk(row, key) if key is not None else None
    if key is not None and not isinstance(document_id, str):
        return None, None
    return "\n".join(value for value in values if value is not None) if good else None, document_id


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _walk(row: Any, path: str) -> Any:
    """The value at a path; `...` if there is none."""
    value = row
    for name in path.split("."):
        if value is None:
            return None
        if not isinstance(value, dict) or name not in value:
            return ...
        value = value[name]
    return value


def document(document_id: str, text: str | None, trouble: str) -> Expected:
    """What is expected of a document whose text is as read (None: it is in trouble)."""
    if text is None:
        return Expected(document_id, None, trouble)
    folded = text.translate(FOLDED)
    return Expected(document_id, folded, None if folded.strip() else "EMPTY")


def documents(section: dict[str, Any], label: str, data: bytes, *, replace: bool) -> Iterator[Expected]:
    """The documents of one file of a corpus whose section of the manifest this is."""
    encoding = section.get("encoding", "utf-8")
    if section["format"] == "files":
        text = decoded(data, encoding, replace=replace)
        yield document(label, text if text is None or encoding == "utf-16" else text.removeprefix(BOM), "UNDECODABLE")
        return
    for position, line in enumerate(lines_of(data, encoding, replace=replace)):
        place = f"{label}:{position}"
        if section["format"] == "lines" or line is None or not line.strip():
            yield document(place, line, "UNDECODABLE")
        else:
            paths = section["text"] if isinstance(section["text"], list) else [section["text"]]
            text, document_id = row_of(line, paths, section.get("id"))
            yield document(place if document_id is None else document_id, text, "BAD_ROW")


def is_split(analysis: dict[str, Any], expected: Expected) -> bool:
    """Whether a document that is sent goes in pieces."""
    return expected.text is not None and len(expected.text.encode()) > FAMILIES[analysis["family"]][1]


def ending(analysis: dict[str, Any], language: str | None, expected: Expected) -> tuple[str, str | None]:
    """Outcome and code of one document under one analysis of the manifest."""
    if expected.code is not None:
        return ("skipped" if expected.code == "EMPTY" else "error"), expected.code
    languages, longest = FAMILIES[analysis["family"]]
    if languages is not None and language not in languages:
        return "skipped", "LANGUAGE_UNSUPPORTED"
    assert expected.text is not None
    if len(expected.text.encode()) > longest and analysis.get("oversize", "split") != "split":
        return ("error" if analysis["oversize"] == "error" else "skipped"), "TOO_LONG"
    return "ok", None
