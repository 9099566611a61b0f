"""Blocking work off the event loop, in a way that a cancelled caller may clean up after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """Call `function(*args)` in a thread.

    Unlike `asyncio.to_thread`, a cancellation is raised only once the function has returned: a thread that was
    left behind would go on writing to a descriptor that its caller has closed, and that another file now has.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:  # impatience changes nothing
                continue
        if not work.cancelled():
            work.exception()
        raise
