"""Where a run's remote lanes were when it last went on, in `lanes.json` of its directory.

What was staged and started lies in one region of one account, behind one endpoint and in one bucket. A manifest may be
edited between two sessions, so the next one compares: while jobs are open in the old place, the lane may not leave it,
since the service in the new one does not know them: they would look lost, and be bought again. With none open the
lane may move, and inputs are staged anew.

Commands that have no manifest (`cancel`, `retry`) find the lanes here as the last session knew them, with the profile
and the quotas of that session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from runner.aws.connection import is_amazon
from runner.core import events as e
from runner.core.records import JobRecord
from runner.core.run import Run
from runner.core.states import OCCUPYING, State
from runner.errors import RunDirectoryError
from runner.journal import RunDirectory
from runner.model import Fault, FaultKind, LaneSpec, Manifest, Scope
from runner.results import write_summary

PLACES_NAME: Final = "lanes.json"
_OPEN: Final = OCCUPYING | {State.ENDED}
_UNREADABLE: Final = "NO_READ_ACCESS_TO_INPUT"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A remote lane as a session opened it: its specification, and what it resolved to."""

    lane: LaneSpec
    endpoint: str
    account: str
    former: bool = False
    """Whether the manifest of the last session did not have it any more."""


def remember(directory: RunDirectory, places: Iterable[Place], *, shut: Iterable[str] = ()) -> None:
    """Keep the places of this session; lanes that did not open (`shut`) stay where they were.

    Call it once `moves` are recorded, and before anything is sent. Lanes that are gone are kept as former ones: the
    journal speaks of them.
    """
    now = {place.lane.name: place for place in places}
    kept = set(shut)
    for old in recall(directory):
        if old.lane.name not in now:
            now[old.lane.name] = msgspec.structs.replace(old, former=old.lane.name not in kept)
    write_summary(_path(directory), {"places": [msgspec.to_builtins(place) for place in now.values()]})


def recall(directory: RunDirectory) -> tuple[Place, ...]:
    """The places of the last session that reached its lanes, and of former ones; none if there was no such session."""
    try:
        written = _path(directory).read_bytes()
    except FileNotFoundError:
        return ()
    try:
        return msgspec.json.decode(written, type=dict[str, tuple[Place, ...]])["places"]
    except (msgspec.DecodeError, KeyError) as error:
        raise RunDirectoryError(
            str(directory.root), f"{PLACES_NAME} is damaged: {error}", hint="restore the file from a copy"
        ) from error


def _path(directory: RunDirectory) -> Path:
    return directory.root / PLACES_NAME


def with_places(manifest: Manifest, places: Iterable[Place]) -> Manifest:
    """A manifest with its lanes as the last session knew them."""
    lanes = tuple(place.lane for place in places if not place.former)
    return replace(manifest, lanes=lanes) if lanes else manifest


def former_lanes(manifest: Manifest, places: Iterable[Place]) -> tuple[LaneSpec, ...]:
    """Lanes of earlier sessions that the manifest does not have any more."""
    names = {lane.name for lane in manifest.lanes}
    return tuple(place.lane for place in places if place.lane.name not in names)


def require_lane(run: Run, event: e.Event, directory: Path) -> None:
    """Raise RunDirectoryError if a fact speaks of a job on a lane that nobody knows."""
    if not isinstance(event, e.StartIntended):
        return
    if any(lane.name == event.lane for lane in (*run.config.lanes, *run.config.former_lanes)):
        return
    has = ", ".join(lane.name for lane in run.config.lanes)
    raise RunDirectoryError(
        str(directory),
        f"it has started jobs on lane {event.lane}, and the manifest has {has}",
        hint=f"call the lane {event.lane} again, or name another --run-dir to begin a new run",
    )


def moves(
    run: Run, before: Iterable[Place], now: Iterable[Place], *, at: float, shut: Iterable[str] = ()
) -> Iterator[e.StagingLost]:
    """Lanes whose inputs are to be staged anew: those that moved, and those where a job could not read its input.

    The latter because an input that is gone (a bucket's lifecycle rule, a bucket made again) fails a job as a missing
    permission does. Lanes that did not open (`shut`) have not moved. Raises RunDirectoryError if a lane that moved has
    open jobs.
    """
    places = {place.lane.name: place for place in now}
    unknown = set(shut)
    for old in before:
        new = places.get(old.lane.name)
        if old.lane.name in unknown or (new is None and old.former):
            continue
        differences = list(_differences(old, new)) if new else ["it is not in the manifest any more"]
        if differences:
            _require_no_jobs(run, old, differences)
            yield _lost(old.lane.name, "LANE_MOVED", "; ".join(differences), at)
    for name in places:
        if any(_could_not_read(record, name) for record in run.jobs.values()):
            yield _lost(name, "INPUT_UNREADABLE", "the service could not read a job's input, or it is gone", at)


def _differences(old: Place, new: Place) -> Iterator[str]:
    if old.endpoint != new.endpoint and not (is_amazon(old.endpoint) and is_amazon(new.endpoint)):
        yield f"its endpoint was {old.endpoint}, is now {new.endpoint}"
    if old.account != new.account:
        yield f"its account was {old.account}, is now {new.account}"
    for key in ("region", "staging"):
        was, is_ = getattr(old.lane, key), getattr(new.lane, key)
        if was != is_:
            yield f"its `{key}` was {was}, is now {is_}"


def _require_no_jobs(run: Run, old: Place, differences: list[str]) -> None:
    name = old.lane.name
    count = sum(record.lane == name and _is_open(run, record) for record in run.jobs.values())
    count += sum(extra.lane == name for extra in run.extra_stops.values())
    if not count:
        return
    jobs = "1 job is" if count == 1 else f"{count} jobs are"
    raise RunDirectoryError(
        run.run_id,
        f"{jobs} open on lane {name}, but {'; '.join(differences)}",
        hint="put it back until they have ended, or end them with `runner cancel`; then the lane may move",
    )


def _is_open(run: Run, record: JobRecord) -> bool:
    """Whether something of a job is still to be asked or fetched where it was started."""
    return record.state in _OPEN or record.job.key in run.to_confirm


def _could_not_read(record: JobRecord, lane: str) -> bool:
    failed = record.state is State.FAILED and record.lane == lane
    return failed and record.fault is not None and record.fault.code == _UNREADABLE


def _lost(lane: str, code: str, message: str, at: float) -> e.StagingLost:
    fault = Fault(kind=FaultKind.NOT_FOUND, scope=Scope.LANE, code=code, message=message)
    return e.StagingLost(at=at, lane=lane, fault=fault)
