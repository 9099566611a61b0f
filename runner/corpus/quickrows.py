"""The quick way through rows of JSON: a struct made for the corpus, decoded in C, a column at a time.

It gives up where anything needs to be explained; `runner.corpus.rows` explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Raw

from runner.corpus.assembling import Rows
from runner.corpus.choosing import NULL, passes_json
from runner.model import CorpusSpec

TEXT_DEFAULT: Final = ("text",)
LANGUAGES_KNOWN_MAX: Final = 1000
UNREADABLE: Final = (msgspec.MsgspecError, RecursionError)
"""What the parser raises for a bad row, one nested a thousand deep included."""

Spot = tuple[str, ...]
"""A path: the names of members from the row inwards."""

decode_string: Final = msgspec.json.Decoder(str).decode
_decode_strings: Final = msgspec.json.Decoder(list[str]).decode
_QUOTE: Final = ord('"')
_NUMBER_STARTS: Final = frozenset(b"-0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a corpus asks of its rows. `where` has a judge of the raw value at each path."""

    texts: tuple[Spot, ...]
    id: Spot | None = None
    language: Spot | None = None
    keep: tuple[Spot, ...] = ()
    where: tuple[tuple[Spot, Callable[[bytes], bool]], ...] = ()
    template: bytes = b""
    """Of the object of kept values, to be filled in by `%`."""

    @classmethod
    def of(cls, corpus: CorpusSpec) -> Asked:
        """What a corpus of JSON rows asks for."""
        rule = corpus.language
        return cls(
            texts=tuple(map(_spot, corpus.text or TEXT_DEFAULT)),
            id=_spot(corpus.id) if corpus.id is not None else None,
            language=_spot(rule.path) if rule is not None and rule.kind == "field" and rule.path is not None else None,
            keep=tuple(map(_spot, corpus.keep)),
            where=tuple((_spot(path), passes_json(values)) for path, values in corpus.where),
            template=kept_template(corpus.keep),
        )

    def kept(self, values: tuple[bytes, ...]) -> bytes:
        """The object of kept values, given as JSON."""
        return self.template % values

    @property
    def nothing_kept(self) -> bytes:
        """The object of a row that cannot be read; empty if nothing is to be kept."""
        return self.template % ((NULL,) * len(self.keep))

    @property
    def passes_without_values(self) -> bool:
        """What `where` says of a row that has no values."""
        return all(judge(NULL) for _, judge in self.where)


def kept_template(keep: Sequence[str]) -> bytes:
    """A compact JSON object with a place for a value behind each name; empty if there are no names."""
    members = b",".join(msgspec.json.encode(name).replace(b"%", b"%%") + b":%b" for name in keep)
    return b"{" + members + b"}" if keep else b""


