"""Stopping from outside: signals, a deadline, and a request to cancel.

The first SIGINT, SIGTERM or SIGHUP halts: nothing more is started, what is in hand is finished, remote jobs run on. A
second one ends the process on the spot, which is safe too: every promise holds through a kill.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio

from runner.core import events as e
from runner.engine.driver import Driver
from runner.errors import EXIT_INTERRUPTED

CANCEL_NAME: Final = "cancel"
"""A file of this name in a run directory asks the runner there to cancel."""
CANCEL_POLL_S: Final = 0.5

Say = Callable[[str], None]


async def halt_on_signal(driver: Driver, say: Say) -> None:
    """Halt the driver at the first signal; end the process at the second."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
        async for number in received:
            if driver.halted is not None:
                os._exit(EXIT_INTERRUPTED)
            say(f"{number.name}: finishing what is in hand; remote jobs run on. Once more ends at once, safely too.")
            driver.halt("interrupted")


async def halt_at_deadline(driver: Driver, seconds: float) -> None:
    """Halt the driver after some seconds (`--for`)."""
    await anyio.sleep(seconds)
    driver.halt("deadline")


async def watch_for_cancel(driver: Driver, directory: Path, now: Callable[[], float]) -> None:
    """Tell the driver once somebody asks for a cancel."""
    request = directory / CANCEL_NAME
    while True:
        if _take(request):
            driver.tell(e.CancelAsked(at=now()))
        await anyio.sleep(CANCEL_POLL_S)


def ask_for_cancel(directory: Path) -> None:
    """Ask the runner that holds a directory to cancel."""
    (directory / CANCEL_NAME).touch(mode=0o600)


def _take(request: Path) -> bool:
    with suppress(FileNotFoundError):
        request.unlink()
        return True
    return False
