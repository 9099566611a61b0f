"""Worker processes: started when first needed, one share at a time each, replaced when they die.

Owns the processes and their pipes. Knows nothing of jobs, files or rows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

import runner
from runner.endpoint.worker import LENGTH_BYTES, Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.endpoint.rows import Share

__all__ = ["WORKER_COMMAND", "WorkerDiedError", "WorkerPool"]

WORKER_COMMAND: Final = (sys.executable, "-m", "runner.endpoint.worker")
ATTEMPTS: Final = 3  # for a share whose worker dies: once may be the machine's fault, three times is the share's
_GOODBYE_S: Final = 2.0

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Answer).decode
_log = logging.getLogger(__name__)


class WorkerDiedError(Exception):
    """Every worker that was given this share died of it."""


@dataclass(eq=False, slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    families: set[str] = field(default_factory=set)


class WorkerPool:
    """At most `size` worker processes, each started as `command`; `close` ends them."""

    def __init__(self, size: int, command: Sequence[str] = WORKER_COMMAND) -> None:
        self.size = size
        self._command = command
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._turn = asyncio.Semaphore(size)
        self._exchanges: set[asyncio.Task[Answer]] = set()

    async def run(self, share: Share) -> Answer:
        """Have one share carried out, in turn; raises WorkerDiedError after `ATTEMPTS` dead workers.

        Cancelling it leaves the worker to finish by itself: its answer belongs to nobody.
        """
        exchange = asyncio.create_task(self._run(share.family, _encode(share)))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._forget)
        return await asyncio.shield(exchange)

    async def close(self) -> None:
        """End all workers, idle or not."""
        for exchange in self._exchanges:
            exchange.cancel()
        await asyncio.gather(*self._exchanges, return_exceptions=True)
        await asyncio.gather(*(_end(worker.process) for worker in self._workers))
        self._workers.clear()

    async def _run(self, family: str, message: bytes) -> Answer:
        async with self._turn:
            for _ in range(ATTEMPTS):
                worker = self._take(family) or await self._start()
                try:
                    answer = await _exchange(worker.process, message)
                except (OSError, EOFError):
                    self._workers.discard(worker)
                    await _end(worker.process)
                    _log.warning("worker.died pid=%d returncode=%s", worker.process.pid, worker.process.returncode)
                    continue
                worker.families.add(family)
                self._idle.append(worker)
                return answer
            raise WorkerDiedError(f"{ATTEMPTS} workers died")

    def _take(self, family: str) -> _Worker | None:
        """An idle worker, if possible one that has loaded what this family needs: loading takes a second."""
        for worker in reversed(self._idle):
            if family in worker.families:
                self._idle.remove(worker)
                return worker
        return self._idle.pop() if self._idle else None

    async def _start(self) -> _Worker:
        home = str(Path(runner.__file__).parent.parent)
        known = os.environ.get("PYTHONPATH")
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": f"{home}{os.pathsep}{known}" if known else home,
                "PYTHONWARNINGS": "ignore",
                # A worker has one core, and the same sums in the same order give the same digits.
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
        )
        worker = _Worker(process)
        self._workers.add(worker)
        return worker

    def _forget(self, exchange: asyncio.Task[Answer]) -> None:
        self._exchanges.discard(exchange)
        if not exchange.cancelled():
            exchange.exception()  # seen, also when whoever asked is gone


async def _exchange(process: asyncio.subprocess.Process, message: bytes) -> Answer:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
    await process.stdin.drain()
    head = await process.stdout.readexactly(LENGTH_BYTES)
    return _decode(await process.stdout.readexactly(int.from_bytes(head, "big")))


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _GOODBYE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
