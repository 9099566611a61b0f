"""The embedded lane's endpoint: a child process with its data under the run directory.

The child ends when its stdin closes, so it never outlives this process, whatever ends it. If it dies by itself it is
started again on the same port with the same data: its jobs go on, and calls in between are refused connections.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from runner.errors import MachineError

START_TIMEOUT_S: Final = 40.0
"""Longer than the child waits for its data directory's lock."""
RESTARTS_MAX: Final = 5
READY_BYTES_MAX: Final = 1_000_000


class Ready(msgspec.Struct, frozen=True):
    """The child's first line."""

    endpoint_url: str
    incarnation: str
    analyzers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """How an embedded endpoint is started."""

    data_dir: Path
    workers: int
    analyzers: str = "default"
    extra: tuple[str, ...] = ()


@asynccontextmanager
async def embedded_endpoint(options: EmbeddedOptions) -> AsyncIterator[Ready]:
    """A running endpoint for as long as the block lasts. Raises MachineError if it cannot be started."""
    async with anyio.create_task_group() as tasks:
        child = _Child(options)
        ready = await child.start(port=0)
        tasks.start_soon(child.keep_alive, ready)
        try:
            yield ready
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await child.stop()


class _Child:
    def __init__(self, options: EmbeddedOptions) -> None:
        self._options = options
        self._process: Process | None = None

    async def start(self, *, port: int) -> Ready:
        """Start the process and wait for its first line. One that is killed meanwhile is started once more."""
        log = self._options.data_dir.parent / "endpoint.log"
        self._options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        ready = await self._launch(port, log)
        if ready is None and (self._returncode or 0) < 0:
            ready = await self._launch(port, log)
        if ready is None:
            raise self._did_not_start(log)
        return ready

    async def _launch(self, port: int, log: Path) -> Ready | None:
        with log.open("ab") as stderr:
            # A session of its own: Ctrl-C at the terminal is the parent's to answer.
            self._process = await anyio.open_process(
                self._command(port), stderr=stderr.fileno(), start_new_session=True
            )
        assert self._process.stdout is not None
        try:
            with anyio.fail_after(START_TIMEOUT_S):
                line = await BufferedByteReceiveStream(self._process.stdout).receive_until(b"\n", READY_BYTES_MAX)
            return msgspec.json.decode(line, type=Ready)
        except (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead, msgspec.DecodeError):
            await self.stop()
            return None

    @property
    def _returncode(self) -> int | None:
        return self._process.returncode if self._process is not None else None

    def _did_not_start(self, log: Path) -> MachineError:
        words = _last_line(log)
        hint = f"{log} may say more; then run again"
        if "No module named" in words:
            hint = "install the local extra: pip install 'comprehend-runner[local]'"
        return MachineError(f"the embedded endpoint did not start (exit code {self._returncode}): {words}", hint=hint)

    def _command(self, port: int) -> list[str]:
        options = self._options
        return [
            sys.executable,
            "-m",
            "runner.endpoint",
            "--data-dir",
            str(options.data_dir),
            "--port",
            str(port),
            "--workers",
            str(options.workers),
            "--analyzers",
            options.analyzers,
            "--exit-with-stdin",
            *options.extra,
        ]

    async def keep_alive(self, ready: Ready) -> None:
        port = int(ready.endpoint_url.rstrip("/").rpartition(":")[2])
        for _ in range(RESTARTS_MAX):
            assert self._process is not None
            await self._process.wait()
            await self._process.aclose()
            await self.start(port=port)
        # It dies again and again: calls are refused from here on, and the run parks what it cannot do.

    async def stop(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            await self._process.stdin.aclose()
        with anyio.move_on_after(5.0):
            await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.aclose()


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it wrote no log"
    return lines[-1] if lines else "it said nothing"
