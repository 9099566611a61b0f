"""What `run` and `plan` show while they work: hooks for compose, over the progress of `runner.telemetry`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import typer

from runner.cli.render import plan_lines
from runner.compose.opening import OpenRun
from runner.compose.running import Hooks
from runner.engine.ports import Observer
from runner.planning.plan import Plan


class LiveHooks:
    """Hooks that talk on stderr; a context manager, so that the terminal is always left in order."""

    def __init__(self) -> None:
        self.hooks = Hooks(
            say=self._say, confirm=self._confirm, observe=self._observe, planned=self._planned, signals=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def _say(self, text: str) -> None:
        sys.stderr.write(text + "\n")

    def _confirm(self, plan: Plan) -> bool:
        return typer.confirm(f"This run costs about {plan.usd:.2f} USD. Go on?", err=True)

    def _observe(self, opened: OpenRun) -> Sequence[Observer]:
        return ()

    def _planned(self, plan: Plan) -> None:
        for line in plan_lines(plan):
            sys.stderr.write(line + "\n")
