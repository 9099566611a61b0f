"""Taking a run up that another box began: its plan from the record, its jobs from the service and from its outputs.

Every job that a lane shows by one of the run's names (they hold the token, which follows from run, job and generation),
and every generation under whose output prefix something lies, becomes what the other box's journal said of it: started,
accepted, and as the service shows it. Jobs of which there is no trace wait for their Start: the lease has seen to it
that a call of the other box would show by now, and theirs has the same token.

Everything is recorded in one commit. A box that is lost meanwhile leaves nothing, and the next begins anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from anyio import to_thread

from runner.aws.transfer import Held
from runner.compose.boxes.record import Kept, read_kept, read_rows, record_uri, seals
from runner.compose.lanes import OpenLane, OpenLanes, patiently, refusal
from runner.compose.opening import OpenRun
from runner.compose.workshop import LocalWorkshop
from runner.core import commands as c, events as e
from runner.core.records import DENIALS, JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.errors import RunDirectoryError
from runner.model import Fault, FaultKind, JobKey, JobStatus, RemoteId, RemoteJob, Scope, job_name, token
from runner.storage.atomic import replacing

LISTED_BEFORE_S: Final = 3_600.0
"""How much further back than the run's beginning jobs are listed: more than clocks differ."""
KEYS_MAX: Final = 10_000_000
_GONE: Final = Fault(
    kind=FaultKind.NOT_FOUND, scope=Scope.LANE, code="NOT_SHOWN", message="the service does not show the job any more"
)
_UNANSWERED: Final = Fault(
    kind=FaultKind.UNANSWERED, scope=Scope.CALL, code="OTHER_BOX", message="another box started it; S3 shows a trace"
)
_ANEW: Final = "`--again` begins a new run, which buys everything anew"


@dataclass(slots=True)
class _Trace:
    """What one generation left: jobs that List shows, oldest first, or ids that its outputs are named by."""

    lane: str
    shown: list[RemoteJob] = field(default_factory=list)
    ids: list[RemoteId] = field(default_factory=list)


Traces = dict[JobKey, dict[int, _Trace]]


