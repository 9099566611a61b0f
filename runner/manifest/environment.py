"""`${NAME}` in a manifest's values becomes the environment's; `$${` stands for a written `${`.

An unquoted value that consists of a variable is read again as YAML afterwards, so that a number stays a number;
variables can never add structure. Keys are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from runner.manifest.problems import Place, found, nearest
from runner.manifest.tree import Location, Node, Report
from runner.manifest.yaml12 import scalar

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{(?P<rest>[^}]*\}?)")


def substituted(node: Node, environment: Mapping[str, str], report: Report, location: Location = ()) -> Node:
    """The tree with its variables replaced; `location` leads to it in the report's tree.

    A variable that is not set is a problem, told at the place where it is used.
    """
    value = node.value
    if isinstance(value, str):
        return _text(node, value, environment, report, location) if "${" in value else node
    if isinstance(value, dict):
        entries: dict[str, tuple[Place, Node]] = {}
        changed = False
        for key, (place, child) in value.items():
            new = substituted(child, environment, report, (*location, key))
            changed = changed or new is not child
            entries[key] = (place, new)
        return replace(node, value=entries) if changed else node
    if isinstance(value, list):
        items = [substituted(child, environment, report, (*location, index)) for index, child in enumerate(value)]
        return replace(node, value=items) if any(a is not b for a, b in zip(items, value, strict=True)) else node
    return node


def _text(node: Node, text: str, environment: Mapping[str, str], report: Report, location: Location) -> Node:
    malformed: list[str] = []
    unset: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if match[0] == "$${":
            return "${"
        if name is None:
            malformed.append(match[0])
        elif name not in environment:
            unset.append(name)
        return environment.get(name or "", "")

    value = _REFERENCE.sub(value_of, text)
    if malformed:
        message = f"{found(malformed[0])} names no environment variable"
        report.add(location, message, hint="write ${NAME}, or $${ for a literal ${")
    for name in dict.fromkeys(unset):
        report.add(location, f"the environment variable {name} is not set", hint=nearest(name, sorted(environment)))
    if malformed or unset:
        report.problems.settle(node.place)
    return replace(node, value=scalar(value) if node.plain else value)
