"""Rows and columns as HTML: heads that say what they head, numbers to the right, shares as bars behind figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

BAR_WIDTH: Final = 100.0


@dataclass(frozen=True, slots=True)
class Share:
    """A number that is shown with a bar: `of` is what would fill it."""

    value: float
    of: float
    text: str


Cell = str | int | float | Share | None


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; nothing but a sentence if it has no rows. The first column heads its row."""
    body = "".join(f"<tr>{_row(row)}</tr>" for row in rows)
    if not body:
        return f'<p class="none">{escape(caption)}: nothing to show.</p>'
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def behind(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table that stands behind a plot, to be opened."""
    return f"<details><summary>{escape(caption)}, as a table</summary>{table(caption, columns, rows)}</details>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they are."""
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return f"<dl>{told}</dl>"


def _row(cells: Sequence[Cell]) -> str:
    first, *others = cells
    return f'<th scope="row">{_text(first)}</th>' + "".join(_cell(cell) for cell in others)


def _cell(cell: Cell) -> str:
    match cell:
        case Share(value=value, of=of, text=text):
            width = BAR_WIDTH * value / of if of else 0.0
            return f'<td class="n bar" style="--w:{width:.1f}%">{escape(text)}</td>'
        case int() | float():
            return f'<td class="n">{_text(cell)}</td>'
        case _:
            return f"<td>{_text(cell)}</td>"


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return "·"
        case Share(text=text):
            return escape(text)
        case int():
            return f"{cell:,}"
        case float():
            return f"{cell:,.2f}"
        case _:
            return escape(cell)
