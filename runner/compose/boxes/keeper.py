"""Keeps a run's record in its lanes' buckets, and holds the lease on it, for as long as a session lasts.

Nothing is bought that the record does not hold: the plan is written before the first Start, and what is planned later
(lines to send again, models to train) before the first call that buys it; and before each Start, on which lane it is
about to be made. So what a box that is lost has bought, or may have, is known to the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import anyio
import msgspec
from anyio import CancelScope, to_thread

from runner import __version__
from runner.compose.boxes.lease import Lease, recall_box, remember_box
from runner.compose.boxes.record import (
    FORMAT,
    INTENTS,
    PLANNING,
    Kept,
    KeptLane,
    Seal,
    intent_key,
    read_kept,
    record_uri,
    seals,
    split_plan,
    write_rows,
)
from runner.compose.lanes import OpenLane, OpenLanes, patiently, refusal
from runner.compose.opening import OpenRun
from runner.compose.places import recall
from runner.core import events as e
from runner.core.records import DENIALS
from runner.core.states import State
from runner.engine.driver import Driver
from runner.engine.ports import Service
from runner.model import (
    Fault,
    FaultKind,
    JobStatus,
    RemoteId,
    RemoteJob,
    Scope,
    StartRequest,
)

GIVE_BACK_S: Final = 20.0
_EXPIRED: Final = Fault(
    kind=FaultKind.TRANSIENT, scope=Scope.LANE, code="LEASE_EXPIRED", message="its lease could not be renewed"
)


class Keeper:
    """The record and the lease of one run, in one session."""

    def __init__(self, opened: OpenRun, lanes: OpenLanes) -> None:
        began = opened.run.began
        assert began is not None, "a run begins before its lanes open"
        self._opened = opened
        self._run = opened.run
        self.lanes: Sequence[OpenLane] = [lane for lane in lanes.lanes if lane.spec.remote]
        self.box = recall_box(opened.directory)
        self._lease = Lease(
            [(lane.spec, lane.staging) for lane in self.lanes],
            identity=began.identity_digest,
            run_id=began.run,
            box=self.box,
            root=opened.directory.root,
        )
        self._late: list[e.Event] = []
        """What was planned after the survey's plan, in order."""
        self._late_kept = 0
        self._kept_names: set[str] = set()
        """Files of late parts that are kept already."""
        self._intents: dict[tuple[str, str], str] = {}
        """Lane and JobName -> where it is written that this Start was about to be made."""
        self._writing = anyio.Lock()
        self.driver: Driver | None = None
        self.finished = False
        """Whether the run is: to be said before the lease is given back."""
        self.keeps = bool(self.lanes) and not self.box.over

    @asynccontextmanager
    async def holding(self, *, adopting: bool, anew: bool) -> AsyncIterator[None]:
        """Hold the lease while the block lasts; a driver is halted if another box takes it.

        Raises RunDirectoryError if another box has it, or took it; ServiceError if a bucket does not answer.
        """
        if not self.keeps:
            yield
            return
        remember_box(self._opened.directory, self.box)
        await self._lease.take(adopting=adopting, begun=self._run.books.complete, anew=anew)
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hold)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised below, and not as one of a group
                failure = error
            finally:
                tasks.cancel_scope.cancel()
                await self._give_back()
        if failure is not None:
            raise failure
        if self._lease.lost is not None and not self.finished:
            raise self._lease.taken_over()

    async def _hold(self) -> None:
        await self._lease.keep()
        if self.driver is not None:
            self.driver.halt("taken over")

    async def _give_back(self) -> None:
        """End the session's hold; of a finished run there is nothing to take up any more."""
        if self.finished:
            remember_box(self._opened.directory, msgspec.structs.replace(self.box, over=True))
        with CancelScope(shield=True), anyio.move_on_after(GIVE_BACK_S):
            await self._lease.give_back(finished=self.finished)

    async def keep_record(self) -> None:
        """Write what is not in the record yet. Raises ServiceError if a bucket does not answer.

        Of a run from whose folder parts are gone (`clean`, an earlier version) no record is begun.
        """
        if not self.keeps:
            return
        plan, self._late = split_plan(event for _, event in self._opened.journal.read())
        sealed: tuple[Seal, ...] | None = None
        for lane in self.lanes:
            base = self._base(lane)
            held = await patiently(partial(lane.staging.get_bytes, f"{base}run.json"))
            if isinstance(held, Fault):
                raise refusal(lane.spec, held)
            before = read_kept(held.data, where=base) if held is not None else None
            if before is None:
                try:
                    sealed = sealed or await to_thread.run_sync(seals, self._run, self._opened.directory)
                except FileNotFoundError:
                    continue
                await self._put(lane, f"{base}plan.jsonl", write_rows(plan))
            found = self._kept(before, sealed)
            if found != before:
                await self._put(lane, f"{base}run.json", msgspec.json.encode(found))

    def _kept(self, before: Kept | None, sealed: tuple[Seal, ...] | None) -> Kept:
        began = self._run.began
        assert began is not None
        places = {
            place.lane.name: KeptLane(
                name=place.lane.name,
                endpoint=place.endpoint,
                account=place.account,
                region=place.lane.region or "",
                staging=place.lane.staging or "",
                job_name_prefix=place.lane.job_name_prefix,
            )
            for place in recall(self._opened.directory)
        }
        for lane in before.lanes if before is not None else ():
            places.setdefault(lane.name, lane)
        return Kept(
            format=FORMAT,
            run=began.run,
            version=before.version if before is not None else __version__,
            began_at=before.began_at if before is not None else began.at,
            identity_digest=began.identity_digest,
            form=began.form,
            seals=before.seals if before is not None else sealed or (),
            lanes=tuple(sorted(places.values(), key=lambda lane: lane.name)),
        )

    def _base(self, lane: OpenLane) -> str:
        return record_uri(lane.spec.staging, self._run.run_id)

    async def _put(self, lane: OpenLane, uri: str, data: bytes) -> None:
        answer = await patiently(partial(lane.staging.put_bytes, uri, data))
        if isinstance(answer, Fault):
            raise refusal(lane.spec, answer)

    # --- while it is driven -------------------------------------------------------------------------------------------

    def notice(self, event: e.Event) -> None:
        """Something was planned while the run is driven."""
        if isinstance(event, PLANNING):
            self._late.append(event)

    async def before_buying(self, lane: str) -> Fault | None:
        """What forbids to buy anything on a lane now: a lease that is not fresh, or a record that cannot be written."""
        if not self.keeps:
            return None
        if not self._lease.fresh:
            await self._lease.renew()
        if not self._lease.fresh:
            return _unkept(_EXPIRED)
        async with self._writing:
            return await self._keep_late(lane)

    async def before_start(self, lane: str, request: StartRequest) -> Fault | None:
        """As before anything is bought; and that this very Start is about to be made there is kept."""
        fault = await self.before_buying(lane)
        if fault is not None or not self.keeps:
            return fault
        key = intent_key(request.job, request.generation, self._opened.clock.now())
        uri = self._intents[lane, request.name] = f"{self._base(self._lane(lane))}{INTENTS}{key}"
        written = await self._lane(lane).staging.put_bytes(uri, request.name.encode())
        return _unkept(written) if isinstance(written, Fault) else None

    async def start_refused(self, lane: str, request: StartRequest) -> None:
        """Nothing came of a Start, so that another lane may have the job; a refused replay says nothing of that.

        What cannot be deleted now costs the next box a look, unless another lane's is later.
        """
        uri = self._intents.pop((lane, request.name), None)
        if uri is not None and self._run.jobs[request.job].state is State.INTENDED:
            await self._lane(lane).staging.delete(uri)

    def _lane(self, name: str) -> OpenLane:
        return next(lane for lane in self.lanes if lane.spec.name == name)

    async def _keep_late(self, name: str) -> Fault | None:
        """Keep what was planned late and is not kept yet, its lines first; all of it, so that no number is left out."""
        pending = self._late[self._late_kept :]
        if not pending:
            return None
        lane = self._lane(name)
        base = f"{self._base(lane)}late/"
        for path in self._files(pending):
            if path.name in self._kept_names:
                continue
            answer = await lane.staging.put_file(f"{base}{path.name}", str(path))
            if isinstance(answer, Fault):
                return _unkept(answer)
            self._kept_names.add(path.name)
        written = await lane.staging.put_bytes(f"{base}{self._late_kept:08d}.jsonl", write_rows(pending))
        if isinstance(written, Fault):
            return _unkept(written)
        self._late_kept += len(pending)
        return None

    def _files(self, events: Iterable[e.Event]) -> Iterator[Path]:
        """The texts and maps of parts that the survey did not cut."""
        directory = self._opened.directory
        surveyed = {part.id for record in self._run.books.segments() for part in record.facts.parts}
        for event in events:
            for part in event.batch.parts if isinstance(event, e.BatchPlanned) else ():
                if part not in surveyed:
                    yield from (path for path in (directory.part(part), directory.part_map(part)) if path.exists())


