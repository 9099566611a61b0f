"""How fast one API operation may be called on one lane: an even pace (GCRA with a burst of one), set by feedback.

Quotas of one call per second leave no room for bursts, and two clients of one account share them; so calls are
spaced, and a throttle halves the pace (at most once per burst of errors), which climbs again by a fifth after a run of
successes that the pace actually held up. Time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runner.core.retry import CALLS, backoff

MARGIN: Final = 1.02
"""Calls are spaced a little wider than the quota, since what leaves evenly does not arrive evenly."""
BURST_WINDOW_S: Final = 2.0
"""Throttles closer together than this are one burst: answers to calls already under way."""
CLIMB_AFTER: Final = 10
CLIMB_BY: Final = 1.2
FLOOR_SHARE: Final = 1 / 16
UNPACED_CEILING: Final = 50.0
"""Calls per second at which an unpaced operation begins to be paced once it is throttled after all."""


@dataclass(slots=True)
class Pace:
    """The pace of one operation: `ceiling` calls per second (None: unpaced), `rate` at present."""

    ceiling: float | None
    seed: str
    rate: float | None = None
    free_at: float = 0.0
    throttled_at: float = float("-inf")
    throttles: int = 0
    successes: int = 0

    def __post_init__(self) -> None:
        self.rate = self.ceiling

    @property
    def interval_s(self) -> float:
        """Seconds between two calls."""
        return 0.0 if self.rate is None else MARGIN / self.rate

    def ready_at(self) -> float:
        """The earliest time of the next call."""
        return self.free_at

    def spend(self, now: float) -> None:
        """A call is made now."""
        self.free_at = max(now, self.free_at) + self.interval_s

    def begin(self, now: float) -> None:
        """Begin anew, as if a call had just been made: a process that ended a moment ago may have made one."""
        self.rate = self.ceiling
        self.throttled_at = float("-inf")
        self.throttles = self.successes = 0
        self.free_at = now
        self.spend(now)

    def succeeded(self) -> None:
        """A call was answered without a throttle."""
        self.throttles = 0
        if self.rate is None or (self.ceiling is not None and self.rate >= self.ceiling):
            return
        self.successes += 1
        if self.successes >= CLIMB_AFTER:
            self.successes = 0
            faster = self.rate * CLIMB_BY
            if self.ceiling is None:
                self.rate = None if faster >= UNPACED_CEILING else faster
            else:
                self.rate = min(self.ceiling, faster)

    def throttled(self, now: float) -> None:
        """A call was refused as one too many."""
        self.throttles += 1
        self.successes = 0
        if now - self.throttled_at >= BURST_WINDOW_S:
            top = self.ceiling if self.ceiling is not None else UNPACED_CEILING
            self.rate = max(top * FLOOR_SHARE, (top if self.rate is None else self.rate) / 2)
            self.throttled_at = now
        self.free_at = max(self.free_at, now + backoff(CALLS, self.throttles, (self.seed, self.throttles)))
