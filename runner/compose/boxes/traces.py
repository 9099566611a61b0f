"""What a run has left in its services, folded into one that knows the plan alone. No record and no disk is read here.

Every job that a lane shows by one of the run's names (they hold the token, which follows from run, job and generation),
and every generation under whose output prefix something lies, becomes what the other box's journal said of it: started,
accepted, and as the service shows it. Of a Start that was about to be made, as the record says, and that shows nowhere,
the answer is taken to be lost: the scheduler looks for it as for any other. The rest was never started.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, Protocol, TypeVar

import anyio

from runner.compose.boxes.record import read_intent
from runner.compose.lanes import PASSING, patiently, refusal
from runner.core import commands as c, events as e
from runner.core.ratelimit import Pace
from runner.core.records import DENIALS, JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.engine.ports import Service
from runner.errors import RunDirectoryError
from runner.model import (
    CollectReport,
    Fault,
    FaultKind,
    JobKey,
    JobStatus,
    LaneSpec,
    RemoteId,
    RemoteJob,
    Scope,
    job_name,
    token,
)

LISTED_BEFORE_S: Final = 3_600.0
"""How much further back than the run's beginning jobs are listed: more than clocks differ."""
ANEW: Final = "`--again` begins a new run, which buys everything anew"
_GONE: Final = Fault(
    kind=FaultKind.NOT_FOUND, scope=Scope.LANE, code="NOT_SHOWN", message="the service does not show the job any more"
)
_UNANSWERED: Final = Fault(
    kind=FaultKind.UNANSWERED, scope=Scope.CALL, code="OTHER_BOX", message="another box started it; S3 shows a trace"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedLane:
    """A lane as the search needs it. `job_name_prefix` is that of the box that started jobs there.

    `outputs` gives the keys below the run's outputs, relative to them; `intents` those of the Starts that the record
    says were about to be made there (`runner.compose.boxes.record.intent_key`).
    """

    spec: LaneSpec
    service: Service
    outputs: Callable[[], Awaitable[Sequence[str] | Fault]]
    intents: Callable[[], Awaitable[Sequence[str] | Fault]]
    job_name_prefix: str


class Answering(Protocol):
    """Of the workshop, what is needed to fold repairs and languages."""

    async def collect(self, command: c.CollectJob) -> CollectReport | Fault:
        """Fetch an output into the spool."""
        ...

    async def route(self, command: c.RouteLanguages) -> c.Routed | Fault:
        """Decide languages, and plan what waits for them."""
        ...


@dataclass(slots=True)
class _Trace:
    """What one generation left: jobs that List shows, oldest first, or ids that its outputs are named by."""

    lane: str
    shown: list[RemoteJob] = field(default_factory=list)
    ids: list[RemoteId] = field(default_factory=list)


Traces = dict[JobKey, dict[int, _Trace]]


class Retracing:
    """One run being retraced. `facts` are what was folded so far, for the journal."""

    def __init__(self, run: Run, lanes: Sequence[TracedLane], workshop: Answering, *, now: Callable[[], float]) -> None:
        self._run = run
        self._lanes = lanes
        self._workshop = workshop
        self._now = now
        self._traces: Traces = defaultdict(dict)
        self._paces: dict[tuple[str, str], Pace] = {}
        self.facts: list[e.Event] = []
        self.adopted = 0
        """Jobs that were bought already."""

    async def retrace(
        self, plan: Sequence[e.Event], late: Sequence[e.Event], *, began_at: float, usd: float
    ) -> list[e.Event]:
        """Fold what was planned at first, what became of it, and what was planned later; all facts, in order.

        Raises RunDirectoryError if what is found does not follow from the plan; ServiceError if a lane does not answer.
        """
        await self._look(began_at)
        for event in plan:
            self._apply(event)
        now = self._now()
        self._apply(e.GatePassed(at=now, usd=usd))
        self._apply(e.PlanFinished(at=now, jobs=len(self._run.jobs), usd=usd))
        for key in list(self._run.jobs):
            self._trace(self._run.jobs[key])
        await self._late(late)
        for pace in self._paces.values():
            await self._until(pace.ready_at())
        return self.facts

    def _apply(self, event: e.Event) -> None:
        self._run.apply(event)
        self.facts.append(event)

    async def _ask(self, lane: TracedLane, operation: str, question: Callable[[], Awaitable[T | Fault]]) -> T:
        """The answer to a question, asked within the lane's pace for looks."""
        key = (lane.spec.name, operation)
        if key not in self._paces:
            self._paces[key] = Pace(lane.spec.quotas.read_per_s.of(operation), "/".join(key))
            self._paces[key].begin(self._now())
        pace = self._paces[key]

        async def ask() -> T | Fault:
            await self._until(pace.ready_at())
            answer = await question()
            pace.spend(self._now())
            return answer

        answer = await patiently(ask)
        if isinstance(answer, Fault):
            raise refusal(lane.spec, answer)
        return answer

    async def _until(self, at: float) -> None:
        await anyio.sleep(max(0.0, at - self._now()))

    # --- traces -------------------------------------------------------------------------------------------------------

    async def _look(self, began_at: float) -> None:
        """List the run's jobs on every lane, and what lies under its output prefix there."""
        since = float(int(began_at - LISTED_BEFORE_S))
        for lane in self._lanes:
            for operation in self._run.stoppable:
                jobs = await self._ask(
                    lane, operation, partial(lane.service.list_jobs, operation, submitted_after=since)
                )
                for job in sorted(jobs, key=lambda job: (job.submitted_at or 0.0, job.remote_id)):
                    owner = self._owner(job.name or "", lane.job_name_prefix)
                    if owner is not None:
                        self._of(lane, *owner).shown.append(job)
            for key in await _listed(lane, lane.outputs):
                self._by_output(lane, key)
        await self._look_for_intents()

    async def _look_for_intents(self) -> None:
        """What shows, shows where it is. If one generation was to be started on several lanes, the last of them counts.

        All before it were refused, or the last would not have been made; but that may not have been deleted.
        """
        last: dict[tuple[JobKey, int], tuple[float, int]] = {}
        for number, lane in enumerate(self._lanes):
            for key in await _listed(lane, lane.intents):
                intent = read_intent(key)
                if intent is not None:
                    job, generation, at = intent
                    last[job, generation] = max(last.get((job, generation), (at, number)), (at, number))
        for (job, generation), (_, number) in last.items():
            self._of(self._lanes[number], job, generation)

    def _owner(self, name: str, prefix: str) -> tuple[JobKey, int] | None:
        """The job and the generation that a JobName speaks of, if it is one of this run's (`runner.model.job_name`)."""
        text, _, _ = name.rpartition(".")
        key, _, number = text.removeprefix(prefix).rpartition("-")
        if not number.isdecimal() or job_name(prefix, self._run.run_id, JobKey(key), int(number)) != name:
            return None
        return JobKey(key), int(number)

    def _by_output(self, lane: TracedLane, key: str) -> None:
        """`<job>-<generation>/<account>-<CODE>-<job id>/…`; whatever lies there says that there was a Start."""
        folder, _, rest = key.partition("/")
        job, _, number = folder.rpartition("-")
        if not number.isdecimal():
            return
        trace = self._of(lane, JobKey(job), int(number))
        own, slash, _ = rest.partition("/")
        remote_id = RemoteId(own.rpartition("-")[2])
        if slash and own.count("-") >= 2 and remote_id and remote_id not in trace.ids:
            trace.ids.append(remote_id)

    def _of(self, lane: TracedLane, job: JobKey, generation: int) -> _Trace:
        return self._traces[job].setdefault(generation, _Trace(lane.spec.name))

    # --- what they say ------------------------------------------------------------------------------------------------

    def _trace(self, record: JobRecord) -> None:
        """A job's generations, as far as it got."""
        traces = self._traces.get(record.job.key)
        if not traces:
            return
        if record.job.key in self._run.waiting_for:
            raise RunDirectoryError(
                self._run.run_id, f"job {record.job.key} waits for others: it cannot be taken up", hint=ANEW
            )
        self.adopted += any(trace.shown or trace.ids for trace in traces.values())
        last = max(traces)
        for generation in range(last + 1):
            trace = traces.get(generation, _Trace(traces[last].lane))
            for event in self._generation(record, generation, trace, over=generation < last):
                self._apply(event)

    def _generation(self, record: JobRecord, generation: int, trace: _Trace, *, over: bool) -> Iterator[e.Event]:
        """One generation; `over`: another one followed."""
        now, job = self._now(), record.job.key
        prefix = next(lane.spec.job_name_prefix for lane in self._lanes if lane.spec.name == trace.lane)
        yield e.StartIntended(
            at=now,
            job=job,
            generation=generation,
            lane=trace.lane,
            token=token(self._run.run_id, job, generation),
            name=job_name(prefix, self._run.run_id, job, generation),
        )
        ids = [remote.remote_id for remote in trace.shown] or trace.ids
        if ids:
            by: Literal["list", "prefix"] = "list" if trace.shown else "prefix"
            yield e.StartAccepted(at=now, job=job, generation=generation, remote_id=ids[0], by=by)
        else:
            yield e.StartUnanswered(at=now, job=job, generation=generation, fault=_UNANSWERED)
        if trace.shown:
            yield from _shown(record, generation, trace.shown[0], now)
        if extra := tuple(ids[1:]):
            ended = tuple(remote.remote_id for remote in trace.shown[1:] if remote.status.ended)
            yield e.DuplicateFound(at=now, job=job, generation=generation, kept=ids[0], extra=extra, over=ended)
        if over and record.state in {State.UNSURE, State.ACTIVE}:
            yield e.GenerationLost(at=now, job=job, generation=generation, fault=_GONE)
        denied = record.state is State.FAILED and record.fault is not None and record.fault.kind in DENIALS
        if over or denied:
            # What was denied to the other box may be allowed here, as in any later session.
            yield e.GenerationRenewed(at=now, job=job, generation=generation + 1, not_before=now)

    # --- what was planned late ----------------------------------------------------------------------------------------

    async def _late(self, events: Sequence[e.Event]) -> None:
        """Lines sent again: what they repair is collected first, as it was there."""
        cut = {event.job for event in events if isinstance(event, e.JobCut)}
        for event in events:
            if isinstance(event, e.JobPlanned):
                for key in event.job.repairs:
                    if key not in cut:
                        await self._collect(self._run.jobs[key])
            if isinstance(event, e.LanguagesRouted):
                await self._route(event)
            self._require_possible(event)
            self._apply(event)
            if isinstance(event, e.JobPlanned):
                self._trace(self._run.jobs[event.job.key])

    async def _route(self, event: e.LanguagesRouted) -> None:
        """Decide the languages once more, from the same answers: what was decided lies beside the ledgers there."""
        for record in [record for record in self._run.jobs.values() if record.job.analysis == event.analysis]:
            await self._collect(record)
            if record.state is State.FAILED and record.fault is not None:
                # It has had its generations, or the other box would not have gone on without it.
                now = self._now()
                self._apply(e.JobGivenUp(at=now, job=record.job.key, code="JOB_FAILED", fault=record.fault))
        routed = await self._workshop.route(c.RouteLanguages(analysis=event.analysis))
        if isinstance(routed, Fault) or routed.parts != event.parts:
            raise RunDirectoryError(
                self._run.run_id,
                f"the answers of {event.analysis} do not tell the languages that they told the other box"
                + (f": {routed}" if isinstance(routed, Fault) else ""),
                hint=ANEW,
            )

    def _require_possible(self, event: e.Event) -> None:
        """What a late fact speaks of came to the same pass here."""
        match event:
            case e.JobCut(job=job):
                possible = self._run.jobs[job].state in {State.FAILED, State.ENDED}
            case e.JobPlanned(job=planned):
                waiting = {key for keys in self._run.to_repair.values() for key in keys}
                possible = all(
                    key in waiting for key in planned.repairs if self._run.jobs[key].state is State.COLLECTED
                )
            case _:
                return
        if not possible:
            raise RunDirectoryError(
                self._run.run_id,
                "what the other box sent a second time does not follow from the outputs that are there",
                hint=ANEW,
            )

    async def _collect(self, record: JobRecord) -> None:
        if record.state is State.ACTIVE:
            await self._describe(record)
        if record.state is not State.ENDED:
            return
        command = c.CollectJob(
            job=record.job.key,
            generation=record.generation,
            lane=record.lane,
            output_uri=record.output_uri or "",
            partial=record.partial,
        )
        report = await patiently(partial(self._workshop.collect, command))
        if isinstance(report, Fault) and report.kind in PASSING:
            raise refusal(next(lane.spec for lane in self._lanes if lane.spec.name == record.lane), report)
        if isinstance(report, Fault):
            raise RunDirectoryError(
                self._run.run_id,
                f"the output of job {record.job.key} cannot be fetched: {report}",
                hint=report.hint or f"if it is gone for good, {ANEW}",
            )
        now = self._now()
        self._apply(e.Collected(at=now, job=record.job.key, generation=record.generation, report=report))

    async def _describe(self, record: JobRecord) -> None:
        """A job that only its output showed."""
        lane = next(lane for lane in self._lanes if lane.spec.name == record.lane)
        assert record.remote_id is not None, record.job.key
        operation = record.job.operation
        remote = await self._ask(lane, operation, partial(lane.service.describe, operation, record.remote_id))
        for event in _shown(record, record.generation, remote, self._now()):
            self._apply(event)


async def _listed(lane: TracedLane, keys: Callable[[], Awaitable[Sequence[str] | Fault]]) -> Sequence[str]:
    listed = await patiently(keys)
    if isinstance(listed, Fault):
        raise refusal(lane.spec, listed)
    return listed


def _shown(record: JobRecord, generation: int, remote: RemoteJob, at: float) -> Iterator[e.StatusSeen]:
    fault = None
    if remote.status is JobStatus.FAILED:
        fault = remote.fault or Fault(
            kind=FaultKind.UNKNOWN, scope=Scope.LANE, code="FAILED", message=remote.message or "no message"
        )
    yield e.StatusSeen(
        at=at,
        job=record.job.key,
        generation=generation,
        status=remote.status,
        fault=fault,
        submitted_at=remote.submitted_at,
        ended_at=remote.ended_at,
        output_uri=remote.output_uri,
    )
