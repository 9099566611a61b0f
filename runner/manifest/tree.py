"""Manifest values as a tree that remembers where each of them was written.

Trees are never changed: merging and setting make new nodes along the way to what differs. Owns the walk from a
location (the keys and indices that lead to a value) to its place and its address by name (`corpora.reviews.format`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from runner.manifest.problems import Place, Problems, shortened

Scalar = str | int | float | bool | None
_PLAIN_STEP: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
"""Other names and keys are quoted in an address, or a line break in one could forge a message."""

Location = tuple[str | int, ...]

NAMED_LISTS: Final = ("lanes", "corpora", "analyses")
"""Lists at the top whose items are addressed by name."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value: a scalar, a list of nodes, or a mapping of key to (place of the key, node)."""

    value: Scalar | list[Node] | dict[str, tuple[Place, Node]]
    place: Place
    plain: bool = False
    """An unquoted scalar, whose type follows from its text."""
    size: int = 1
    """The number of nodes in it, itself included."""
    depth: int = 1
    """The number of levels in it, its own included."""

    def get(self, key: str) -> Node | None:
        """The value of a key; None if this is no mapping or has no such key."""
        entry = self.value.get(key) if isinstance(self.value, dict) else None
        return entry[1] if entry else None

    def item_name(self) -> str | None:
        """What an item of a named list is called: by its name, an analysis also by its family alone."""
        if isinstance(self.value, str):
            return self.value
        for key in ("name", "family"):
            node = self.get(key)
            if node is not None and isinstance(node.value, str):
                return node.value
        return None


def plain_data(node: Node) -> object:
    """The tree as plain dicts, lists and scalars."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain_data(child) for key, (_, child) in value.items()}
    if isinstance(value, list):
        return [plain_data(child) for child in value]
    return value


def merged(base: Node, top: Node) -> Node:
    """`top` laid over `base`: mappings are merged key by key, anything else is replaced."""
    if not isinstance(base.value, dict) or not isinstance(top.value, dict):
        return top
    entries = dict(base.value)
    for key, (place, node) in top.value.items():
        entries[key] = (place, merged(entries[key][1], node) if key in entries else node)
    return replace(top, value=entries)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a location leads: the deepest node on the way, the place of its key, and its address by name."""

    node: Node
    key: Place
    address: str


def locate(root: Node, location: Location) -> Spot:
    """Follow a location as far as it goes.

    Steps that the tree does not have are steps of the schema: a key that is missing (it is part of the address, and
    its mapping is the place), or the long form of something written short (it is not).
    """
    node, key, address = root, root.place, ""
    for depth, step in enumerate(location):
        value = node.value
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            node = value[step]
            name = node.item_name() if depth == 1 and location[0] in NAMED_LISTS and node.value is not None else None
            address += f".{name}" if name and _shown(name) == name else f"[{step}]"
            key = node.place
        elif isinstance(value, dict) and isinstance(step, str):
            address += f".{_shown(step)}"
            if step not in value:
                break
            key, node = value[step]
    return Spot(node, key, address.lstrip("."))


def _shown(step: str) -> str:
    return step if _PLAIN_STEP.fullmatch(step) else repr(shortened(step))


@dataclass(slots=True)
class Report:
    """Notes problems by location in one tree."""

    root: Node
    problems: Problems

    def add(self, location: Location, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        """Something is wrong with the value at a location, or with its key."""
        spot = locate(self.root, location)
        place = spot.key if at_key else spot.node.place
        self.problems.add(place, message, path=spot.address, hint=hint)

    def line(self, location: Location) -> str:
        """Where a location is, in words: `line 12`, or the `--set` that it came from."""
        place = locate(self.root, location).node.place
        return f"line {place.line}" if place.source.lines else place.source.name

    def directory(self, location: Location) -> str:
        """What relative paths written at this location are relative to."""
        return locate(self.root, location).node.place.source.directory
