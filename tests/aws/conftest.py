"""A lane whose service is scripted: what the tests of this room speak to.

`ScriptedService` is a real HTTP server on loopback. Each request takes the next answer of its script and is recorded.
It knows nothing of Comprehend: what it answers is what the test wrote, down to the dropped connection.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.model import LaneSpec

ROLE = "arn:aws:iam::123456789012:role/ComprehendAccess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the next request gets. `reset` and `close` end the connection instead, `hang` never answers at all."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    instead: Literal["reset", "close", "hang", "half"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    operation: str | None
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedService:
    """Answers as it was told to, in order, and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self._script: deque[Answer] = deque()
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def answer(self, body: Any = None, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer a request with JSON (a dict), or with the bytes or text given."""
        raw = (
            body
            if isinstance(body, bytes)
            else body.encode()
            if isinstance(body, str)
            else json.dumps(body or {}).encode()
        )
        self._script.append(Answer(status=status, body=raw, headers=headers or {}))

    def refuse(self, code: str, message: str = "no", *, status: int = 400, **members: Any) -> None:
        """Answer a request with an error of the JSON protocol."""
        self.answer({"__type": code, "Message": message, **members}, status=status)

    def instead(self, what: Literal["reset", "close", "hang", "half"]) -> None:
        """Read a request, then do this instead of answering."""
        self._script.append(Answer(instead=what))

    def forget(self) -> None:
        """Begin anew: no script, no requests."""
        self.requests.clear()
        self._script.clear()

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        self._released.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        target = request.headers.get("X-Amz-Target")
        self.requests.append(
            Request(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                operation=target.partition(".")[2] if target else None,
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        if not self._script:
            return web.Response(status=418, text="the script is at its end")
        answer = self._script.popleft()
        match answer.instead:
            case "reset":
                assert request.transport is not None
                request.transport.abort()
            case "close":
                assert request.transport is not None
                request.transport.close()
            case "hang":
                await self._released.wait()
            case "half":
                half = web.StreamResponse(headers={"Content-Length": "1000"})
                await half.prepare(request)
                await half.write(b"{")
                assert request.transport is not None
                request.transport.close()
                return half
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def lane_at(url: str) -> LaneSpec:
    return LaneSpec(name="home", kind="embedded", url=url, staging="s3://staging/runs/", data_access_role=ROLE)


@asynccontextmanager
async def serving() -> AsyncIterator[ScriptedService]:
    scripted = ScriptedService()
    await scripted.start()
    try:
        yield scripted
    finally:
        await scripted.stop()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """aioboto3 needs asyncio underneath."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the developer's own AWS configuration reaches a test, and no instance metadata is asked for."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws_config() -> Callable[..., None]:
    """Write the AWS config and credentials files that this test's lanes see."""

    def write(*, config: str = "", credentials: str = "") -> None:
        Path(os.environ["AWS_CONFIG_FILE"]).write_text(config)
        Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(credentials)

    return write


@pytest.fixture
async def own_service() -> AsyncIterator[ScriptedService]:
    """A service that the test may stop."""
    async with serving() as scripted:
        yield scripted


# Making the three clients of a session takes 0.2 s: one service and one session serve all tests of a module.


@pytest.fixture(scope="module")
async def shared_service() -> AsyncIterator[ScriptedService]:
    async with serving() as scripted:
        yield scripted


@pytest.fixture(scope="module")
async def shared_session(shared_service: ScriptedService) -> AsyncIterator[LaneSession]:
    async with LaneSession(lane_at(shared_service.url)) as opened:
        yield opened


@pytest.fixture
def service(shared_service: ScriptedService) -> ScriptedService:
    """The module's service, with an empty script and no memory."""
    shared_service.forget()
    return shared_service


@pytest.fixture
def lane(service: ScriptedService) -> LaneSpec:
    return lane_at(service.url)


@pytest.fixture
def session(shared_session: LaneSession, service: ScriptedService) -> LaneSession:
    """The module's session, open, with its counters at zero."""
    shared_session.calls.clear()
    return shared_session


@pytest.fixture
def comprehend(session: LaneSession) -> ComprehendClient:
    return ComprehendClient(session)


@pytest.fixture
def staging(session: LaneSession) -> StagingClient:
    return StagingClient(session)
