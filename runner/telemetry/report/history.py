"""A journal's facts, folded into what a report shows. Pure; O(events)."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.core import events as e
from runner.model import BatchId, Job, JobKey, JobStatus

Ending = Literal["done", "failed", "stopped", "open"]

_ENDINGS: dict[JobStatus, Ending] = {
    JobStatus.COMPLETED: "done",
    JobStatus.FAILED: "failed",
    JobStatus.STOPPED: "stopped",
}


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One generation of a job: from the intent to start it to the sight of its end. Times are of the run clock.

    `service_s` is how long the service says that it took; `code` says why it failed.
    """

    job: Job
    generation: int
    lane: str
    begun: float
    ended: float | None = None
    ending: Ending = "open"
    service_s: float | None = None
    remote_id: str | None = None
    code: str = ""

    @property
    def station(self) -> tuple[str, str]:
        """(lane, operation)."""
        return self.lane, self.job.operation


@dataclass(slots=True, kw_only=True)
class Starts:
    """What became of Start calls."""

    made: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    """By how it was learnt: answer, list, prefix, replay."""
    refused: Counter[str] = field(default_factory=Counter)
    """By the service's code."""
    unanswered: int = 0
    duplicates: int = 0


@dataclass(slots=True, kw_only=True)
class History:
    """What happened in a run. `written` and `answered` are (when, how many documents, or lines, since the last)."""

    began: float = 0.0
    last: float = 0.0
    finished: float | None = None
    sessions: list[tuple[float, str]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    starts: Starts = field(default_factory=Starts)
    written: list[tuple[float, int]] = field(default_factory=list)
    answered: list[tuple[float, int]] = field(default_factory=list)
    troubles: list[tuple[float, str, str]] = field(default_factory=list)
    """(when, where, what): parked work, lost generations, outputs that could not be read, jobs given up."""
    repairs: int = 0
    renewals: int = 0
    pairs: int = 0
    """(line, analysis) pairs that planned jobs read, repairs left aside."""

    @property
    def end(self) -> float:
        """The last moment that is known of; later than the beginning, so that there is a span to draw."""
        return max(self.last, self.began + 1e-3)

    def by_station(self) -> dict[tuple[str, str], list[Attempt]]:
        """Attempts per (lane, operation), stations by name, attempts by beginning."""
        found: defaultdict[tuple[str, str], list[Attempt]] = defaultdict(list)
        for attempt in sorted(self.attempts, key=lambda attempt: (attempt.begun, attempt.job.key)):
            found[attempt.station].append(attempt)
        return dict(sorted(found.items()))


def fold_history(facts: Iterable[e.Event]) -> History:
    """The history that a journal tells, in its order."""
    fold = _Fold()
    for fact in facts:
        fold.take(fact)
    return fold.history


def slots_of(attempts: Sequence[Attempt], end: float) -> list[int]:
    """A slot for each attempt (in order of beginning), so that no two share one at a time; as few as possible."""
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    slots = []
    for attempt in attempts:
        while busy and busy[0][0] <= attempt.begun:
            heapq.heappush(free, heapq.heappop(busy)[1])
        slot = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end if attempt.ended is None else attempt.ended, slot))
        slots.append(slot)
    return slots


def in_use(attempts: Iterable[Attempt], end: float) -> list[tuple[float, int]]:
    """(when, how many attempts are under way from then on), one entry per change."""
    steps: Counter[float] = Counter()
    for attempt in attempts:
        steps[attempt.begun] += 1
        steps[end if attempt.ended is None else attempt.ended] -= 1
    count, found = 0, []
    for at in sorted(steps):
        count += steps[at]
        found.append((at, count))
    return found


