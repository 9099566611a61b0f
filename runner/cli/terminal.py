"""The two consoles: stdout is data, stderr is talk. `NO_COLOR`, `COLUMNS` and pipes are honoured by rich."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Final, TextIO

from rich.console import Console
from rich.text import Text

PIPE_WIDTH: Final = 120
"""Columns of a table when nobody's terminal says how many there are."""


class Screen(Console):
    """A console that takes text as it is, and cuts nothing off."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print; what is longer than a line is for whoever made it to wrap, or for copying."""
        super().print(*objects, **{"crop": False, **settings})

    def say(self, message: Text) -> None:
        """A message: at a terminal in lines that end between words, elsewhere whole, for whoever searches it."""
        self.print(message, soft_wrap=not self.is_terminal)

    def on_broken_pipe(self) -> None:
        """Leave it to the one place that makes exit codes: rich would end the process itself."""
        raise BrokenPipeError


def talk() -> Screen:
    """Where people are spoken to."""
    return Screen(stderr=True, width=_width(sys.stderr))


def data() -> Screen:
    """Where tables go that were asked for."""
    return Screen(width=_width(sys.stdout))


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def nearby(text: str) -> str:
    """A text in which paths below the current folder are relative to it: shorter, and as people would type them."""
    here = str(Path.cwd())
    if here == "/":
        return text
    return re.sub(rf"(?<![\w/.~-]){re.escape(here)}/(?=\S)", "", text)


def visible(text: str) -> str:
    """A text that a terminal shows and does not obey: names and ids come from elsewhere."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
