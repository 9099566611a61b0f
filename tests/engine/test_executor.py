"""Every command goes to its port, and its answer comes back as it is."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core import commands as c
from runner.core.commands import Check, Command
from runner.engine.executor import Executor
from runner.model import BatchId, Fault, FaultKind, JobKey, JobStatus, RemoteId, RemoteJob, Scope

pytestmark = pytest.mark.anyio

FAULT = Fault(kind=FaultKind.TRANSIENT, scope=Scope.CALL, code="C", message="m")
JOB = JobKey("j")
OF_JOB: dict[str, Any] = {"job": JOB, "generation": 0, "lane": "here"}
REMOTE = RemoteJob(remote_id=RemoteId("r"), name="n", status=JobStatus.SUBMITTED)


class Port:
    """Notes what it is asked, and gives one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            self.asked.append((name, args, kwargs))
            return self.answer

        return ask

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> Any:
        return ("request", job, generation, lane, token, name)


SERVICE: list[tuple[Command, str, tuple[Any, ...], dict[str, Any]]] = [
    (
        c.StartJob(**OF_JOB, operation="O", token="t", name="n"),
        "start",
        (("request", "j", 0, "here", "t", "n"),),
        {},
    ),
    (c.CheckByName(**OF_JOB, operation="O", name="n", step=Check.LIST), "list_jobs", ("O",), {"name": "n"}),
    (c.Sweep(lane="here", operation="O", since=5.0), "list_jobs", ("O",), {"submitted_after": 5.0}),
    (
        c.CountSlots(lane="here", operation="O", status=JobStatus.SUBMITTED),
        "list_jobs",
        ("O",),
        {"status": JobStatus.SUBMITTED},
    ),
    (c.DescribeJob(**OF_JOB, operation="O", remote_id=RemoteId("r")), "describe", ("O", "r"), {}),
    (c.StopJob(**OF_JOB, operation="O", remote_id=RemoteId("r")), "stop", ("O", "r"), {}),
]
LOCAL: list[tuple[Command, str]] = [
    (c.StageBatch(batch=BatchId("b"), lane="here"), "stage"),
    (c.CheckByPrefix(**OF_JOB, step=Check.PREFIX), "output_keys"),
    (c.CollectJob(**OF_JOB, output_uri="s3://o/", partial=False), "collect"),
    (c.GatherRepair(analysis="a", serial=1, round=1, jobs=(JOB,)), "gather"),
    (c.RouteLanguages(analysis="a"), "route"),
    (c.CutJob(job=JOB, generation=2, serial=1), "cut"),
    (c.MergeSegments(corpus="c", segments=()), "merge"),
    (c.PatchFile(corpus="c", file=0), "patch"),
    (c.ReleaseSpools(jobs=(JOB,)), "release"),
]


@pytest.mark.parametrize(("command", "method", "args", "kwargs"), SERVICE, ids=lambda value: type(value).__name__)
async def test_a_command_to_the_service_is_one_call_of_its_lane(command, method, args, kwargs):
    service, other = Port([REMOTE]), Port(None)
    executor = Executor(services={"here": service, "there": other}, staging=Port(None), workshop=Port(None))  # type: ignore[dict-item,arg-type]

    answer = await executor.perform(command)

    assert service.asked == [(method, args, kwargs)]
    assert not other.asked
    assert answer == (c.Jobs(jobs=(REMOTE,)) if method == "list_jobs" else [REMOTE])


@pytest.mark.parametrize(("command", "method"), LOCAL, ids=lambda value: type(value).__name__)
async def test_a_local_command_is_handed_on_as_it_is(command, method):
    local = Port("an answer")
    executor = Executor(services={}, staging=local, workshop=local)  # type: ignore[arg-type]

    assert await executor.perform(command) == "an answer"
    assert local.asked == [(method, (command,), {})]


@pytest.mark.parametrize("command", [command for command, *_ in SERVICE], ids=lambda value: type(value).__name__)
async def test_a_fault_comes_back_as_it_is(command):
    executor = Executor(services={"here": Port(FAULT)}, staging=Port(FAULT), workshop=Port(FAULT))  # type: ignore[dict-item,arg-type]

    assert await executor.perform(command) == FAULT
