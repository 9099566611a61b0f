"""What every S3 operation is given: the call it serves, and the shop it serves it from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from runner.endpoint.mishaps import hampering
from runner.endpoint.s3 import xml
from runner.endpoint.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.database import Database
    from runner.endpoint.s3.routing import Target

__all__ = ["Call", "Operation", "Shop", "http_date", "iso_date", "xml_response"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Where objects are kept; `clock` gives epoch seconds."""

    database: Database
    blobs: BlobStore
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read as far as its headers."""

    request: web.BaseRequest
    target: Target
    operation: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers; names in any case."""
        return self.request.headers

    async def stream(self) -> AsyncIterator[bytes]:
        """The body, in pieces as they come; tells a client who waits to be asked for it that it may send."""
        request = self.request
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the answer itself has not begun
        hampered = hampering()
        async for piece in request.content.iter_any():
            if hampered is not None:
                await hampered.pause(len(piece))
            yield piece

    async def body(self) -> bytes:
        """A small body, whole."""
        pieces: list[bytes] = []
        size = 0
        async for piece in self.stream():
            size += len(piece)
            if size > xml.BODY_MAX:
                raise S3Error("MalformedXML", f"a body of more than {xml.BODY_MAX} bytes")
            pieces.append(piece)
        return b"".join(pieces)


Operation = Callable[[Shop, Call], Awaitable[web.StreamResponse]]


def xml_response(root: str, content: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """A 200 with one XML document."""
    return web.Response(status=status, body=xml.document(root, content), content_type="application/xml")


def iso_date(epoch_s: float) -> str:
    """As S3 writes times in XML."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def http_date(epoch_s: float) -> str:
    """As HTTP writes times in headers."""
    return formatdate(epoch_s, usegmt=True)
