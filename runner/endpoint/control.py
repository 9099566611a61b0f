"""The endpoint's own routes, `/_runner/…`: what it is, and which faults are in force. Loopback peers only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from runner.endpoint.faults import FaultBook, parse_rules
from runner.endpoint.protocol import BODY_MAX
from runner.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Control"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Answers `GET /_runner/health` with `health()`, and shows and takes the rules of faults at `/_runner/faults`."""

    faults: FaultBook
    health: Callable[[], Mapping[str, Any]]

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        if not _is_local(request):
            return _json({"error": "the control routes answer to this machine only"}, 403)
        route = (request.method, request.raw_path.partition("?")[0])
        if route == ("GET", "/_runner/health"):
            return _json(self.health())
        if route == ("GET", "/_runner/faults"):
            return _json({"rules": self.faults.rules})
        if route == ("POST", "/_runner/faults"):
            return await self._replace_faults(request)
        return _json({"error": "routes: GET /_runner/health, GET and POST /_runner/faults"}, 404)

    async def _replace_faults(self, request: web.BaseRequest) -> web.Response:
        body = await request.content.read(BODY_MAX)
        try:
            rules = parse_rules(msgspec.json.decode(body or b"[]"), "the posted rules")
        except msgspec.DecodeError as error:
            return _json({"error": f"the body is not JSON: {error}"}, 400)
        except UserError as error:
            return _json({"error": error.message, "hint": error.hint}, 400)
        self.faults.replace(rules)
        return _json({"rules": len(rules)})


def _is_local(request: web.BaseRequest) -> bool:
    """Whether the peer is this machine, and asked for it by a name of this machine (no rebound domain)."""
    peer = request.remote
    host = request.headers.get("Host", "").rpartition(":")[0].strip("[]") or request.headers.get("Host", "")
    try:
        return (
            peer is not None and ip_address(peer).is_loopback and (host == "localhost" or ip_address(host).is_loopback)
        )
    except ValueError:
        return False


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
