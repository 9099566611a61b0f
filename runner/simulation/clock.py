"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing can run.

Everything that sleeps by anyio sleeps here, so that the scheduler's own loop is what is simulated, and days pass in
seconds. Tasks run in the order in which they became ready: the same work tells the same story. Where other orders are
to be tried, a seed lets some timers go off a moment late, so that what would happen at once happens in another order.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from math import ulp
from typing import Final, TypeVar, TypeVarTuple

import anyio

from runner.errors import InternalError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RESOLUTION_S: Final = 1e-9
LATE_S: Final = 1e-6
"""How much later than asked for a timer may go off: less than any time that means something."""


class _Jumping(selectors.SelectSelector):
    """Waits for nothing, and looks at no file: what it is asked to wait is added to `elapsed`."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise InternalError("the simulation waits for something that nobody will do")
        self.elapsed += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time; it begins at zero. No sockets, threads or processes may be waited for.

    With a `seed`, every other timer, drawn from it, goes off a moment late.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._jumping = _Jumping()
        self._draw = None if seed is None else random.Random(seed)  # noqa: S311 - an order of tasks, no secret
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.elapsed

    @property
    def _clock_resolution(self) -> float:
        """By how much later than now a timer must be to wait, in asyncio's loop.

        A timer of this very moment must not: so never less than what makes a difference to the clock, which after a
        hundred days is more than a nanosecond.
        """
        return max(RESOLUTION_S, ulp(self._jumping.elapsed))

    @_clock_resolution.setter
    def _clock_resolution(self, _: float) -> None:
        """That of the machine's clock, which is of no account here."""

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a time, or a moment later."""
        late = self._draw is not None and self._draw.random() < 0.5
        return super().call_at(when + LATE_S if late else when, callback, *args, context=context)


def virtual_now() -> float:
    """The virtual seconds of the loop that runs: what `anyio.current_time` says, in a tenth of the time."""
    return asyncio.get_running_loop().time()


def run_virtually(main: Callable[[], Awaitable[T]], *, seed: int | None = None) -> T:
    """Run an async function to its end in virtual time. Raises InternalError if it would wait for ever."""
    return anyio.run(main, backend="asyncio", backend_options={"loop_factory": partial(VirtualLoop, seed)})
