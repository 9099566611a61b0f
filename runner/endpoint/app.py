"""One URL for everything: tells Comprehend, S3, STS and the control routes apart, and answers each in its form.

Owns the dispatch of requests and what faults do to them. Knows nothing of how an operation is carried out.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from runner.endpoint import sts
from runner.endpoint.comprehend import Comprehend
from runner.endpoint.protocol import BODY_MAX, CONTENT_TYPE, TARGET_PREFIX, ApiError
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.routing import operation_of, parse_target
from runner.endpoint.s3.service import error_response, serve as serve_s3

if TYPE_CHECKING:
    from runner.endpoint.control import Control
    from runner.endpoint.faults import FaultBook, Rule
    from runner.endpoint.s3.context import Shop

__all__ = ["App"]

_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")

_log = logging.getLogger(__name__)

Answer = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The handler of every request."""

    comprehend: Comprehend
    shop: Shop
    faults: FaultBook
    control: Control
    account: str
    region: str
    # Drawing a UUID for each request would cost as much as answering it: 12 of their 32 digits count.
    request_ids: str = field(default_factory=lambda: str(uuid.uuid4())[:-12])
    request_count: Iterator[int] = field(default_factory=count)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.raw_path.startswith("/_runner/"):
            return await self.control.handle(request)
        request_id = f"{self.request_ids}{next(self.request_count):012x}"
        region, service = _scope(request, self.region)
        target = request.headers.get("X-Amz-Target", "")
        if target or service == "comprehend":
            return await self._comprehend(request, region, target, request_id)
        if service == "sts" or _is_query_protocol(request):
            return await self._sts(request, request_id)
        return await self._s3(request, request_id)

    async def _comprehend(
        self, request: web.BaseRequest, region: str, target: str, request_id: str
    ) -> web.StreamResponse:
        headers = {"x-amzn-RequestId": request_id, "Content-Type": CONTENT_TYPE}
        try:
            name = target.removeprefix(TARGET_PREFIX)
            body = await _read(request)

            async def answer() -> web.StreamResponse:
                operation = self.comprehend.operation(name)
                return web.Response(body=await self.comprehend.answer(operation, region, body), headers=headers)

            hits = self.faults.on_request("comprehend", name, job_name=_job_name(name, body))
            return await _with_faults(request, hits, answer, _comprehend_error)
        except ApiError as error:
            return web.Response(status=error.status, body=error.body(), headers=headers)
        except Exception:  # noqa: BLE001 - answered as the service would, and logged
            _log.exception("comprehend.crashed")
            failure = ApiError("InternalServerException", "An internal server error occurred. Retry your request.")
            return web.Response(status=500, body=failure.body(), headers=headers)

    async def _s3(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        try:
            target = parse_target(request.raw_path, request.headers.get("Host", ""))
            operation = operation_of(request.method, target, request.headers)

            async def answer() -> web.StreamResponse:
                return await serve_s3(self.shop, request, target, operation)

            place = f"{target.bucket}/{target.key.decode()}"
            response = await _with_faults(
                request, self.faults.on_request("s3", operation, key=place), answer, _s3_error
            )
        except S3Error as error:
            response = error_response(error, request, request_id)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - answered as S3 would, and logged
            _log.exception("s3.crashed")
            response = error_response(S3Error("InternalError"), request, request_id)
        if not response.prepared:
            response.headers["x-amz-request-id"] = request_id
            if "Expect" in request.headers and not request.content.at_eof():
                # The client was never told to send its body and may not: the next request must not be taken for it.
                response.force_close()
        return response

    async def _sts(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        body = await _read(request)

        async def answer() -> web.StreamResponse:
            document = sts.answer(body, account=self.account, request_id=request_id)
            return web.Response(body=document, content_type="text/xml")

        try:
            return await _with_faults(request, self.faults.on_request("sts", "GetCallerIdentity"), answer, _sts_error)
        except sts.StsError as error:
            return web.Response(status=error.status, body=error.document(request_id), content_type="text/xml")


async def _with_faults(
    request: web.BaseRequest, hits: list[Rule], answer: Answer, refuse: Callable[[Rule], Exception]
) -> web.StreamResponse:
    """Carry out a request as the rules that hit it will have it."""
    lost = False
    for rule in hits:
        if rule.do == "delay":
            await asyncio.sleep(rule.delay_s)
        elif rule.do == "drop":
            return _dropped(request)
        elif rule.do == "answer_lost":
            lost = True
        else:
            raise refuse(rule)
    response = await answer()
    return _dropped(request) if lost else response


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _comprehend_error(rule: Rule) -> ApiError:
    known = {
        "throttle": ("ThrottlingException", "Rate exceeded", 429),
        "slow_down": ("ThrottlingException", "Rate exceeded", 429),
        "expired_token": ("ExpiredTokenException", "The security token included in the request is expired", 400),
        "access_denied": ("AccessDeniedException", "User is not authorized to perform this operation", 400),
    }
    code, message, status = known.get(rule.do, (rule.code or "", rule.message or "", 500))
    return ApiError(rule.code or code, rule.message or message, status=rule.status or status)


def _s3_error(rule: Rule) -> S3Error:
    known = {
        "throttle": "SlowDown",
        "slow_down": "SlowDown",
        "expired_token": "ExpiredToken",
        "access_denied": "AccessDenied",
    }
    return S3Error(rule.code or known[rule.do], rule.message, status=rule.status)


def _sts_error(rule: Rule) -> sts.StsError:
    known = {
        "throttle": ("Throttling", "Rate exceeded", 400),
        "slow_down": ("Throttling", "Rate exceeded", 400),
        "expired_token": ("ExpiredToken", "The security token included in the request is expired", 403),
        "access_denied": ("AccessDenied", "Access denied", 403),
    }
    code, message, status = known.get(rule.do, (rule.code or "", rule.message or "", 500))
    return sts.StsError(rule.code or code, rule.message or message, status=rule.status or status)


def _scope(request: web.BaseRequest, default: str) -> tuple[str, str]:
    """Region and service that a request was signed for; the default region and nothing if it was not."""
    found = _SCOPE.search(request.headers.get("Authorization", ""))
    return (found[1], found[2]) if found else (default, "")


def _is_query_protocol(request: web.BaseRequest) -> bool:
    return request.method == "POST" and request.headers.get("Content-Type", "").startswith(
        "application/x-www-form-urlencoded"
    )


async def _read(request: web.BaseRequest) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > BODY_MAX:
            raise ApiError("RequestEntityTooLargeException", f"more than {BODY_MAX} bytes", status=413)
        pieces.append(piece)
    return b"".join(pieces)


class _Named(msgspec.Struct):
    JobName: Any = ""


def _job_name(operation: str, body: bytes) -> str:
    if not operation.startswith("Start"):
        return ""
    try:
        name = msgspec.json.decode(body, type=_Named).JobName
    except (msgspec.DecodeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""
