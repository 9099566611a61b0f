"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing can run.

Everything that sleeps by anyio sleeps here, so that the scheduler's own loop is what is simulated, and days pass in
seconds. Tasks run in the order in which they became ready, and nothing is drawn: the same work tells the same story.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from runner.errors import InternalError

T = TypeVar("T")


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
    """An asyncio loop in virtual time; it begins at zero. No sockets, threads or processes may be waited for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.elapsed


def run_virtually(main: Callable[[], Awaitable[T]]) -> T:
    """Run an async function to its end in virtual time. Raises InternalError if it would wait for ever."""
    return anyio.run(main, backend="asyncio", backend_options={"loop_factory": VirtualLoop})
