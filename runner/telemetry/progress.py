"""What people see of a run that is under way: a few lines kept up to date, or a line now and then.

On a terminal a small screen is kept in place: how far, how fast, until when, what it costs, the slots of each
operation, what is parked and what went wrong last. Elsewhere a line is written now and then, and none at all for runs
of a few seconds. Time left comes from what this process has seen done; it is not told before there is something to go
by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from runner.core import events as e
from runner.core.run import Run
from runner.model import Manifest
from runner.telemetry.gauge import Gauge, Snapshot
from runner.telemetry.panel import Timing, facts_of, screen
from runner.telemetry.words import roughly

REFRESHES_PER_S: Final = 4
QUIET_S: Final = 10.0
"""Runs that are shorter say nothing on the way where there is no terminal."""
PLAIN_FIRST_S: Final = 15.0
PLAIN_EVERY_S: Final = 60.0
PLAIN_SAME_EVERY_S: Final = 600.0
"""How often a line is written though nothing has changed but the time: it says that somebody is there."""
EVIDENCE_S: Final = 2.0
EVIDENCE_SHARE: Final = 0.02
"""Of time and of work that must have gone by before a rate is worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """Where this process took the work up."""

    at: float
    share: float
    lines: int


class Progress:
    """An observer that keeps the user up to date on stderr; use as a context manager.

    `monotonic` says how long things take, `now` is the run clock that events are stamped with.
    """

    def __init__(
        self,
        *,
        console: Console,
        name: str,
        manifest: Manifest | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._name = name
        self._manifest = manifest
        self._now = now
        self._monotonic = monotonic
        self._run: Run | None = None
        self._gauge: Gauge | None = None
        self._began = monotonic()
        self._start: _Start | None = None
        self._show_at = self._began + QUIET_S
        self._shown = ""
        self._told_at = self._began
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                get_renderable=self._render,
                console=self._console,
                refresh_per_second=REFRESHES_PER_S,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal alone for as long as the block lasts, to ask something."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def watch(self, run: Run) -> None:
        """Begin to watch a run, as it stands."""
        self._run = run
        self._gauge = Gauge(run, manifest=self._manifest, now=self._now)
        self._take_up(self._gauge)

    def notice(self, event: e.Event) -> None:
        """Count an event; write a line, if it is time and there is no terminal."""
        gauge = self._gauge
        if gauge is None:
            return
        gauge.notice(event)
        if isinstance(event, e.PlanFinished):
            self._take_up(gauge)
        if self._live is None and self._monotonic() >= self._show_at:
            self._write(gauge)

    def _take_up(self, gauge: Gauge) -> None:
        assert self._run is not None, "a gauge reads a run"
        if self._run.books.complete and self._start is None:
            taken = gauge.snapshot()
            self._start = _Start(at=self._monotonic(), share=taken.share, lines=taken.lines)

    # --- showing --------------------------------------------------------------------------------------------------

    def _write(self, gauge: Gauge) -> None:
        """A line, if it says something new, or if nothing was heard for long."""
        now = self._monotonic()
        self._show_at = now + (PLAIN_EVERY_S if self._shown else PLAIN_FIRST_S)
        snapshot = gauge.snapshot()
        said = "; ".join(facts_of(snapshot))
        if said == self._shown and now - self._told_at < PLAIN_SAME_EVERY_S:
            return
        self._shown, self._told_at = said, now
        timing = self._timing(snapshot)
        parks = [f"parked: {park}" for park in snapshot.parks]
        told = [word for word in (timing.rate, timing.left) if word]
        self._console.print(Text(f"{self._name}: " + "; ".join([said, *told, *parks])), soft_wrap=True)

    def _timing(self, snapshot: Snapshot) -> Timing:
        """How long it has been, how fast it is, and what is left, once there is something to go by."""
        now = self._monotonic()
        elapsed = now - self._began
        start = self._start
        since = now - start.at if start is not None else 0.0
        if start is None or since < EVIDENCE_S or snapshot.closed:
            return Timing(elapsed_s=elapsed)
        rate = (snapshot.lines - start.lines) / since
        told = (f"{rate:,.0f} documents/s" if rate >= 10 else f"{rate:.2g} documents/s") if rate else ""
        gained = snapshot.share - start.share
        left = ""
        if gained >= EVIDENCE_SHARE and snapshot.share < 0.99:
            left = _left(since * (1.0 - snapshot.share) / gained, snapshot.spread)
        return Timing(elapsed_s=elapsed, rate=told, left=left)

    def _render(self) -> RenderableType:
        if self._gauge is None:
            return Text(f"Opening {self._name}")
        snapshot = self._gauge.snapshot()
        return Group(*screen(self._name, snapshot, self._timing(snapshot), width=self._console.width))


def _left(seconds: float, spread: tuple[float, float]) -> str:
    """`about 12 min left`, and between what and what where finished jobs say how much predictions scatter."""
    told = f"about {roughly(seconds)} left"
    low, high = seconds * spread[0], seconds * spread[1]
    if roughly(low) == roughly(high):
        return told
    return f"{told} ({roughly(low)} to {roughly(high)})"
