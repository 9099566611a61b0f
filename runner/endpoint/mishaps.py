"""What the rules that hit a request do to it: delays, broken connections, halves of answers.

Refusals are raised in the form of the service at hand, which `app.py` gives. Knows nothing of services.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from runner.endpoint.effects import EFFECTS

if TYPE_CHECKING:
    from runner.endpoint.faults import Rule

__all__ = ["CUT", "PACE", "Answer", "cut_short", "with_faults"]

Answer = Callable[[], Awaitable[web.StreamResponse]]

PACE: Final = "runner.pace"
"""Key of a request whose bodies are to go at this many bytes a second."""
CUT: Final = "runner.cut"
"""Key of a request of whose answer's body only this share is to go out."""

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
    lost = False
    for rule in hits:
        if EFFECTS[rule.do].refuses or rule.do == "error":
            raise refuse(rule)
        match rule.do:
            case "delay":
                await asyncio.sleep(rule.delay_s)
            case "slow":
                request[PACE] = rule.bytes_per_s
            case "answer_cut":
                request[CUT] = rule.share
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
    if CUT in request and not response.prepared:
        return await cut_short(request, response)
    return response


async def cut_short(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """Send an answer's head and the share of its body that the rule leaves, then nothing more."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: int(len(body) * request[CUT])])
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
