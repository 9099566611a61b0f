"""The table of operations: what is served, in which class of call rate, by which handler.

This is the seam where further operations are added. Whoever serves some makes a list of `Operation` and hands it
to `OperationTable`; nothing else need be known of them. `server.py` collects the lists:

    OperationTable([*job_operations.operations(), *tag_operations.operations(), *models.operations()])

A handler is given a `Call`, whose members are validated already (presence, type, enum, length, pattern, range,
by botocore's model of the operation of this name) and free of nulls, and whose rate was admitted. It returns the
bytes of the answer, `protocol.encode({...})`, and raises `protocol.ApiError` for every answer that is an error.
Every operation of a table must be one of botocore's model: the table refuses others when it is made.

Custom models come in by `CustomModels`, the second seam: what a Start and a tagging call ask of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runner.endpoint.protocol import ApiError, service_model

__all__ = ["Call", "CustomModels", "Handler", "NoModels", "Operation", "OperationTable", "RateClass"]

RateClass = Literal["start", "read", "write"]
"""The call rates of COMPREHEND.md section 2.3, each operation for itself: `start` (Start*Job, 1/s), `read` (Describe*,
List*, ListTagsForResource, 10/s), `write` (Stop*, Create*, Delete*, TagResource, UntagResource, 1/s)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted and validated call: its region, and its members without those that were null."""

    region: str
    members: dict[str, Any]


Handler = Callable[[Call], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that is served, by its name in botocore's model."""

    name: str
    rate: RateClass
    handler: Handler


class OperationTable:
    """Operations by name; an operation twice, or one that the service does not have, is a ValueError."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_name: dict[str, Operation] = {}
        known = service_model()["operations"]
        for operation in operations:
            if operation.name not in known or operation.name in self._by_name:
                raise ValueError(f"{operation.name} is served twice, or no operation of the service")
            self._by_name[operation.name] = operation

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Operation:
        """The operation; UnknownOperationException for one that is not served, in other words if the service has it."""
        operation = self._by_name.get(name)
        if operation is not None:
            return operation
        if name in service_model()["operations"]:
            raise ApiError(
                "UnknownOperationException",
                f"Amazon Comprehend has the operation {name}, but this local endpoint does not serve it",
            )
        raise ApiError("UnknownOperationException", f"Amazon Comprehend has no operation {name!r}"[:200])


class CustomModels(Protocol):
    """What the rest of the endpoint asks of custom models (document classifiers, entity recognizers, flywheels)."""

    def operations(self) -> Iterable[Operation]:
        """The operations on models that are served."""
        ...

    def resolve(self, family: str, region: str, members: Mapping[str, Any]) -> str:
        """The ARN of the trained model that a Start means.

        `members` has exactly one of DocumentClassifierArn, EntityRecognizerArn and FlywheelArn. The ARN is kept
        in the job's record (`JobRecord.model`) and is what the executor analyses with. Raises ApiError:
        ResourceNotFoundException for a model that does not exist (or is of another region), and
        ResourceUnavailableException for one that is not trained.
        """
        ...

    def owns(self, region: str, arn: str) -> bool:
        """Whether a model of this ARN exists, so that it can be tagged."""
        ...


class NoModels:
    """An endpoint without custom models: every ARN is unknown."""

    def operations(self) -> Iterable[Operation]:
        """None."""
        return ()

    def resolve(self, family: str, region: str, members: Mapping[str, Any]) -> str:  # noqa: ARG002 - the seam's signature
        """Refused: there is none."""
        arn = next(value for name, value in members.items() if name.endswith("Arn") and name != "DataAccessRoleArn")
        raise ApiError("ResourceNotFoundException", f"The specified resource ARN was not found: {arn}")

    def owns(self, region: str, arn: str) -> bool:  # noqa: ARG002 - the seam's signature
        """Never."""
        return False
