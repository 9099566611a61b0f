"""Source patterns: the fixed part of a path, and which paths below it are meant.

A pattern is cut at the last `/` before its first wildcard. `*`, `?` and `[…]` match inside one name, `**` any number
of folders, none included; at the end of a pattern it means every file below. Hidden names (`.git`, `.cache`) are
matched only by a pattern that writes the dot itself.

Matching is done name by name while walking down, with the set of components that may come next, so that a folder
that cannot lead to a match is never opened and no file is found twice. Nothing here looks at a disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

ANY_FOLDERS: Final = "**"

_WILDCARD: Final = re.compile(r"[*?\[]")

States = frozenset[int]
"""Components of a pattern that the next name may match."""


def has_wildcard(path: str) -> bool:
    """Whether a path is a pattern."""
    return _WILDCARD.search(path) is not None


def first_wildcard(path: str) -> int:
    """Where the first wildcard of a pattern stands."""
    match = _WILDCARD.search(path)
    assert match is not None, "only patterns have one"
    return match.start()


def split_pattern(pattern: str) -> tuple[str, str]:
    """The fixed part of a pattern (closed by `/`, or empty) and the rest, which begins with its first wildcard name."""
    cut = pattern.rfind("/", 0, first_wildcard(pattern)) + 1
    return pattern[:cut], pattern[cut:]


@dataclass(frozen=True, slots=True)
class _Component:
    """One name of a pattern; `matches` is None for `**`."""

    matches: Callable[[str], object] | None
    takes_hidden: bool


class Matcher:
    """Matches paths below a pattern's fixed part, one name at a time."""

    def __init__(self, pattern: str) -> None:
        names = [name for name in pattern.split("/") if name not in {"", "."}]
        self._components = tuple(_component(name) for name in names)
        self.start: States = self._reachable({0})

    @property
    def _last(self) -> int:
        return len(self._components) - 1

    def folder(self, states: States, name: str) -> States:
        """What may come next inside a folder of that name; empty: nothing there can match."""
        after: set[int] = set()
        for state in states:
            component = self._components[state]
            if component.matches is None:
                if not name.startswith("."):
                    after.add(state)
            elif state < self._last and _takes(component, name):
                after.add(state + 1)
        return self._reachable(after)

    def file(self, states: States, name: str) -> bool:
        """Whether a file of that name is meant."""
        for state in states:
            component = self._components[state]
            if state < self._last:
                continue
            if component.matches is None:
                if not name.startswith("."):
                    return True
            elif _takes(component, name):
                return True
        return False

    def path(self, path: str) -> bool:
        """Whether the file at a path is meant."""
        *folders, name = path.split("/")
        states = self.start
        for folder in folders:
            states = self.folder(states, folder)
            if not states:
                return False
        return self.file(states, name)

    def _reachable(self, states: set[int]) -> States:
        """The states and those behind a `**`, which may stand for no folder at all."""
        found: set[int] = set()
        for first in states:
            state = first
            found.add(state)
            while self._components[state].matches is None and state < self._last:
                state += 1
                found.add(state)
        return frozenset(found)


def _component(name: str) -> _Component:
    if name == ANY_FOLDERS:
        return _Component(None, takes_hidden=False)
    return _Component(re.compile(translate(name)).match, takes_hidden=name.startswith("."))


def _takes(component: _Component, name: str) -> bool:
    if name.startswith(".") and not component.takes_hidden:
        return False
    return component.matches is not None and component.matches(name) is not None
