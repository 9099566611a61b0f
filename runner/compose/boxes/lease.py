"""The lease on a run: an object in every lane's bucket that says which box drives it, renewed while it does.

Whoever would start jobs must hold it, and have renewed it of late: `STARTS_S` after the last renewal no Start is made
any more, a call under way may take `CALL_S_MAX`, and what it bought shows under List within a grace. So once a lease
is `LEASE_S` old, everything that its holder bought can be found, and another box may have it.

Ages are told by the storage's own clock. Conditional writes decide between two boxes at once; where a storage ignores
conditions, reading back does.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import anyio
import msgspec

from runner.aws import StagingClient
from runner.aws.transfer import Held
from runner.compose.boxes.record import Pointer, pointer_uri, read_pointer
from runner.compose.lanes import patiently, refusal
from runner.errors import RunDirectoryError
from runner.journal import RunDirectory
from runner.model import Fault, LaneSpec
from runner.results import write_summary

RENEW_S: Final = 30.0
STARTS_S: Final = 90.0
"""How long after its last renewal a lease is good for Starts."""
LEASE_S: Final = 240.0
"""`STARTS_S`, the longest call (90 s) and the longest grace (60 s)."""
RACED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
BOX_NAME: Final = "box.json"


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """`box.json` of a run directory: by what name it is known in the lanes' buckets.

    `over`: the run was finished once. What is opened again afterwards is known in this directory alone.
    """

    id: str
    over: bool = False


def recall_box(directory: RunDirectory) -> Box:
    """The box that a run directory is; a new one if it has not been told yet."""
    try:
        return msgspec.json.decode((directory.root / BOX_NAME).read_bytes(), type=Box)
    except FileNotFoundError:
        return Box(id=os.urandom(10).hex())
    except msgspec.MsgspecError as error:
        raise RunDirectoryError(
            str(directory.root), f"{BOX_NAME} is damaged: {error}", hint="restore the file from a copy"
        ) from error


def remember_box(directory: RunDirectory, box: Box) -> None:
    """Keep it; before its name is written anywhere else."""
    write_summary(directory.root / BOX_NAME, msgspec.to_builtins(box))


@dataclass(frozen=True, slots=True)
class Found:
    """A pointer as it was read."""

    pointer: Pointer
    held: Held

    @property
    def lively(self) -> bool:
        """Whether its box may be at work."""
        return self.pointer.held and self.held.age_s < LEASE_S

    def is_of(self, box: Box) -> bool:
        """Whether it is a box's own, left behind by a process of it that is gone."""
        return self.pointer.box == box.id and self.pointer.host == socket.gethostname()


async def read(staging: StagingClient, uri: str) -> Found | Fault | None:
    """The pointer at a place, if there is one."""
    held = await staging.get_bytes(uri)
    if not isinstance(held, Held):
        return held
    return Found(read_pointer(held.data, where=uri), held)


def refuse_lively(found: Found) -> NoReturn:
    """Raise RunDirectoryError: another box is at work."""
    pointer = found.pointer
    left = max(1, round(LEASE_S - found.held.age_s))
    raise RunDirectoryError(
        pointer.run,
        f"a run of this manifest is being driven by process {pointer.pid} on host {pointer.host} since {pointer.since}",
        hint=f"wait for it or end it there; if that box is lost, run again in {left} s, and its run is taken up",
    )


@dataclass(slots=True)
class _Place:
    """One lane's pointer, and what it was when it was last seen."""

    lane: LaneSpec
    staging: StagingClient
    uri: str
    etag: str | None = None


