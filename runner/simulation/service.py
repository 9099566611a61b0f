"""A model of the service: jobs, slots, rates, tokens and lists on a clock that it is given, with faults from a seed.

It answers as the adapter in `runner.aws` does, with values and faults, so the engine cannot tell the two apart. It keeps
its own accounts (who was accepted, what was called when, how many were active), and those are what checkers look at:
the model never trusts the client's view of itself.

Knows nothing of journals, documents or results: what a job writes is asked of a function.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

import anyio

from runner.model import (
    Fault,
    FaultKind,
    JobStatus,
    RemoteId,
    RemoteJob,
    Scope,
    StartRequest,
    unit_interval,
)

STEP_S: Final = 120.0
"""Jobs end on steps of this after their start-up (COMPREHEND.md section 5.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the simulated service behaves. Shares are probabilities per call or per job; times are seconds."""

    slots: int = 10
    start_per_s: float | None = 1.0
    read_per_s: float | None = 10.0
    startup_s: float = 367.0
    steps_max: int = 2
    """A job takes up to so many steps more than its start-up."""
    latency_s: float = 0.2
    tokens: str = "honoured"
    """`honoured`, `ignored`, or `expiring` (after `token_life_s`)."""
    token_life_s: float = 600.0
    list_lag_s: float = 0.0
    """How long a new job stays out of List."""
    lost_answers: float = 0.0
    """Starts that are carried out and whose answer is lost."""
    lost_calls: float = 0.0
    """Starts that are lost before they are carried out, and nobody knows."""
    throttles: float = 0.0
    read_faults: float = 0.0
    failing: float = 0.0
    """Generations that end as FAILED, for a passing reason."""
    stuck: float = 0.0
    """Generations that take twenty times as long."""
    denied_until: float = 0.0
    """Starts are refused for want of permission until then (virtual seconds)."""
    outages: tuple[tuple[float, float], ...] = ()
    strangers: int = 0
    """Slots that another user of the account occupies, from time to time."""


@dataclass(slots=True)
class SimulatedJob:
    """One job in the service's own books."""

    remote_id: RemoteId
    operation: str
    request: StartRequest
    submitted_at: float
    ends_at: float
    fails: bool
    stopped_at: float | None = None

    def status(self, now: float) -> JobStatus:
        """Its status at a time."""
        if self.stopped_at is not None and self.stopped_at < self.ends_at:
            return JobStatus.STOPPED if now >= self.stopped_at + 5.0 else JobStatus.STOP_REQUESTED
        if now < min(self.ends_at, self.submitted_at + 10.0):
            return JobStatus.SUBMITTED
        if now < self.ends_at:
            return JobStatus.IN_PROGRESS
        return JobStatus.FAILED if self.fails else JobStatus.COMPLETED


@dataclass(slots=True)
class Accounts:
    """What the service saw of its clients, for checkers."""

    calls: Counter[str] = field(default_factory=Counter)
    starts_at: dict[str, list[float]] = field(default_factory=dict)
    over_quota_starts: int = 0
    """Starts refused for want of a slot while no stranger held one."""
    throttled: int = 0
    """Starts and reads refused as too many per second, injected ones left aside."""


class SimulatedService:
    """All operations of one lane. `healed` ends every fault at once (the liveness phase)."""

    def __init__(self, behaviour: Behaviour, *, seed: str, now: Callable[[], float] = anyio.current_time) -> None:
        self.behaviour = behaviour
        self.accounts = Accounts()
        self.jobs: dict[RemoteId, SimulatedJob] = {}
        self.healed = False
        self._seed = seed
        self._now = now
        self._draws = 0
        self._tokens: dict[str, tuple[float, RemoteId]] = {}
        self._recent: dict[str, deque[float]] = {}

    # --- the port -------------------------------------------------------------------------------------------------

    async def start(self, request: StartRequest) -> RemoteJob | Fault:
        """Start a job, unless something is wrong."""
        operation = _operation(request)
        trouble = await self._arrive(f"Start/{operation}", self.behaviour.start_per_s)
        if trouble is not None:
            return trouble
        if self._chance(self.behaviour.lost_calls):
            return _fault(FaultKind.UNANSWERED, "ReadTimeout")
        if self._now() < self.behaviour.denied_until and not self.healed:
            return _fault(FaultKind.DENIED, "AccessDeniedException", Scope.LANE)
        known = self._known(request)
        if known is None:
            if self._active(operation) + self._strangers() >= self.behaviour.slots:
                if not self._strangers():
                    self.accounts.over_quota_starts += 1
                return _fault(FaultKind.NO_SLOT, "TooManyRequestsException")
            known = self._accept(request, operation)
        if self._chance(self.behaviour.lost_answers):
            return _fault(FaultKind.UNANSWERED, "ConnectionClosed")
        await anyio.sleep(self.behaviour.latency_s)
        return self._shown(known)

    async def list_jobs(
        self,
        operation: str,
        *,
        name: str | None = None,
        status: JobStatus | None = None,
        submitted_after: float | None = None,
    ) -> Sequence[RemoteJob] | Fault:
        """Jobs that a filter lets through and that List shows yet."""
        trouble = await self._arrive(f"List/{operation}", self.behaviour.read_per_s)
        if trouble is not None:
            return trouble
        await anyio.sleep(self.behaviour.latency_s)
        lag = 0.0 if self.healed else self.behaviour.list_lag_s
        shown = [
            self._shown(job)
            for job in self.jobs.values()
            if job.operation == operation
            and job.submitted_at + lag <= self._now()
            and (name is None or job.request.name == name)
            and (submitted_after is None or job.submitted_at > submitted_after)
        ]
        return [job for job in shown if status is None or job.status is status]

    async def describe(self, operation: str, remote_id: RemoteId) -> RemoteJob | Fault:
        """One job."""
        trouble = await self._arrive(f"Describe/{operation}", self.behaviour.read_per_s)
        if trouble is not None:
            return trouble
        job = self.jobs.get(remote_id)
        return self._shown(job) if job else _fault(FaultKind.NOT_FOUND, "JobNotFoundException")

    async def stop(self, operation: str, remote_id: RemoteId) -> JobStatus | Fault:
        """Stop a job that has not ended."""
        trouble = await self._arrive(f"Stop/{operation}", self.behaviour.start_per_s)
        if trouble is not None:
            return trouble
        job = self.jobs[remote_id]
        if job.status(self._now()).ended:
            return _fault(FaultKind.REJECTED, "InvalidRequestException")
        job.stopped_at = job.stopped_at or self._now()
        return job.status(self._now())

    # --- what checkers ask ------------------------------------------------------------------------------------------

    def accepted(self, name: str) -> list[SimulatedJob]:
        """Every job of a name."""
        return [job for job in self.jobs.values() if job.request.name == name]

    def output_of(self, output_uri: str) -> SimulatedJob | None:
        """The job that wrote (or writes) to a resolved output URI."""
        return next((job for job in self.jobs.values() if self._output_uri(job) == output_uri), None)

    def keys_below(self, output_uri: str) -> tuple[str, ...]:
        """Keys below a requested output prefix, relative to it: the write check, and what ended jobs wrote."""
        mine = [job for job in self.jobs.values() if job.request.output_uri == output_uri]
        keys = [".write_access_check_file.temp"] if any(job.submitted_at + 12 <= self._now() for job in mine) else []
        done = [job for job in mine if job.status(self._now()) is JobStatus.COMPLETED]
        return (*keys, *(self._output_uri(job).removeprefix(output_uri) for job in done))

    # --- within -----------------------------------------------------------------------------------------------------

    async def _arrive(self, call: str, per_s: float | None) -> Fault | None:
        """A call travels here; a fault if it is not let in."""
        await anyio.sleep(self.behaviour.latency_s)
        now = self._now()
        self.accounts.calls[call] += 1
        if not self.healed and any(begin <= now < end for begin, end in self.behaviour.outages):
            kind = FaultKind.TRANSIENT if self._draw() < 0.5 or not call.startswith("Start") else FaultKind.UNANSWERED
            return _fault(kind, "ServiceUnavailable")
        if per_s is not None and not self._within_rate(call, now, per_s):
            self.accounts.throttled += 1
            return _fault(FaultKind.THROTTLED, "ThrottlingException")
        if self._chance(self.behaviour.throttles):
            return _fault(FaultKind.THROTTLED, "ThrottlingException")
        if not call.startswith("Start") and self._chance(self.behaviour.read_faults):
            return _fault(FaultKind.TRANSIENT, "InternalServerException")
        return None

    def _within_rate(self, call: str, now: float, per_s: float) -> bool:
        recent = self._recent.setdefault(call, deque())
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        if len(recent) >= per_s:
            return False
        recent.append(now)
        return True

    def _known(self, request: StartRequest) -> SimulatedJob | None:
        found = self._tokens.get(request.token)
        if found is None or self.behaviour.tokens == "ignored":
            return None
        life = inf if self.behaviour.tokens == "honoured" else self.behaviour.token_life_s
        return self.jobs[found[1]] if self._now() - found[0] <= life else None

    def _accept(self, request: StartRequest, operation: str) -> SimulatedJob:
        now = self._now()
        remote_id = RemoteId(f"{len(self.jobs):032x}")
        duration = self.behaviour.startup_s + STEP_S * int(self._draw() * (self.behaviour.steps_max + 1))
        if self._chance(self.behaviour.stuck):
            duration *= 20
        job = SimulatedJob(
            remote_id=remote_id,
            operation=operation,
            request=request,
            submitted_at=now,
            ends_at=now + duration,
            fails=self._chance(self.behaviour.failing),
        )
        self.jobs[remote_id] = job
        self._tokens[request.token] = (now, remote_id)
        return job

    def _active(self, operation: str) -> int:
        now = self._now()
        return sum(1 for job in self.jobs.values() if job.operation == operation and not job.status(now).ended)

    def _strangers(self) -> int:
        busy = int(self._now() / 900.0) % 2 == 1
        return self.behaviour.strangers if busy and not self.healed else 0

    def _shown(self, job: SimulatedJob) -> RemoteJob:
        status = job.status(self._now())
        return RemoteJob(
            remote_id=job.remote_id,
            name=job.request.name,
            status=status,
            submitted_at=job.submitted_at,
            ended_at=job.ends_at if status.ended else None,
            output_uri=self._output_uri(job),
            fault=_fault(FaultKind.TRANSIENT, "INTERNAL_SERVER_ERROR", Scope.BATCH) if job.fails else None,
        )

    def _output_uri(self, job: SimulatedJob) -> str:
        return f"{job.request.output_uri}123456789012-SIM-{job.remote_id}/output/output.tar.gz"

    def _chance(self, share: float) -> bool:
        return not self.healed and share > 0 and self._draw() < share

    def _draw(self) -> float:
        self._draws += 1
        return unit_interval(self._seed, self._draws)


def _operation(request: StartRequest) -> str:
    from runner.catalogue import FAMILIES

    return FAMILIES[request.family].stem


def _fault(kind: FaultKind, code: str, scope: Scope = Scope.CALL) -> Fault:
    return Fault(kind=kind, scope=scope, code=code, message="simulated")
