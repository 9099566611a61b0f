"""Worker processes for surveys, collections and merges: anyio's, which end when their parent does.

An idle worker ends at the end of its input; a busy one finishes its task first. What it does when it begins (`prepare`:
holding a lock that a later runner waits for) is the caller's to say.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import BrokenWorkerProcess, to_process

from runner.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

Prepare = Callable[[Path], None]

_prepared: set[Path] = set()
"""Directories that this worker process is prepared for."""


class WorkerPool:
    """Runs plain functions in up to `size` worker processes. Cancelling a call kills its worker."""

    def __init__(self, size: int, *, prepare: Prepare, directory: Path) -> None:
        self.size = size
        self._prepare = prepare
        self._directory = directory
        self._limiter = anyio.CapacityLimiter(size)

    async def run(self, function: Callable[[T], R], task: T) -> R:
        """The function's result, or its exception. The function, the task and the result are pickled.

        Raises UserError if the program that was started cannot be imported once more, as a worker does when it begins;
        BrokenWorkerProcess if a worker was killed.
        """
        try:
            return await to_process.run_sync(
                _work, self._prepare, self._directory, function, task, cancellable=True, limiter=self._limiter
            )
        except BrokenWorkerProcess as error:
            if not _main_fails(error):
                raise
            raise UserError(
                "a worker process could not import the program that was started",
                hint="in that file, begin what it does under `if __name__ == '__main__':`",
            ) from error


def _main_fails(error: BrokenWorkerProcess) -> bool:
    """Whether a worker could not begin for what its parent's main module raised; anyio says only that it did not."""
    unheard = (OSError, anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError)
    return bool(error.args) and error.__cause__ is not None and not isinstance(error.__cause__, unheard)


def _work(prepare: Prepare, directory: Path, function: Callable[[T], R], task: T) -> R:
    if directory not in _prepared:
        # Ctrl-C reaches the whole process group; what it means is the parent's decision.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prepare(directory)
        _prepared.add(directory)
    return function(task)
