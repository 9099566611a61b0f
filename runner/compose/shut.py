"""A lane that did not open: whatever is asked of it, it answers with the fault that kept it shut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.core import events as e
from runner.core.kinds import COLLECTING, STAGING, stopping, watching
from runner.core.run import Run
from runner.model import Fault, JobStatus, LaneSpec, RemoteId, StartRequest


@dataclass(frozen=True, slots=True)
class ShutLane:
    """In the place of a lane's clients: nothing is sent, so that every fault is certain."""

    spec: LaneSpec
    fault: Fault

    async def start(self, _: StartRequest) -> Fault:
        """No job was started."""
        return self.fault

    async def list_jobs(
        self,
        _: str,
        *,
        name: str | None = None,  # noqa: ARG002 - the port's arguments
        status: JobStatus | None = None,  # noqa: ARG002
        submitted_after: float | None = None,  # noqa: ARG002
    ) -> Fault:
        """Nothing was listed."""
        return self.fault

    async def describe(self, _: str, __: RemoteId) -> Fault:
        """Nothing was looked at."""
        return self.fault

    async def stop(self, _: str, __: RemoteId) -> Fault:
        """Nothing was stopped."""
        return self.fault

    async def put_file(self, _: str, __: str) -> Fault:
        """Nothing was staged."""
        return self.fault

    async def put_bytes(self, _: str, __: bytes) -> Fault:
        """Nothing was staged."""
        return self.fault

    async def list_keys(self, _: str, __: int) -> Fault:
        """Nothing was listed."""
        return self.fault

    def parks(self, run: Run, at: float) -> Iterator[e.WorkParked]:
        """All work of the lane waits for the next session."""
        kinds = [STAGING, COLLECTING]
        for operation in run.stoppable:
            kinds += [operation, watching(operation), stopping(operation)]
        for kind in kinds:
            yield e.WorkParked(at=at, lane=self.spec.name, operation=kind, fault=self.fault, lasting=True)