class QuickRows:
    """Reads rows by a struct that has the named fields only."""

    def __init__(self, asked: Asked, tree: dict[str, Any]) -> None:
        self._asked = asked
        self._decode = msgspec.json.Decoder(_struct(tree)).decode
        self._texts = [(_getter(tree, path), _leaf(tree, path) is not str) for path in asked.texts]
        self._id = _getter(tree, asked.id) if asked.id is not None else None
        self._language = _getter(tree, asked.language) if asked.language is not None else None
        self._keep = [_getter(tree, path) for path in asked.keep]
        self._where = [(_getter(tree, path), judge) for path, judge in asked.where]

    @classmethod
    def of(cls, asked: Asked) -> QuickRows | None:
        """The reader of what is asked; None if one path leads through another."""
        required = {*asked.texts, *([asked.id] if asked.id is not None else [])}
        others = {*asked.keep, *(path for path, _ in asked.where), *([asked.language] if asked.language else [])}
        raw = others | {asked.id}
        tree: dict[str, Any] = {}
        for path in [*asked.texts, *sorted((required | others) - set(asked.texts))]:
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
                if not isinstance(node, dict):
                    return None
            if isinstance(node.get(path[-1]), dict):
                return None
            node[path[-1]] = (Raw if path in raw else str) if path in required else None
        return cls(asked, tree)

    def read_all(self, lines: Sequence[str]) -> Rows | None:
        """The columns of rows; None if any of them needs a closer look."""
        decode = self._decode
        try:
            rows = [decode(line) for line in lines]
        except UNREADABLE:
            return None
        return self._columns(rows)

    def read_block(self, block: bytes) -> Rows | None:
        """The same of lines in UTF-8, each closed by a line feed."""
        # Not `decode_lines`, which passes over blank lines and lets rows share a line, or go on over several.
        decode = self._decode
        try:
            block.decode()  # what the parser skips, it does not look at
            rows = [decode(line) for line in block.split(b"\n")[:-1]]
        except (*UNREADABLE, UnicodeDecodeError):
            return None
        return self._columns(rows)

    def _columns(self, rows: Sequence[Any]) -> Rows | None:
        try:
            columns = [_strings(map(get, rows)) if raw else list(map(get, rows)) for get, raw in self._texts]
        except UNREADABLE:
            return None
        ids = None
        if self._id is not None:
            ids = ids_of(list(map(bytes, map(self._id, rows))))
            if ids is None:
                return None
        kept = [map(bytes, map(get, rows)) for get in self._keep]
        template = self._asked.template
        return Rows(
            texts=columns[0] if len(columns) == 1 else list(map("\n".join, zip(*columns, strict=True))),
            ids=ids,
            languages=list(map(plain_text, map(bytes, map(self._language, rows)))) if self._language else None,
            fields=[template % values for values in zip(*kept, strict=True)] if kept else None,
            passes=self._passes(rows) if self._where else None,
        )

    def _passes(self, rows: Sequence[Any]) -> list[bool]:
        verdicts = [map(judge, map(bytes, map(get, rows))) for get, judge in self._where]
        return list(map(all, zip(*verdicts, strict=True)))


def _spot(path: str) -> Spot:
    return tuple(path.split("."))


def _leaf(tree: dict[str, Any], path: Spot) -> Any:
    node: Any = tree
    for name in path:
        node = node[name]
    return node


def _getter(tree: dict[str, Any], path: Spot) -> Callable[[Any], Any]:
    """Gets what is at a path from the structs made of `tree`."""
    attributes = []
    node: Any = tree
    for name in path:
        attributes.append(f"f{list(node).index(name)}")
        node = node[name]
    return attrgetter(".".join(attributes))


def _struct(tree: dict[str, Any]) -> type[Any]:
    """A struct with one field per name; names are the user's, attributes are ours.

    A leaf None is a raw value that may be missing, and so may a member with nothing but such leaves.
    """
    fields: list[tuple[str, Any, Any] | tuple[str, Any]] = []
    for number, leaf in enumerate(tree.values()):
        name = f"f{number}"
        if isinstance(leaf, dict):
            kind = _struct(leaf)
            fields.append((name, kind, kind()) if _optional(leaf) else (name, kind))
        else:
            fields.append((name, Raw, Raw(NULL)) if leaf is None else (name, leaf))
    renamed = {f"f{number}": name for number, name in enumerate(tree)}
    return msgspec.defstruct("Row", fields, rename=renamed, frozen=True, gc=False, kw_only=True)


def _optional(tree: dict[str, Any]) -> bool:
    return all(leaf is None or (isinstance(leaf, dict) and _optional(leaf)) for leaf in tree.values())


def _strings(values: Iterable[Any]) -> list[str]:
    """Strings, decoded together. Raises ValidationError if one is something else."""
    return _decode_strings(b"[" + b",".join(map(bytes, values)) + b"]")


def ids_of(values: list[bytes]) -> list[str] | None:
    """Ids as written; None if one is neither a string nor a number."""
    starts = {value[0] for value in values}
    if starts == {_QUOTE}:
        return _decode_strings(b"[" + b",".join(values) + b"]")
    if starts <= _NUMBER_STARTS:
        return [value.decode() for value in values]
    if starts <= {_QUOTE, *_NUMBER_STARTS}:
        return [decode_string(value) if value[0] == _QUOTE else value.decode() for value in values]
    return None


@lru_cache(maxsize=LANGUAGES_KNOWN_MAX)
def plain_text(raw: bytes) -> str | None:
    """A language as a row gives it: a string's text, a number's digits; None for everything else."""
    if raw.startswith(b'"'):
        return decode_string(raw)
    return raw.decode() if raw[0] in _NUMBER_STARTS else None
