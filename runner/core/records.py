"""What the scheduler remembers of each job, each operation of a lane, and each kind of trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from runner.catalogue import FAMILIES
from runner.core.commands import Check
from runner.core.ratelimit import Pace
from runner.core.retry import Policy, RetryAt, decide
from runner.core.states import State
from runner.core.waiting import Group, Queue
from runner.model import (
    AnalysisSpec,
    BatchId,
    Fault,
    FaultKind,
    Job,
    JobKey,
    JobStatus,
    LaneSpec,
    RemoteId,
)

DENIALS: Final = frozenset({FaultKind.DENIED, FaultKind.UNKNOWN})
"""Kinds of fault that only the user can mend: the work is parked."""
OUTPUT_FAULTS: Final = frozenset({FaultKind.CORRUPT, FaultKind.NOT_FOUND, FaultKind.REJECTED})
"""Kinds of fault that speak against an output itself, not against fetching it."""
UNLIMITED: Final = 1_000_000
"""Slots where the lane sets no limit."""
CHECK_ROUNDS_MAX: Final = 8
"""Rounds of checks after an unanswered Start, before the operation is parked."""
PacedCall = Literal["start", "read", "stop"]
COUNT_GAP_S: Final = 60.0
"""A count of strangers' jobs whose looks lie further apart was broken off: some may have come, so it begins anew."""
ACTIVE_STATUSES: Final = (JobStatus.SUBMITTED, JobStatus.IN_PROGRESS, JobStatus.STOP_REQUESTED)
"""In the order in which a job goes through them: one that moves on while they are looked at is not missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreConfig:
    """What the scheduler must know of the manifest, and how much it may do at once."""

    lanes: tuple[LaneSpec, ...]
    analyses: tuple[AnalysisSpec, ...]
    repair_rounds: int = 2
    on_failure: Literal["finish", "stop"] = "finish"
    recheck_denied_s: float | None = None
    """On a terminal: how long after a refusal to look again; None: not in this session."""
    corpus_lanes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Corpora that are bound to some of the lanes."""
    routed: tuple[tuple[str, str], ...] = ()
    """Corpora whose languages the answers of an analysis tell, and which."""
    former_lanes: tuple[LaneSpec, ...] = ()
    """Lanes of earlier sessions that are gone: what the journal says of them is understood, and they get nothing."""
    staging_max: int = 4
    """Batches being staged at once."""
    staged_ahead_max: int = 8
    """Jobs of an operation that a lane could start, or soon can: no more batches are staged there for it."""
    collecting_max: int = 2
    merging_max: int = 2
    spool_bytes_max: int = 20_000_000_000
    budget_usd: float | None = None
    upper_usd: Callable[[Mapping[str, int]], float] | None = None
    """What so many billing units per family cost at most, where the price is known."""

    def lane(self, name: str) -> LaneSpec:
        """The lane of that name."""
        return next(lane for lane in self.lanes if lane.name == name)

    def lanes_for(self, corpora: Iterable[str]) -> tuple[str, ...]:
        """The lanes that may see the text of all of these corpora, in the manifest's order."""
        bound = dict(self.corpus_lanes)
        allowed = [bound[corpus] for corpus in corpora if bound.get(corpus)]
        return tuple(lane.name for lane in self.lanes if all(lane.name in names for names in allowed))

    @property
    def operations(self) -> Mapping[str, bool]:
        """The operations in use, and whether their jobs can be stopped."""
        return {analysis.operation: FAMILIES[analysis.family].stoppable for analysis in self.analyses}


@dataclass(slots=True)
class Trouble:
    """Failures in a row of one kind of work, and when it may be tried again."""

    policy: Policy
    seed: str
    failures: int = 0
    first_at: float = 0.0
    retry_at: float = 0.0
    exhausted: Fault | None = None

    def failed(self, now: float, fault: Fault) -> None:
        """It failed once more."""
        if not self.failures:
            self.first_at = now
        self.failures += 1
        decision = decide(self.policy, failures=self.failures, first_at=self.first_at, now=now, seed=(self.seed,))
        if isinstance(decision, RetryAt):
            self.retry_at = decision.at
        else:
            self.exhausted = fault


class Extra(NamedTuple):
    """A second job of one name, where it was started: its first may have gone elsewhere since."""

    job: JobKey
    generation: int
    lane: str
    operation: str


