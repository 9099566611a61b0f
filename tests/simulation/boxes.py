"""A box that is lost with all that it had, and the record in the bucket by which another takes its run up.

The record's rows and the search for what was bought are the program's own (`runner.compose.boxes`); the bucket is a few
attributes, and the lease is the time that another box waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio

from runner.compose.boxes.record import PLANNING, intent_key, read_rows, split_plan, write_rows
from runner.compose.boxes.traces import Retracing, TracedLane
from runner.core import events as e
from runner.core.states import State
from runner.model import Fault, FaultKind, PartId, Scope, StartRequest
from runner.simulation.service import SimulatedService
from tests.simulation.ports import OUTPUTS, S3_FAULTS, Place, SimulatedPorts

if TYPE_CHECKING:
    from tests.simulation.world import World

WHERE = "bucket"


@dataclass
class Bucket:
    """What the staging bucket keeps of a run."""

    began_at: float = 0.0
    plan: bytes | None = None
    late: bytes = b""
    lines: dict[PartId, list[Place]] = field(default_factory=dict)
    """Of parts that were planned late."""
    intents: dict[str, list[str]] = field(default_factory=dict)
    """Lane -> Starts that were about to be made."""


class BucketKeeper:
    """Writes the record before anything is bought; an observer, as the program's keeper is."""

    def __init__(self, world: World) -> None:
        self._world = world
        plan, self._late = split_plan(world.events())
        bucket = world.bucket
        if bucket.plan is None:
            bucket.began_at = world.events()[0].at
            bucket.plan = write_rows(plan)

    def notice(self, event: e.Event) -> None:
        if isinstance(event, PLANNING):
            self._late.append(event)

    async def start_refused(self, lane: str, request: StartRequest) -> None:
        await anyio.sleep(0.1)
        first = self._world.run.jobs[request.job].state is State.INTENDED
        if first and not self._world.unlucky(S3_FAULTS):
            kept = self._world.bucket.intents[lane]
            kept[:] = [key for key in kept if not key.startswith(f"{request.job}-{request.generation}@")]

    async def before_start(self, lane: str, request: StartRequest) -> Fault | None:
        await anyio.sleep(0.1)
        if fault := self._world.unlucky(S3_FAULTS):
            message = f"nothing was started on {lane}: {fault.message}"
            return Fault(kind=FaultKind.TRANSIENT, scope=Scope.LANE, code=fault.code, message=message)
        bucket = self._world.bucket
        bucket.late = write_rows(self._late)
        for event in self._late:
            for part in event.batch.parts if isinstance(event, e.BatchPlanned) else ():
                if part in self._world.disk.repair_lines:
                    bucket.lines[part] = self._world.disk.repair_lines[part]
        key = intent_key(request.job, request.generation, self._world.now())
        bucket.intents.setdefault(lane, []).append(key)
        return None


async def take_up(world: World) -> list[e.Event]:
    """What another box left, folded into a run just surveyed. Raises ServiceError if a lane does not answer."""
    bucket = world.bucket
    assert bucket.plan is not None
    world.disk.repair_lines.update(bucket.lines)
    lanes = [
        TracedLane(
            spec=lane,
            service=world.services[lane.name],
            outputs=partial(_outputs, world, world.services[lane.name]),
            intents=partial(_intents, world, lane.name),
            job_name_prefix=lane.job_name_prefix,
        )
        for lane in world.manifest.lanes
    ]
    retracing = Retracing(world.run, lanes, SimulatedPorts(world), now=world.now)
    plan, late = read_rows(bucket.plan, where=WHERE), read_rows(bucket.late, where=WHERE)
    return await retracing.retrace(plan, late, began_at=bucket.began_at, usd=0.0)


async def _outputs(world: World, service: SimulatedService) -> Sequence[str] | Fault:
    await anyio.sleep(0.1)
    if fault := world.unlucky(S3_FAULTS):
        return fault
    folders = dict.fromkeys(job.request.output_uri for job in service.jobs.values())
    return [f"{uri.removeprefix(OUTPUTS)}{key}" for uri in folders for key in service.keys_below(uri)]


async def _intents(world: World, lane: str) -> Sequence[str] | Fault:
    await anyio.sleep(0.1)
    return world.unlucky(S3_FAULTS) or world.bucket.intents.get(lane, [])
