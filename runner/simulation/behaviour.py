"""How a simulated service behaves, and the books it keeps: plain values, no clock and no calls."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, Literal

from runner.model import Fault, JobStatus, Quotas, RemoteId, StartRequest

Call = Literal["Start", "Read", "Stop"]
SLOTS_UNLIMITED: Final = 1_000_000
STOPPING_S: Final = 5.0
"""How long a job takes to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the simulated service behaves. Shares are probabilities per call or per job; times are seconds.

    Times of day (`denied_until`, `outages`) are by the service's clock.
    """

    slots: int = 10
    quotas: Quotas | None = None
    """Slots and calls per second of each operation; None: of all alike, as `slots` and the rates say."""
    workers: int | None = None
    """Processes that all jobs share, first come, first served (an endpoint of one's own); None: jobs run at once."""
    start_per_s: float | None = 1.0
    read_per_s: float | None = 10.0
    stop_per_s: float | None = 1.0
    startup_s: float = 367.0
    steps_max: int = 2
    """A job takes up to so many steps of `STEP_S` more than its start-up."""
    latency_s: float = 0.2
    tokens: Literal["honoured", "ignored", "expiring"] = "honoured"
    """`expiring`: forgotten after `token_life_s`."""
    token_life_s: float = 600.0
    list_lag_s: float = 0.0
    """How long a new job stays out of List."""
    write_checks: bool = True
    """Whether an accepted job soon leaves a mark under its output prefix."""
    lost_answers: float = 0.0
    """Starts that are carried out and whose answer is lost."""
    lost_calls: float = 0.0
    """Starts that are lost before they are carried out, and nobody knows."""
    late_calls: float = 0.0
    """Starts that time out for the caller and are carried out up to `late_s` later all the same."""
    late_s: float = 20.0
    throttles: float = 0.0
    read_faults: float = 0.0
    failing: float = 0.0
    """Generations that end as FAILED, for a passing reason."""
    stuck: float = 0.0
    """Generations that take many times as long."""
    denied_until: float = 0.0
    """Starts are refused for want of permission until then."""
    unreadable_until: float = 0.0
    """Jobs accepted until then fail after some seconds: their role may not read the input."""
    outages: tuple[tuple[float, float], ...] = ()
    strangers: int = 0
    """Slots that another user of the account occupies, every other quarter of an hour."""
    stranger_starts_s: float | None = None
    """Another user of the account makes a Start call each so many seconds."""
    page_jobs: int = 500
    """Jobs on one page of a List."""

    def slots_of(self, operation: str) -> int:
        """How many jobs of an operation may be active."""
        limit = self.slots if self.quotas is None else self.quotas.active_jobs.of(operation)
        return SLOTS_UNLIMITED if limit is None else int(limit)

    def per_s(self, call: Call, operation: str) -> float | None:
        """How many calls a second are let in; List and Describe share a quota."""
        if self.quotas is None:
            return {"Start": self.start_per_s, "Read": self.read_per_s, "Stop": self.stop_per_s}[call]
        limits = {"Start": self.quotas.start_per_s, "Read": self.quotas.read_per_s, "Stop": self.quotas.stop_per_s}
        return limits[call].of(operation)


@dataclass(slots=True)
class SimulatedJob:
    """One job in the service's own books."""

    remote_id: RemoteId
    operation: str
    request: StartRequest
    submitted_at: float
    ends_at: float
    fault: Fault | None = None
    """Why it will fail."""
    stopped_at: float | None = None

    @property
    def over_at(self) -> float:
        """When it is over: at its end, or some seconds after it was stopped."""
        if self.stopped_at is None:
            return self.ends_at
        return min(self.ends_at, self.stopped_at + STOPPING_S)

    def status(self, now: float) -> JobStatus:
        """Its status at a time."""
        if now >= self.over_at:
            if self.over_at < self.ends_at:
                return JobStatus.STOPPED
            return JobStatus.FAILED if self.fault else JobStatus.COMPLETED
        if self.stopped_at is not None:
            return JobStatus.STOP_REQUESTED
        return JobStatus.SUBMITTED if now < self.submitted_at + 10.0 else JobStatus.IN_PROGRESS

    def done(self, now: float) -> float:
        """The share of its documents that it has written."""
        return min(1.0, (min(now, self.over_at) - self.submitted_at) / (self.ends_at - self.submitted_at))


class Workers:
    """Processes that carry jobs out one by one."""

    def __init__(self, count: int) -> None:
        self._free_at = [0.0] * count

    def over_at(self, now: float, seconds: float) -> float:
        """When a job is over that arrives now and needs so many seconds of one process."""
        end = max(now, self._free_at[0]) + seconds
        heapq.heapreplace(self._free_at, end)
        return end


@dataclass(slots=True)
class Accounts:
    """What the service saw of its clients, for checkers."""

    arrivals: dict[str, list[float]] = field(default_factory=dict)
    """Call -> when calls of it arrived, whatever became of them. List and Describe share a quota: `Read/…`."""
    over_slots: int = 0
    """New jobs refused for want of a slot while ours alone held them all, or strangers had not moved for a while."""
    late: int = 0
    """Starts carried out after their caller had given up."""

    def note(self, call: str, now: float) -> None:
        """A call arrived."""
        self.arrivals.setdefault(call, []).append(now)

    def busiest(self, call: str, window_s: float) -> int:
        """The most calls that ever arrived within a window."""
        times = self.arrivals.get(call, [])
        return max((place - bisect_left(times, at - window_s + 1e-9) + 1 for place, at in enumerate(times)), default=0)
