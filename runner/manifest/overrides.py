"""`--set path=value`: one value of a manifest, set from the command line.

A path names keys, and items of `lanes`, `corpora` and `analyses` by their names (`corpora.tickets.limit=10`). Keys
that are not there yet are made; whether they are valid is found out afterwards, like everything else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from runner.manifest.problems import Place, Problems, Source, listed, nearest, shortened
from runner.manifest.tree import NAMED_LISTS, Node
from runner.manifest.yaml12 import parse

DEFAULT_LANE: Final = "local"
"""The name of the lane that a manifest without lanes has."""
STEPS_MAX: Final = 8
_ORDER_OF_FIRST: Final = 1_000_000
"""Told after the problems of all files."""


def overridden(root: Node, text: str, number: int, directory: str, problems: Problems) -> Node:
    """The tree with one `--set` applied; what is wrong with it is noted, and then the tree is as before.

    Args:
        root: the manifest, a mapping.
        text: `path=value`, the value in YAML.
        number: of this `--set` among all.
        directory: what relative paths in the value are relative to.
        problems: where problems go.
    """
    shown = text if text.isprintable() else repr(text)
    source = Source(name=f"--set {shown}", directory=directory, order=_ORDER_OF_FIRST + number, lines=False)
    place = Place(source, 1, 1)
    path, equals, written = text.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        problems.add(place, "expected path=value", hint="for example corpora.tickets.limit=10")
        return root
    if len(steps) > STEPS_MAX:
        problems.add(place, f"a path of {len(steps)} steps; no key is deeper than {STEPS_MAX}")
        return root
    if steps[0] == "extends":
        problems.add(place, "what a manifest extends is written in the manifest")
        return root
    before = len(problems)
    value = parse(written, source, problems)
    if value is None:
        if len(problems) > before:
            return root
        value = Node(None, place)
    return _Setter(place=place, problems=problems).set(root, steps, replace(value, place=place), ())


class _Setter:
    """Makes the nodes on the way to the value anew."""

    def __init__(self, *, place: Place, problems: Problems) -> None:
        self._place = place
        self._problems = problems

    def set(self, node: Node, steps: list[str], value: Node, above: tuple[str, ...]) -> Node:
        """`node` with the value at the end of `steps`; `above` are the steps that led to `node`."""
        if not steps:
            return value
        step, rest = steps[0], steps[1:]
        if isinstance(node.value, list):
            return self._item(node, step, rest, value, above)
        if not isinstance(node.value, dict):
            if node.value is not None:
                self._problems.add(self._place, f"{'.'.join(above)} holds a single value, so nothing can be set in it")
                return node
            node = Node({}, self._place)
        entries = dict(node.value) if isinstance(node.value, dict) else {}
        place, child = entries.get(step, (self._place, Node(None, self._place)))
        if step == "lanes" and rest and not above and child.value is None:
            child = self._default_lane()
        entries[step] = (self._place if not rest else place, self.set(child, rest, value, (*above, step)))
        return replace(node, value=entries)

    def _default_lane(self) -> Node:
        name = Node(DEFAULT_LANE, self._place)
        return Node([Node({"name": (self._place, name)}, self._place)], self._place)

    def _item(self, node: Node, step: str, rest: list[str], value: Node, above: tuple[str, ...]) -> Node:
        items = node.value if isinstance(node.value, list) else []
        where = ".".join(above)
        if where not in NAMED_LISTS:
            self._problems.add(self._place, f"{where} is a list without names; set it as a whole")
            return node
        names = [item.item_name() or "" for item in items]
        if step not in names:
            known = [name for name in names if name]
            hint = nearest(step, known) or (f"there are {listed(known)}" if known else None)
            self._problems.add(self._place, f"{where} has no {shortened(step)!r}", hint=hint)
            return node
        index = names.index(step)
        item = items[index]
        if isinstance(item.value, str) and rest:
            # An analysis in its short form, which is its family.
            item = Node({"family": (item.place, item)}, item.place)
        new = self.set(item, rest, value, (*above, step))
        return replace(node, value=[*items[:index], new, *items[index + 1 :]])