class Lease:
    """The right to start jobs of one run, over its open lanes."""

    def __init__(
        self, lanes: Iterable[tuple[LaneSpec, StagingClient]], *, identity: str, run_id: str, box: Box, root: Path
    ) -> None:
        self._places = [_Place(lane, staging, pointer_uri(lane.staging, identity)) for lane, staging in lanes]
        self._box = box
        self._run_id = run_id
        self._root = root
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._renewed = (float("-inf"), float("-inf"))
        self.lost: Pointer | None = None
        """Who has it now, if another box took it."""

    async def take(self, *, adopting: bool, begun: bool, anew: bool) -> None:
        """Take it on every lane, or on none that another box is at work on.

        `adopting`: the run is another box's; `begun`: jobs of it are planned here; `anew`: the user wants a new run.
        Raises RunDirectoryError if another box has it, or had it last; ServiceError if a bucket does not answer.
        """
        for place in self._places:
            found = await self._read(place)
            place.etag = found.held.etag if found is not None else None
            if found is not None:
                self._judge(found, adopting=adopting, begun=begun, anew=anew)
        for place in self._places:
            fault = await patiently(partial(self._write, place, held=True))
            # Not ours to decide yet: a call made twice, or two lanes with one bucket, meet their own pointer.
            if fault is not None and fault.code not in RACED:
                raise refusal(place.lane, fault)
        for place in self._places:
            found = await self._read(place)
            if found is None or found.pointer.box != self._box.id:
                raise self._raced()
            place.etag = found.held.etag
        self._mark()

    def _judge(self, found: Found, *, adopting: bool, begun: bool, anew: bool) -> None:
        pointer = found.pointer
        if found.is_of(self._box):
            return
        if found.lively:
            refuse_lively(found)
        if pointer.run == self._run_id and not adopting:
            raise self._taken_over(pointer)
        if pointer.run != self._run_id and (adopting or not (begun or anew)):
            raise self._raced()

    async def keep(self) -> None:
        """Renew it for as long as this is not cancelled, or until another box has it."""
        while self.lost is None:
            await anyio.sleep(RENEW_S)
            await self.renew()

    async def renew(self) -> None:
        """Renew it on every lane; one that does not answer leaves it as old as it was."""
        renewed = True
        for place in self._places:
            fault = await self._write(place, held=True)
            if fault is not None and fault.code in RACED | {"NoSuchKey"}:
                fault = await self._look_again(place)
            renewed = renewed and fault is None
        if renewed and self.lost is None:
            self._mark()

    async def _look_again(self, place: _Place) -> Fault | None:
        """The pointer is not what we left: gone, another box's, or ours by a call whose answer was lost."""
        found = await read(place.staging, place.uri)
        if isinstance(found, Fault):
            return found
        if found is not None and found.pointer.box != self._box.id:
            self.lost = found.pointer
            return None
        place.etag = found.held.etag if found is not None else None
        return await self._write(place, held=True)

    async def give_back(self, *, finished: bool) -> None:
        """Let go of it: the run is over, and its pointer goes; or any box may take it up now. Never raises for a lane.

        What cannot be written now grows old by itself.
        """
        for place in self._places if self.lost is None else ():
            found = await read(place.staging, place.uri)
            if not isinstance(found, Found) or found.pointer.box != self._box.id:
                continue
            if finished:
                await place.staging.delete(place.uri)
            else:
                place.etag = found.held.etag
                await self._write(place, held=False)

    @property
    def fresh(self) -> bool:
        """Whether it was renewed of late: by both clocks, since one stops while a machine sleeps."""
        wall, monotonic = self._renewed
        return self.lost is None and max(time.time() - wall, time.monotonic() - monotonic) < STARTS_S

    def taken_over(self) -> RunDirectoryError:
        """Why a session ends whose lease is lost."""
        assert self.lost is not None
        return self._taken_over(self.lost)

    def _mark(self) -> None:
        self._renewed = (time.time(), time.monotonic())

    async def _read(self, place: _Place) -> Found | None:
        found = await patiently(partial(read, place.staging, place.uri))
        if isinstance(found, Fault):
            raise refusal(place.lane, found)
        return found

    async def _write(self, place: _Place, *, held: bool) -> Fault | None:
        pointer = Pointer(
            run=self._run_id,
            box=self._box.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            held=held,
            since=self._since,
        )
        written = await place.staging.put_if(place.uri, msgspec.json.encode(pointer), etag=place.etag)
        if isinstance(written, Fault):
            return written
        place.etag = written
        return None

    def _taken_over(self, pointer: Pointer) -> RunDirectoryError:
        return RunDirectoryError(
            str(self._root),
            f"its run was taken up by another box (host {pointer.host}, since {pointer.since}); this directory is out "
            "of date",
            hint="move the directory away and run again here: what is unfinished is taken up from the staging bucket",
        )

    def _raced(self) -> RunDirectoryError:
        return RunDirectoryError(
            self._run_id,
            "another box has begun a run of this manifest meanwhile; nothing was started here",
            hint="run again: once that box is done or lost, its run is taken up",
        )
