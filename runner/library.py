"""Runs from Python: what the command line does, awaited and watched, for notebooks, schedulers and tests.

    from runner import load_manifest, plan, run

    manifest = load_manifest("tickets.yaml")
    print((await plan(manifest)).usd)
    outcome = await run(manifest, budget_usd=20, on_event=print)
    for line in read_results(outcome.directory, "tickets"): ...

`run` may be awaited from any asyncio loop (`anyio.run(run, manifest)` where there is none). To cancel it is to
interrupt it: nothing is lost, remote jobs go on, and the next `run` of the same manifest takes them up. What the user
must mend is raised as `runner.errors.UserError`; a budget or price that nobody agreed to as `LimitError`; everything
else is in the outcome's `exit_code`, as on the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from runner.compose.capabilities import embedded_languages
from runner.compose.inspecting import Status, Verification, status as _status, verify as _verify
from runner.compose.opening import OpenRun, choose
from runner.compose.reporting import lines_of_run, report as _report
from runner.compose.running import Hooks, Outcome, RunOptions, plan_manifest, run_manifest
from runner.core.events import Event
from runner.engine.ports import Observer
from runner.errors import RunnerError, first_of
from runner.journal import resolve_run
from runner.manifest import load_manifest as _load_manifest
from runner.model import Manifest
from runner.planning.plan import Plan
from runner.telemetry.log import EventLog

__all__ = [
    "Event",
    "Manifest",
    "Outcome",
    "Plan",
    "load_manifest",
    "plan",
    "read_results",
    "report",
    "run",
    "status",
    "verify",
]


def load_manifest(
    path: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Manifest:
    """Read and check a manifest; `overrides` are those of `--set`, `environment` is what `${NAME}` stands for.

    Raises ManifestError with every problem of it, UserError if it cannot be read.
    """
    return _load_manifest(path, overrides=overrides, environment=environment, languages=embedded_languages())


async def plan(
    manifest: Manifest, *, run_dir: Path | None = None, limit: int | None = None, workers: int | None = None
) -> Plan:
    """Survey and plan; no text is sent anywhere. With `run_dir` the survey is kept, and `run` goes on from it."""
    options = _options(run_dir=run_dir, limit=limit, workers=workers)
    with _ungrouped(), TemporaryDirectory(prefix="runner-plan-") as scratch:
        choice = choose(options.applied(manifest), run_dir=run_dir or Path(scratch) / "run", again=False)
        made, _ = await plan_manifest(manifest, options, Hooks(), choice)
    return made


async def run(
    manifest: Manifest,
    *,
    run_dir: Path | None = None,
    budget_usd: float | None = None,
    limit: int | None = None,
    for_s: float | None = None,
    workers: int | None = None,
    again: bool = False,
    yes: bool = False,
    on_event: Callable[[Event], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Outcome:
    """Carry a manifest out, or go on with it.

    Args:
        manifest: what to do.
        run_dir: exactly this run directory; else `runs/<name>/<run id>` below the current folder.
        budget_usd: spend at most so much.
        limit: at most so many documents of each corpus.
        for_s: end cleanly after so many seconds (`exit_code` 5); the next `run` goes on.
        workers: worker processes; one per core if left out.
        again: begin anew even if a finished run is there.
        yes: agree to a price that no budget covers.
        on_event: called with every fact as it is learnt, from the loop's own thread; it should be quick.
        say: called with sentences that a user should read.

    Raises:
        UserError: something for the user to mend; nothing is lost.
        LimitError: the price is above the budget, or nobody agreed to it.
    """
    options = _options(
        run_dir=run_dir, budget_usd=budget_usd, limit=limit, for_s=for_s, workers=workers, again=again, yes=yes
    )
    with _ungrouped(), ExitStack() as stack:

        def observe(opened: OpenRun) -> list[Observer]:
            log = EventLog(opened.directory.log_path, run=opened.run)
            stack.callback(log.close)
            if log.fresh and opened.run.began is not None:
                log.notice(opened.run.began)
            return [log] if on_event is None else [log, _Watcher(on_event)]

        hooks = Hooks(observe=observe) if say is None else Hooks(observe=observe, say=say)
        return await run_manifest(manifest, options, hooks)


def status(run_dir: Path) -> Status:
    """Where a run stands, also while another process drives it."""
    return _status(resolve_run(run_dir))


def verify(run_dir: Path) -> Verification:
    """Re-check a run's books and files, offline."""
    return _verify(resolve_run(run_dir))


def report(run_dir: Path, *, out: Path | None = None) -> Path:
    """Write the page about a run; returns where it is."""
    return _report(resolve_run(run_dir), out=out)


def read_results(run_dir: Path, corpus: str) -> Iterator[dict[str, Any]]:
    """The result lines of a corpus that are written so far, in input order, as dicts.

    Raises UserError if the run has no such corpus.
    """
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.decode
    for line in lines_of_run(resolve_run(run_dir), corpus):
        yield decode(line)


@contextmanager
def _ungrouped() -> Iterator[None]:
    """Our errors as they are promised, not in the groups that task groups make; tracebacks have their hints, too."""
    try:
        yield
    except (RunnerError, ExceptionGroup) as raised:
        error = first_of(raised)
        if not isinstance(error, RunnerError):
            raise
        if error.hint:
            error.add_note(f"hint: {error.hint}")
        raise error  # noqa: B904 - its own cause says why


def _options(*, workers: int | None, **given: Any) -> RunOptions:
    return RunOptions(**given) if workers is None else RunOptions(workers=workers, **given)


@dataclass(frozen=True, slots=True)
class _Watcher:
    """An observer that passes facts on."""

    tell: Callable[[Event], None]

    def notice(self, event: Event) -> None:
        """Pass a fact on."""
        self.tell(event)
