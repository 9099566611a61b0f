"""Comprehend at its door: rate, body, validation, then the operation's handler.

Owns the order of these checks. Knows nothing of HTTP beyond bytes in and bytes out, and nothing of any operation.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.endpoint.operations import Call, Operation, OperationTable
from runner.endpoint.protocol import ApiError, decode_body
from runner.endpoint.quotas import RateLimiter
from runner.endpoint.validation import understood, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.endpoint.settings import Quotas

__all__ = ["Comprehend"]


class Comprehend:
    """The service's front: answers the operations of a table, each at its class's rate by `clock`'s seconds."""

    def __init__(self, operations: OperationTable, quotas: Quotas, clock: Callable[[], float] = time.monotonic) -> None:
        self._operations = operations
        self._clock = clock
        self._rates = {
            "start": RateLimiter(quotas.start_per_s),
            "read": RateLimiter(quotas.read_per_s),
            "write": RateLimiter(quotas.stop_per_s),
        }

    def operation(self, name: str) -> Operation:
        """The operation of this name; ApiError for one that is not served."""
        return self._operations.named(name)

    async def answer(self, operation: Operation, region: str, body: bytes) -> bytes:
        """Carry out one operation; raises ApiError for every answer that is an error."""
        if not self._rates[operation.rate].admit(f"{region} {operation.name}", self._clock()):
            raise ApiError("ThrottlingException", "Rate exceeded", status=429)
        members = decode_body(body)
        validate(operation.name, members)
        return await operation.handler(Call(region, understood(operation.name, members)))
