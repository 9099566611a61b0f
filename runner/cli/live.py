"""What `run` and `plan` show while they work: hooks for compose over telemetry's progress and log."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Final, Self

from rich.text import Text

from runner.cli.quotas import quota_facts
from runner.cli.render import gate_view
from runner.cli.tables import Fact
from runner.cli.terminal import nearby, talk, visible
from runner.compose.opening import OpenRun
from runner.compose.running import Hooks
from runner.engine.ports import Observer
from runner.planning.plan import Plan, usd_text
from runner.telemetry.log import ConsoleLog, EventLog, Level
from runner.telemetry.metrics import Metrics
from runner.telemetry.progress import Progress

METRICS_NAME: Final = "metrics.prom"


class LiveHooks:
    """Hooks that talk on stderr; a context manager, so that the terminal is always left in order.

    `logged`: the run keeps its log and metrics. `announced`: say where it runs, and what its plan is. `level`: show
    events of that level and graver ones. `metrics_port`: serve metrics there.
    """

    def __init__(
        self,
        *,
        logged: bool,
        announced: bool = False,
        level: Level | None = None,
        metrics_port: int | None = None,
    ) -> None:
        self._logged = logged
        self._announced = announced
        self._level = level
        self._metrics_port = metrics_port
        self._console = talk()
        self._progress: Progress | None = None
        self._resumed = False
        self._quotas: Sequence[Fact] = ()
        self._stack = ExitStack()
        self.observing = False
        """Whether there was anything to do."""
        self.hooks = Hooks(
            say=self.say, confirm=self._confirm, observe=self._observe, planned=self._planned, signals=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        """Something worth knowing, between the lines of progress."""
        self._console.say(Text(visible(nearby(text)), style="yellow"))

    def _confirm(self, plan: Plan) -> bool:
        assert self._progress is not None, "a run is observed before it is planned"
        with self._progress.hidden():
            sys.stderr.write(f"This run costs up to {usd_text(plan.usd)}. Go on? [y/N] ")
            sys.stderr.flush()
            return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _observe(self, opened: OpenRun) -> Sequence[Observer]:
        self.observing = True
        self._resumed = opened.run.sessions > 0
        self._quotas = tuple(quota_facts(opened.manifest))
        if self._announced:
            verb = "Going on in" if self._resumed else "Running in"
            where = shlex.quote(nearby(str(opened.directory.root)))
            self._console.print(Text.assemble(f"{verb} ", (where, "bold")), soft_wrap=True)
        observers: list[Observer] = [*self._records(opened)] if self._logged else []
        if self._level is not None:
            observers.append(self._console_log(opened, self._level))
        self._progress = Progress(
            console=self._console, name=opened.manifest.name, manifest=opened.manifest, now=opened.clock.now
        )
        self._progress.watch(opened.run)
        self._stack.enter_context(self._progress)
        return [*observers, self._progress]

    def _records(self, opened: OpenRun) -> Iterator[Observer]:
        """What a run leaves behind of its course: the log, and the metrics at its end."""
        run, directory = opened.run, opened.directory
        log = EventLog(directory.log_path, run=run)
        self._stack.callback(log.close)
        if log.fresh and run.began is not None:
            # It was recorded before anybody could observe it.
            log.notice(run.began)
        yield log
        metrics = Metrics(run)
        self._stack.callback(metrics.write, directory.root / METRICS_NAME)
        if self._metrics_port is not None:
            port = self._stack.enter_context(metrics.served(self._metrics_port))
            self.say(f"Metrics at http://127.0.0.1:{port}/metrics")
        yield metrics

    def _console_log(self, opened: OpenRun, level: Level) -> ConsoleLog:
        def show(line: str) -> None:
            self._console.print(Text.from_ansi(line), soft_wrap=True)

        colors = self._console.color_system is not None
        return ConsoleLog(show, run=opened.run, level=level, colors=colors)

    def _planned(self, plan: Plan) -> None:
        if self._announced and not self._resumed:
            self._console.print(gate_view(plan))
            for quota in self._quotas:
                self._console.print(quota)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP be what Ctrl-C is, also before and after the engine listens to all three.

    SIGINT is taken back from shells that have it ignored by what they start in the background, as the engine does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before |= {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    signal.raise_signal(signal.SIGINT)
