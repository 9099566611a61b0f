"""YAML 1.2 text to a tree with places.

PyYAML's C parser gives the events; what they mean is decided here, since PyYAML reads YAML 1.1, where `no` is false,
`012` is ten and `1:30` is ninety. The tree is built without recursion and within limits, so that no text can exhaust
the stack, and nothing is expanded beyond what a manifest could need. Knows nothing of a manifest's keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from runner.manifest.problems import Place, Problems, Source, shortened
from runner.manifest.tree import Node, Scalar

DEPTH_MAX: Final = 64
"""Deeper than any manifest; libyaml's own work grows with the square of the depth."""
ALIASED_NODES_MAX: Final = 100_000
"""What aliases may add to a text: a few kilobytes could otherwise stand for billions of values."""

_TOO_DEEP: Final = f"values are nested more than {DEPTH_MAX} deep"
_Parser: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK: Final = re.compile("\r\n|[\r\n]")
_PREFIX: Final = "tag:yaml.org,2002:"
_TAGS: Final = frozenset({"null", "bool", "int", "float", "str", "map", "seq"})

# YAML 1.2.2, section 10.3.2: the core schema.
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<oct>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<inf>[-+]?\.(?:inf|Inf|INF))|(?P<nan>\.(?:nan|NaN|NAN))"
)
_NUMBER_CHARACTERS_MAX: Final = 200
"""Longer is text: every number read is then one that a float can hold, and nothing is counted in larger ones."""

_UNCLOSED: Final = (
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
)
_SYNTAX: Final = {
    "mapping values are not allowed in this context": "a ':' does not fit here; check the indentation, and put text"
    " that contains ': ' in quotes",
    "found unexpected end of stream": "the text ends inside quotes",
    "did not find expected ',' or ']'": "a list in brackets lacks a ',' or its ']'",
    "did not find expected ',' or '}'": "a mapping in braces lacks a ',' or its '}'",
    "did not find expected '-' indicator": "expected another '- ' item, or less indentation",
    "did not find expected key": "expected a key here; check the indentation and the quotes",
    "could not find expected ':'": "expected a ':' after the key",
    "found a tab character where an indentation space is expected": "a tab; YAML is indented with spaces",
    "found unknown escape character": "an unknown escape; use single quotes for text with backslashes",
}


