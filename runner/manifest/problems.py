"""Where a manifest's values stand, and the list of everything that is wrong with them.

Owns places, the wording of found values and of nearest names, and the order in which problems are told. Knows
nothing of YAML, of schemas, or of what the keys mean.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from runner.errors import ManifestError, Problem

PROBLEMS_MAX: Final = 1_000
"""More are not told: nobody reads them, and a hostile file must not cost minutes."""

_SHOWN_CHARACTERS: Final = 60
_LIKE: Final = 0.6
_BONUS: Final = 0.05
_NAME_CHARACTERS: Final = 100
"""Longer is no misspelt name, and the comparison is quadratic."""
_LISTED: Final = 20
_ORDER_OF_OTHERS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text that manifest values come from: a file, or one `--set`.

    `name` is what people call it, `directory` what relative paths in it are relative to, `order` its turn in the
    list of problems.
    """

    name: str
    directory: str
    order: int = 0
    lines: bool = True
    """Whether a line and column say anything: not for `--set`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a source; `line` and `column` count from one."""

    source: Source
    line: int
    column: int

    def problem(self, message: str, *, path: str = "", hint: str | None = None) -> Problem:
        """What is wrong at this place; `path` is the address of the key."""
        if self.source.lines:
            made, line, column = Problem, self.line, self.column
        else:
            made, line, column = _OverrideProblem, 0, 0
        return made(file=self.source.name, line=line, column=column, path=path, message=message, hint=hint)


class _OverrideProblem(Problem):
    """A problem of a `--set`, whose text is its own position."""

    __slots__ = ()

    def __str__(self) -> str:
        # The option already names the path, unless the fault lies somewhere inside the value.
        inside = self.path and not self.file.removeprefix("--set ").startswith(f"{self.path}=")
        text = f"{self.file}: {self.path + ': ' if inside else ''}{self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class Wrong(ValueError):  # noqa: N818  (it never leaves this package; what leaves is a ManifestError)
    """A value that cannot be used; `hint` says what to do about it.

    `inside` leads from the value to the part that is at fault, and `at_key` says that it is the key of that part.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, inside: tuple[str | int, ...] = (), at_key: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.inside = inside
        self.at_key = at_key


class Wrongs(ValueError):  # noqa: N818
    """Several parts of one value that cannot be used."""

    def __init__(self, parts: Sequence[Wrong]) -> None:
        super().__init__(f"{len(parts)} wrong parts")
        self.parts = tuple(parts)


Step = TypeVar("Step", bound=str | int)
Read = TypeVar("Read")


def each(
    items: Iterable[tuple[Step, object]], read: Callable[[object], Read], *, wrong: Iterable[Wrong] = ()
) -> list[tuple[Step, Read]]:
    """Every part of a value read, under its key or index.

    Raises:
        Wrongs: all parts that cannot be read, behind those that are known to be `wrong` already.
    """
    done: list[tuple[Step, Read]] = []
    wrong = list(wrong)
    for step, value in items:
        try:
            done.append((step, read(value)))
        except (Wrong, Wrongs) as error:
            parts = error.parts if isinstance(error, Wrongs) else (error,)
            wrong += [
                Wrong(part.message, hint=part.hint, inside=(step, *part.inside), at_key=part.at_key) for part in parts
            ]
    if wrong:
        raise Wrongs(wrong)
    return done


@dataclass(slots=True)
class Problems:
    """Collects problems; one is told once however often it is found."""

    _found: dict[tuple[int, int, int, str, str], Problem] = field(default_factory=dict)
    _settled: set[Place] = field(default_factory=set)

    def add(self, place: Place, message: str, *, path: str = "", hint: str | None = None) -> None:
        """Note that something is wrong at a place."""
        if place in self._settled:
            return
        key = (place.source.order, place.line, place.column, path, message)
        if key not in self._found and len(self._found) < PROBLEMS_MAX:
            self._found[key] = place.problem(message, path=path, hint=hint)

    def settle(self, place: Place) -> None:
        """Nothing more is to be said of this place: whatever else is wrong follows from what was noted."""
        self._settled.add(place)

    def include(self, problems: Iterable[Problem]) -> None:
        """Note problems that were made elsewhere, in their order, after those of the files."""
        for problem in problems:
            key = (_ORDER_OF_OTHERS, len(self._found), 0, problem.path, problem.message)
            self._found.setdefault(key, problem)

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """End here if anything was noted.

        Raises:
            ManifestError: all problems, in the order of the files: the manifest's own, then what it extends, then
                `--set`.
        """
        if self._found:
            raise ManifestError([self._found[key] for key in sorted(self._found)])


def found(value: object) -> str:
    """A found value as a person would name it: `'jsonlines'`, `the number 5`, `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {shortened(repr(value))}"
        case str():
            return repr(shortened(value))
        case dict():
            return "a mapping"
        case _:
            return "a list"


def shortened(text: str) -> str:
    """The text, cut where it would fill more than a good part of a line."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`; of very many, the first and how many more. What would break the line is shown by its code."""
    items = list(map(_on_one_line, names))
    if len(items) > _LISTED:
        items = [*items[:_LISTED], f"{len(items) - _LISTED:,} more"]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """`did you mean x?` for the valid name that is nearest, if one is near."""
    best = closest(name, valid)
    return f"did you mean {_on_one_line(best)}?" if best is not None else None


def _on_one_line(name: str) -> str:
    return name if name.isprintable() else repr(name)


def closest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that is most like `name`, if it is like it at all."""
    if len(name) > _NAME_CHARACTERS:
        return None
    matcher = difflib.SequenceMatcher(b=name.casefold())
    best, likeness = None, _LIKE
    for choice in valid:
        matcher.set_seq1(choice.casefold())
        # Of two that are equally near, the one that begins alike: people err towards the end of a word.
        bonus = _BONUS if choice[:1].casefold() == name[:1].casefold() else 0.0
        if matcher.real_quick_ratio() + bonus > likeness and (ratio := matcher.ratio() + bonus) > likeness:
            best, likeness = choice, ratio
    return best
