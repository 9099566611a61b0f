"""How commands are told things: argparse, with our own help, our own words for mistakes, and checked values.

Owns the form of `--help` and of usage errors. Knows no command, and imports nothing heavy: `--help` must be quick.
"""

from __future__ import annotations

import argparse
import difflib
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from runner.errors import UserError

WIDTH_MAX: Final = 100
"""Columns of help: longer lines are hard to read."""
INDENT_MAX: Final = 26
"""Where descriptions begin at the latest; a longer option has its description on the next line."""
HELP: Final = ("-h, --help", "print this help and exit")
_HELP_FLAGS: Final = frozenset({"-h", "--help"})
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d|)")

Values = Callable[[str], Any]


class UsageError(UserError):
    """A command line that says nothing we understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command. `carry_out` is called with the arguments by name and returns the exit code."""

    name: str
    summary: str
    """For the list of commands: short enough for one line."""
    details: str
    """Paragraphs of its own help, parted by blank lines."""
    arguments: Callable[[Parser], None]
    carry_out: Callable[..., int]

    @property
    def usage(self) -> str:
        """Its name and what must or may follow."""
        return " ".join([self.name, *Parser(self).positionals])


class Parser(argparse.ArgumentParser):
    """The arguments of one command."""

    def __init__(self, command: Command) -> None:
        super().__init__(prog=f"runner {command.name}", add_help=False, allow_abbrev=False)
        self._command = command
        self._described: list[argparse.Action] = []
        command.arguments(self)

    # --- declaring ------------------------------------------------------------------------------------------------

    def value(self, name: str, metavar: str, of: Values, text: str, *, default: Any = None) -> None:
        """An option that takes a value."""
        self._add(name, type=of, metavar=metavar, default=default, help=text)

    def values(self, name: str, metavar: str, text: str) -> None:
        """An option that may be given again and again."""
        self._add(name, action="append", default=[], metavar=metavar, help=text)

    def flag(self, name: str, text: str) -> None:
        """An option that is given or not."""
        self._add(name, action="store_true", help=text)

    def positional(self, name: str, text: str, *, of: Values = str, nargs: str | None = None) -> None:
        """An argument by its place; `nargs` as argparse has it."""
        self._described.append(self.add_argument(name, type=of, metavar=name.upper(), nargs=nargs, help=text))

    def _add(self, name: str, **rules: Any) -> None:
        dest = name.lstrip("-").replace("-", "_")
        # Names that Python or its builtins have taken end in `_` here.
        dest += "_" if dest in {"for", "set", "json", "plan"} else ""
        self._described.append(self.add_argument(name, dest=dest, **rules))

    # --- understanding --------------------------------------------------------------------------------------------

    def understand(self, arguments: Sequence[str]) -> dict[str, Any] | None:
        """What was said, by name; None if help was asked for. Raises UsageError."""
        said = arguments[: arguments.index("--")] if "--" in arguments else arguments
        if _HELP_FLAGS & set(said):
            return None
        return vars(self.parse_args(list(arguments)))

    def error(self, message: str) -> NoReturn:
        """Say a mistake in our words: argparse's vary between versions of Python."""
        hint = f"`{self.prog} --help` says what it takes"
        if message.startswith("the following arguments are required: "):
            message = f"`{self.prog}` needs {message.partition(': ')[2]}"
        elif message.startswith("unrecognized arguments: "):
            stranger = message.partition(": ")[2].split()[0]
            if stranger.startswith("-"):
                name = stranger.partition("=")[0]
                options = [option for action in self._described for option in action.option_strings]
                message = f"`{self.prog}` has no option {name}"
                hint = nearest(name, options) or hint
            else:
                message = f"`{self.prog}` does not take {stranger!r} as well"
        elif message.startswith("argument "):
            message = message.removeprefix("argument ")
            message = re.sub(r"expected (one|at least one) argument$", "a value is missing", message)
            message = re.sub(r"ignored explicit argument .*$", "it takes no value", message)
        raise UsageError(message, hint=hint)

    # --- helping --------------------------------------------------------------------------------------------------

    @property
    def positionals(self) -> list[str]:
        """The arguments by place, as a usage line has them."""
        return [_placed(action) for action in self._described if not action.option_strings]

    def help_text(self) -> str:
        """The whole help of the command."""
        lines = [f"Usage: runner {self._command.usage} [OPTIONS]"]
        for paragraph in self._command.details.strip().split("\n\n"):
            lines += ["", *wrapped(paragraph)]
        placed = [(str(action.metavar), str(action.help)) for action in self._described if not action.option_strings]
        options = [_option(action) for action in self._described if action.option_strings]
        for title, rows in (("Arguments", placed), ("Options", [*options, HELP])):
            if rows:
                lines += ["", f"{title}:", *columns(rows)]
        return "\n".join(lines) + "\n"


def _placed(action: argparse.Action) -> str:
    return {"?": "[{}]", "+": "{}..."}.get(str(action.nargs or ""), "{}").format(action.metavar)


def _option(action: argparse.Action) -> tuple[str, str]:
    (name,) = action.option_strings
    return (f"{name} {action.metavar}" if action.metavar else name), str(action.help)


# --- text -----------------------------------------------------------------------------------------------------------


def width() -> int:
    """Columns for help; the last one stays free."""
    return min(WIDTH_MAX, shutil.get_terminal_size((80, 24)).columns) - 1


def wrapped(text: str, *, first: str = "", rest: str = "") -> list[str]:
    """Text in lines that fit the terminal; long words (paths, options) stay whole."""
    return textwrap.wrap(
        " ".join(text.split()),
        width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns(rows: Iterable[tuple[str, str]], *, indent: int | None = None) -> Iterator[str]:
    """Rows of (name, description), the descriptions aligned."""
    rows = list(rows)
    names = [len(name) for name, _ in rows if len(name) + 4 <= INDENT_MAX]
    start = indent or max(names, default=0) + 4
    for name, text in rows:
        head = f"  {name}"
        if len(head) + 2 > start:
            yield head
            head = ""
        yield from wrapped(text, first=head.ljust(start), rest=" " * start)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """A hint that names the word that was probably meant."""
    found = difflib.get_close_matches(word, list(words), n=1)
    return f"did you mean {found[0]}?" if found else None


# --- values ---------------------------------------------------------------------------------------------------------


def whole(text: str) -> int:
    """A whole number of 1 or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def port(text: str) -> int:
    """A port, 0 for any."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 (any free one) to 65535")
    return int(text)


def amount(text: str) -> float:
    """An amount of money of 0 or more."""
    value = _number(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of USD: 0 or more, such as 20 or 0.50")
    return value


def factor(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if value is None or value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def seconds(text: str) -> float:
    """A duration such as `90s`, `20m`, `1.5h`, in seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: 90s, 20m, 1.5h, 2d")
    return float(match[1]) * _SECONDS[match[2]]


def path(text: str) -> Path:
    """A path that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("a path is missing")
    return Path(text)


def one_of(*words: str) -> Values:
    """One of some words."""

    def checked(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return checked


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def print_help(text: str) -> None:
    """Help that was asked for is data."""
    sys.stdout.write(text)