def scalar(text: str) -> Scalar:
    """What an unquoted scalar means in YAML 1.2's core schema."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if not text[0].isascii() or text[0].isalpha() or len(text) > _NUMBER_CHARACTERS_MAX:
        return text
    match = _NUMBER.fullmatch(text)
    match match and match.lastgroup:
        case "int":
            return int(text)
        case "oct":
            return int(text, 0)
        case "hex":
            return int(text, 0)
        case "float":
            return float(text)
        case "inf":
            return float(text.replace(".", "").lower())
        case "nan":
            return float("nan")
        case _:
            return text


def parse(text: str, source: Source, problems: Problems) -> Node | None:
    """The one document in `text`; None if there is none, or if the text is not YAML (a problem is noted)."""
    stray = _NOT_TEXT.search(text)
    if stray:
        problems.add(_place_of(text, stray.start(), source), f"a character that YAML does not allow: {stray[0]!a}")
        return None
    builder = _Builder(source=source, problems=problems)
    try:
        for event in yaml.parse(text, Loader=_Parser):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)
        problems.add(place, f"not valid YAML: {_syntax(error, text)}", hint=_hint(error, text))
        return None
    except yaml.YAMLError as error:
        problems.add(Place(source, 1, 1), f"not valid YAML: {shortened(str(error))}")
        return None
    except _Stopped:
        return None
    return builder.root


def _place_of(text: str, index: int, source: Source) -> Place:
    breaks = list(_BREAK.finditer(text, 0, index))
    return Place(source, len(breaks) + 1, index - (breaks[-1].end() if breaks else 0) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = str(error.problem or error.context or "it cannot be read")
    mark = error.problem_mark
    if problem.startswith("found character") and mark is not None:
        character = text[mark.index : mark.index + 1]
        if character == "\t":
            return "a tab; YAML is indented with spaces"
        return f"text cannot begin with {character!r}; put it in quotes"
    return _SYNTAX.get(problem, problem)


def _hint(error: yaml.MarkedYAMLError, text: str) -> str | None:
    begun, ended = error.context_mark, error.problem_mark
    if begun is None or ended is None or error.problem not in _UNCLOSED:
        return None
    if "${" in text[begun.index : ended.index + 1]:
        return "inside braces and brackets ${NAME} stands in quotes"
    return f"begun at {begun.line + 1}:{begun.column + 1}"


class _Stopped(Exception):  # noqa: N818
    """The text goes beyond a limit, and a problem says so."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Place, Node]] | None = None
    key: Node | None = None
    merges: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 1


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Folds the parser's events into nodes."""

    source: Source
    problems: Problems
    root: Node | None = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    aliased: int = 0

    def take(self, event: Any) -> None:
        """One event of PyYAML's, whose classes carry no types."""
        match event:
            case yaml.ScalarEvent():
                self._add(self._scalar(event), event.anchor)
            case yaml.MappingStartEvent():
                self._open(event, {})
            case yaml.SequenceStartEvent():
                self._open(event, None)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._add(self._aliased(event), None)
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop(self._place(event), "a second document begins here; a manifest is one document")
            case _:
                pass

    def _place(self, event: Any) -> Place:
        return Place(self.source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _stop(self, place: Place, message: str) -> None:
        self.problems.add(place, message)
        raise _Stopped

    def _scalar(self, event: Any) -> Node:
        place = self._place(event)
        if event.implicit[0] and event.tag is None:
            return Node(scalar(event.value), place, plain=True)
        if event.tag in {None, "!"}:
            return Node(event.value, place)
        return Node(self._tagged(event, place), place)

    def _tagged(self, event: Any, place: Place) -> Scalar:
        kind, value = self._kind(event, place), scalar(event.value)
        match kind, value:
            case ("null", None) | ("bool", bool()) | ("float", float()):
                return value
            case ("int" | "float", int()) if not isinstance(value, bool):
                return value if kind == "int" else float(value)
            case ("str" | None, _):
                return str(event.value)
            case _:
                self.problems.add(place, f"{shortened(event.value)!r} is not a YAML {kind}")
                return None

    def _kind(self, event: Any, place: Place) -> str | None:
        tag = event.tag
        if tag in {None, "!"}:
            return None
        kind = tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else ""
        if kind not in _TAGS:
            shown = f"!!{kind}" if kind else tag
            self.problems.add(place, f"the tag {shortened(shown)} has no meaning in a manifest")
            return None
        return str(kind)

    def _open(self, event: Any, entries: dict[str, tuple[Place, Node]] | None) -> None:
        place = self._place(event)
        self._kind(event, place)
        if len(self.stack) >= DEPTH_MAX:
            self._stop(place, _TOO_DEEP)
        self.stack.append(_Open(place, event.anchor, entries=entries))

    def _close(self) -> None:
        top = self.stack.pop()
        if top.depth > DEPTH_MAX:
            self._stop(top.place, _TOO_DEEP)
        if top.entries is None:
            node = Node(top.items, top.place, size=top.size, depth=top.depth)
        else:
            inherited = {key: entry for merge in reversed(top.merges) for key, entry in _entries(merge).items()}
            node = Node({**inherited, **top.entries}, top.place, size=top.size, depth=top.depth)
        self._add(node, top.anchor)

    def _aliased(self, event: Any) -> Node:
        place = self._place(event)
        if any(opened.anchor == event.anchor for opened in self.stack):
            self._stop(place, f"the alias *{shortened(event.anchor)} stands inside what it names")
        node = self.anchors.get(event.anchor)
        if node is None:
            self.problems.add(place, f"the alias *{shortened(event.anchor)} names no anchor above it")
            return Node(None, place)
        self.aliased += node.size
        if self.aliased > ALIASED_NODES_MAX:
            self._stop(place, f"aliases stand for more than {ALIASED_NODES_MAX:,} values")
        return node

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.size += node.size
        top.depth = max(top.depth, node.depth + 1)
        if top.entries is None:
            top.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            key, top.key = top.key, None
            self._enter(top, top.entries, key, node)

    def _enter(self, top: _Open, entries: dict[str, tuple[Place, Node]], key: Node, node: Node) -> None:
        name = key.value
        if name == "<<" and key.plain:
            self._merge(top, key, node)
        elif not isinstance(name, str):
            self.problems.add(key.place, "a key must be text; put numbers, true, false and null in quotes")
        elif name in entries:
            first = entries[name][0]
            self.problems.add(
                key.place,
                f"the key {shortened(name)!r} is here twice",
                hint=f"first at {first.line}:{first.column}; keep one of them",
            )
        else:
            entries[name] = (key.place, node)

    def _merge(self, top: _Open, key: Node, node: Node) -> None:
        merges = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(merge.value, dict) for merge in merges):
            top.merges.extend(merges)
        else:
            self.problems.add(key.place, "'<<' takes a mapping, or a list of mappings")


def _entries(node: Node) -> dict[str, tuple[Place, Node]]:
    return node.value if isinstance(node.value, dict) else {}