class _Fold:
    """The fold under way."""

    def __init__(self) -> None:
        self.history = History()
        self._jobs: dict[JobKey, Job] = {}
        self._lines: dict[BatchId, int] = {}
        self._attempts: dict[JobKey, Attempt] = {}

    def take(self, fact: e.Event) -> None:
        history = self.history
        history.last = max(history.last, fact.at)
        match fact:
            case e.RunBegan():
                history.began = fact.at
            case e.SessionOpened():
                history.sessions.append((fact.at, fact.purpose))
            case e.BatchPlanned():
                self._lines[fact.batch.id] = fact.batch.lines
            case e.JobPlanned():
                self._planned(fact.job)
            case e.RunFinished():
                history.finished = fact.at
            case e.SegmentMerged():
                history.written.append((fact.at, fact.merged.lines))
            case e.WorkParked():
                where = " ".join(word for word in (fact.lane, fact.operation) if word)
                history.troubles.append((fact.at, where, f"parked: {fact.fault}"))
            case _:
                self._of_job(fact)

    def _of_job(self, fact: e.Event) -> None:
        history = self.history
        match fact:
            case e.StartIntended():
                self._intended(fact)
            case e.StartAccepted():
                history.starts.accepted[fact.by] += 1
                self._attempts[fact.job].remote_id = fact.remote_id
            case e.StartRefused():
                history.starts.refused[fact.fault.code] += 1
                self._forget(fact.job)
            case e.StartUnanswered():
                history.starts.unanswered += 1
            case e.DuplicateFound():
                history.starts.duplicates += len(fact.extra)
                history.troubles.append(
                    (fact.at, fact.job, f"bought twice: {', '.join(fact.extra)} beside {fact.kept}")
                )
            case e.StatusSeen():
                self._seen(fact)
            case e.Collected():
                report = fact.report
                history.answered.append((fact.at, report.ok + sum(count for _, count in report.errors)))
            case e.GenerationLost() | e.CollectFailed() | e.JobGivenUp() | e.JobCut():
                self._troubled(fact)
            case e.GenerationRenewed():
                history.renewals += 1

    def _planned(self, job: Job) -> None:
        self._jobs[job.key] = job
        if job.repairs:
            self.history.repairs += 1
        else:
            self.history.pairs += self._lines[job.batch]

    def _intended(self, fact: e.StartIntended) -> None:
        self.history.starts.made += 1
        held = self._attempts.get(fact.job)
        if held is not None and held.generation == fact.generation and held.ending == "open":
            return  # the same generation, asked for again
        attempt = Attempt(job=self._jobs[fact.job], generation=fact.generation, lane=fact.lane, begun=fact.at)
        self._attempts[fact.job] = attempt
        self.history.attempts.append(attempt)

    def _forget(self, job: JobKey) -> None:
        """A refused Start bought nothing: there was no attempt. It is among the newest, if it is there at all."""
        attempt = self._attempts.pop(job, None)
        if attempt is None or attempt.remote_id is not None:
            return
        attempts = self.history.attempts
        for place in range(len(attempts) - 1, -1, -1):
            if attempts[place] is attempt:
                del attempts[place]
                return

    def _seen(self, fact: e.StatusSeen) -> None:
        attempt = self._attempts.get(fact.job)
        if attempt is None or fact.status not in _ENDINGS:
            return
        attempt.ended, attempt.ending = fact.at, _ENDINGS[fact.status]
        if fact.fault is not None:
            attempt.code = fact.fault.code
        if fact.submitted_at is not None and fact.ended_at is not None:
            attempt.service_s = max(0.0, fact.ended_at - fact.submitted_at)

    def _troubled(self, fact: e.GenerationLost | e.CollectFailed | e.JobGivenUp | e.JobCut) -> None:
        words = {
            e.GenerationLost: "lost",
            e.CollectFailed: "output not read",
            e.JobGivenUp: "given up",
            e.JobCut: "cut in two",
        }
        self.history.troubles.append((fact.at, fact.job, f"{words[type(fact)]}: {fact.fault}"))
        attempt = self._attempts.get(fact.job)
        if attempt is None:
            return
        attempt.code = attempt.code or fact.fault.code
        if isinstance(fact, e.GenerationLost) and attempt.ended is None:
            attempt.ended, attempt.ending = fact.at, "failed"
