"""Rows of JSON: the text and the id at the paths that a corpus names, or why a row has none.

There are two ways to the same answer. The quick one decodes rows into a struct made for the corpus, which has the named
fields only, and the parser skips everything else. The slow one walks from object to object and can say what is wrong;
it takes the rows that do not fit the struct (a null fits none), and all rows where one path leads through another.

A value that the parser skips is checked like any other, so what is kept raw can always be decoded later.

Numbers used as ids keep the digits of the source (`1.50` stays `1.50`). Messages name paths and kinds of values, never
values: they end up in results and reports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from runner.corpus.blocks import BAD_ROW, Trouble

TEXT_DEFAULT: Final = ("text",)

Path = tuple[str, ...]

_decode_string: Final = msgspec.json.Decoder(str).decode
_decode_strings: Final = msgspec.json.Decoder(list[str]).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_BYTE: Final = re.compile(r"\(byte \d+\)")
_NULL: Final = b"null"
_QUOTE: Final = ord('"')
_NUMBER_STARTS: Final = frozenset(b"-0123456789")
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
        self._quick = _QuickRows.of(self._texts, self._id)

    def read_all(self, lines: Sequence[str]) -> tuple[list[str], list[str] | None] | None:
        """The texts and ids (None: no `id` asked for) of many rows; None if any of them needs a closer look."""
        return self._quick.read_all(lines) if self._quick is not None and lines else None

    def read(self, line: str) -> Row:
        """The row on a line; never raises for what is in it."""
        found = self.read_all([line])
        if found is not None:
            (text,), ids = found
            return Row(text, ids[0] if ids is not None else None)
        try:
            _decode_members(line)
        except _UNREADABLE as error:
            return _trouble(_malformed(line, error))
        return self._look_closer(line)

    def _look_closer(self, line: str) -> Row:
        document_id = _id_at(line, self._id) if self._id is not None else None
        usable = None if isinstance(document_id, _Bad) else document_id
        texts = [_text_at(line, path) for path in self._texts]
        bad = next((text for text in (*texts, document_id) if isinstance(text, _Bad)), None)
        if bad is not None:
            return _trouble(bad.message, usable)
        return Row("\n".join(text for text in texts if isinstance(text, str)), usable)


class _QuickRows:
    """Reads rows by a struct that has the named fields only; gives up where anything needs to be explained."""

    def __init__(self, tree: dict[str, Any], texts: tuple[Path, ...], document_id: Path | None) -> None:
        self._decode = msgspec.json.Decoder(_struct(tree)).decode
        self._texts = [attrgetter(_attributes(tree, path)) for path in texts]
        self._id = attrgetter(_attributes(tree, document_id)) if document_id is not None else None

    @classmethod
    def of(cls, texts: tuple[Path, ...], document_id: Path | None) -> _QuickRows | None:
        """The reader for these paths; None if one leads through another, or serves as text and as id."""
        tree: dict[str, Any] = {}
        named = [(path, str) for path in dict.fromkeys(texts)] + ([(document_id, Raw)] if document_id else [])
        for path, kind in named:
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
                if not isinstance(node, dict):
                    return None
            if path[-1] in node:
                return None
            node[path[-1]] = kind
        return cls(tree, texts, document_id)

    def read_all(self, lines: Sequence[str]) -> tuple[list[str], list[str] | None] | None:
        """As `RowReader.read_all`."""
        decode = self._decode
        try:
            rows = [decode(line) for line in lines]
        except _UNREADABLE:
            return None
        columns = [list(map(get, rows)) for get in self._texts]
        texts = columns[0] if len(columns) == 1 else list(map("\n".join, zip(*columns, strict=True)))
        if self._id is None:
            return texts, None
        ids = _ids(list(map(bytes, map(self._id, rows))))
        return (texts, ids) if ids is not None else None


def _attributes(tree: dict[str, Any], path: Path) -> str:
    """The way through the structs made of `tree` to a path, dotted."""
    attributes = []
    node: Any = tree
    for name in path:
        attributes.append(f"f{list(node).index(name)}")
        node = node[name]
    return ".".join(attributes)


def _struct(tree: dict[str, Any]) -> type[Any]:
    """A struct with one field per name, all of them required; names are the user's, attributes are ours."""
    fields = [
        (f"f{number}", _struct(kind) if isinstance(kind, dict) else kind) for number, kind in enumerate(tree.values())
    ]
    renamed = {f"f{number}": name for number, name in enumerate(tree)}
    return msgspec.defstruct("Row", fields, rename=renamed, frozen=True, gc=False)


def _ids(values: list[bytes]) -> list[str] | None:
    """Ids as written; None if one is neither a string nor a number."""
    starts = {value[0] for value in values}
    if starts == {_QUOTE}:
        return _decode_strings(b"[" + b",".join(values) + b"]")
    if starts <= _NUMBER_STARTS:
        return [value.decode() for value in values]
    if starts <= {_QUOTE, *_NUMBER_STARTS}:
        return [_decode_string(value) if value[0] == _QUOTE else value.decode() for value in values]
    return None


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
    found = _ids([raw])
    return (
        found[0] if found is not None else _Bad(f"the id at {where} is {_kind(raw.decode())}, not a string or a number")
    )


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
        value = bytes(raw)
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
