"""Whether a box that has nothing of a run yet is to take one up: asked of every lane before anything is surveyed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from runner.aws import LaneSession, StagingClient
from runner.compose.boxes.lease import Found, read, recall_box, refuse_lively
from runner.compose.boxes.record import pointer_uri, record_uri
from runner.compose.lanes import patiently
from runner.compose.opening import Choice, beginning_of, is_planned, require_same_run
from runner.core import events as e
from runner.errors import CredentialsError, RunDirectoryError
from runner.journal import RunDirectory
from runner.manifest import identity_digest
from runner.model import Fault, LaneSpec, Manifest, RunId


async def take_up(choice: Choice, manifest: Manifest, *, again: bool) -> Choice:
    """The choice as it stands, or another: to go on with the run that another box has left unfinished.

    `again`: the user wants a new run. Raises RunDirectoryError if that box is at work, or if the directory that the
    user named holds another run.
    """
    if manifest.embedded or is_planned(choice.directory):
        return choice
    found = await _find(manifest) if not again else None
    if found is None:
        _refuse_leftover(choice.directory)
        return choice
    if found.lively and not found.is_of(recall_box(choice.directory)):
        refuse_lively(found)
    run_id = RunId(found.pointer.run)
    directory = choice.directory
    if not choice.named:
        directory = RunDirectory.at(directory.root.parent / run_id)
    elif (began := _begun(directory)) is not None and began.run != run_id:
        raise RunDirectoryError(
            str(directory.root),
            f"run {run_id} of this manifest is unfinished on another box, and nothing is bought here yet",
            hint="name a new --run-dir to take it up",
        )
    if directory.begun:
        require_same_run(directory, manifest)
    if is_planned(directory):
        return replace(choice, directory=directory, run_id=run_id)
    told = f"run {run_id} of host {found.pointer.host} is unfinished: taking it up, with what it has bought"
    return replace(choice, directory=directory, run_id=run_id, adopting=True, notices=(*choice.notices, told))


def _refuse_leftover(directory: RunDirectory) -> None:
    """Of a run that could not be taken up there is a survey; it is not to be taken for the run itself."""
    began = _begun(directory)
    if began is not None and began.adopted:
        raise RunDirectoryError(
            str(directory.root),
            f"run {began.run} of another box was to be taken up here, and has not been",
            hint="name another --run-dir for a new run",
        )


def _begun(directory: RunDirectory) -> e.RunBegan | None:
    """The beginning of the run in a directory; None if there is no run, or a full disk came before its beginning."""
    return beginning_of(directory) if directory.begun else None


async def _find(manifest: Manifest) -> Found | None:
    """The unfinished run that a lane knows of, and has the record of.

    A lane that cannot be asked is passed over: opening it will say why, and nothing is started before its pointer has
    been read.
    """
    identity = identity_digest(manifest)
    for lane in manifest.lanes:
        try:
            async with LaneSession(lane) as session:
                found = await _of_lane(StagingClient(session), lane, identity)
        except CredentialsError:
            continue
        if found is not None:
            return found
    return None


async def _of_lane(staging: StagingClient, lane: LaneSpec, identity: str) -> Found | None:
    found = await patiently(partial(read, staging, pointer_uri(lane.staging, identity)))
    if not isinstance(found, Found):
        return None
    if found.lively:
        return found
    kept = await patiently(partial(staging.get_bytes, f"{record_uri(lane.staging, found.pointer.run)}run.json"))
    # Without it nothing was started: it is written before the first Start.
    return None if kept is None or isinstance(kept, Fault) else found
