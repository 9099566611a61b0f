"""What the rules that hit a request do to it: delays, broken connections, halves of answers.

Refusals are raised in the form of the service at hand, which `app.py` gives. Knows nothing of services.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from runner.endpoint.effects import EFFECTS

if TYPE_CHECKING:
    from runner.endpoint.faults import Rule

__all__ = ["Answer", "Hampering", "hampering", "with_faults"]

Answer = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Hampering:
    """How bodies are to travel: at so many bytes a second, and of the answer's only this share."""

    bytes_per_s: float | None = None
    share: float | None = None

    async def pause(self, size: int) -> None:
        """Take the time that so many bytes take."""
        if self.bytes_per_s is not None:
            await asyncio.sleep(size / self.bytes_per_s)


_FREE: Final = Hampering()
_hampering: ContextVar[Hampering] = ContextVar("hampering", default=_FREE)


def hampering() -> Hampering | None:
    """What hampers the request at hand; None where nothing does."""
    current = _hampering.get()
    return None if current is _FREE else current


_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST
_REFUSED_S: Final = 1.0


async def with_faults(
    request: web.BaseRequest,
    hits: list[Rule],
    answer: Answer,
    *,
    refuse: Callable[[Rule], Exception],
    shut: Callable[[float], Awaitable[None]],
) -> web.StreamResponse:
    """Carry out a request as the rules that hit it will have it; `shut` closes the door for so many seconds."""
    if not hits:
        return await answer()
    before = _hampering.set(_FREE)
    try:
        return await _hit(request, hits, answer, refuse, shut)
    finally:
        _hampering.reset(before)


async def _hit(
    request: web.BaseRequest,
    hits: list[Rule],
    answer: Answer,
    refuse: Callable[[Rule], Exception],
    shut: Callable[[float], Awaitable[None]],
) -> web.StreamResponse:
    lost = False
    for rule in hits:
        if EFFECTS[rule.do].refuses or rule.do == "error":
            raise refuse(rule)
        match rule.do:
            case "delay":
                await asyncio.sleep(rule.delay_s)
            case "slow":
                _hampering.set(replace(_hampering.get(), bytes_per_s=rule.bytes_per_s))
            case "answer_cut":
                _hampering.set(replace(_hampering.get(), share=rule.share))
            case "drop":
                return _broken(request)
            case "reset":
                return _broken(request, reset=True)
            case "refuse":
                await shut(_REFUSED_S if rule.for_s is None else rule.for_s)
                return _broken(request, reset=True)
            case _:
                lost = True
    response = await answer()
    if lost:
        return _broken(request)
    share = _hampering.get().share
    return response if share is None or response.prepared else await _cut_short(request, response, share)


async def _cut_short(request: web.BaseRequest, response: web.StreamResponse, share: float) -> web.StreamResponse:
    """Send an answer's head and the share of its body that the rule leaves, then nothing more."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: int(len(body) * share)])
    if request.transport is not None:
        request.transport.close()  # after what was written
    return partial


def _broken(request: web.BaseRequest, *, reset: bool = False) -> web.Response:
    transport = request.transport
    if transport is not None:
        if reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()
