"""How fast one API operation may be called on one lane: an even pace (GCRA with a burst of one), set by feedback.

Quotas of one call per second leave no room for bursts, and other clients of the account share them; so calls are
spaced. A throttle halves the pace, once per burst of errors; calls that succeed although the pace held them up raise it
again by a fifth, as does time. The pace never falls far below the quota: another client takes its share whatever ours
is, so that its calls would push ours down for ever. Changes are facts (`PaceChanged`), so that a new process goes on
with what was learnt. Time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runner.core.retry import CALLS, backoff

MARGIN: Final = 1.02
"""Calls are spaced a little wider than the quota, since what leaves evenly does not arrive evenly."""
BURST_WINDOW_S: Final = 2.0
"""Throttles closer together than this are one burst: answers to calls already under way."""
CLIMB_AFTER: Final = 2
"""Successes since the last change, before a pace that held calls up is raised."""
CLIMB_S: Final = 5.0
"""How long a pace stands before it is raised."""
CLIMB_BY: Final = 1.2
FORGIVE_S: Final = 60.0
"""After so long without a change a success raises the pace, whether it held anything up or not."""
REMEMBER_S: Final = 900.0
"""A process that opens later than this after the last change begins with the full pace."""
SLOW_CEILING: Final = 1.0
FLOOR_SHARE_SLOW: Final = 1 / 4
"""The least pace as a share of the quota, where that is `SLOW_CEILING` a second or less."""
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
    changed_at: float = float("-inf")
    halved_at: float = float("-inf")
    throttles: int = 0
    """In a row."""
    successes: int = 0
    """Since the last change."""
    held: bool = False
    """Whether the last call was made as soon as the pace let it."""

    def __post_init__(self) -> None:
        self.rate = self.ceiling

    @property
    def interval_s(self) -> float:
        """Seconds between two calls."""
        return 0.0 if self.rate is None else MARGIN / self.rate

    @property
    def top(self) -> float:
        """The rate above which it is not paced any further."""
        return UNPACED_CEILING if self.ceiling is None else self.ceiling

    @property
    def floor(self) -> float:
        """The rate below which it is not slowed down."""
        return self.top * (FLOOR_SHARE_SLOW if self.top <= SLOW_CEILING else FLOOR_SHARE)

    def ready_at(self) -> float:
        """The earliest time of the next call."""
        return self.free_at

    def spend(self, now: float) -> None:
        """A call is made now."""
        self.held = now - self.free_at <= self.interval_s
        self.free_at = max(now, self.free_at) + self.interval_s

    def begin(self, now: float) -> None:
        """Begin anew, as if a call had just been made: a process that ended a moment ago may have made one."""
        if now - self.changed_at > REMEMBER_S:
            self.rate = self.ceiling
        self.throttles = self.successes = 0
        self.held = False
        self.free_at = now
        self.spend(now)

    def after_success(self, now: float) -> float | None:
        """The rate that follows from a call that was answered without a throttle."""
        if self.rate is None or self.rate == self.ceiling:
            return self.rate
        stood_s = now - self.changed_at
        limiting = self.held and self.successes + 1 >= CLIMB_AFTER and stood_s >= CLIMB_S
        if not limiting and stood_s < FORGIVE_S:
            return self.rate
        faster = self.rate * CLIMB_BY
        return self.ceiling if faster >= self.top else faster

    def after_throttle(self, now: float) -> float | None:
        """The rate that follows from a call that was refused as one too many."""
        if now - self.halved_at < BURST_WINDOW_S:
            return self.rate
        return max(self.floor, (self.top if self.rate is None else self.rate) / 2)

    def change(self, rate: float | None, now: float) -> None:
        """The rate has changed."""
        slower = rate is not None and (self.rate is None or rate < self.rate)
        self.rate = rate if self.ceiling is None or rate is None else min(rate, self.ceiling)
        self.changed_at = now
        self.successes = 0
        if slower:
            self.halved_at = now

    def succeeded(self) -> None:
        """A call was answered without a throttle."""
        self.throttles = 0
        self.successes += 1

    def throttled(self, now: float) -> None:
        """A call was refused as one too many: the next waits, longer each time in a row."""
        self.throttles += 1
        self.free_at = max(self.free_at, now + backoff(CALLS, self.throttles, (self.seed, self.throttles)))
