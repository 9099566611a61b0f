"""How far a run is: numbers read off the scheduler after each event, and the lines that show them.

Reading is O(1) in jobs and documents, so it may happen after every event; showing is throttled. On a terminal a few
lines are kept up to date in place; elsewhere a line is written now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import OCCUPYING, State

REFRESHES_PER_S: Final = 8
PLAIN_EVERY_S: Final = 15.0
TITLES: Final = {"surveying": "Surveying", "planned": "Planning", "running": "Running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment."""

    phase: str
    ranges: int
    ranges_done: int
    documents: int
    lines: int
    jobs: int
    waiting: int
    active: int
    collecting: int
    done: int
    given_up: int
    work_s: float
    work_done_s: float
    parks: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of all there is to do; 1.0 only when every document is in its line."""
        if self.phase == "surveying":
            return self.ranges_done / self.ranges if self.ranges else 0.0
        if not self.documents or self.lines >= self.documents:
            return 1.0 if self.lines >= self.documents else 0.0
        work = self.work_done_s / self.work_s if self.work_s else 0.0
        return min(0.99, 0.9 * work + 0.1 * self.lines / self.documents)


class Progress:
    """An observer that keeps the user up to date on stderr; use as a context manager."""

    def __init__(self, *, console: Console, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._name = name
        self._monotonic = monotonic
        self._run: Run | None = None
        self._work_s = self._work_done_s = 0.0
        self._began = monotonic()
        self._shown = self._began
        self._documents_at_start: int | None = None
        self._running_since: float | None = None
        self._snapshot: Snapshot | None = None
        self._live = (
            Live(get_renderable=self._render, console=console, refresh_per_second=REFRESHES_PER_S, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def watch(self, run: Run) -> None:
        """Begin to watch a run, as it stands."""
        self._run = run
        for record in run.jobs.values():
            self._work_s += record.job.predicted_s
            if record.state in {State.COLLECTED, State.GIVEN_UP}:
                self._work_done_s += record.job.predicted_s
        self._take()

    def notice(self, event: e.Event) -> None:
        """Count an event; show, if it is time."""
        if self._run is None:
            return
        if isinstance(event, e.JobPlanned):
            self._work_s += event.job.predicted_s
        elif isinstance(event, e.Collected | e.JobGivenUp):
            self._work_done_s += self._run.jobs[event.job].job.predicted_s
        self._take()
        if self._live is None and self._monotonic() - self._shown >= PLAIN_EVERY_S:
            self._shown = self._monotonic()
            for line in self._plain():
                self._console.print(line, highlight=False)

    def _take(self) -> None:
        run = self._run
        assert run is not None
        phase = "running" if run.books.complete else "planned" if run.survey_finished else "surveying"
        if phase == "running" and self._running_since is None:
            self._running_since = self._monotonic()
            self._documents_at_start = run.books.lines
        states = run.by_state
        self._snapshot = Snapshot(
            phase=phase,
            ranges=sum(listing.ranges for listing in run.listings.values()),
            ranges_done=sum(len(done) for done in run.surveyed.values()),
            documents=run.books.documents,
            lines=run.books.lines,
            jobs=len(run.jobs),
            waiting=states[State.WAITING],
            active=sum(states[state] for state in OCCUPYING) + states[State.FAILED],
            collecting=states[State.ENDED],
            done=states[State.COLLECTED],
            given_up=states[State.GIVEN_UP],
            work_s=self._work_s,
            work_done_s=self._work_done_s,
            parks=tuple(
                f"{park.lane} {park.operation}".strip() + f": {park.fault.code}" for park in run.parks.values()
            ),
        )

    # --- showing --------------------------------------------------------------------------------------------------

    def _plain(self) -> Iterator[str]:
        snapshot = self._snapshot
        if snapshot is not None:
            yield f"{self._name}: " + ", ".join(self._facts(snapshot))

    def _facts(self, snapshot: Snapshot) -> Iterator[str]:
        if snapshot.phase == "surveying":
            yield f"surveying, {snapshot.documents:,} documents so far"
            return
        yield f"{snapshot.lines:,} of {snapshot.documents:,} documents written"
        jobs = [
            f"{count} {word}"
            for count, word in (
                (snapshot.waiting, "waiting"),
                (snapshot.active, "active"),
                (snapshot.collecting, "to collect"),
                (snapshot.done, "done"),
                (snapshot.given_up, "given up"),
            )
            if count
        ]
        yield "jobs: " + ", ".join(jobs or ["none"])
        rate, left = self._pace(snapshot)
        if rate:
            yield f"{rate:,.0f} documents/s"
        if left is not None:
            yield f"about {_duration(left)} left"

    def _pace(self, snapshot: Snapshot) -> tuple[float | None, float | None]:
        if self._running_since is None or self._documents_at_start is None:
            return None, None
        elapsed = self._monotonic() - self._running_since
        rate = (snapshot.lines - self._documents_at_start) / elapsed if elapsed > 1.0 else None
        share = snapshot.share
        left = elapsed * (1.0 - share) / share if elapsed > 1.0 and 0.02 < share < 1.0 else None
        return rate, left

    def _render(self) -> RenderableType:
        snapshot = self._snapshot
        if snapshot is None:
            return Text(f"{self._name}: opening")
        bar = Table.grid(padding=(0, 1))
        bar.add_column(no_wrap=True)
        bar.add_column(width=30)
        bar.add_column(no_wrap=True)
        elapsed = _duration(self._monotonic() - self._began)
        bar.add_row(
            Text(f"{TITLES[snapshot.phase]} {self._name}", style="bold"),
            ProgressBar(total=1.0, completed=snapshot.share, width=30),
            Text(f"{snapshot.share:4.0%}  {elapsed}", style="dim"),
        )
        lines: list[RenderableType] = [bar, Text("  " + " · ".join(self._facts(snapshot)), overflow="ellipsis")]
        lines += [Text(f"  parked  {park}", style="yellow") for park in snapshot.parks]
        return Group(*lines)


def _duration(seconds: float) -> str:
    """Seconds as people say them: `42 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
