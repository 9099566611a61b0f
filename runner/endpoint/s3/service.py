"""S3 at its door: a request becomes a call, a call an answer, an error S3's XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from runner.endpoint.s3 import buckets, multipart, objects, xml
from runner.endpoint.s3.context import Call, Operation, Shop
from runner.endpoint.s3.errors import S3Error

if TYPE_CHECKING:
    from runner.endpoint.s3.routing import Target

__all__ = ["OPERATIONS", "error_response", "serve"]

OPERATIONS: Final[dict[str, Operation]] = {**buckets.OPERATIONS, **objects.OPERATIONS, **multipart.OPERATIONS}


async def serve(shop: Shop, request: web.BaseRequest, target: Target, operation: str) -> web.StreamResponse:
    """Carry out one operation; S3Error is raised, for the caller to answer with `error_response`."""
    if operation not in OPERATIONS:
        raise S3Error("NotImplemented", f"this endpoint does not serve {operation}")
    return await OPERATIONS[operation](shop, Call(request=request, target=target, operation=operation))


def error_response(error: S3Error, request: web.BaseRequest, request_id: str) -> web.Response:
    """The error as S3 says it; an answer to HEAD, and 304, have no body."""
    if request.method == "HEAD" or error.status == 304:
        return web.Response(status=error.status)
    content = {
        "Code": error.code,
        "Message": error.message,
        **error.extra,
        "Resource": request.raw_path.partition("?")[0],
        "RequestId": request_id,
    }
    body = xml.document("Error", content, namespace=False)
    return web.Response(status=error.status, body=body, content_type="application/xml")
