"""A run as the facts tell it. `apply` folds one fact; nothing else changes anything.

Rules.

1. Only `apply` changes state. `runner.core.agenda` reads it and proposes; the engine records, applies, then acts.
2. Facts are never edited. What a crash made unknown (a Start under way) is said by the next `SessionOpened`.
3. The same journal folds to the same state, and the same state at the same time proposes the same commands: there is
   no clock here and no randomness but what is derived from ids.
4. An event about a job is checked against `runner.core.states` first; an illegal one raises and changes nothing.
5. What only this process can know (what is in flight, how the calls go, how many strangers there are) comes as volatile
   events, which the journal does not keep, and `SessionOpened` forgets.

This file holds the state, the moves between states and the queues; what each kind of fact does beside is in
`runner.core.folds`, one file per part of a job's life.

Costs: every event is O(log n) in the number of jobs, apart from those about a batch, which touch its segments, and
`SessionOpened` and `StagingLost`, which look at every job once.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from runner.core import commands as c, events as e
from runner.core.books import Books
from runner.core.folds import CALLS, MOVES, RUN_EVENTS
from runner.core.kinds import Kind
from runner.core.polling import TIMINGS, Timing
from runner.core.ratelimit import Pace
from runner.core.records import CoreConfig, Extra, JobRecord, PacedCall, Station, Trouble
from runner.core.retry import LOCAL_CALLS
from runner.core.states import OCCUPYING, IllegalMove, State, next_state
from runner.core.waiting import Entry, Group, Queue
from runner.model import Batch, BatchId, Fault, Job, JobKey, PartFacts, PartId, RemoteId, RunId, segment_of


class Run:
    """The scheduler's state. Read it freely; change it through `apply` alone."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.stoppable = dict(config.operations)
        """The operations in use, and whether their jobs can be stopped."""
        self.run_id = RunId("")
        self.began: e.RunBegan | None = None
        self.session: e.SessionOpened | None = None
        self.sessions = 0
        self.finished: e.RunFinished | None = None
        self.listings: dict[str, e.ListingTaken] = {}
        self.surveyed: dict[str, set[int]] = {}
        self.survey_finished = False
        self.planned_usd: float | None = None
        """What the plan costs, where it has a price."""
        self.gate_passed = False
        self.cancelling = False
        self.books = Books(held=(corpus for corpus, _ in config.routed))
        self.routed: dict[PartId, tuple[PartId, PartFacts]] = {}
        """Parts that were gathered by decided languages -> those whose lines they have, and what is known of them."""
        self.batches: dict[BatchId, Batch] = {}
        self.jobs: dict[JobKey, JobRecord] = {}
        self.by_state: Counter[State] = Counter()
        self.unsettled: dict[str, int] = {}
        """Analysis -> jobs whose answers are not all in."""
        self.batches_planned = 0
        self.repairs_planned = 0
        self.given_up = 0
        """Jobs given up since the user last reopened documents."""
        self.spool_bytes = 0
        self.committed: Counter[str] = Counter()
        """Family -> billing units of every generation that the service has not refused, and of second jobs."""
        self.budget_reached: e.BudgetReached | None = None
        self._all_lanes = tuple(lane.name for lane in config.lanes)
        self._plan_queues()
        self._plan_calls()

    def _plan_queues(self) -> None:
        """Work that waits."""
        self.staged: dict[BatchId, tuple[str, ...]] = {}
        """Batch -> the lanes where it lies."""
        self.readers: dict[BatchId, list[JobKey]] = {}
        """Batch -> the jobs that read it and have not answered all that they will."""
        self.unplaced: dict[str, dict[Group, Queue]] = {operation: {} for operation in self.stoppable}
        """Operation -> jobs that wait and whose batch lies in none of their lanes, by first position in the input."""
        self.all_waiting: dict[Group, Queue] = {}
        """All jobs that wait, wherever their batches lie."""
        self.of_operation: dict[str, list[str]] = {operation: [] for operation in self.stoppable}
        """Operation -> its analyses."""
        for analysis in self.config.analyses:
            self.of_operation[analysis.operation].append(analysis.name)
        self.families = {analysis.name: analysis.family for analysis in self.config.analyses}
        self.closed_to: dict[tuple[str, str], Fault] = {}
        """(lane, analysis) that the service has closed to the account."""
        self.awaited: set[tuple[str, str]] = set()
        """(lane, analysis) whose model is not ready there."""
        self.models: dict[tuple[str, str], e.ModelReady] = {}
        """(lane, analysis) -> the model that its jobs use there."""
        self.trainings: dict[tuple[str, str], e.TrainingIntended] = {}
        """(lane, analysis) -> the model that this run has asked for last, or was about to."""
        self.proven: set[tuple[str, str]] = set()
        """(lane, family) of which a job got past the moment at which permissions fail."""
        self.waiting_for: dict[JobKey, set[JobKey]] = {}
        self.dependents: dict[JobKey, list[JobKey]] = {}
        self.undecided: dict[JobKey, JobRecord] = {}
        """FAILED jobs: to be renewed, or given up."""
        self.to_confirm: dict[JobKey, JobRecord] = {}
        """Jobs whose Start was replayed: the service may show two of their name."""
        self.extra_stops: dict[RemoteId, Extra] = {}
        """Second jobs of a name, to be stopped."""
        self.extras: set[RemoteId] = set()
        """Every second job that was found."""
        self.to_collect: dict[str, list[tuple[int, JobKey, int]]] = {}
        """Lane -> (order, job, generation)."""
        self.to_repair: dict[tuple[str, str | None, int, tuple[str, ...]], list[JobKey]] = {}
        """(analysis, language, round of the repair, lanes) -> jobs with lines to send again."""
        self.to_release: list[JobKey] = []

    def _plan_calls(self) -> None:
        """What the service's operations, and calls to them, are up to."""
        self.stations = {
            (lane.name, operation): Station.of(lane, operation)
            for lane in self.config.lanes
            for operation in self.stoppable
        }
        for lane in self.config.former_lanes:
            for operation in self.stoppable:
                self.stations[lane.name, operation] = Station.of(lane, operation, former=True)
        self.stations_of: dict[str, list[Station]] = {
            operation: [self.stations[lane.name, operation] for lane in self.config.lanes]
            for operation in self.stoppable
        }
        """Operation -> its stations, in the manifest's order of lanes."""
        self.slotless = [each for stations in self.stations_of.values() for each in stations if each.slots < 1]
        """Stations of which every slot is left to others."""
        lanes = (*self.config.lanes, *self.config.former_lanes)
        self._trusted = {lane.name for lane in lanes if not lane.remote}
        self._timings = {lane.name: TIMINGS[lane.kind] for lane in lanes}
        self.parks: dict[Kind, e.WorkParked] = {}
        self.parked_until: dict[Kind, float] = {}
        self.troubles: dict[Kind, Trouble] = {}
        self.exhausted: set[Kind] = set()
        """Kinds of work that have failed too often in a row, and are not parked yet."""
        self.in_flight: dict[c.Command, float] = {}
        """Commands being carried out -> since when."""
        self.staging: set[tuple[str, BatchId]] = set()
        """(lane, batch) of what is being staged."""
        self.sweeping: set[Kind] = set()
        """(lane, operation) that a sweep under way looks at."""

    # --- what others ask ------------------------------------------------------------------------------------------

    def timing(self, lane: str) -> Timing:
        """The times by which a lane is watched."""
        return self._timings[lane]

    def trouble(self, lane: str, kind: str) -> Trouble:
        """The failures in a row of one kind of work; made on first use."""
        key = (lane, kind)
        if key not in self.troubles:
            policy = self.timing(lane).calls if lane else LOCAL_CALLS
            self.troubles[key] = Trouble(policy=policy, seed=f"{self.run_id}/{lane}/{kind}")
        return self.troubles[key]

    def pace_of(self, command: c.Command) -> Pace | None:
        """The pace that a command's calls keep to; None for work that is not paced."""
        found = self.paced(command)
        return None if found is None else found[0].pace(found[1])

    def paced(self, command: c.Command) -> tuple[Station, PacedCall] | None:
        """The station whose pace a command keeps to, and which; None for work that is not paced."""
        match command:
            case c.StartJob(lane=lane, operation=operation):
                return self.stations[lane, operation], "start"
            case c.StopJob(lane=lane, operation=operation):
                return self.stations[lane, operation], "stop"
            case c.CheckByName() | c.Sweep() | c.CountSlots() | c.DescribeJob():
                return self.stations[command.lane, command.operation], "read"
            case _:
                return None

    def committed_usd(self, *, family: str | None = None, units: int = 0) -> float:
        """What was started may cost at most, with so many units of a family more; 0 where nothing has a price."""
        price = self.config.upper_usd
        if price is None:
            return 0.0
        jobs = price(self.committed if family is None else self.committed + Counter({family: units}))
        return jobs + self.training_usd

    @property
    def training_usd(self) -> float:
        """What the trainings that this run has asked for cost; as long as one is under way, what it may cost."""
        return sum(
            self.models[key].usd if key in self.models and self.models[key].arn == training.arn else training.usd
            for key, training in self.trainings.items()
        )

    @property
    def calm(self) -> bool:
        """Whether no kind of work has failed of late, or is parked."""
        return not (self.troubles or self.exhausted or self.parked_until)

    def parked(self, lane: str, kind: str, now: float) -> float | None:
        """When parked work may be tried again (infinity: not in this session); None: it is not parked."""
        until = self.parked_until.get((lane, kind))
        return until if until is not None and until > now else None

    def barred(self, lane: str, analysis: str) -> bool:
        """Whether no job of an analysis is started in a lane now: it is closed there, or its model is awaited."""
        return (lane, analysis) in self.closed_to or (lane, analysis) in self.awaited

    def ahead(self, station: Station) -> int:
        """Jobs that could be started at a station, or soon can."""
        lane = station.lane.name
        ready = (len(queue) for (analysis, _), queue in station.ready.items() if not self.barred(lane, analysis))
        return sum(ready) + len(station.coming)

    def is_proven(self, lane: str, analysis: str) -> bool:
        """Whether jobs of an analysis may be started side by side in a lane: on an embedded one, at once."""
        return (lane, self.families[analysis]) in self.proven or lane in self._trusted

    def idle(self) -> bool:
        """Whether nothing is being carried out."""
        return not self.in_flight

    @property
    def stopping(self) -> bool:
        """Whether nothing new is started any more: a cancel, or a failure under `on_failure: stop`."""
        return self.cancelling or (self.config.on_failure == "stop" and self.given_up > 0)

    @property
    def starting(self) -> bool:
        """Whether new jobs are started."""
        return not self.stopping and self.budget_reached is None

    @property
    def closed(self) -> bool:
        """Whether the books are closed: every document in its line, nothing left to do."""
        return self.books.closed and not self.extra_stops and not self.to_confirm

    # --- the fold -------------------------------------------------------------------------------------------------

    def apply(self, event: e.Event) -> None:
        """Fold one fact. Raises IllegalMove, changing nothing, if it cannot be true of a job in its state."""
        kind: type[Any] = type(event)
        fold = RUN_EVENTS.get(kind)
        if fold is not None:
            fold(self, event)
            return
        record = self.jobs[event.job]  # type: ignore[attr-defined]
        call = CALLS.get(kind)
        if call is not None:
            call(self, event, record)
            return
        _check_generation(event, record)
        self.move(record, next_state(record.job.key, record.state, event))
        MOVES[kind](self, event, record)

    # --- for the folds alone --------------------------------------------------------------------------------------

    def move(self, record: JobRecord, state: State) -> None:
        """Put a job into a state, and take it out of what it was in."""
        before = record.state
        if state is not before:
            self.by_state[before] -= 1
            self.by_state[state] += 1
            record.state = state
            if before is State.WAITING:
                self._dequeue(record)
            elif before in OCCUPYING and state not in OCCUPYING:
                station = self.stations[record.lane, record.job.operation]
                station.occupied.pop(record.job.key, None)
                station.full_until = 0.0
        if self.undecided:
            self.undecided.pop(record.job.key, None)

    def plan(self, record: JobRecord) -> None:
        """A job exists: which lanes may run it follows from the corpora whose text it reads."""
        job = record.job
        self.jobs[job.key] = record
        self.readers.setdefault(job.batch, []).append(job.key)
        record.lanes = self._lanes_of(self.batches[job.batch])

    def _lanes_of(self, batch: Batch) -> tuple[str, ...]:
        if not self.config.corpus_lanes:
            return self._all_lanes
        return self.config.lanes_for({self.books.segment(segment_of(part)).facts.corpus for part in batch.covers})

    def enqueue(self, record: JobRecord) -> None:
        """A WAITING job may be started: where its batch lies, or else once it lies somewhere."""
        job = record.job
        entry, group = entry_of(job), (job.analysis, record.lanes)
        lanes = self.staged.get(job.batch, ())
        ready = [lane for lane in record.lanes if lane in lanes]
        for lane in ready:
            self.stations[lane, job.operation].ready.setdefault(group, Queue()).push(entry)
        if not ready:
            self.unplaced[job.operation].setdefault(group, Queue()).push(entry)
        self.all_waiting.setdefault(group, Queue()).push(entry)

    def _dequeue(self, record: JobRecord) -> None:
        job, group = record.job, (record.job.analysis, record.lanes)
        for lane in record.lanes:
            queue = self.stations[lane, job.operation].ready.get(group)
            if queue is not None:
                queue.discard(job.key)
        for queues in (self.unplaced[job.operation], self.all_waiting):
            if group in queues:
                queues[group].discard(job.key)

    def enqueue_in(self, lane: str, batch: BatchId) -> None:
        """A batch lies in one lane more: its jobs that wait can be started there."""
        for record in self._waiting_readers(batch):
            if lane in record.lanes:
                job, group = record.job, (record.job.analysis, record.lanes)
                unplaced = self.unplaced[job.operation].get(group)
                if unplaced is not None:
                    unplaced.discard(job.key)
                self.stations[lane, job.operation].ready.setdefault(group, Queue()).push(entry_of(job))

    def requeue(self, batch: BatchId) -> None:
        """A batch does not lie any more where it did: its jobs that wait can be started elsewhere."""
        for record in self._waiting_readers(batch):
            self._dequeue(record)
            self.enqueue(record)

    def _waiting_readers(self, batch: BatchId) -> Iterator[JobRecord]:
        for key in self.readers.get(batch, ()):
            record = self.jobs[key]
            if record.state is State.WAITING and key not in self.waiting_for:
                yield record

    def trim_collect(self) -> None:
        """Drop what is not to be collected any more from the heads of those queues."""
        for queue in self.to_collect.values():
            while queue and not self.collectable(queue[0]):
                heapq.heappop(queue)

    def collectable(self, entry: tuple[int, JobKey, int]) -> bool:
        """Whether an entry of `to_collect` still means something: a job may end again, in a later generation."""
        _, key, generation = entry
        record = self.jobs[key]
        return record.state is State.ENDED and record.generation == generation

    def repair_list(self, record: JobRecord) -> list[JobKey]:
        """The jobs whose lines are sent again together with a job's; after a Stop that is no further round."""
        following = record.job.round + (0 if record.partial else 1)
        key = (record.job.analysis, self.batches[record.job.batch].language, following, record.lanes)
        return self.to_repair.setdefault(key, [])

    def replace(self, job: JobKey, by: Iterable[JobKey]) -> None:
        """What waits for a job waits for others instead, which were planned in its place."""
        for key in self.dependents.pop(job, ()):
            self.waiting_for[key].discard(job)
            self.waiting_for[key].update(by)
            for piece in by:
                self.dependents.setdefault(piece, []).append(key)

    def settle(self, record: JobRecord) -> None:
        """A job will answer nothing more: what waits for it can go on."""
        record.settled = True
        readers = self.readers[record.job.batch]
        readers.remove(record.job.key)
        if not readers:
            del self.readers[record.job.batch]
        self.unsettled[record.job.analysis] -= 1
        self.books.settle(self.batches[record.job.batch])
        for key in self.dependents.pop(record.job.key, ()):
            pending = self.waiting_for[key]
            pending.discard(record.job.key)
            if not pending:
                del self.waiting_for[key]
                self.enqueue(self.jobs[key])


def entry_of(job: Job) -> Entry:
    """The place of a job among those that wait: repairs go ahead of new work."""
    return 0 if job.round else 1, job.order, job.key


def _check_generation(event: e.Event, record: JobRecord) -> None:
    """A fact about one generation cannot befall another; `GenerationRenewed` speaks of the next."""
    generation = getattr(event, "generation", record.generation)
    if generation != record.generation + isinstance(event, e.GenerationRenewed):
        raise IllegalMove(record.job.key, record.state, event)
