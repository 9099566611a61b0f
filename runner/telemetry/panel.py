"""The small screen that a terminal keeps of a run under way; pure: a snapshot and a width in, lines out.

No line is longer than the terminal, since one that wraps would be left behind at the next refresh; and the number of
lines changes little from one moment to the next, so that nothing jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runner.core.records import UNLIMITED
from runner.telemetry.gauge import Phase, Snapshot, StationView
from runner.telemetry.words import counted, duration

BAR_WIDTH: Final = 30
PARKS_SHOWN: Final = 3
STATIONS_SHOWN: Final = 16
TABLE_FROM: Final = 60
"""Columns below which a table of operations would be slices of words."""
TITLES: Final[dict[Phase, str]] = {"surveying": "Surveying", "starting": "Starting", "running": "Running"}
NUMBERS: Final = ("waiting", "slots", "done", "failed")
"""Columns of numbers in a table of operations."""
_NONE: Final = "·"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds gone by, and what can be said of rate and time left: empty as long as nothing can."""

    elapsed_s: float
    rate: str = ""
    left: str = ""


def screen(name: str, snapshot: Snapshot, timing: Timing, *, width: int) -> Iterator[RenderableType]:
    """What is shown, from top to bottom."""
    yield _head(name, snapshot, timing)
    first, *others = facts_of(snapshot)
    yield _line(" · ".join(word for word in (first, timing.rate, timing.left) if word))
    yield from (_line(fact) for fact in others)
    if width >= TABLE_FROM and snapshot.stations:
        yield from _stations(snapshot.stations)
    yield from (_line(f"parked: {park}", style="yellow") for park in snapshot.parks[:PARKS_SHOWN])
    for at, problem in snapshot.problems:
        yield _line(f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} {problem}", style="dim")


def facts_of(snapshot: Snapshot) -> list[str]:
    """What can be said of a run without a clock."""
    if snapshot.phase == "surveying":
        ranges = f"{snapshot.ranges_done:,} of {counted(snapshot.ranges, 'range')} read"
        return [f"{counted(snapshot.documents, 'document')} so far, {ranges}" if snapshot.ranges else "listing sources"]
    if snapshot.phase == "starting":
        return [f"{counted(snapshot.documents, 'document')} surveyed"]
    facts = [f"{snapshot.lines:,} of {counted(snapshot.documents, 'document')} written"]
    jobs = [
        f"{count:,} {word}"
        for count, word in (
            (snapshot.waiting, "waiting"),
            (snapshot.active, "active"),
            (snapshot.collecting, "to collect"),
            (snapshot.done, "done"),
            (snapshot.given_up, "given up"),
        )
        if count
    ]
    if jobs:
        facts.append(f"jobs: {', '.join(jobs)}")
    cost = ", ".join(_cost(snapshot))
    return [*facts, cost] if cost else facts


def _cost(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.usd is not None:
        yield f"cost: up to ${snapshot.usd:,.2f} so far"
        if snapshot.usd_planned is not None:
            yield f"${snapshot.usd_planned:,.2f} planned"
        if snapshot.budget_usd is not None:
            yield f"budget ${snapshot.budget_usd:,.2f}"
    if snapshot.throttles:
        yield counted(snapshot.throttles, "throttle")


def _head(name: str, snapshot: Snapshot, timing: Timing) -> Table:
    title = Text(f"{TITLES[snapshot.phase]} {name}", style="bold")
    elapsed = duration(timing.elapsed_s)
    head = Table.grid(padding=(0, 1))
    for _ in range(3):
        head.add_column(no_wrap=True)
    if snapshot.phase == "starting":
        head.add_row(title, Text(elapsed, style="dim"))
    else:
        bar = ProgressBar(total=1.0, completed=snapshot.share, width=BAR_WIDTH)
        head.add_row(title, bar, Text(f"{int(100 * snapshot.share):3d} %  {elapsed}", style="dim"))
    return head


def _stations(stations: Sequence[StationView]) -> Iterator[RenderableType]:
    head, rows = station_rows(stations[:STATIONS_SHOWN])
    table = Table.grid(padding=(0, 2))
    for name in head:
        numeric = name in NUMBERS
        table.add_column(justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis")
    table.add_row(f"  {head[0]}", *head[1:], style="dim")
    for first, *others in rows:
        table.add_row(f"  {first}", *others)
    yield table
    if len(stations) > STATIONS_SHOWN:
        yield _line(f"and {len(stations) - STATIONS_SHOWN} more", style="dim")


def station_rows(stations: Sequence[StationView]) -> tuple[list[str], list[list[str]]]:
    """A head and a row per operation and lane, lanes only if there are several.

    What waits is told once per operation, since it may go to any lane.
    """
    lanes = len({view.lane for view in stations}) > 1
    head = ["operation", *(["lane"] if lanes else []), *NUMBERS, ""]
    rows = []
    before = ""
    for view in stations:
        again = view.operation == before
        before = view.operation
        rows.append(
            [
                "" if again else view.operation,
                *([view.lane] if lanes else []),
                _NONE if again else _count(view.waiting),
                f"{view.used}/{view.slots}" if view.slots < UNLIMITED else f"{view.used}",
                _count(view.done),
                _count(view.failed),
                ", ".join(_remarks(view)),
            ]
        )
    return head, rows


def _count(count: int) -> str:
    return f"{count:,}" if count else _NONE


def _remarks(view: StationView) -> Iterator[str]:
    if view.strangers:
        yield f"{view.strangers} of others"
    if view.slowed is not None:
        yield f"slowed to {view.slowed:.0%}"


def _line(text: str, *, style: str = "") -> Text:
    return Text(f"  {text}", style=style, no_wrap=True, overflow="ellipsis")
