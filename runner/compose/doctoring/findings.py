"""What a look at one thing found, and how services are asked: answers, or refusals as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from runner.errors import ServiceError
from runner.model import LaneSpec
from runner.storage.s3 import service_client, translated

Level = Literal["ok", "wrong", "unknown"]
Document = dict[str, Any]

DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
"""What services call a missing permission; a HEAD has only the number."""
ABSENT: Final = frozenset({"InvalidAction", "UnknownOperationException", "UnknownService", "501", "NotImplemented"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a doctor's report. `wrong` stands in the way of a run; `unknown` could not be found out."""

    place: str
    """A lane's name, `machine`, or `corpora`."""
    subject: str
    level: Level
    message: str
    fix: str | None = None
    policy: Literal["caller", "role", "trust"] | None = None
    """Which of the policies, if given, mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that was not answered, with the service's code or botocore's name for what went wrong."""

    code: str
    message: str

    @property
    def denied(self) -> bool:
        """Whether a permission is missing."""
        return self.code in DENIED

    @property
    def absent(self) -> bool:
        """Whether whoever answers does not have the service at all, as local endpoints do not have all of AWS."""
        return self.code in ABSENT

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Services:
    """The services of one lane, asked with its credentials."""

    def __init__(self, lane: LaneSpec) -> None:
        self.lane = lane
        self._client = cache(lambda service: service_client(lane, service))

    def url(self, service: str) -> str | Refusal:
        """Where calls of a service go."""
        try:
            with translated(service):
                return str(self._client(service).meta.endpoint_url)
        except ServiceError as error:
            return _refusal(error, service)

    def ask(self, service: str, operation: str, **parameters: object) -> Document | Refusal:
        """Make one call; `operation` is the client's method."""
        try:
            with translated(service):
                answer: Document = getattr(self._client(service), operation)(**parameters)
        except ServiceError as error:
            return _refusal(error, service)
        return answer


def _refusal(error: ServiceError, service: str) -> Refusal:
    return Refusal(code=error.code, message=error.detail.removeprefix(f"{service}: "))


def header(answer: Mapping[str, Any], name: str) -> str | None:
    """A header of the answer's HTTP response."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get(name) if isinstance(headers, dict) else None
