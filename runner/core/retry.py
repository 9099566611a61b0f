"""Whether and when to try again: policies are data, the decision is a value.

Delays double up to a cap and carry *full* jitter that is applied after the cap, so that at the ceiling callers still
spread. The jitter is derived from what is retried, never drawn: a replay decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runner.model import unit_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds of a series of attempts; seconds."""

    base_s: float
    cap_s: float
    attempts_max: int
    elapsed_max_s: float


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again, not before this time (run clock)."""

    at: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No further attempt."""

    reason: str


Decision = RetryAt | Exhausted

CALLS: Final = Policy(base_s=1.0, cap_s=60.0, attempts_max=40, elapsed_max_s=1_800.0)
"""Calls to a remote service: half an hour of an outage is lived through, a longer one parks the work."""
LOCAL_CALLS: Final = Policy(base_s=0.1, cap_s=2.0, attempts_max=60, elapsed_max_s=60.0)
"""Calls to an endpoint on this machine: it is back within seconds, or not at all."""
GENERATIONS: Final = Policy(base_s=5.0, cap_s=300.0, attempts_max=3, elapsed_max_s=float("inf"))
"""Generations of one job: a job that fails three times for a passing reason is given up."""
OUTPUTS: Final = Policy(base_s=1.0, cap_s=30.0, attempts_max=3, elapsed_max_s=float("inf"))
"""Readings of one output that is not what it should be, before the generation itself is doubted."""


def decide(policy: Policy, *, failures: int, first_at: float, now: float, seed: tuple[object, ...]) -> Decision:
    """What to do after the `failures`-th failure in a row, the first of which was at `first_at`."""
    if failures >= policy.attempts_max:
        return Exhausted(f"{failures} attempts")
    if now - first_at >= policy.elapsed_max_s:
        return Exhausted(f"{policy.elapsed_max_s:g} s")
    return RetryAt(now + backoff(policy, failures, seed))


def backoff(policy: Policy, failures: int, seed: tuple[object, ...]) -> float:
    """Seconds to wait after the `failures`-th failure: between half and all of the doubled, capped base."""
    ceiling = min(policy.cap_s, policy.base_s * 2.0 ** min(failures - 1, 30))
    return ceiling * (0.5 + 0.5 * unit_interval("backoff", failures, *seed))
