"""Rows of JSON: what a corpus asks of them (text, id, language, kept values, `where`), or why one cannot be used.

There are two ways to the same answer. The quick one (`runner.corpus.quickrows`) decodes rows into a struct made for
the corpus, which has the named fields only, and the parser skips everything else. The slow one, here, walks from
object to object and can say what is wrong; it takes the rows that do not fit the struct (a null text fits none), and
all rows where one path leads through another.

A value that the parser skips is checked like any other, so what is kept raw can always be decoded later.

Numbers used as ids keep the digits of the source (`1.50` stays `1.50`), kept values every byte. Messages name paths
and kinds of values, never values: they end up in results and reports. A row that cannot be read cannot be judged by
`where` either; it is taken, so that it closes as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from runner.corpus.assembling import Rows
from runner.corpus.blocks import BAD_ROW, Trouble
from runner.corpus.quickrows import UNREADABLE, Asked, QuickRows, Spot, decode_string, ids_of, plain_text

_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_BYTE: Final = re.compile(r"\(byte \d+\)")
_NULL: Final = b"null"
_KINDS: Final = {"[": "a list", "{": "an object", "t": "a boolean", "f": "a boolean", '"': "a string", "n": "null"}


class Row(NamedTuple):
    """What a row gave. The text is empty if it is null, or if there is trouble; `id` is None where there is none."""

    text: str
    id: str | None = None
    trouble: Trouble | None = None
    language: str | None = None
    fields: bytes = b""
    passes: bool = True


class _Bad(NamedTuple):
    """A value that cannot be used, and why."""

    message: str


class RowReader:
    """Reads the rows of one corpus. Several texts are joined by a line break; a null is left out."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._quick = QuickRows.of(asked)

    def read_all(self, lines: Sequence[str]) -> Rows | None:
        """The columns of many rows; None if any of them needs a closer look."""
        return self._quick.read_all(lines) if self._quick is not None and lines else None

    def read_block(self, block: bytes) -> Rows | None:
        """The same of lines in UTF-8, each closed by a line feed; faster."""
        return self._quick.read_block(block) if self._quick is not None else None

    def read_each(self, lines: Sequence[str], troubles: dict[int, Trouble]) -> Rows:
        """The columns of rows of any kind; `troubles` has those whose line could not be decoded."""
        rows: list[Row] = []
        for place, line in enumerate(lines):
            blank = not line or line.isspace()  # nothing in it, or undecodable
            row = (self._undecodable if place in troubles else self.blank) if blank else self.read(line)
            rows.append(row)
            if row.trouble is not None:
                troubles[place] = row.trouble
        asked = self._asked
        return Rows(
            texts=[row.text for row in rows],
            ids=[row.id for row in rows] if asked.id is not None else None,
            languages=[row.language for row in rows] if asked.language is not None else None,
            fields=[row.fields for row in rows] if asked.keep else None,
            passes=[row.passes for row in rows] if asked.where else None,
            troubles=troubles,
        )

    @property
    def blank(self) -> Row:
        """What a blank line is: a document without text, all of whose values are null."""
        return Row("", fields=self._asked.nothing_kept, passes=self._asked.passes_without_values)

    @property
    def _undecodable(self) -> Row:
        return Row("", fields=self._asked.nothing_kept)

    def read(self, line: str) -> Row:
        """The row on a line; never raises for what is in it."""
        found = self.read_all([line])
        if found is not None:
            return Row(
                found.texts[0],
                found.ids[0] if found.ids is not None else None,
                None,
                found.languages[0] if found.languages is not None else None,
                found.fields[0] if found.fields is not None else b"",
                found.passes[0] if found.passes is not None else True,
            )
        try:
            _decode_members(line)
        except UNREADABLE as error:
            return Row("", trouble=Trouble(BAD_ROW, _malformed(line, error)), fields=self._asked.nothing_kept)
        return self._look_closer(line)

    def _look_closer(self, line: str) -> Row:
        asked = self._asked
        document_id = _id_at(line, asked.id) if asked.id is not None else None
        usable = None if isinstance(document_id, _Bad) else document_id
        texts = [_text_at(line, path) for path in asked.texts]
        bad = next((text for text in (*texts, document_id) if isinstance(text, _Bad)), None)
        return Row(
            "\n".join(text for text in texts if isinstance(text, str)) if bad is None else "",
            usable,
            Trouble(BAD_ROW, bad.message) if bad is not None else None,
            plain_text(_value(line, asked.language)) if asked.language is not None else None,
            asked.kept(tuple(_value(line, path) for path in asked.keep)) if asked.keep else b"",
            all(judge(_value(line, path)) for path, judge in asked.where),
        )


def _text_at(line: str, path: Spot) -> str | _Bad | None:
    raw = _walk(line, path)
    where = ".".join(path)
    if raw is None:
        return _Bad(f"no text at {where}")
    if raw == _NULL:
        return None
    if not raw.startswith(b'"'):
        return _Bad(f"the text at {where} is {_kind(raw.decode())}, not a string")
    return decode_string(raw)


def _id_at(line: str, path: Spot) -> str | _Bad:
    raw = _walk(line, path)
    where = ".".join(path)
    if raw is None:
        return _Bad(f"no id at {where}")
    found = ids_of([raw])
    return (
        found[0] if found is not None else _Bad(f"the id at {where} is {_kind(raw.decode())}, not a string or a number")
    )


def _value(line: str, path: Spot) -> bytes:
    return _walk(line, path) or _NULL


def _walk(line: str, path: Spot) -> bytes | None:
    """The JSON at a path of an object: `null` if the way ends in a null, None if it ends in nothing or elsewhere."""
    value = line.encode()
    for name in path:
        if value == _NULL:
            return value
        try:
            raw = _decode_members(value).get(name)
        except UNREADABLE:
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