class Adoption:
    """One run being taken up."""

    def __init__(self, opened: OpenRun, lanes: OpenLanes, workshop: LocalWorkshop) -> None:
        self._opened = opened
        self._run: Run = opened.run
        self._lanes: Sequence[OpenLane] = lanes.lanes
        self._workshop = workshop
        self._facts: list[e.Event] = []
        self._traces: Traces = defaultdict(dict)
        self.adopted = 0
        """Jobs that were bought already."""

    async def take_up(self, usd: float) -> list[e.Event]:
        """Fold the other box's facts into the run; the caller makes them durable, all at once.

        Raises RunDirectoryError if the sources are not as they were, or if a lane is missing; ServiceError if one
        does not answer.
        """
        kept, plan, late = await self._read()
        await self._require_same(kept)
        await self._look(kept)
        for event in plan:
            self._apply(event)
        now = self._opened.clock.now()
        self._apply(e.GatePassed(at=now, usd=usd))
        self._apply(e.PlanFinished(at=now, jobs=len(self._run.jobs), usd=usd))
        for key in list(self._run.jobs):
            self._trace(self._run.jobs[key])
        await self._late(late)
        return self._facts

    def _apply(self, event: e.Event) -> None:
        self._run.apply(event)
        self._facts.append(event)

    # --- the record ---------------------------------------------------------------------------------------------------

    async def _read(self) -> tuple[Kept, list[e.Event], list[e.Event]]:
        """The record: of its lanes the first that has it, and what was planned late from all."""
        kept: Kept | None = None
        plan: list[e.Event] = []
        late: dict[int, e.Event] = {}
        for lane in self._lanes:
            base = self._base(lane)
            written = await patiently(partial(lane.staging.get_bytes, f"{base}run.json"))
            if isinstance(written, Fault):
                raise refusal(lane.spec, written)
            if written is None:
                continue
            found = read_kept(written.data, where=base)
            if kept is None:
                kept = found
                plan = read_rows((await self._object(lane, f"{base}plan.jsonl")).data, where=f"{base}plan.jsonl")
            self._require_lanes(found)
            late |= await self._read_late(lane, f"{base}late/")
        if kept is None:
            raise RunDirectoryError(self._run.run_id, "its record in the staging bucket is gone", hint=_ANEW)
        return kept, plan, [late[number] for number in range(len(late)) if number in late]

    async def _read_late(self, lane: OpenLane, base: str) -> dict[int, e.Event]:
        """What a lane's record holds of late facts, by number; their parts are put where they belong."""
        rows: dict[int, e.Event] = {}
        for key in await self._keys(lane, base):
            held = await self._object(lane, f"{base}{key}")
            if key.endswith(".jsonl"):
                first = int(key.removesuffix(".jsonl"))
                rows |= dict(enumerate(read_rows(held.data, where=f"{base}{key}"), first))
            else:
                with replacing(self._opened.directory.parts / Path(key).name) as file:
                    file.write(held.data)
        return rows

    async def _object(self, lane: OpenLane, uri: str) -> Held:
        held = await patiently(partial(lane.staging.get_bytes, uri))
        if isinstance(held, Fault):
            raise refusal(lane.spec, held)
        if held is None:
            raise RunDirectoryError(uri, "it is gone from the run's record", hint=_ANEW)
        return held

    def _base(self, lane: OpenLane) -> str:
        return record_uri(lane.spec.staging, self._run.run_id)

    async def _keys(self, lane: OpenLane, uri: str) -> list[str]:
        listed = await patiently(partial(lane.staging.list_keys, uri, KEYS_MAX))
        if isinstance(listed, Fault):
            raise refusal(lane.spec, listed)
        below = uri.removeprefix("s3://").partition("/")[2]
        return [key.removeprefix(below) for key, _ in listed]

    def _require_lanes(self, kept: Kept) -> None:
        """Every lane that may have jobs of the run is open, and where it was."""
        known = {lane.spec.name: lane for lane in self._lanes}
        for was in kept.lanes:
            lane = known.get(was.name)
            now = lane and (lane.account, lane.spec.region or "", lane.spec.staging)
            if now != (was.account, was.region, was.staging):
                raise RunDirectoryError(
                    self._run.run_id,
                    f"it may have jobs on lane {was.name} (account {was.account}, region {was.region}, staging "
                    f"{was.staging}), and {'that lane is not open' if lane is None else 'that lane is elsewhere now'}",
                    hint="give the manifest that lane as it was, and run again; or `--again` buys everything anew",
                )

    async def _require_same(self, kept: Kept) -> None:
        now = {seal.corpus: seal for seal in await to_thread.run_sync(seals, self._run, self._opened.directory)}
        for was in kept.seals:
            if now.get(was.corpus) != was:
                raise RunDirectoryError(
                    self._run.run_id,
                    f"corpus {was.corpus} is not what the other box sent ({was.documents:,} documents there, "
                    f"{now[was.corpus].documents if was.corpus in now else 0:,} here, version {kept.version} there)",
                    hint=f"put its sources back as they were, then run again; or {_ANEW}",
                )

    # --- traces -------------------------------------------------------------------------------------------------------

    async def _look(self, kept: Kept) -> None:
        """List the run's jobs on every lane, and what lies under its output prefix there."""
        prefixes = {lane.name: lane.job_name_prefix for lane in kept.lanes}
        since = float(int(kept.began_at - LISTED_BEFORE_S))
        for lane in self._lanes:
            prefix = prefixes.get(lane.spec.name, lane.spec.job_name_prefix)
            for operation in self._run.stoppable:
                jobs = await patiently(partial(lane.service.list_jobs, operation, submitted_after=since))
                if isinstance(jobs, Fault):
                    raise refusal(lane.spec, jobs)
                for job in sorted(jobs, key=lambda job: (job.submitted_at or 0.0, job.remote_id)):
                    owner = self._owner(job.name or "", prefix)
                    if owner is not None:
                        self._of(lane, *owner).shown.append(job)
            for key in await self._keys(lane, f"{lane.spec.staging}{self._run.run_id}/out/"):
                self._by_output(lane, key)

    def _owner(self, name: str, prefix: str) -> tuple[JobKey, int] | None:
        """The job and the generation that a JobName speaks of, if it is one of this run's (`runner.model.job_name`)."""
        text, _, _ = name.rpartition(".")
        key, _, number = text.removeprefix(prefix).rpartition("-")
        if not number.isdecimal() or job_name(prefix, self._run.run_id, JobKey(key), int(number)) != name:
            return None
        return JobKey(key), int(number)

    def _by_output(self, lane: OpenLane, key: str) -> None:
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

    def _of(self, lane: OpenLane, job: JobKey, generation: int) -> _Trace:
        return self._traces[job].setdefault(generation, _Trace(lane.spec.name))

    # --- what they say ------------------------------------------------------------------------------------------------

    def _trace(self, record: JobRecord) -> None:
        """A job's generations, as far as it got."""
        traces = self._traces.get(record.job.key)
        if not traces:
            return
        if record.job.key in self._run.waiting_for:
            raise RunDirectoryError(
                self._run.run_id, f"job {record.job.key} waits for others: it cannot be taken up", hint=_ANEW
            )
        self.adopted += 1
        last = max(traces)
        for generation in range(last + 1):
            trace = traces.get(generation, _Trace(traces[last].lane))
            for event in self._generation(record, generation, trace, over=generation < last):
                self._apply(event)

    def _generation(self, record: JobRecord, generation: int, trace: _Trace, *, over: bool) -> Iterator[e.Event]:
        """One generation; `over`: another one followed."""
        now, job = self._opened.clock.now(), record.job.key
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
                now = self._opened.clock.now()
                self._apply(e.JobGivenUp(at=now, job=record.job.key, code="JOB_FAILED", fault=record.fault))
        routed = await self._workshop.route(c.RouteLanguages(analysis=event.analysis))
        if isinstance(routed, Fault) or routed.parts != event.parts:
            raise RunDirectoryError(
                self._run.run_id,
                f"the answers of {event.analysis} do not tell the languages that they told the other box"
                + (f": {routed}" if isinstance(routed, Fault) else ""),
                hint=_ANEW,
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
                hint=_ANEW,
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
        if isinstance(report, Fault):
            raise RunDirectoryError(
                self._run.run_id,
                f"the output of job {record.job.key} cannot be fetched: {report}",
                hint=report.hint or f"if it is gone for good, {_ANEW}",
            )
        now = self._opened.clock.now()
        self._apply(e.Collected(at=now, job=record.job.key, generation=record.generation, report=report))

    async def _describe(self, record: JobRecord) -> None:
        """A job that only its output showed."""
        lane = next(lane for lane in self._lanes if lane.spec.name == record.lane)
        assert record.remote_id is not None, record.job.key
        remote = await patiently(partial(lane.service.describe, record.job.operation, record.remote_id))
        if isinstance(remote, Fault):
            raise refusal(lane.spec, remote)
        for event in _shown(record, record.generation, remote, self._opened.clock.now()):
            self._apply(event)


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
