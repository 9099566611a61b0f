"""The run clock: seconds since the epoch that never run backwards, over resumes too.

Monotonic clocks do not survive a restart, wall clocks jump. So a process begins at the later of the wall clock and the
last journalled time, and goes on by the monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class RunClock:
    """`now()` is at least `last_at`, and grows by the monotonic seconds since it was made."""

    def __init__(
        self,
        last_at: float | None = None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._offset = max(last_at or 0.0, wall()) - monotonic()

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._offset + self._monotonic()
