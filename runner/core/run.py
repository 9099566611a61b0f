"""A run as the facts tell it. `apply` folds one fact; nothing else changes anything.

Rules.

1. Only `apply` changes state. `runner.core.agenda` reads it and proposes; the engine records, applies, then acts.
2. Facts are never edited. What a crash made unknown (a Start under way) is said by the next `SessionOpened`.
3. The same journal folds to the same state, and the same state at the same time proposes the same commands: there is
   no clock here and no randomness but what is derived from ids.
4. An event about a job is checked against `runner.core.states` first; an illegal one raises and changes nothing.
5. What only this process can know (what is in flight, how the calls go, how many strangers there are) comes as volatile
   events, which the journal does not keep.

Costs: every event is O(log n) in the number of jobs, apart from those about a batch, which touch its segments.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, Final

from runner.core import commands as c, events as e
from runner.core.books import Books
from runner.core.commands import Check
from runner.core.polling import TIMINGS, Timing
from runner.core.ratelimit import Pace
from runner.core.records import COLLECTING, RESULTS, STAGING, CoreConfig, JobRecord, Station, Trouble
from runner.core.retry import CALLS, GENERATIONS, LOCAL_CALLS, OUTPUTS, Policy, RetryAt, backoff, decide
from runner.core.states import State, next_state
from runner.model import Batch, BatchId, FaultKind, Job, JobKey, RemoteId, RunId

SLOT_COUNTING_CALLS: Final = 3
"""One List for each status in which a job is active."""
PASSING: Final = frozenset({FaultKind.TRANSIENT, FaultKind.UNANSWERED})
"""Kinds of fault after which the same call may work, later."""
DENIALS: Final = frozenset({FaultKind.DENIED, FaultKind.UNKNOWN})
"""Kinds of fault that only the user can mend: the work is parked."""


class Run:
    """The scheduler's state. Read it freely; change it through `apply` alone."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.run_id = RunId("")
        self.began: e.RunBegan | None = None
        self.session: e.SessionOpened | None = None
        self.sessions = 0
        self.finished: e.RunFinished | None = None
        self.listings: dict[str, e.ListingTaken] = {}
        self.surveyed: dict[str, set[int]] = {}
        self.survey_finished = False
        self.gate_passed = False
        self.cancelling = False
        self.books = Books()
        self.batches: dict[BatchId, Batch] = {}
        self.jobs: dict[JobKey, JobRecord] = {}
        self.staged: dict[BatchId, tuple[str, str]] = {}
        """Batch -> (lane, URI)."""
        self.staged_idle: set[BatchId] = set()
        self.stations = {
            (lane.name, operation): Station.of(lane, operation)
            for lane in config.lanes
            for operation in config.operations
        }
        self.parks: dict[tuple[str, str], e.WorkParked] = {}
        self.parked_until: dict[tuple[str, str], float] = {}
        self.troubles: dict[tuple[str, str], Trouble] = {}
        self.in_flight: dict[c.Command, float] = {}
        self.to_stage: list[tuple[int, int, BatchId]] = []
        self.queues: dict[str, list[tuple[int, int, JobKey]]] = {operation: [] for operation in config.operations}
        self.delayed: dict[str, list[tuple[float, JobKey]]] = {operation: [] for operation in config.operations}
        self.to_collect: list[tuple[int, JobKey]] = []
        self.undecided: dict[JobKey, JobRecord] = {}
        self.to_confirm: dict[JobKey, JobRecord] = {}
        self.to_repair: dict[tuple[str, str | None, int], list[JobKey]] = {}
        self.extra_stops: dict[RemoteId, JobRecord] = {}
        self.to_release: list[JobKey] = []
        self.waiting_for: dict[JobKey, set[JobKey]] = {}
        self.dependents: dict[JobKey, list[JobKey]] = {}
        self.by_state: Counter[State] = Counter()
        self.unsettled: dict[str, int] = {}
        """Analysis -> jobs whose answers are not all in."""
        self.repairs_planned = 0
        self.batches_planned = 0
        self.given_up = 0
        self.spool_bytes = 0

    # --- what others ask ------------------------------------------------------------------------------------------

    def timing(self, lane: str) -> Timing:
        """The times by which a lane is watched."""
        return TIMINGS[self.config.lane(lane).kind]

    def trouble(self, lane: str, kind: str) -> Trouble:
        """The failures in a row of one kind of work; made on first use."""
        key = (lane, kind)
        if key not in self.troubles:
            self.troubles[key] = Trouble(policy=self._policy(lane), seed=f"{self.run_id}/{lane}/{kind}")
        return self.troubles[key]

    def _policy(self, lane: str) -> Policy:
        return self.timing(lane).calls if lane else LOCAL_CALLS

    def pace_of(self, command: c.Command) -> Pace | None:
        """The pace that a command's calls keep to; None for work that is not paced."""
        match command:
            case c.StartJob(lane=lane, operation=operation):
                return self.stations[lane, operation].start
            case c.StopJob(lane=lane, operation=operation):
                return self.stations[lane, operation].stop
            case c.CheckByName() | c.Sweep() | c.CountSlots() | c.DescribeJob():
                return self.stations[command.lane, command.operation].read
            case _:
                return None

    def parked(self, lane: str, kind: str, now: float) -> float | None:
        """When parked work may be tried again (infinity: not in this session); None: it is not parked."""
        until = self.parked_until.get((lane, kind))
        return until if until is not None and until > now else None

    def idle(self) -> bool:
        """Whether nothing is being carried out."""
        return not self.in_flight

    @property
    def stopping(self) -> bool:
        """Whether nothing new is started any more: a cancel, or a failure under `on_failure: stop`."""
        return self.cancelling or (self.config.on_failure == "stop" and self.given_up > 0)

    @property
    def closed(self) -> bool:
        """Whether the books are closed: every document in its line, nothing left to do."""
        return self.books.closed and not self.extra_stops and not self.to_confirm

    # --- the fold -------------------------------------------------------------------------------------------------

    def apply(self, event: e.Event) -> None:
        """Fold one fact. Raises IllegalMove, changing nothing, if it cannot be true of a job in its state."""
        kind: type[Any] = type(event)
        if kind in self._RUN_EVENTS:
            self._RUN_EVENTS[kind](self, event)
            return
        record = self.jobs[event.job]  # type: ignore[attr-defined]
        if kind in self._MOVES:
            self._move(record, next_state(record.job.key, record.state, event))
            self._MOVES[kind](self, event, record)
        else:
            self._CALLS[kind](self, event, record)

    def _move(self, record: JobRecord, state: State) -> None:
        occupied = record.occupies
        self.by_state[record.state] -= 1
        self.by_state[state] += 1
        record.state = state
        if occupied and not record.occupies:
            station = self.stations[record.lane, record.job.operation]
            station.occupied.pop(record.job.key, None)
            station.full_until = 0.0
        self.undecided.pop(record.job.key, None)

    # --- the run --------------------------------------------------------------------------------------------------

    def _run_began(self, event: e.RunBegan) -> None:
        self.run_id = event.run
        self.began = event

    def _session_opened(self, event: e.SessionOpened) -> None:
        for record in self.jobs.values():
            if record.state in {State.COLLECTED, State.GIVEN_UP}:
                continue
            intended = record.state is State.INTENDED
            self._move(record, next_state(record.job.key, record.state, event))
            if intended:
                self._unsure(record, record.intended_at)
            elif record.state is State.UNSURE:
                # A replay may have been under way: its grace begins now.
                self._unsure(record, event.at)
                record.check_rounds = 1
            elif record.state is State.FAILED:
                self.undecided[record.job.key] = record
            record.stop_asked = False
            record.collect_at = 0.0
        self.session = event
        self.sessions += 1
        self.cancelling = event.purpose == "cancel"
        self.parks.clear()
        self.parked_until.clear()
        self.troubles.clear()
        self.in_flight.clear()
        self.finished = None if event.purpose == "run" else self.finished

    def _listing_taken(self, event: e.ListingTaken) -> None:
        self.listings[event.corpus] = event
        self.surveyed.setdefault(event.corpus, set())
        self.books.begin_corpus(event.corpus)

    def _range_surveyed(self, event: e.RangeSurveyed) -> None:
        self.surveyed.setdefault(event.corpus, set()).add(event.index)
        self.books.add(event.segments)

    def _survey_finished(self, _: e.SurveyFinished) -> None:
        self.survey_finished = True
        self.books.close_survey()

    def _plan_finished(self, _: e.PlanFinished) -> None:
        self.books.complete = True

    def _gate_passed(self, _: e.GatePassed) -> None:
        self.gate_passed = True

    def _run_finished(self, event: e.RunFinished) -> None:
        self.finished = event

    def _cancel_asked(self, _: e.CancelAsked) -> None:
        self.cancelling = True

    def _work_parked(self, event: e.WorkParked) -> None:
        key = (event.lane, event.operation)
        self.parks[key] = event
        recheck = self.config.recheck_denied_s
        self.parked_until[key] = event.at + recheck if recheck is not None else float("inf")
        self.trouble(*key).over()

    def _batch_planned(self, event: e.BatchPlanned) -> None:
        self.batches[event.batch.id] = event.batch
        self.batches_planned += 1

    def _job_planned(self, event: e.JobPlanned) -> None:
        job = event.job
        batch = self.batches[job.batch]
        record = self.jobs[job.key] = JobRecord(job)
        self.by_state[record.state] += 1
        self.unsettled[job.analysis] = self.unsettled.get(job.analysis, 0) + 1
        self.books.open(job.key, batch)
        if batch.id not in self.staged:
            heapq.heappush(self.to_stage, (0 if job.round else 1, job.order, batch.id))
        pending = {key for key in job.waits_for if not self.jobs[key].settled}
        if pending:
            self.waiting_for[job.key] = pending
            for key in pending:
                self.dependents.setdefault(key, []).append(job.key)
        else:
            self._enqueue(record)
        if job.repairs:
            self._repair_planned(job)

    def _repair_planned(self, job: Job) -> None:
        self.repairs_planned += 1
        for key in job.repairs:
            repaired = self.jobs[key]
            self._repair_list(repaired).remove(key)
            self._settle(repaired)

    def _batch_staged(self, event: e.BatchStaged) -> None:
        self.staged[event.batch] = (event.lane, event.uri)
        self.staged_idle.add(event.batch)
        while self.to_stage and self.to_stage[0][2] in self.staged:
            heapq.heappop(self.to_stage)

    def _staging_lost(self, event: e.StagingLost) -> None:
        lost = {batch for batch, (lane, _) in self.staged.items() if lane == event.lane}
        for batch in lost:
            del self.staged[batch]
        self.staged_idle -= lost
        for record in self.jobs.values():
            job = record.job
            if not record.settled and job.batch in lost:
                lost.discard(job.batch)
                heapq.heappush(self.to_stage, (0 if job.round else 1, job.order, job.batch))

    def _noted(self, _: e.Event) -> None:
        """A fact kept for the record; what follows from it came as facts of its own."""

    # --- starting -------------------------------------------------------------------------------------------------

    def _enqueue(self, record: JobRecord) -> None:
        job = record.job
        if record.not_before > 0:
            heapq.heappush(self.delayed[job.operation], (record.not_before, job.key))
        else:
            heapq.heappush(self.queues[job.operation], (0 if job.round else 1, job.order, job.key))

    def _trim(self, operation: str) -> None:
        """Drop what is not waiting any more from the heads of an operation's queues, so that readers need only peek."""
        queue, delayed = self.queues[operation], self.delayed[operation]
        while queue and self.jobs[queue[0][2]].state is not State.WAITING:
            heapq.heappop(queue)
        while delayed and self.jobs[delayed[0][1]].state is not State.WAITING:
            heapq.heappop(delayed)

    def _start_intended(self, event: e.StartIntended, record: JobRecord) -> None:
        record.generation = event.generation
        record.lane, record.name, record.token = event.lane, event.name, event.token
        record.intended_at = event.at
        record.remote_id = record.status = record.output_uri = None
        record.submitted_at = record.ended_at = None
        record.proven, record.partial = False, False
        record.starts += 1
        self.stations[event.lane, record.job.operation].occupied[record.job.key] = record
        self.staged_idle.discard(record.job.batch)
        self._trim(record.job.operation)

    def _start_accepted(self, event: e.StartAccepted, record: JobRecord) -> None:
        record.remote_id = event.remote_id
        record.accepted_at, record.looked_at, record.missing = event.at, float("-inf"), 0
        record.stop_asked = False
        if event.by == "replay":
            record.confirm_at = event.at + self.timing(record.lane).grace_s
            self.to_confirm[record.job.key] = record

    def _start_refused(self, event: e.StartRefused, record: JobRecord) -> None:
        record.fault = event.fault
        if event.fault.kind is FaultKind.NO_SLOT:
            station = self.stations[record.lane, record.job.operation]
            station.full_until = event.at + self.timing(record.lane).gap_max_s
        if record.state is State.WAITING:
            record.not_before = 0.0
            self._enqueue(record)
        else:
            record.check_at = event.at + backoff(CALLS, 1, (record.token, event.at))

    def _start_unanswered(self, event: e.StartUnanswered, record: JobRecord) -> None:
        record.fault = event.fault
        self._unsure(record, event.at)

    def _unsure(self, record: JobRecord, since: float) -> None:
        record.check = Check.LIST
        record.check_at = record.asked_at = since
        record.check_rounds += 1

    def _start_not_found(self, event: e.StartNotFound, record: JobRecord) -> None:
        record.proven = record.proven or event.proven
        timing = self.timing(record.lane)
        match Check(event.step):
            case Check.LIST:
                record.check = Check.PREFIX
            case Check.PREFIX:
                record.check = Check.LIST_AGAIN
                record.check_at = max(event.at, record.asked_at + timing.grace_s)
            case Check.LIST_AGAIN:
                record.check = Check.PREFIX_AGAIN
            case _ if record.proven:
                record.check = Check.LIST_AGAIN
                record.check_rounds += 1
                record.check_at = event.at + timing.grace_s * 2 ** min(record.check_rounds, 5)
            case _:
                record.check = Check.REPLAY

    def _check_failed(self, event: e.CheckFailed, record: JobRecord) -> None:
        delay = backoff(self.timing(record.lane).calls, 1, (record.token, event.at))
        if record.confirm_at is not None:
            record.confirm_at = event.at + delay
        else:
            record.check_at = event.at + delay

    def _duplicate_found(self, event: e.DuplicateFound, record: JobRecord) -> None:
        record.remote_id = event.kept
        self._confirmed(record)
        for extra in event.extra:
            self.extra_stops[extra] = record

    def _single_confirmed(self, _: e.SingleConfirmed, record: JobRecord) -> None:
        self._confirmed(record)

    def _confirmed(self, record: JobRecord) -> None:
        record.confirm_at = None
        self.to_confirm.pop(record.job.key, None)

    # --- watching -------------------------------------------------------------------------------------------------

    def _status_seen(self, event: e.StatusSeen, record: JobRecord) -> None:
        record.status = event.status
        record.looked_at, record.missing = event.at, 0
        record.submitted_at = event.submitted_at or record.submitted_at
        record.ended_at = event.ended_at
        record.output_uri = event.output_uri or record.output_uri
        if record.state is State.FAILED:
            self._failed(record, event)
        elif record.state is State.ENDED:
            record.partial = event.status.name == "STOPPED"
            record.output_failures, record.collect_at = 0, 0.0
            heapq.heappush(self.to_collect, (record.job.order, record.job.key))

    def _generation_lost(self, event: e.GenerationLost, record: JobRecord) -> None:
        self._failed(record, event)

    def _failed(self, record: JobRecord, event: e.StatusSeen | e.GenerationLost) -> None:
        record.fault = event.fault
        record.failed_in = self.sessions
        self._confirmed(record)
        self._trim_collect()
        self.undecided[record.job.key] = record

    def _generation_renewed(self, event: e.GenerationRenewed, record: JobRecord) -> None:
        record.generation = event.generation
        record.not_before = event.not_before
        record.check_rounds = 0
        self._trim_collect()
        self._enqueue(record)

    def _job_given_up(self, event: e.JobGivenUp, record: JobRecord) -> None:
        record.fault = event.fault
        self.given_up += 1
        self._trim(record.job.operation)
        self._trim_collect()
        self._settle(record)

    def _stop_answered(self, event: e.StopAnswered, record: JobRecord) -> None:
        if self.extra_stops.pop(event.remote_id, None) is None:
            record.stop_asked = True

    def _stop_failed(self, event: e.StopFailed, record: JobRecord) -> None:
        passing = event.fault.kind in {FaultKind.TRANSIENT, FaultKind.THROTTLED, FaultKind.UNANSWERED}
        if not passing and self.extra_stops.pop(event.remote_id, None) is None:
            record.stop_asked = True

    # --- collecting, repairing, merging -----------------------------------------------------------------------------

    def _trim_collect(self) -> None:
        while self.to_collect and self.jobs[self.to_collect[0][1]].state is not State.ENDED:
            heapq.heappop(self.to_collect)

    def _collected(self, event: e.Collected, record: JobRecord) -> None:
        record.report = event.report
        self.spool_bytes += event.report.spool_bytes
        self._trim_collect()
        rounds_left = record.job.round < self.config.repair_rounds
        if event.report.repairable and (rounds_left or record.partial):
            self._repair_list(record).append(record.job.key)
        else:
            self._settle(record)

    def _repair_list(self, record: JobRecord) -> list[JobKey]:
        following = record.job.round + (0 if record.partial else 1)
        key = (record.job.analysis, self.batches[record.job.batch].language, following)
        return self.to_repair.setdefault(key, [])

    def _collect_failed(self, event: e.CollectFailed, record: JobRecord) -> None:
        record.fault = event.fault
        record.collect_at = event.at
        if event.fault.kind in {FaultKind.CORRUPT, FaultKind.NOT_FOUND, FaultKind.REJECTED}:
            record.output_failures += 1
            record.collect_at += backoff(OUTPUTS, record.output_failures, (record.token, "output"))

    def _settle(self, record: JobRecord) -> None:
        record.settled = True
        self.unsettled[record.job.analysis] -= 1
        self.books.settle(self.batches[record.job.batch])
        for key in self.dependents.pop(record.job.key, ()):
            pending = self.waiting_for[key]
            pending.discard(record.job.key)
            if not pending:
                del self.waiting_for[key]
                self._enqueue(self.jobs[key])

    def _segment_merged(self, event: e.SegmentMerged) -> None:
        self._release(self.books.merge(event.corpus, event.merged))

    def _file_patched(self, event: e.FilePatched) -> None:
        self._release(self.books.patch(event.corpus, event.file, event.segments))

    def _release(self, jobs: list[JobKey]) -> None:
        for key in jobs:
            report = self.jobs[key].report
            if report is not None:
                self.spool_bytes -= report.spool_bytes
                self.to_release.append(key)

    # --- volatile ---------------------------------------------------------------------------------------------------

    def _launched(self, event: e.Launched) -> None:
        self.in_flight[event.command] = event.at
        pace = self.pace_of(event.command)
        if pace is not None:
            pace.spend(event.at, calls=SLOT_COUNTING_CALLS if isinstance(event.command, c.CountSlots) else 1)
        if isinstance(event.command, c.ReleaseSpools):
            released = set(event.command.jobs)
            self.to_release = [job for job in self.to_release if job not in released]

    def _landed(self, event: e.Landed) -> None:
        self.in_flight.pop(event.command, None)
        lane, kind = work_of(event.command)
        fault = event.fault
        pace = self.pace_of(event.command)
        if pace is not None and fault is None:
            pace.succeeded()
        elif pace is not None and fault is not None and fault.kind is FaultKind.THROTTLED:
            pace.throttled(event.at)
        if fault is None:
            self.trouble(lane, kind).over()
        elif fault.kind in PASSING or (fault.kind is FaultKind.THROTTLED and pace is None):
            self.trouble(lane, kind).failed(event.at, fault)

    def _swept(self, event: e.Swept) -> None:
        station = self.stations[event.lane, event.operation]
        for record in station.occupied.values():
            if record.state is State.ACTIVE:
                record.looked_at = max(record.looked_at, event.at)
        for key in event.missing:
            self.jobs[key].missing += 1

    def _slots_counted(self, event: e.SlotsCounted) -> None:
        station = self.stations[event.lane, event.operation]
        station.strangers = event.strangers
        station.counted_at = event.at
        station.full_until = 0.0

    _RUN_EVENTS: ClassVar[dict[type[e.Event], Callable[[Run, Any], None]]] = {
        e.RunBegan: _run_began,
        e.SessionOpened: _session_opened,
        e.ListingTaken: _listing_taken,
        e.RangeSurveyed: _range_surveyed,
        e.SurveyFinished: _survey_finished,
        e.BatchPlanned: _batch_planned,
        e.JobPlanned: _job_planned,
        e.PlanFinished: _plan_finished,
        e.GatePassed: _gate_passed,
        e.RunFinished: _run_finished,
        e.BatchStaged: _batch_staged,
        e.StagingFailed: _noted,
        e.StagingLost: _staging_lost,
        e.WorkParked: _work_parked,
        e.RepairFailed: _noted,
        e.SegmentMerged: _segment_merged,
        e.MergeFailed: _noted,
        e.Reopened: _noted,
        e.FilePatched: _file_patched,
        e.CancelAsked: _cancel_asked,
        e.Launched: _launched,
        e.Landed: _landed,
        e.Swept: _swept,
        e.SlotsCounted: _slots_counted,
    }
    _MOVES: ClassVar[dict[type[e.Event], Callable[[Run, Any, JobRecord], None]]] = {
        e.StartIntended: _start_intended,
        e.StartAccepted: _start_accepted,
        e.StartRefused: _start_refused,
        e.StartUnanswered: _start_unanswered,
        e.StartNotFound: _start_not_found,
        e.StatusSeen: _status_seen,
        e.GenerationLost: _generation_lost,
        e.GenerationRenewed: _generation_renewed,
        e.JobGivenUp: _job_given_up,
        e.Collected: _collected,
        e.CollectFailed: _collect_failed,
    }
    _CALLS: ClassVar[dict[type[e.Event], Callable[[Run, Any, JobRecord], None]]] = {
        e.CheckFailed: _check_failed,
        e.DuplicateFound: _duplicate_found,
        e.SingleConfirmed: _single_confirmed,
        e.StopAnswered: _stop_answered,
        e.StopFailed: _stop_failed,
    }


def work_of(command: c.Command) -> tuple[str, str]:
    """The kind of work a command is, as the key of its troubles and parks: (lane, operation or kind)."""
    match command:
        case c.StageBatch(lane=lane):
            return lane, STAGING
        case c.CollectJob(lane=lane):
            return lane, COLLECTING
        case c.CheckByPrefix(lane=lane):
            return lane, COLLECTING
        case c.GatherRepair() | c.MergeSegments() | c.PatchFile() | c.ReleaseSpools():
            return "", RESULTS
        case _:
            return command.lane, command.operation


def renewal(record: JobRecord, now: float) -> float | None:
    """When the next generation of a failed job may start; None: it has had its generations."""
    failures = record.generation + 1
    decision = decide(GENERATIONS, failures=failures, first_at=now, now=now, seed=(record.token, "generation"))
    return decision.at if isinstance(decision, RetryAt) else None
