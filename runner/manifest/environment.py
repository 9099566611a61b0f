"""`${NAME}` in a manifest's values becomes the environment's; `$${` stands for a written `${`.

An unquoted value that consists of a variable is read again as YAML afterwards, so that a number stays a number;
variables can never add structure. Keys are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from runner.manifest.problems import Place, Problems, listed, nearest, shortened
from runner.manifest.tree import NAMED_LISTS, Node
from runner.manifest.yaml12 import scalar

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{(?P<rest>[^}]*\}?)")


def substituted(node: Node, environment: Mapping[str, str], problems: Problems, *, path: str = "") -> Node:
    """The tree with its variables replaced; `path` is its address.

    A variable that is not set is a problem, named at the place where it is used.
    """
    value = node.value
    if isinstance(value, str):
        return _text(node, value, environment, problems, path) if "${" in value else node
    if isinstance(value, dict):
        entries: dict[str, tuple[Place, Node]] = {}
        changed = False
        for key, (place, child) in value.items():
            new = substituted(child, environment, problems, path=f"{path}.{key}" if path else key)
            changed = changed or new is not child
            entries[key] = (place, new)
        return replace(node, value=entries) if changed else node
    if isinstance(value, list):
        named = path in NAMED_LISTS
        items = [
            substituted(child, environment, problems, path=_item(path, index, child if named else None))
            for index, child in enumerate(value)
        ]
        return replace(node, value=items) if any(a is not b for a, b in zip(items, value, strict=True)) else node
    return node


def _item(path: str, index: int, named: Node | None) -> str:
    name = named.item_name() if named is not None else None
    return f"{path}.{name}" if name else f"{path}[{index}]"


def _text(node: Node, text: str, environment: Mapping[str, str], problems: Problems, path: str) -> Node:
    unset: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if match[0] == "$${":
            return "${"
        if name is None:
            message = f"{shortened(match[0])!r} names no environment variable"
            problems.add(node.place, message, path=path, hint="write ${NAME}, or $${ for a literal ${")
        elif name not in environment:
            unset.append(name)
        else:
            return environment[name]
        return ""

    value = _REFERENCE.sub(value_of, text)
    if unset:
        message = (
            f"the environment variable{'s' if len(unset) > 1 else ''} {listed(unset)} {_ARE[len(unset) > 1]} not set"
        )
        problems.add(node.place, message, path=path, hint=nearest(unset[0], sorted(environment)))
    return replace(node, value=scalar(value) if node.plain else value)


_ARE: Final = {False: "is", True: "are"}
