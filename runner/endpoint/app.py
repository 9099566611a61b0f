"""One URL for everything: tells Comprehend, S3, STS and the control routes apart, and answers each in its form.

Owns the dispatch of requests and what faults do to them. Knows nothing of how an operation is carried out.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from runner.endpoint import sts
from runner.endpoint.clocks import COMPREHEND_SKEW_S, S3_SKEW_S, aws_date, skew_complaint, too_far
from runner.endpoint.comprehend import Comprehend
from runner.endpoint.effects import EFFECTS, Refusal
from runner.endpoint.mishaps import with_faults
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


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The handler of every request."""

    comprehend: Comprehend
    shop: Shop
    faults: FaultBook
    control: Control
    shut: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    account: str
    region: str
    # Drawing a UUID for each request would cost as much as answering it: 12 of their 32 digits count.
    request_ids: str = field(default_factory=lambda: str(uuid.uuid4())[:-12])
    request_count: Iterator[int] = field(default_factory=count)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.raw_path.startswith("/_runner/"):
            return await self.control.handle(request)
        response = await self._answer(request)
        if (skew := self.faults.skew_s()) and not response.prepared:
            response.headers["Date"] = formatdate(time.time() + skew, usegmt=True)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
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
                self._check_date(request, COMPREHEND_SKEW_S, _skewed_comprehend)
                operation = self.comprehend.operation(name)
                return web.Response(body=await self.comprehend.answer(operation, region, body), headers=headers)

            hits = self.faults.on_request("comprehend", name, job_name=_job_name(name, body))
            return await with_faults(request, hits, answer, refuse=_comprehend_error, shut=self.shut)
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
                self._check_date(request, S3_SKEW_S, _skewed_s3)
                return await serve_s3(self.shop, request, target, operation)

            place = f"{target.bucket}/{target.key.decode()}"
            hits = self.faults.on_request("s3", operation, key=place)
            response = await with_faults(request, hits, answer, refuse=_s3_error, shut=self.shut)
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
            self._check_date(request, COMPREHEND_SKEW_S, _skewed_sts)
            document = sts.answer(body, account=self.account, request_id=request_id, now=self.clock())
            return web.Response(body=document, content_type="text/xml")

        try:
            hits = self.faults.on_request("sts", sts.action_of(body))
            return await with_faults(request, hits, answer, refuse=_sts_error, shut=self.shut)
        except sts.StsError as error:
            return web.Response(status=error.status, body=error.document(request_id), content_type="text/xml")

    def _check_date(
        self, request: web.BaseRequest, allowed_s: float, refuse: Callable[[str, float], Exception]
    ) -> None:
        """Refuse a request that was signed too early or too late."""
        signed = request.headers.get("X-Amz-Date")
        if signed is not None and too_far(signed, now := self.clock(), allowed_s):
            raise refuse(signed, now)


def _skewed_comprehend(signed: str, now: float) -> ApiError:
    return ApiError("InvalidSignatureException", skew_complaint(signed, now))


def _skewed_s3(signed: str, now: float) -> S3Error:
    allowed_ms = str(int(S3_SKEW_S * 1000))
    return S3Error(
        "RequestTimeTooSkewed", RequestTime=signed, ServerTime=aws_date(now), MaxAllowedSkewMilliseconds=allowed_ms
    )


def _skewed_sts(signed: str, now: float) -> sts.StsError:
    return sts.StsError("SignatureDoesNotMatch", skew_complaint(signed, now), status=403)


def _comprehend_error(rule: Rule) -> ApiError:
    known = EFFECTS[rule.do].comprehend or Refusal("")
    return ApiError(
        rule.code or known.code, rule.message or known.message or "", status=rule.status or known.status or 500
    )


def _s3_error(rule: Rule) -> S3Error:
    known = EFFECTS[rule.do].s3 or Refusal("", status=500)
    return S3Error(rule.code or known.code, rule.message or known.message, status=rule.status or known.status)


def _sts_error(rule: Rule) -> sts.StsError:
    known = EFFECTS[rule.do].sts or Refusal("")
    code, message = rule.code or known.code, rule.message or known.message or ""
    return sts.StsError(code, message, status=rule.status or known.status or 500)


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
