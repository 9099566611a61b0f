"""What `run` and `plan` show while they work: hooks for compose over telemetry's progress and log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import typer

from runner.cli.render import plan_table
from runner.cli.terminal import talk
from runner.compose.opening import OpenRun
from runner.compose.running import Hooks
from runner.engine.ports import Observer
from runner.planning.plan import Plan
from runner.telemetry.log import EventLog
from runner.telemetry.progress import Progress


class LiveHooks:
    """Hooks that talk on stderr; a context manager, so that the terminal is always left in order."""

    def __init__(self, *, manifest: str, quiet: bool = False) -> None:
        self._manifest = manifest
        self._quiet = quiet
        self._console = talk()
        self._stack = ExitStack()
        self.hooks = Hooks(
            say=self._say, confirm=self._confirm, observe=self._observe, planned=self._planned, signals=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _say(self, text: str) -> None:
        self._console.print(text, style="yellow", highlight=False, markup=False)

    def _confirm(self, plan: Plan) -> bool:
        return typer.confirm(f"This run costs about {plan.usd:,.2f} USD. Go on?", err=True)

    def _observe(self, opened: OpenRun) -> Sequence[Observer]:
        run = opened.run
        if self._quiet:
            return []
        verb = "Going on with" if run.sessions else "Run"
        self._console.print(f"{verb} [bold]{run.run_id}[/]  {opened.directory.root}", highlight=False, soft_wrap=True)
        log = EventLog(opened.directory.log_path, run=run.run_id)
        self._stack.callback(log.close)
        progress = Progress(console=self._console, name=opened.manifest.name)
        self._stack.enter_context(progress)
        progress.watch(run)
        return [log, progress]

    def _planned(self, plan: Plan) -> None:
        self._console.print(plan_table(plan))
