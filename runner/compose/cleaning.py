"""`clean`: delete what a run has left behind, once its results do not need it any more.

Staged inputs are the user's texts, and outputs what the service found in them; both lie in the lanes' buckets below
the run's own prefix. Locally there are the folded texts (`parts`), answers that were merged (`spool`) and the embedded
endpoint's data. Results, journal, ledgers and log stay: a cleaned run can still be reported on, but what it lacks can
only be had by a new one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.aws import LaneSession, StagingClient
from runner.compose.boxes.lease import Found, read as read_lease, recall_box
from runner.compose.boxes.record import pointer_uri, record_uri
from runner.compose.models.removing import data_of, remove_models
from runner.compose.opening import OpenRun, open_existing
from runner.core import events as e
from runner.core.states import OCCUPYING
from runner.errors import ServiceError, UserError
from runner.journal import RunDirectory
from runner.model import Fault, FaultKind, LaneSpec, Scope

OBJECTS_LISTED_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was deleted at one place, or would be; `bytes` of what was looked at."""

    what: str
    where: str
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanOptions:
    """What to delete; `dry`: only look."""

    staged: bool = False
    remote: bool = False
    local: bool = False
    models: bool = False
    """The models that its manifest trains, and their data: also what other runs use, who train them anew."""
    abandon: bool = False
    """Also of a run that is not finished: what is open there cannot be gone on with."""
    dry: bool = False


async def clean_run(directory: RunDirectory, options: CleanOptions) -> list[Removed]:
    """Delete what was asked for; what is gone already is nothing to complain of.

    Raises UserError for a run that is not finished (unless it is abandoned) or has open jobs, ServiceError if a bucket
    does not answer.
    """
    with open_existing(directory) as opened:
        _require_over(opened, options)
        removed = []
        for lane in opened.manifest.lanes:
            if lane.remote and (options.staged or options.remote):
                removed += await _clean_lane(opened, lane, options)
            if lane.remote and options.models:
                removed += await _clean_models(opened, lane, dry=options.dry)
        if options.local:
            removed += list(_clean_local(directory, dry=options.dry))
        return removed


def _require_over(opened: OpenRun, options: CleanOptions) -> None:
    if any(record.state in OCCUPYING for record in opened.run.jobs.values()):
        raise UserError(
            f"{opened.run.run_id} has jobs under way", hint=f"end them with `runner cancel {opened.directory.root}`"
        )
    if not opened.complete and not options.abandon:
        raise UserError(
            f"{opened.run.run_id} is not finished, and could not go on afterwards",
            hint="finish it with `runner run`, or give it up with `--abandon`",
        )


async def _clean_lane(opened: OpenRun, lane: LaneSpec, options: CleanOptions) -> list[Removed]:
    base = f"{lane.staging}{opened.run.run_id}/"
    wanted = [("staged inputs", f"{base}in/")] if options.staged else []
    wanted += [("outputs of jobs", f"{base}out/")] if options.remote else []
    wanted += [("the record of the run", record_uri(lane.staging, opened.run.run_id))] if options.staged else []
    removed = []
    async with LaneSession(lane) as session:
        staging = StagingClient(session)
        if options.staged and not options.dry:
            await _forget_pointer(opened, staging, lane)
        for what, uri in wanted:
            removed.append(await _clean_prefix(staging, lane, what, uri, dry=options.dry))
    if options.staged and not options.dry and removed[0].objects:
        fault = Fault(
            kind=FaultKind.NOT_FOUND, scope=Scope.LANE, code="CLEANED", message="staged inputs were deleted by `clean`"
        )
        opened.record(e.StagingLost(at=opened.clock.now(), lane=lane.name, fault=fault))
    return removed


async def _forget_pointer(opened: OpenRun, staging: StagingClient, lane: LaneSpec) -> None:
    """No other box is to take the run up; one that has done so keeps its pointer. Of a finished run there is none."""
    assert opened.run.began is not None, "a run that can be opened has begun"
    uri = pointer_uri(lane.staging, opened.run.began.identity_digest)
    found = await read_lease(staging, uri)
    if isinstance(found, Found) and found.is_of(recall_box(opened.directory)):
        found = await staging.delete(uri)
    if isinstance(found, Fault):
        raise _refusal(lane, uri, found)


async def _clean_models(opened: OpenRun, lane: LaneSpec, *, dry: bool) -> list[Removed]:
    async with LaneSession(lane) as session:
        count = await remove_models(session, opened.manifest, dry=dry)
        if isinstance(count, Fault):
            raise _refusal(lane, "models", count)
        prefixes = data_of(opened.manifest, lane)
        staging = StagingClient(session)
        data = [await _clean_prefix(staging, lane, "training data", uri, dry=dry) for uri in prefixes]
        return [Removed(what="trained models", where=f"lane {lane.name}", objects=count, bytes=0), *data]


async def _clean_prefix(staging: StagingClient, lane: LaneSpec, what: str, uri: str, *, dry: bool) -> Removed:
    listed = await staging.list_keys(uri, OBJECTS_LISTED_MAX)
    if isinstance(listed, Fault):
        raise _refusal(lane, uri, listed)
    deleted = len(listed) if dry else await staging.delete_prefix(uri)
    if isinstance(deleted, Fault):
        raise _refusal(lane, uri, deleted)
    return Removed(what=what, where=uri, objects=deleted, bytes=sum(size for _, size in listed))


def _refusal(lane: LaneSpec, uri: str, fault: Fault) -> ServiceError:
    return ServiceError(fault.code, f"lane {lane.name}: {uri}: {fault.message}", hint=fault.hint)


def _clean_local(directory: RunDirectory, *, dry: bool) -> Iterator[Removed]:
    places = (
        ("folded texts", directory.parts),
        ("merged answers", directory.spools),
        ("the embedded endpoint's data", directory.endpoint),
    )
    for what, folder in places:
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        if not dry:
            _empty(folder)
        yield Removed(what=what, where=str(folder), objects=len(files), bytes=size)


def _empty(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
