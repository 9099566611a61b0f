"""Rows of JSON: the text and the id at the paths that a corpus names, or why a row has none.

There are two ways to the same answer. The quick one decodes a row into a struct made for the corpus, which has the
named fields only, and the parser skips everything else. The slow one walks from object to object and can say what is
wrong; it takes the rows that do not fit the struct, and all rows where one path leads through another.

A value that the parser skips is checked like any other, so what is kept raw can always be decoded later.

Numbers used as ids keep the digits of the source (`1.50` stays `1.50`). Messages name paths and kinds of values, never
values: they end up in results and reports.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from runner.corpus.blocks import BAD_ROW, Trouble

TEXT_DEFAULT: Final = ("text",)

Path = tuple[str, ...]

_decode_string: Final = msgspec.json.Decoder(str).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_BYTE: Final = re.compile(r"\(byte \d+\)")
_NULL: Final = b"null"
_KINDS: Final = {"[": "a list", "{": "an object", "t": "a boolean", "f": "a boolean", '"': "a string", "n": "null"}
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError)
"""What the parser raises for a bad row, one nested a thousand deep included."""


class Row(NamedTuple):
    """What a row gave. The text is empty if it is null, or if there is trouble; `id` is None where there is none."""

    text: str
    id: str | None = None
    trouble: Trouble | None = None


class _Bad(NamedTuple):
    """A value that cannot be used, and why."""

    message: str


class RowReader:
    """Reads the rows of one corpus. `text` are paths whose strings are joined by a line break; a null is left out."""

    def __init__(self, text: tuple[str, ...] = TEXT_DEFAULT, document_id: str | None = None) -> None:
        self._texts = tuple(tuple(path.split(".")) for path in text or TEXT_DEFAULT)
        self._id = tuple(document_id.split(".")) if document_id is not None else None
        self._quick = _QuickRow.of(self._texts, self._id)

    def read(self, line: str) -> Row:
        """The row on a line; never raises for what is in it."""
        if self._quick is not None:
            row = self._quick.read(line)
            if row is not None:
                return row
        return self._slow(line)

    def _slow(self, line: str) -> Row:
        try:
            _decode_members(line)
        except _UNREADABLE as error:
            return _trouble(_malformed(line, error))
        document_id = _id_at(line, self._id) if self._id is not None else None
        usable = None if isinstance(document_id, _Bad) else document_id
        texts = [_text_at(line, path) for path in self._texts]
        bad = next((text for text in (*texts, document_id) if isinstance(text, _Bad)), None)
        if bad is not None:
            return _trouble(bad.message, usable)
        return Row("\n".join(text for text in texts if isinstance(text, str)), usable)


class _QuickRow:
    """Reads rows by a struct that has the named fields only."""

    def __init__(self, root: type[Any], texts: tuple[Path, ...], document_id: Path | None) -> None:
        self._decode = msgspec.json.Decoder(root).decode
        self._texts = texts
        self._id = document_id

    @classmethod
    def of(cls, texts: tuple[Path, ...], document_id: Path | None) -> _QuickRow | None:
        """The reader for these paths; None if one leads through another, or serves as text and as id."""
        tree: dict[str, Any] = {}
        attributes: dict[Path, Path] = {}
        named = dict.fromkeys(texts, str | None) | ({document_id: Raw} if document_id is not None else {})
        for path, kind in named.items():
            if path in texts and path == document_id:
                return None
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
                if not isinstance(node, dict):
                    return None
            if path[-1] in node:
                return None
            node[path[-1]] = kind
        for path in named:
            attributes[path] = _attributes(tree, path)
        return cls(
            _struct(tree),
            tuple(attributes[path] for path in texts),
            attributes[document_id] if document_id is not None else None,
        )

    def read(self, line: str) -> Row | None:
        """The row, if nothing about it needs to be explained."""
        try:
            fields = self._decode(line)
        except _UNREADABLE:
            return None
        texts: list[str] = []
        for path in self._texts:
            text = _get(fields, path)
            if text is UNSET:
                return None
            if text is not None:
                texts.append(text)
        joined = texts[0] if len(texts) == 1 else "\n".join(texts)
        if self._id is None:
            return Row(joined)
        raw = _get(fields, self._id)
        document_id = _id_of(raw) if isinstance(raw, Raw) else None
        return Row(joined, document_id) if isinstance(document_id, str) else None


def _attributes(tree: dict[str, Any], path: Path) -> Path:
    """The attributes of the structs made of `tree` that lead to a path."""
    attributes = []
    node: Any = tree
    for name in path:
        attributes.append(f"f{list(node).index(name)}")
        node = node[name]
    return tuple(attributes)


def _struct(tree: dict[str, Any]) -> type[Any]:
    """A struct with one field per name; names are the user's, attributes are ours."""
    fields = []
    renamed = {}
    for number, (name, kind) in enumerate(tree.items()):
        of = _struct(kind) | None if isinstance(kind, dict) else kind
        fields.append((f"f{number}", of | UnsetType, UNSET))
        renamed[f"f{number}"] = name
    return msgspec.defstruct("Row", fields, rename=renamed, frozen=True, gc=False)


def _get(fields: Any, path: Path) -> Any:
    value = fields
    for attribute in path:
        value = getattr(value, attribute)
        if value is None or value is UNSET:
            break
    return value


def _text_at(line: str, path: Path) -> str | _Bad | None:
    raw = _walk(line, path)
    where = ".".join(path)
    if raw is None:
        return _Bad(f"no text at {where}")
    if raw == _NULL:
        return None
    if not raw.startswith(b'"'):
        return _Bad(f"the text at {where} is {_kind(raw.decode())}, not a string")
    return _decode_string(raw)


def _id_at(line: str, path: Path) -> str | _Bad:
    raw = _walk(line, path)
    where = ".".join(path)
    if raw is None:
        return _Bad(f"no id at {where}")
    found = _id_of(raw)
    return found if found is not None else _Bad(f"the id at {where} is {_kind(raw.decode())}, not a string or a number")


def _id_of(raw: Raw | bytes) -> str | None:
    """An id as written; None for what is neither a string nor a number."""
    value = bytes(raw)
    if value.startswith(b'"'):
        return _decode_string(value)
    return value.decode() if value[:1] in b"-0123456789" else None


def _walk(line: str, path: Path) -> bytes | None:
    """The JSON at a path of an object: `null` if the way ends in a null, None if it ends in nothing or elsewhere."""
    value = line.encode()
    for name in path:
        if value == _NULL:
            return value
        try:
            raw = _decode_members(value).get(name)
        except _UNREADABLE:
            return None
        if raw is None:
            return None
        value = bytes(raw).strip()
    return value


def _malformed(line: str, error: Exception) -> str:
    start = line.lstrip()[:1]
    if start == "{" or not isinstance(error, msgspec.ValidationError):
        return "nested too deeply" if isinstance(error, RecursionError) else f"not valid JSON{_place(error)}"
    return f"the row is {_kind(start)}, not an object"


def _place(error: Exception) -> str:
    match = _BYTE.search(str(error))
    return f" {match[0]}" if match else ""


def _kind(value: str) -> str:
    return _KINDS.get(value[:1], "a number")


def _trouble(message: str, document_id: str | None = None) -> Row:
    return Row("", document_id, Trouble(BAD_ROW, message))
