"""When to look at an operation's jobs: one List for all of them, on a time grid, so that looks coalesce.

A remote job takes minutes (COMPREHEND.md section 5.1: 367, 487 or 607 s), and a missing permission shows after a dozen
seconds; so there is one early look, and then few: each halves the time until the job is predicted to end, so that a
wrong prediction costs little, and one comes just after that end. From then on they come at short intervals, and rarer
at a job that is long overdue. A job for which others wait is looked at as soon as it can have shown anything. Jobs on
an endpoint of one's own take as long as their text does, and a look costs nothing: looks begin soon and become rarer
with the job's age.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from runner.core.retry import CALLS, LOCAL_CALLS, Policy
from runner.model import LaneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times by which one kind of lane is watched; seconds."""

    early_s: float
    """Age of a job at its first look."""
    quiet_until_s: float
    """No look between the first and this age."""
    by_prediction: bool
    """Whether looks are timed by when a job is predicted to end."""
    grid_s: float
    """Looks fall on multiples of this, but for those at a job that goes alone."""
    gap_min_s: float
    growth: float
    """After the quiet time, the gap to the next look is at least this share of the job's age."""
    gap_max_s: float
    grace_s: float
    """How long an unanswered Start may take to show up under List or in S3."""
    permission_s: float
    """A job that is at work at this age has the permissions that it needs."""
    full_s: float
    """How long to wait after the service has said that there is no slot; doubled a few times."""
    missing_max: int
    """Sweeps in a row that do not show a job, before it is looked at by itself."""
    calls: Policy


TIMINGS: Final[dict[LaneKind, Timing]] = {
    "aws": Timing(
        early_s=20.0,
        quiet_until_s=330.0,
        by_prediction=True,
        grid_s=5.0,
        gap_min_s=15.0,
        growth=0.02,
        gap_max_s=60.0,
        grace_s=60.0,
        permission_s=16.0,
        full_s=30.0,
        missing_max=3,
        calls=CALLS,
    ),
    "url": Timing(
        early_s=0.25,
        quiet_until_s=0.25,
        by_prediction=False,
        grid_s=0.25,
        gap_min_s=0.25,
        growth=0.1,
        gap_max_s=15.0,
        grace_s=2.0,
        permission_s=0.25,
        full_s=5.0,
        missing_max=3,
        calls=CALLS,
    ),
    "embedded": Timing(
        early_s=0.05,
        quiet_until_s=0.05,
        by_prediction=False,
        grid_s=0.05,
        gap_min_s=0.05,
        growth=0.1,
        gap_max_s=1.0,
        grace_s=0.5,
        permission_s=0.0,
        full_s=1.0,
        missing_max=3,
        calls=LOCAL_CALLS,
    ),
}


END_MARGIN_S: Final = 1.0
"""How long after its predicted end a job is looked at: ends differ by a second or two, and so do clocks."""
PROOF_MARGIN_S: Final = 0.5
"""How long after the age at which it can have shown that its lane is in order a job is looked at."""


def next_look(
    timing: Timing, *, accepted_at: float, looked_at: float, predicted_s: float = 0.0, probing: bool = False
) -> float:
    """When a job accepted then and last looked at then (or `-inf`) wants its next look.

    `probing`: other jobs wait for it to show that its lane is in order.
    """
    if probing:
        proof = accepted_at + timing.permission_s + PROOF_MARGIN_S
        return proof if looked_at < proof else _on_grid(looked_at + timing.grid_s, timing.grid_s)
    early = accepted_at + timing.early_s
    if looked_at < accepted_at + timing.permission_s:
        return _on_grid(early, timing.gap_min_s)
    gap = min(timing.gap_max_s, max(timing.gap_min_s, (looked_at - accepted_at) * timing.growth))
    at = _on_grid(max(accepted_at + timing.quiet_until_s, looked_at + gap), timing.grid_s)
    end = _on_grid(accepted_at + predicted_s + END_MARGIN_S, timing.grid_s)
    if not timing.by_prediction or looked_at >= end:
        return at
    return min(end, max(at, _on_grid((looked_at + end) / 2, timing.grid_s)))


def _on_grid(at: float, grid_s: float) -> float:
    return ceil(at / grid_s - 1e-9) * grid_s
