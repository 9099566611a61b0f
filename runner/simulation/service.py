"""A model of the service: jobs, slots, rates, tokens and lists on a clock that it is given, with faults from a seed.

It answers as the adapter in `runner.aws` does, with values and faults, so the engine cannot tell the two apart. It
keeps its own accounts (who was accepted, what was called when), and those are what checkers look at: the model never
trusts the client's view of itself. A Start that was sent arrives, even if its sender dies meanwhile.

Knows nothing of journals, documents or results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from math import floor, inf
from typing import Final

import anyio

from runner.catalogue import FAMILIES
from runner.model import Fault, FaultKind, JobStatus, RemoteId, RemoteJob, Scope, StartRequest, unit_interval
from runner.simulation.behaviour import Accounts, Behaviour, Call, SimulatedJob, Workers

STEP_S: Final = 120.0
"""Jobs end on steps of this after their start-up (COMPREHEND.md section 5.1)."""
WRITE_CHECK_S: Final = 12.0
DENIED_S: Final = 12.0
"""When a job without permission fails (COMPREHEND.md section 5.1: 11.7 to 14.4 s)."""
STUCK: Final = 8.0
"""How many times as long a job takes that is stuck."""
STRANGER: Final = "a stranger's"
STRANGERS_S: Final = 900.0
"""How long strangers occupy their slots, and then leave them."""
STRANGERS_NEW_S: Final = 150.0
"""How long a client may take to learn of strangers that have come."""
PAGES_APART: Final = 1.02
"""The adapter calls for the pages of a List a little further apart than the quota."""


class SimulatedService:
    """All operations of one lane. Once healed, it has no faults any more (the liveness phase)."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        seed: str,
        now: Callable[[], float] = anyio.current_time,
        number: int = 0,
        seconds: Callable[[StartRequest], float] | None = None,
        doomed: Callable[[StartRequest], Fault | None] = lambda _: None,
    ) -> None:
        """`seconds` says how long a job takes; without it, that is drawn.

        `doomed` gives the fault of a job that fails for what it reads, also of a service that is healed.
        """
        self.behaviour = behaviour
        self._seconds = seconds
        self._doomed = doomed
        self._workers = Workers(behaviour.workers) if behaviour.workers else None
        self._number = number
        self.accounts = Accounts()
        self.jobs: dict[RemoteId, SimulatedJob] = {}
        self.healed = False
        self._seed = seed
        self._now = now
        self._draws = 0
        self._tokens: dict[str, tuple[float, RemoteId]] = {}
        self._recent: dict[str, deque[float]] = {}
        self._late: list[tuple[float, StartRequest]] = []
        self._of_operation: dict[str, list[SimulatedJob]] = {}
        self._of_name: dict[str, list[SimulatedJob]] = {}
        self._of_output: dict[str, list[SimulatedJob]] = {}
        self._active: dict[str, dict[RemoteId, SimulatedJob]] = {}

    def heal(self) -> None:
        """No faults from now on; what is stuck moves again."""
        if not self.healed:
            self.healed = True
            for job in self.jobs.values():
                job.ends_at = min(job.ends_at, max(self._now(), job.submitted_at) + self._longest_s())

    # --- the port -------------------------------------------------------------------------------------------------

    async def start(self, request: StartRequest) -> RemoteJob | Fault:
        """Start a job, unless something is wrong."""
        operation = FAMILIES[request.family].stem
        trouble = await self._arrive("Start", operation)
        if trouble is not None:
            return trouble
        if self._chance(self.behaviour.lost_calls):
            return _fault(FaultKind.UNANSWERED, "ReadTimeout")
        if self._now() < self.behaviour.denied_until and not self.healed:
            return _fault(FaultKind.DENIED, "AccessDeniedException", Scope.LANE)
        if self._chance(self.behaviour.late_calls):
            self._late.append((self._now() + self._draw() * self.behaviour.late_s, request))
            return _fault(FaultKind.UNANSWERED, "ReadTimeout")
        job = self._take(request, operation, self._now())
        if isinstance(job, Fault):
            return job
        if self._chance(self.behaviour.lost_answers):
            return _fault(FaultKind.UNANSWERED, "ConnectionClosed")
        await anyio.sleep(self.behaviour.latency_s)
        return self._shown(job, self._now())

    async def list_jobs(
        self,
        operation: str,
        *,
        name: str | None = None,
        status: JobStatus | None = None,
        submitted_after: float | None = None,
    ) -> Sequence[RemoteJob] | Fault:
        """Jobs that one filter lets through and that List shows yet."""
        assert sum(given is not None for given in (name, status, submitted_after)) <= 1, "one filter a call"
        trouble = await self._arrive("Read", operation)
        if trouble is not None:
            return trouble
        now, lag_s = self._now(), 0.0 if self.healed else self.behaviour.list_lag_s
        if name is not None:
            jobs = self._of_name.get(name, [])
        elif status is not None and not status.ended:
            jobs = list(self._running(operation))
        else:
            jobs = list(self._since(operation, submitted_after or 0.0))
        listed = (job for job in jobs if job.submitted_at + lag_s <= now)
        shown = [self._shown(job, now) for job in listed if status is None or job.status(now) is status]
        if name is None and status in {None, JobStatus.IN_PROGRESS}:
            shown += self._shown_strangers()
        return await self._paged(operation, shown)

    async def _paged(self, operation: str, shown: list[RemoteJob]) -> list[RemoteJob] | Fault:
        """What a List shows, once every page after the first has been called for, too."""
        per_s = self.behaviour.per_s("Read", operation)
        for _ in range(self.behaviour.page_jobs, len(shown), self.behaviour.page_jobs):
            await anyio.sleep(0.0 if per_s is None else PAGES_APART / per_s)
            trouble = await self._arrive("Read", operation)
            if trouble is not None:
                return trouble
        return shown

    async def describe(self, operation: str, remote_id: RemoteId) -> RemoteJob | Fault:
        """One job."""
        trouble = await self._arrive("Read", operation)
        if trouble is not None:
            return trouble
        job = self.jobs.get(remote_id)
        return self._shown(job, self._now()) if job else _fault(FaultKind.NOT_FOUND, "JobNotFoundException")

    async def stop(self, operation: str, remote_id: RemoteId) -> JobStatus | Fault:
        """Stop a job that has not ended."""
        trouble = await self._arrive("Stop", operation)
        if trouble is not None:
            return trouble
        job = self.jobs[remote_id]
        if job.status(self._now()).ended:
            return _fault(FaultKind.REJECTED, "InvalidRequestException")
        job.stopped_at = job.stopped_at or self._now()
        return job.status(self._now())

    # --- what checkers ask ------------------------------------------------------------------------------------------

    def accepted(self, name: str) -> Sequence[SimulatedJob]:
        """Every job of a name."""
        return self._of_name.get(name, [])

    def output_of(self, output_uri: str) -> SimulatedJob | None:
        """The job that wrote (or writes) to a resolved output URI."""
        requested, _, folder = output_uri.removesuffix("/output/output.tar.gz").rpartition("/")
        jobs = self._of_output.get(f"{requested}/", [])
        return next((job for job in jobs if folder.endswith(job.remote_id)), None)

    def keys_below(self, output_uri: str) -> tuple[str, ...]:
        """Keys below a requested output prefix, relative to it: the write check, and what ended jobs wrote."""
        now = self._now()
        self._carry_out_late(now)
        jobs = self._of_output.get(output_uri, [])
        checked = self.behaviour.write_checks and any(job.submitted_at + WRITE_CHECK_S <= now for job in jobs)
        keys = [".write_access_check_file.temp"] if checked else []
        done = [job for job in jobs if job.status(now) is JobStatus.COMPLETED]
        return (*keys, *(self._output_uri(job).removeprefix(output_uri) for job in done))

    # --- calls ------------------------------------------------------------------------------------------------------

    async def _arrive(self, kind: Call, operation: str) -> Fault | None:
        """A call travels here; a fault if it is not let in."""
        call, per_s, start = f"{kind}/{operation}", self.behaviour.per_s(kind, operation), kind == "Start"
        with anyio.CancelScope(shield=True) if start else nullcontext():
            await anyio.sleep(self.behaviour.latency_s)
        now = self._now()
        if self._late:
            self._carry_out_late(now)
        self.accounts.note(call, now)
        if not self.healed and any(begin <= now < end for begin, end in self.behaviour.outages):
            unanswered = start and self._draw() < 0.5
            return _fault(FaultKind.UNANSWERED if unanswered else FaultKind.TRANSIENT, "ServiceUnavailable")
        if per_s is not None and not self._within_rate(call, now, per_s):
            return _fault(FaultKind.THROTTLED, "ThrottlingException")
        if self._chance(self.behaviour.throttles):
            return _fault(FaultKind.THROTTLED, "ThrottlingException")
        if not start and self._chance(self.behaviour.read_faults):
            return _fault(FaultKind.TRANSIENT, "InternalServerException")
        return None

    def _within_rate(self, call: str, now: float, per_s: float) -> bool:
        """A bucket of one second's calls (of one call, at less than one a second)."""
        window_s = max(1.0, 1.0 / per_s)
        recent = self._recent.setdefault(call, deque())
        while recent and recent[0] <= now - window_s:
            recent.popleft()
        strangers = self._strangers_starts(window_s, now) if call.startswith("Start/") else 0
        if len(recent) + strangers >= max(1.0, per_s):
            return False
        recent.append(now)
        return True

    def _strangers_starts(self, window_s: float, now: float) -> int:
        every_s = None if self.healed else self.behaviour.stranger_starts_s
        return 0 if every_s is None else floor(now / every_s) - floor((now - window_s) / every_s)

    def _carry_out_late(self, now: float) -> None:
        for due in sorted((late for late in self._late if late[0] <= now), key=lambda late: late[0]):
            self._late.remove(due)
            self.accounts.late += 1
            self._take(due[1], FAMILIES[due[1].family].stem, due[0], late=True)

    def _take(self, request: StartRequest, operation: str, now: float, *, late: bool = False) -> SimulatedJob | Fault:
        """Accept a request as a job, as the job that its token made before, or not at all for want of a slot."""
        known = self._known(request, now)
        if known is not None:
            return known
        names, slots = [job.request.name for job in self._running(operation)], self.behaviour.slots_of(operation)
        if len(names) + self._strangers() >= slots:
            foreseen = len(names) >= slots or now % STRANGERS_S > STRANGERS_NEW_S
            self.accounts.over_slots += foreseen and not late and request.name not in names
            return _fault(FaultKind.NO_SLOT, "TooManyRequestsException")
        return self._accept(request, operation, now)

    def _known(self, request: StartRequest, now: float) -> SimulatedJob | None:
        found = self._tokens.get(request.token)
        if found is None or self.behaviour.tokens == "ignored":
            return None
        life = inf if self.behaviour.tokens == "honoured" else self.behaviour.token_life_s
        return self.jobs[found[1]] if now - found[0] <= life else None

    def _accept(self, request: StartRequest, operation: str, now: float) -> SimulatedJob:
        duration_s = self._duration_s(request)
        fault = self._doomed(request)
        if self._chance(self.behaviour.stuck):
            duration_s *= STUCK
        if self._chance(self.behaviour.failing):
            fault = _fault(FaultKind.TRANSIENT, "INTERNAL_SERVER_ERROR", Scope.BATCH)
        if now < self.behaviour.unreadable_until and not self.healed:
            duration_s, fault = DENIED_S, _fault(FaultKind.DENIED, "NO_READ_ACCESS_TO_INPUT", Scope.LANE)
        if self._workers is not None:
            duration_s = self._workers.over_at(now, duration_s) - now
        job = SimulatedJob(
            remote_id=RemoteId(f"{self._number:x}{len(self.jobs):031x}"),
            operation=operation,
            request=request,
            submitted_at=now,
            ends_at=now + duration_s,
            fault=fault,
        )
        self.jobs[job.remote_id] = job
        self._active.setdefault(operation, {})[job.remote_id] = job
        for index, key in (
            (self._of_operation, operation),
            (self._of_name, request.name),
            (self._of_output, request.output_uri),
        ):
            index.setdefault(key, []).append(job)
        self._tokens[request.token] = (now, job.remote_id)
        return job

    def _duration_s(self, request: StartRequest) -> float:
        if self._seconds is not None:
            return self._seconds(request)
        return self.behaviour.startup_s + STEP_S * int(self._draw() * (self.behaviour.steps_max + 1))

    # --- looking ----------------------------------------------------------------------------------------------------

    def _running(self, operation: str) -> Iterator[SimulatedJob]:
        """Jobs that hold a slot; those that do not any more are forgotten on the way."""
        now, active = self._now(), self._active.setdefault(operation, {})
        for job in [job for job in active.values() if job.over_at <= now]:
            del active[job.remote_id]
        yield from active.values()

    def _since(self, operation: str, submitted_after: float) -> Iterator[SimulatedJob]:
        """Jobs of an operation, newest first, back to a time."""
        for job in reversed(self._of_operation.get(operation, [])):
            if job.submitted_at <= submitted_after:
                return
            yield job

    def _strangers(self) -> int:
        busy = int(self._now() / STRANGERS_S) % 2 == 1
        return self.behaviour.strangers if busy and not self.healed else 0

    def _shown_strangers(self) -> list[RemoteJob]:
        return [
            RemoteJob(remote_id=RemoteId(f"stranger-{number}"), name=STRANGER, status=JobStatus.IN_PROGRESS)
            for number in range(self._strangers())
        ]

    def _shown(self, job: SimulatedJob, now: float) -> RemoteJob:
        status = job.status(now)
        return RemoteJob(
            remote_id=job.remote_id,
            name=job.request.name,
            status=status,
            submitted_at=job.submitted_at,
            ended_at=job.over_at if status.ended else None,
            output_uri=self._output_uri(job),
            fault=job.fault if status is JobStatus.FAILED else None,
        )

    def _output_uri(self, job: SimulatedJob) -> str:
        return f"{job.request.output_uri}123456789012-SIM-{job.remote_id}/output/output.tar.gz"

    def _longest_s(self) -> float:
        return self.behaviour.startup_s + STEP_S * self.behaviour.steps_max

    def _chance(self, share: float) -> bool:
        return not self.healed and share > 0 and self._draw() < share

    def _draw(self) -> float:
        self._draws += 1
        return unit_interval(self._seed, self._draws)


def _fault(kind: FaultKind, code: str, scope: Scope = Scope.CALL) -> Fault:
    return Fault(kind=kind, scope=scope, code=code, message="simulated")
