"""`cancel`: stop what can be stopped, collect what was written, and name what goes on and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from runner import __version__
from runner.catalogue import FAMILIES
from runner.compose.lanes import open_lanes, session_events
from runner.compose.models.trainer import stop_trainings
from runner.compose.opening import OpenRun, open_existing, read_run
from runner.compose.running import make_driver
from runner.compose.signals import ask_for_cancel
from runner.compose.upkeep import tidy
from runner.core import events as e
from runner.core.kinds import stopping as stop_kind
from runner.core.states import OCCUPYING, TERMINAL, State
from runner.engine.workers import WorkerPool
from runner.journal import RunDirectory, hold_worker_lock, holder_of
from runner.planning.price import Units, family_cost
from runner.telemetry.log import EventLog

ACKNOWLEDGE_S: Final = 900.0
"""How long a runner beside us may take to stop its jobs: the service takes minutes to stop one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOn:
    """A remote job that was not stopped, and what it may cost (USD; None: unknown)."""

    job: str
    remote_id: str | None
    why: str
    units: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel did."""

    directory: Path
    by: str
    """`us`, or the runner that was asked to."""
    stopped: int
    collected: int
    going_on: tuple[GoingOn, ...]
    open_jobs: int


async def cancel_run(directory: RunDirectory, *, workers: int, say: Callable[[str], None]) -> Cancelled:
    """Cancel a run, through the runner that drives it if there is one."""
    directory.require()
    holder = holder_of(directory.root)
    if holder is not None:
        say(f"{holder} drives this run: asking it to cancel")
        ask_for_cancel(directory.root)
        await _wait_for_release(directory)
        with read_run(directory) as opened:
            return _cancelled(opened, by=str(holder))
    with ExitStack() as stack:
        opened = stack.enter_context(open_existing(directory, workers=workers))
        jobs = any(record.state in OCCUPYING | {State.ENDED} for record in opened.run.jobs.values())
        if jobs or opened.run.trainings.keys() - opened.run.models.keys():
            for arn in await _cancel_here(opened, workers):
                say(f"the training of {arn} is being stopped")
        return _cancelled(opened, by="us")


async def _wait_for_release(directory: RunDirectory) -> None:
    """Until nobody holds the directory: a lock of another process can only be looked at again and again."""
    give_up_at = anyio.current_time() + ACKNOWLEDGE_S
    while holder_of(directory.root) is not None and anyio.current_time() < give_up_at:  # noqa: ASYNC110
        await anyio.sleep(0.2)


async def _cancel_here(opened: OpenRun, workers: int) -> list[str]:
    """Cancel; the ARNs of models whose training was stopped."""
    tidy(opened.directory, opened.run, opened.manifest)
    pool = WorkerPool(workers, prepare=hold_worker_lock, directory=opened.directory.root)
    async with AsyncExitStack() as stack:
        lanes = await stack.enter_async_context(
            open_lanes(opened.manifest, opened.directory, workers=workers, analyzers="default")
        )
        session = e.SessionOpened(
            at=opened.clock.now(),
            version=__version__,
            purpose="cancel",
            engines=lanes.engines,
            analyzers=lanes.analyzers,
        )
        log = stack.enter_context(closing(EventLog(opened.directory.log_path, run=opened.run)))
        opened.record_and_tell(session_events(opened.run, lanes, session, opened.directory), [log])
        await make_driver(opened, lanes, pool, [log]).drive()
        return await stop_trainings(opened.run, lanes)


def _cancelled(opened: OpenRun, *, by: str) -> Cancelled:
    run = opened.run
    records = run.jobs.values()
    return Cancelled(
        directory=opened.directory.root,
        by=by,
        stopped=sum(1 for record in records if record.status is not None and record.status.name == "STOPPED"),
        collected=sum(1 for record in records if record.state is State.COLLECTED),
        going_on=tuple(_going_on(opened)),
        open_jobs=sum(1 for record in records if record.state not in TERMINAL),
    )


def _going_on(opened: OpenRun) -> list[GoingOn]:
    run, analyses = opened.run, {analysis.name: analysis for analysis in opened.manifest.analyses}
    found = []
    for record in run.jobs.values():
        if record.state not in OCCUPYING:
            continue
        family = FAMILIES[analyses[record.job.analysis].family]
        units = Units(upper=record.job.units, lower=0)
        why = (
            "its answer was lost and it was not found" if record.state is not State.ACTIVE else "it has not stopped yet"
        )
        park = run.parks.get((record.lane, stop_kind(record.job.operation)))
        if not family.stoppable:
            why = f"the service cannot stop {family.name} jobs"
        elif park is not None and not record.stop_asked:
            why = f"it could not be stopped ({park.fault})"
        usd = family_cost(opened.manifest, family.name, units).usd
        found.append(GoingOn(job=record.job.key, remote_id=record.remote_id, why=why, units=units.upper, usd=usd))
    return found
