"""Tables and facts for terminals: aligned, without lines but one, and without blanks at the ends of lines.

A table's last column wraps beneath itself; the others, names and numbers, stay whole, whatever the width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP: Final = 2
LAST_MIN: Final = 24
"""Columns that a last column gets at least, even beyond the terminal's width: better wide than in slices."""
KEY_WIDTH: Final = 9

Cell = str | Text


class Table:
    """Rows under a head; columns whose names begin with `>` are numbers."""

    def __init__(self, *columns: str) -> None:
        self._right = [column.startswith(">") for column in columns]
        self._head = [column.lstrip(">") for column in columns]
        self._rows: list[list[Text]] = []

    def add(self, *cells: Cell) -> None:
        """A row."""
        assert len(cells) == len(self._head)
        self._rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = [Text(name, style="dim") for name in self._head]
        widths = [max(cell_len(row[place].plain) for row in [head, *self._rows]) for place in range(len(head))]
        before = sum(widths[:-1]) + GAP * (len(widths) - 1)
        last = min(widths[-1], max(LAST_MIN, options.max_width - before))
        lines = [line for row in self._rows for line in self._lines(console, row, widths, last)]
        longest = max((cell_len(line.plain) for line in lines), default=0)
        yield from (_whole(line) for line in self._lines(console, head, widths, last))
        yield _whole(Text("─" * max(longest, before + cell_len(self._head[-1])), style="dim"))
        yield from (_whole(line) for line in lines)

    def _lines(self, console: Console, row: Sequence[Text], widths: Sequence[int], last: int) -> Iterator[Text]:
        line = Text()
        for cell, width, right in zip(row[:-1], widths[:-1], self._right, strict=False):
            blank = " " * (width - cell_len(cell.plain))
            line.append_text(Text.assemble(blank, cell, " " * GAP) if right else Text.assemble(cell, blank, " " * GAP))
        indent = Text(" " * cell_len(line.plain))
        for number, piece in enumerate(_wrapped(console, row[-1], last)):
            if self._right[-1]:
                piece = Text.assemble(" " * (last - cell_len(piece.plain)), piece)  # noqa: PLW2901
            whole = Text.assemble(line if number == 0 else indent, piece)
            whole.rstrip()
            yield whole


class Fact:
    """A key and what there is to say of it, wrapped beneath itself; `whole`: never cut, since it is for copying."""

    def __init__(self, key: str, value: Cell, *, style: str = "dim", whole: bool = False) -> None:
        self._key = key
        self._value = value if isinstance(value, Text) else Text(value)
        self._style = style
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = Text(self._key.ljust(KEY_WIDTH), style=self._style)
        room = max(LAST_MIN, options.max_width - KEY_WIDTH)
        pieces = [self._value] if self._whole else self._value.wrap(console, room)
        for number, piece in enumerate(pieces):
            piece.rstrip()
            yield _whole(Text.assemble(head if number == 0 else " " * KEY_WIDTH, piece))


class Words:
    """Words in lines that fit."""

    def __init__(self, *words: str | Text | tuple[str, str]) -> None:
        self._text = Text.assemble(*words)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._text.wrap(console, options.max_width):
            line.rstrip()
            yield _whole(line)


def _wrapped(console: Console, text: Text, width: int) -> list[Text]:
    """A text in lines; a list (`1 EMPTY, 2 TOO_LONG`) is parted at its commas as long as its items fit."""
    items = text.plain.split(", ")
    if len(items) == 1 or max(cell_len(item) + 1 for item in items) > width:
        return list(text.wrap(console, width)) if text.plain else [Text()]
    lines = [""]
    for number, item in enumerate(items, start=1):
        told = item if number == len(items) else f"{item},"
        if lines[-1] and cell_len(f"{lines[-1]} {told}") > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {told}".lstrip()
    return [Text(line) for line in lines]


def _whole(line: Text) -> Text:
    line.no_wrap = True
    line.overflow = "ignore"
    return line