@dataclass(slots=True)
class JobRecord:
    """One job as it stands."""

    job: Job
    lanes: tuple[str, ...] = ()
    """Lanes that may run it."""
    state: State = State.WAITING
    generation: int = 0
    lane: str = ""
    name: str = ""
    token: str = ""
    remote_id: RemoteId | None = None
    status: JobStatus | None = None
    past: tuple[RemoteId, ...] = ()
    """What earlier generations were."""
    predicted_s: float = 0.0
    """How long the current generation takes from acceptance to end, as far as is known by now."""
    intended_at: float = 0.0
    asked_at: float = 0.0
    """When the last Start call whose answer is missing was made, or may have been: the grace counts from here."""
    accepted_at: float = 0.0
    looked_at: float = float("-inf")
    look_at: float = float("-inf")
    """When it wants its next look, while it is at work."""
    missing: int = 0
    submitted_at: float | None = None
    ended_at: float | None = None
    output_uri: str | None = None
    partial: bool = False
    fault: Fault | None = None
    failed_in: int = 0
    """The session in which it came to FAILED."""
    failed_at: float = 0.0
    failures: int = 0
    """Generations that came to nothing for a reason that can pass."""
    check: Check = Check.LIST
    check_at: float = 0.0
    check_rounds: int = 0
    checked_at: float = float("-inf")
    """When the last check found nothing."""
    proven: bool = False
    replayed: bool = False
    """Whether the current generation's Start was made a second time, or may have been."""
    confirm_at: float | None = None
    """When to ask whether a replayed Start made a second job; None: no need."""
    confirmed: bool = False
    """Whether it was asked once, and there was none."""
    stop_asked: bool = False
    output_failures: int = 0
    collect_at: float = 0.0
    spool_bytes: int = 0
    """Of what was collected of it, until that is in the results."""
    settled: bool = False
    starts: int = 0
    """Start calls made, for the record."""
    piece_of: JobKey | None = None
    """Of a job that reads a piece of what a failed job read: the first job that was cut."""
    pieces: int = 0
    """Of the first job that was cut: how many jobs there have been for pieces of it, and"""
    pieces_collected: int = 0
    """of how many of them the answers are here."""

    def shrink(self) -> None:
        """Forget what no one asks of a job whose answers are in the results: most of a long run's jobs are such."""
        if self.confirm_at is None:
            self.name = self.token = ""
        self.output_uri = None
        self.spool_bytes = 0
        self.intended_at = self.asked_at = self.accepted_at = self.collect_at = self.check_at = self.failed_at = 0.0
        self.looked_at = self.look_at = self.checked_at = float("-inf")


@dataclass(slots=True)
class Station:
    """One operation on one lane: its slots, its paces, the jobs that occupy it, and those that it could start."""

    lane: LaneSpec
    operation: str
    start: Pace
    read: Pace
    stop: Pace
    slots: int
    """Jobs that we may have active here, strangers' left aside."""
    occupied: dict[str, JobRecord] = field(default_factory=dict)
    ready: dict[Group, Queue] = field(default_factory=dict)
    """Jobs that wait and whose batch lies here."""
    coming: set[BatchId] = field(default_factory=set)
    """Batches that are being staged here, and that jobs of this operation wait for."""
    reading: int = 0
    """Calls under way that keep to `read`: one at a time, since a List may take several pages."""
    strangers: int = 0
    strangers_seen: dict[JobStatus, frozenset[RemoteId]] = field(default_factory=dict)
    """Of a count that is under way: the statuses looked at, in their order."""
    strangers_at: float = float("-inf")
    """When the last of them was looked at."""
    counted_at: float = float("-inf")
    full_until: float = 0.0
    refusals: int = 0
    """Starts in a row that were refused for want of a slot."""

    @classmethod
    def of(cls, lane: LaneSpec, operation: str, *, former: bool = False) -> Station:
        """A fresh station with the paces that the lane's quotas allow; a former lane has no slots."""
        quotas = lane.quotas
        limit = quotas.active_jobs.of(operation)
        reserved = quotas.reserve_slots.of(operation) or 0
        seed = f"{lane.name}/{operation}"
        return cls(
            lane=lane,
            operation=operation,
            start=Pace(quotas.start_per_s.of(operation), f"{seed}/start"),
            read=Pace(quotas.read_per_s.of(operation), f"{seed}/read"),
            stop=Pace(quotas.stop_per_s.of(operation), f"{seed}/stop"),
            slots=0 if former else max(0, int(UNLIMITED if limit is None else limit) - int(reserved)),
        )

    def pace(self, call: PacedCall) -> Pace:
        """The pace of a kind of call."""
        return {"start": self.start, "read": self.read, "stop": self.stop}[call]

    @property
    def slack_s(self) -> float:
        """How much older than else what was seen here may be: where looks are rare, for one more between two."""
        return 2 * self.read.interval_s

    def counting(self, now: float) -> dict[JobStatus, frozenset[RemoteId]]:
        """What a count that is under way has seen; nothing, if it was broken off."""
        return self.strangers_seen if now - self.strangers_at <= COUNT_GAP_S + self.slack_s else {}

    def counted(
        self, status: JobStatus, strangers: Iterable[RemoteId], now: float
    ) -> dict[JobStatus, frozenset[RemoteId]]:
        """What a count has seen with one look more; nothing, if the looks before that one are missing."""
        seen = self.counting(now)
        in_turn = len(seen) == ACTIVE_STATUSES.index(status)
        return {**seen, status: frozenset(strangers)} if in_turn else {}

    def begin(self, now: float) -> None:
        """Begin anew in a new process, which knows nothing of calls under way and of strangers."""
        for pace in (self.start, self.read, self.stop):
            pace.begin(now)
        self.coming.clear()
        self.reading = 0
        self.strangers = 0
        self.strangers_seen.clear()
        self.strangers_at = self.counted_at = float("-inf")
        self.full_until = 0.0
        self.refusals = 0

    @property
    def left(self) -> int:
        """Slots that our own jobs leave."""
        return self.slots - len(self.occupied)

    @property
    def free(self) -> int:
        """Slots that another job of ours could take."""
        return self.left - self.strangers
