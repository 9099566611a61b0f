"""Facts about calls: what is in flight, how it went, and what that means for paces, troubles and parks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from runner.core import commands as c, events as e
from runner.core.folds.watching import NOTHING_TO_STOP
from runner.core.kinds import work_of
from runner.core.records import CHECK_ROUNDS_MAX, DENIALS, OUTPUT_FAULTS
from runner.model import BatchId, Fault, FaultKind, Scope

if TYPE_CHECKING:
    from runner.core.run import Run

ANSWERS: Final[Mapping[type[object], frozenset[FaultKind]]] = MappingProxyType(
    {
        c.StartJob: frozenset({FaultKind.NO_SLOT, FaultKind.REJECTED, FaultKind.CLOSED}),
        c.DescribeJob: frozenset({FaultKind.NOT_FOUND}),
        c.StopJob: NOTHING_TO_STOP,
        c.CollectJob: OUTPUT_FAULTS,
    }
)
"""Faults that say something of the very job they answer, and are dealt with there; any other is a trouble."""


def work_parked(run: Run, event: e.WorkParked) -> None:
    """A kind of work waits for the user. Checks that led nowhere begin anew when it is looked at again."""
    key = (event.lane, event.operation)
    run.parks[key] = event
    recheck_s = run.config.recheck_denied_s
    again = recheck_s is not None and not event.lasting
    run.parked_until[key] = event.at + recheck_s if again and recheck_s is not None else float("inf")
    run.exhausted.discard(key)
    run.troubles.pop(key, None)
    station = run.stations.get(key)
    for record in station.occupied.values() if station is not None else ():
        if record.check_rounds > CHECK_ROUNDS_MAX:
            record.check_rounds = 0
            record.check_at = run.parked_until[key]


def launched(run: Run, event: e.Launched) -> None:
    """A command is being carried out, and its calls are spent."""
    command = event.command
    run.in_flight[command] = event.at
    match command:
        case c.Sweep(lane=lane, operation=operation):
            run.sweeping.add((lane, operation))
        case c.StageBatch(batch=batch, lane=lane):
            run.staging.add((lane, batch))
            for operation in _operations(run, batch):
                run.stations[lane, operation].coming.add(batch)
        case c.ReleaseSpools(jobs=jobs):
            assert tuple(run.to_release[: len(jobs)]) == jobs, jobs
            del run.to_release[: len(jobs)]
    paced = run.paced(command)
    if paced is not None:
        station, call = paced
        station.pace(call).spend(event.at)
        station.reading += call == "read"


def _operations(run: Run, batch: BatchId) -> set[str]:
    return {run.jobs[key].job.operation for key in run.readers.get(batch, ())}


def landed(run: Run, event: e.Landed) -> None:
    """A command has been carried out: its pace, and the troubles of its kind, learn how it went."""
    command = event.command
    run.in_flight.pop(command, None)
    match command:
        case c.Sweep(lane=lane, operation=operation):
            run.sweeping.discard((lane, operation))
        case c.StageBatch(batch=batch, lane=lane):
            run.staging.discard((lane, batch))
            for operation in run.stations_of:
                run.stations[lane, operation].coming.discard(batch)
    kind = work_of(command)
    _spend(run, event)
    if event.fault is None:
        run.troubles.pop(kind, None)
    elif _is_trouble(run, command, event.fault):
        trouble = run.trouble(*kind)
        trouble.failed(event.at, event.fault)
        if trouble.exhausted is not None:
            run.exhausted.add(kind)


def _spend(run: Run, event: e.Landed) -> None:
    paced = run.paced(event.command)
    if paced is None:
        return
    station, call = paced
    pace = station.pace(call)
    if call == "read":
        station.reading = max(0, station.reading - 1)
    # The call may have arrived as late as now; the next must not share its second, however fast it travels.
    pace.free_at = max(pace.free_at, event.at + pace.interval_s)
    if event.fault is None:
        pace.succeeded()
    elif event.fault.kind is FaultKind.THROTTLED:
        pace.throttled(event.at)


def pace_changed(run: Run, event: e.PaceChanged) -> None:
    """Calls are made faster or slower."""
    station = run.stations.get((event.lane, event.operation))
    if station is not None:
        station.pace(event.call).change(event.per_s, event.at)


def _is_trouble(run: Run, command: c.Command, fault: Fault) -> bool:
    """Whether a fault counts against its kind of work, which then waits, and is parked if that does not end.

    Every fault must delay something, or the same command would be proposed again at once, for ever.
    """
    if fault.kind in DENIALS or fault.scope is Scope.DOCUMENT:
        return False
    if fault.kind is FaultKind.THROTTLED:
        return run.pace_of(command) is None
    return fault.kind not in ANSWERS.get(type(command), frozenset())


def strangers_seen(run: Run, event: e.StrangersSeen) -> None:
    """A count of strangers' jobs goes on."""
    station = run.stations[event.lane, event.operation]
    station.strangers_seen = station.counted(event.status, event.strangers, event.at)
    station.strangers_at = event.at


def slots_counted(run: Run, event: e.SlotsCounted) -> None:
    """Strangers' jobs are known, for a while."""
    station = run.stations[event.lane, event.operation]
    station.strangers = event.strangers
    station.strangers_seen.clear()
    station.counted_at = event.at
