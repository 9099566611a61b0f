"""How far a run is: numbers read off the scheduler when it is time to show them, and the lines that do.

Rules.

1. Being told of an event costs next to nothing, however many there are: numbers are taken when they are shown, which a
   terminal does a few times a second and a log now and then, in O(corpora + active jobs).
2. 100 % means that the books are closed, and nothing else does.
3. A job counts by its predicted seconds; until its answers are collected it counts in part, never in whole.
4. Time left comes from what this process has seen done; it is not told before there is something to go by.

On a terminal a few lines are kept up to date in place. Elsewhere a line is written now and then, and none at all for
runs of a few seconds. The terminal is drawn from a thread of its own, so numbers are read from the scheduler's
containers by single operations that the interpreter does not interrupt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import OCCUPYING, TERMINAL, State
from runner.model import JobKey
from runner.telemetry.words import counted, duration, roughly

REFRESHES_PER_S: Final = 4
BAR_WIDTH: Final = 30
QUIET_S: Final = 10.0
"""Runs that are shorter say nothing on the way where there is no terminal."""
PLAIN_EVERY_S: Final = 15.0
PLAIN_SAME_EVERY_S: Final = 300.0
"""How often a line is written though nothing has changed but the time: it says that somebody is there."""
AT_WORK_MAX: Final = 0.9
"""The most that a job counts for before its answers are here: predictions are not facts."""
EVIDENCE_S: Final = 2.0
EVIDENCE_SHARE: Final = 0.02
"""Of time and of work that must have gone by before a rate is worth telling."""
PARKS_SHOWN: Final = 3

Phase = Literal["surveying", "starting", "running"]
TITLES: Final[dict[Phase, str]] = {"surveying": "Surveying", "starting": "Starting", "running": "Running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment."""

    phase: Phase
    ranges: int
    ranges_done: int
    documents: int
    lines: int
    """Documents written."""
    waiting: int
    active: int
    collecting: int
    done: int
    given_up: int
    work_s: float
    """Predicted seconds of all jobs."""
    work_done_s: float
    closed: bool
    """Whether the books are."""
    parks: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of all there is to do in this phase, from 0 to 1; 1 only when the books are closed."""
        if self.closed:
            return 1.0
        if self.phase == "surveying":
            return min(0.99, self.ranges_done / self.ranges) if self.ranges else 0.0
        work = self.work_done_s / self.work_s if self.work_s else 0.0
        written = self.lines / self.documents if self.documents else 0.0
        return min(0.99, 0.9 * work + 0.1 * written)


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
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._name = name
        self._now = now
        self._monotonic = monotonic
        self._run: Run | None = None
        self._work_s = self._work_done_s = 0.0
        self._ended_s: dict[JobKey, float] = {}
        """Predicted seconds of jobs whose answers have yet to be collected."""
        self._began = monotonic()
        self._start: _Start | None = None
        self._shown_at = self._began + QUIET_S - PLAIN_EVERY_S
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
        for record in run.jobs.values():
            self._work_s += record.job.predicted_s
            if record.state in TERMINAL:
                self._work_done_s += record.job.predicted_s
            elif record.state is State.ENDED:
                self._ended_s[record.job.key] = record.job.predicted_s
        self._take_up(run)

    def notice(self, event: e.Event) -> None:
        """Count an event; write a line, if it is time and there is no terminal."""
        run = self._run
        if run is None:
            return
        self._count(run, event)
        if self._live is None and self._monotonic() - self._shown_at >= PLAIN_EVERY_S:
            self._write(run)

    def _count(self, run: Run, event: e.Event) -> None:
        match event:
            case e.JobPlanned():
                self._work_s += event.job.predicted_s
            case e.StatusSeen() if run.jobs[event.job].state is State.ENDED:
                self._ended_s[event.job] = run.jobs[event.job].job.predicted_s
            case e.Collected() | e.JobGivenUp():
                self._work_done_s += run.jobs[event.job].job.predicted_s
                self._ended_s.pop(event.job, None)
            case e.GenerationRenewed() | e.GenerationLost():
                self._ended_s.pop(event.job, None)
            case e.PlanFinished():
                self._take_up(run)

    def _take_up(self, run: Run) -> None:
        if run.books.complete and self._start is None:
            taken = self.snapshot(run)
            self._start = _Start(at=self._monotonic(), share=taken.share, lines=taken.lines)

    def snapshot(self, run: Run) -> Snapshot:
        """The run as it stands now; in O(corpora + active jobs)."""
        states = run.by_state
        phase: Phase = "running" if run.books.complete else "starting" if run.survey_finished else "surveying"
        return Snapshot(
            phase=phase,
            ranges=sum(listing.ranges for listing in tuple(run.listings.values())),
            ranges_done=sum(len(done) for done in tuple(run.surveyed.values())),
            documents=run.books.documents,
            lines=run.books.lines,
            waiting=states[State.WAITING],
            active=sum(states[state] for state in OCCUPYING) + states[State.FAILED],
            collecting=states[State.ENDED],
            done=states[State.COLLECTED],
            given_up=states[State.GIVEN_UP],
            work_s=self._work_s,
            work_done_s=self._work_done_s + self._at_work_s(run),
            closed=phase == "running" and run.closed,
            parks=tuple(_told(park) for park in tuple(run.parks.values())),
        )

    def _at_work_s(self, run: Run) -> float:
        """What jobs that are active, or whose answers are not here yet, count for."""
        now = self._now()
        ended_s = AT_WORK_MAX * sum(tuple(self._ended_s.values()))
        records = [record for station in run.stations.values() for record in tuple(station.occupied.values())]
        return ended_s + sum(
            min(AT_WORK_MAX * record.job.predicted_s, max(0.0, now - record.accepted_at))
            for record in records
            if record.state is State.ACTIVE
        )

    # --- showing --------------------------------------------------------------------------------------------------

    def _write(self, run: Run) -> None:
        """A line, if it says something new, or if nothing was heard for long."""
        self._shown_at = now = self._monotonic()
        snapshot = self.snapshot(run)
        said = "; ".join(_facts(snapshot))
        if said == self._shown and now - self._told_at < PLAIN_SAME_EVERY_S:
            return
        self._shown, self._told_at = said, now
        parks = [f"parked: {park}" for park in snapshot.parks]
        self._console.print(Text(f"{self._name}: " + "; ".join([said, *self._pace(snapshot), *parks])), soft_wrap=True)

    def _pace(self, snapshot: Snapshot) -> Iterator[str]:
        """Rate and time left, once there is something to go by."""
        start = self._start
        elapsed = self._monotonic() - start.at if start is not None else 0.0
        if start is None or elapsed < EVIDENCE_S or snapshot.closed:
            return
        rate = (snapshot.lines - start.lines) / elapsed
        if rate:
            yield f"{rate:,.0f} documents/s" if rate >= 10 else f"{rate:.2g} documents/s"
        gained = snapshot.share - start.share
        if gained >= EVIDENCE_SHARE and snapshot.share < 0.99:
            yield f"about {roughly(elapsed * (1.0 - snapshot.share) / gained)} left"

    def _render(self) -> RenderableType:
        run = self._run
        if run is None:
            return Text(f"Opening {self._name}")
        snapshot = self.snapshot(run)
        title = Text(f"{TITLES[snapshot.phase]} {self._name}", style="bold")
        elapsed = duration(self._monotonic() - self._began)
        head = Table.grid(padding=(0, 1))
        for _ in range(3):
            head.add_column(no_wrap=True)
        if snapshot.phase == "starting":
            head.add_row(title, Text(elapsed, style="dim"))
        else:
            bar = ProgressBar(total=1.0, completed=snapshot.share, width=BAR_WIDTH)
            head.add_row(title, bar, Text(f"{int(100 * snapshot.share):3d} %  {elapsed}", style="dim"))
        first, *others = _facts(snapshot)
        lines = [_line(" · ".join([first, *self._pace(snapshot)])), *(_line(fact) for fact in others)]
        lines += [_line(f"parked: {park}", style="yellow") for park in snapshot.parks[:PARKS_SHOWN]]
        return Group(head, *lines)


def _line(text: str, *, style: str = "") -> Text:
    return Text(f"  {text}", style=style, no_wrap=True, overflow="ellipsis")


def _facts(snapshot: Snapshot) -> list[str]:
    """What can be said of a run without a clock."""
    if snapshot.phase == "surveying":
        ranges = f"{snapshot.ranges_done:,} of {counted(snapshot.ranges, 'range')} read"
        return [f"{counted(snapshot.documents, 'document')} so far, {ranges}" if snapshot.ranges else "listing sources"]
    if snapshot.phase == "starting":
        return [f"{counted(snapshot.documents, 'document')} surveyed"]
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
    written = f"{snapshot.lines:,} of {counted(snapshot.documents, 'document')} written"
    return [written, f"jobs: {', '.join(jobs)}"] if jobs else [written]


def _told(park: e.WorkParked) -> str:
    """`virginia, StartSentimentDetectionJob: AccessDeniedException: …`."""
    place = ", ".join(word for word in (park.lane, park.operation) if word)
    return f"{place}: {park.fault}" if place else str(park.fault)
