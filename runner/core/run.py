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
from typing import Any

from runner.core import commands as c, events as e
from runner.core.books import Books
from runner.core.folds import CALLS, MOVES, RUN_EVENTS
from runner.core.kinds import Kind
from runner.core.polling import TIMINGS, Timing
from runner.core.ratelimit import Pace
from runner.core.records import CoreConfig, JobRecord, Station, Trouble
from runner.core.retry import LOCAL_CALLS
from runner.core.states import IllegalMove, State, next_state
from runner.model import Batch, BatchId, JobKey, RemoteId, RunId


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
        self.gate_passed = False
        self.cancelling = False
        self.books = Books()
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
        self._plan_queues()
        self._plan_calls()

    def _plan_queues(self) -> None:
        """Work that waits. Heaps may hold entries that have lost their meaning, never at their head."""
        self.staged: dict[BatchId, tuple[str, str]] = {}
        """Batch -> (lane, URI)."""
        self.staged_idle: set[BatchId] = set()
        """Staged batches that no job has read."""
        self.unstaged: set[BatchId] = set()
        """Batches in `to_stage`."""
        self.to_stage: list[tuple[int, int, BatchId]] = []
        self.queues: dict[str, list[tuple[int, int, JobKey]]] = {operation: [] for operation in self.stoppable}
        self.delayed: dict[str, list[tuple[float, JobKey]]] = {operation: [] for operation in self.stoppable}
        self.waiting_for: dict[JobKey, set[JobKey]] = {}
        self.dependents: dict[JobKey, list[JobKey]] = {}
        self.undecided: dict[JobKey, JobRecord] = {}
        """FAILED jobs: to be renewed, or given up."""
        self.to_confirm: dict[JobKey, JobRecord] = {}
        """Jobs whose Start was replayed: the service may show two of their name."""
        self.extra_stops: dict[RemoteId, JobRecord] = {}
        """Second jobs of a name, to be stopped."""
        self.to_collect: list[tuple[int, JobKey, int]] = []
        """(order, job, generation)."""
        self.to_repair: dict[tuple[str, str | None, int], list[JobKey]] = {}
        """(analysis, language, round of the repair) -> jobs with lines to send again."""
        self.to_release: list[JobKey] = []

    def _plan_calls(self) -> None:
        """What the service's operations, and calls to them, are up to."""
        self.stations = {
            (lane.name, operation): Station.of(lane, operation)
            for lane in self.config.lanes
            for operation in self.stoppable
        }
        self._timings = {lane.name: TIMINGS[lane.kind] for lane in self.config.lanes}
        self.parks: dict[Kind, e.WorkParked] = {}
        self.parked_until: dict[Kind, float] = {}
        self.troubles: dict[Kind, Trouble] = {}
        self.exhausted: set[Kind] = set()
        """Kinds of work that have failed too often in a row, and are not parked yet."""
        self.in_flight: dict[c.Command, float] = {}
        """Commands being carried out -> since when."""
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
        occupied = record.occupies
        self.by_state[record.state] -= 1
        self.by_state[state] += 1
        record.state = state
        if occupied and not record.occupies:
            station = self.stations[record.lane, record.job.operation]
            station.occupied.pop(record.job.key, None)
            station.full_until = 0.0
        self.undecided.pop(record.job.key, None)

    def enqueue(self, record: JobRecord) -> None:
        """A WAITING job may be started."""
        job = record.job
        if record.not_before > 0:
            heapq.heappush(self.delayed[job.operation], (record.not_before, job.key))
        else:
            heapq.heappush(self.queues[job.operation], (0 if job.round else 1, job.order, job.key))

    def trim_waiting(self, operation: str) -> None:
        """Drop what is not waiting any more from the heads of an operation's queues, so that readers need only peek."""
        queue, delayed = self.queues[operation], self.delayed[operation]
        while queue and self.jobs[queue[0][2]].state is not State.WAITING:
            heapq.heappop(queue)
        while delayed and self.jobs[delayed[0][1]].state is not State.WAITING:
            heapq.heappop(delayed)

    def trim_collect(self) -> None:
        """Drop what is not to be collected any more from the head of that queue."""
        while self.to_collect and not self.collectable(self.to_collect[0]):
            heapq.heappop(self.to_collect)

    def collectable(self, entry: tuple[int, JobKey, int]) -> bool:
        """Whether an entry of `to_collect` still means something: a job may end again, in a later generation."""
        _, key, generation = entry
        record = self.jobs[key]
        return record.state is State.ENDED and record.generation == generation

    def repair_list(self, record: JobRecord) -> list[JobKey]:
        """The jobs whose lines are sent again together with a job's; after a Stop that is no further round."""
        following = record.job.round + (0 if record.partial else 1)
        key = (record.job.analysis, self.batches[record.job.batch].language, following)
        return self.to_repair.setdefault(key, [])

    def settle(self, record: JobRecord) -> None:
        """A job will answer nothing more: what waits for it can go on."""
        record.settled = True
        self.unsettled[record.job.analysis] -= 1
        self.books.settle(self.batches[record.job.batch])
        for key in self.dependents.pop(record.job.key, ()):
            pending = self.waiting_for[key]
            pending.discard(record.job.key)
            if not pending:
                del self.waiting_for[key]
                self.enqueue(self.jobs[key])


def _check_generation(event: e.Event, record: JobRecord) -> None:
    """A fact about one generation cannot befall another; `GenerationRenewed` speaks of the next."""
    generation = getattr(event, "generation", record.generation)
    if generation != record.generation + isinstance(event, e.GenerationRenewed):
        raise IllegalMove(record.job.key, record.state, event)
