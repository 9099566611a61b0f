"""Calls per second: one bucket per key, as a theoretical arrival time; time is an argument."""

from __future__ import annotations

__all__ = ["RateLimiter"]


class RateLimiter:
    """At most `per_s` calls a second for each key, in bursts of at most a second's worth."""

    def __init__(self, per_s: float | None) -> None:
        self._interval = None if per_s is None else 1.0 / per_s
        self._tolerance = 0.0 if per_s is None else max(0.0, 1.0 - 1.0 / per_s)
        self._arrivals: dict[str, float] = {}

    def admit(self, key: str, now: float) -> bool:
        """Whether a call at `now` (seconds, never backwards) is within the rate; refused calls cost nothing."""
        if self._interval is None:
            return True
        arrival = max(now, self._arrivals.get(key, 0.0))
        if arrival - now > self._tolerance + 1e-9:
            return False
        self._arrivals[key] = arrival + self._interval
        return True
