"""The socket: opened, shut for a while where a fault wants that, closed.

Owns the HTTP server. Knows nothing of what answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from runner.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from runner.endpoint.settings import EndpointSettings

__all__ = ["Socket"]

_SHUTDOWN_S: Final = 2.0  # for requests in hand
_KEEPALIVE_S: Final = 300.0  # longer than any client's: it is the client who lets an idle connection go
_READ_BUFFER: Final = 1024 * 1024
_BACKLOG: Final = 1024


class Socket:
    """Where an endpoint listens."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._host, self._port = settings.host, settings.port
        self._reopening: asyncio.Task[None] | None = None

    async def open(
        self, stack: AsyncExitStack, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    ) -> int:
        """Listen until `stack` closes; the port. MachineError if it cannot be listened on."""
        server = web.Server(
            handle, access_log=None, logger=_http_log(), keepalive_timeout=_KEEPALIVE_S, read_bufsize=_READ_BUFFER
        )
        self._http = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await self._http.setup()
        stack.push_async_callback(self._close)
        try:
            await self._listen()
        except OSError as error:
            raise MachineError(
                f"{self._host}:{self._port} cannot be listened on: {os.strerror(error.errno or 0)}",
                hint="choose another --port, or 0 for any free one",
            ) from error
        self._port = int(self._http.addresses[0][1])
        return self._port

    async def shut(self, seconds: float) -> None:
        """Refuse connections for so long, and break those that there are."""
        if self._reopening is not None and not self._reopening.done():
            return
        await self._site.stop()
        assert self._http.server is not None
        for connection in self._http.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        self._reopening = asyncio.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._http, self._host, self._port, backlog=_BACKLOG)
        await self._site.start()

    async def _close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.gather(self._reopening, return_exceptions=True)
        await self._http.cleanup()


def _http_log() -> logging.Logger:
    """The HTTP server's log without its tracebacks: what a malformed request holds may be a document."""
    log = logging.getLogger(f"{__name__}.http")
    log.addFilter(_without_traceback)
    return log


def _without_traceback(record: Any) -> bool:
    record.exc_info = None
    record.exc_text = None
    return True
