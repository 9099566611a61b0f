"""Carries out commands through the ports, and nothing else: no decision is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from runner.core import commands as c
from runner.core.commands import Answer, Command, Jobs
from runner.engine.ports import Service, Staging, Workshop
from runner.model import Fault, RemoteJob


class Executor:
    """Turns a command into calls and gives back their answer."""

    def __init__(self, *, services: Mapping[str, Service], staging: Staging, workshop: Workshop) -> None:
        self._services = services
        self._staging = staging
        self._workshop = workshop

    async def perform(self, command: Command) -> Answer:
        """Carry a command out. Returns its answer or a Fault; raises only for bugs."""
        match command:
            case c.StartJob():
                request = self._staging.request(
                    command.job, command.generation, command.lane, token=command.token, name=command.name
                )
                return await self._services[command.lane].start(request)
            case c.CheckByName():
                service = self._services[command.lane]
                return _jobs(await service.list_jobs(command.operation, name=command.name))
            case c.Sweep():
                service = self._services[command.lane]
                return _jobs(await service.list_jobs(command.operation, submitted_after=command.since))
            case c.CountSlots():
                service = self._services[command.lane]
                return _jobs(await service.list_jobs(command.operation, status=command.status))
            case c.DescribeJob():
                return await self._services[command.lane].describe(command.operation, command.remote_id)
            case c.StopJob():
                return await self._services[command.lane].stop(command.operation, command.remote_id)
            case c.StageBatch():
                return await self._staging.stage(command)
            case c.CheckByPrefix():
                return await self._staging.output_keys(command)
            case c.CollectJob():
                return await self._workshop.collect(command)
            case c.GatherRepair():
                return await self._workshop.gather(command)
            case c.CutJob():
                return await self._workshop.cut(command)
            case c.RouteLanguages():
                return await self._workshop.route(command)
            case c.MergeSegments():
                return await self._workshop.merge(command)
            case c.PatchFile():
                return await self._workshop.patch(command)
            case c.ReleaseSpools():
                return await self._workshop.release(command)
            case _:
                assert_never(command)


def _jobs(answer: Sequence[RemoteJob] | Fault) -> Jobs | Fault:
    return answer if isinstance(answer, Fault) else Jobs(jobs=tuple(answer))