class Recording(Protocol):
    """Who sees to it that nothing is started that is not on record."""

    async def before_start(self, lane: str, request: StartRequest) -> Fault | None:
        """What forbids a Start on a lane now."""
        ...

    async def start_refused(self, lane: str, request: StartRequest) -> None:
        """A Start took no effect."""
        ...


class KeptService:
    """A lane's service whose Starts wait for the record."""

    def __init__(self, name: str, service: Service, keeper: Recording) -> None:
        self._name = name
        self._service = service
        self._keeper = keeper

    async def start(self, request: StartRequest) -> RemoteJob | Fault:
        """Start a job that the record holds; a Fault that says that nothing was sent, if it cannot."""
        fault = await self._keeper.before_start(self._name, request)
        if fault is not None:
            return fault
        answer = await self._service.start(request)
        if isinstance(answer, Fault) and answer.kind is not FaultKind.UNANSWERED:
            await self._keeper.start_refused(self._name, request)
        return answer

    async def list_jobs(
        self,
        operation: str,
        *,
        name: str | None = None,
        status: JobStatus | None = None,
        submitted_after: float | None = None,
    ) -> Sequence[RemoteJob] | Fault:
        """As the lane lists them."""
        return await self._service.list_jobs(operation, name=name, status=status, submitted_after=submitted_after)

    async def describe(self, operation: str, remote_id: RemoteId) -> RemoteJob | Fault:
        """As the lane describes it."""
        return await self._service.describe(operation, remote_id)

    async def stop(self, operation: str, remote_id: RemoteId) -> JobStatus | Fault:
        """As the lane stops it."""
        return await self._service.stop(operation, remote_id)


def _unkept(fault: Fault) -> Fault:
    """A Start that was not made: that is sure, so that nothing has to be looked for."""
    return Fault(
        kind=FaultKind.DENIED if fault.kind in DENIALS else FaultKind.TRANSIENT,
        scope=Scope.LANE,
        code=fault.code,
        message=f"nothing was started, since the run's record cannot be kept in the staging bucket: {fault.message}",
        hint=fault.hint,
    )
