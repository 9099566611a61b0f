"""Custom models of one lane: create, look, stop training, delete. A value or a Fault comes back, nothing is raised.

Facts: COMPREHEND.md sections 1.8 and 2.3. Calls keep the lane's pace by themselves, one kind of call after the other:
nothing else paces them. What a failure leads to is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import anyio

from runner.aws.faults import clean
from runner.aws.requests import EMBEDDED_ROLE
from runner.aws.session import Answer, LaneSession, corrupt
from runner.model import Fault, FaultKind, LaneSpec, Limit, Scope

Kind = Literal["classifier", "recognizer"]

PACE_MARGIN: Final = 1.02
"""Calls are a little further apart than the quota: what leaves evenly does not arrive evenly."""
STATUSES: Final = frozenset(
    {
        "SUBMITTED",
        "TRAINING",
        "DELETING",
        "STOP_REQUESTED",
        "STOPPED",
        "IN_ERROR",
        "TRAINED",
        "TRAINED_WITH_WARNING",
    }
)
USABLE: Final = frozenset({"TRAINED", "TRAINED_WITH_WARNING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a kind of models is called on the wire."""

    stem: str
    resource: str
    name: str
    metadata: str


_ROWS: Final[Mapping[Kind, _Row]] = MappingProxyType(
    {
        "classifier": _Row(
            stem="DocumentClassifier",
            resource="document-classifier",
            name="DocumentClassifierName",
            metadata="ClassifierMetadata",
        ),
        "recognizer": _Row(
            stem="EntityRecognizer",
            resource="entity-recognizer",
            name="RecognizerName",
            metadata="RecognizerMetadata",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What a Create says: `data` are the members of InputDataConfig, `mode` a classifier's."""

    kind: Kind
    name: str
    token: str
    language: str
    data: Mapping[str, Any]
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteModel:
    """A model as the service shows it. `trained_s` is the time that is billed."""

    arn: str
    status: str
    message: str | None = None
    trained_s: float | None = None
    documents: int | None = None
    tested: int | None = None
    metrics: tuple[tuple[str, float], ...] = ()

    @property
    def usable(self) -> bool:
        """Whether jobs can use it."""
        return self.status in USABLE


@dataclass(slots=True)
class _Pace:
    """Calls of one kind, so many a second."""

    limit: Limit
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    next_at: float = 0.0

    async def turn(self, operation: str) -> None:
        """Wait for the next call's turn."""
        per_s = self.limit.of(operation)
        if not per_s:
            return
        async with self.lock:
            await anyio.sleep_until(self.next_at)
            self.next_at = anyio.current_time() + PACE_MARGIN / per_s


class ModelClient:
    """The models of one lane, over its open session."""

    def __init__(self, session: LaneSession) -> None:
        self._session = session
        quotas = session.lane.quotas
        self._create, self._read, self._stop = (
            _Pace(quotas.start_per_s),
            _Pace(quotas.read_per_s),
            _Pace(quotas.stop_per_s),
        )

    @property
    def lane(self) -> LaneSpec:
        """Where they are."""
        return self._session.lane

    async def create(self, request: ModelRequest) -> str | Fault:
        """Ask for a model to be trained; its ARN. Done again with the same token, it is the same model."""
        row = _ROWS[request.kind]
        await self._create.turn(row.stem)
        operation = f"Create{row.stem}"
        answer = await self._session.call("comprehend", operation, create_parameters(self.lane, request))
        if isinstance(answer, Fault):
            return answer
        arn = answer.get(f"{row.stem}Arn")
        return arn if isinstance(arn, str) and arn else corrupt(operation, "the answer names no model")

    async def describe(self, arn: str) -> RemoteModel | Fault | None:
        """One model by its ARN; None if there is none."""
        row = _row_of(arn)
        await self._read.turn(row.stem)
        operation = f"Describe{row.stem}"
        answer = await self._session.call("comprehend", operation, {f"{row.stem}Arn": arn})
        if isinstance(answer, Fault):
            return None if answer.kind is FaultKind.NOT_FOUND else answer
        return _read_model(row, operation, answer.get(f"{row.stem}Properties"))

    async def stop(self, arn: str) -> Fault | None:
        """Ask for a training to be stopped."""
        row = _row_of(arn)
        await self._stop.turn(row.stem)
        answer = await self._session.call("comprehend", f"StopTraining{row.stem}", {f"{row.stem}Arn": arn})
        return answer if isinstance(answer, Fault) else None

    async def delete(self, arn: str) -> Fault | None:
        """Delete a model; one that is gone already is deleted."""
        row = _row_of(arn)
        await self._create.turn(row.stem)
        answer = await self._session.call("comprehend", f"Delete{row.stem}", {f"{row.stem}Arn": arn})
        gone = isinstance(answer, Fault) and answer.kind is FaultKind.NOT_FOUND
        return answer if isinstance(answer, Fault) and not gone else None


def model_arn(lane: LaneSpec, account: str, kind: Kind, name: str) -> str:
    """The ARN that follows from a model's name; the partition is that of the lane's role."""
    role = lane.data_access_role.split(":")
    partition = role[1] if len(role) > 1 and role[1] else "aws"
    return f"arn:{partition}:comprehend:{lane.region}:{account}:{_ROWS[kind].resource}/{name}"


def create_parameters(lane: LaneSpec, request: ModelRequest) -> dict[str, Any]:
    """The parameters of a Create on `lane`, ready for botocore. Pure."""
    parameters: dict[str, Any] = {
        _ROWS[request.kind].name: request.name,
        "ClientRequestToken": request.token,
        "DataAccessRoleArn": lane.data_access_role or (EMBEDDED_ROLE if lane.kind == "embedded" else ""),
        "LanguageCode": request.language,
        "InputDataConfig": dict(request.data),
    }
    if request.mode is not None:
        parameters["Mode"] = request.mode
    if lane.kms.volume:
        parameters["VolumeKmsKeyId"] = lane.kms.volume
    if lane.kms.model:
        parameters["ModelKmsKeyId"] = lane.kms.model
    if lane.vpc is not None:
        parameters["VpcConfig"] = {
            "SecurityGroupIds": list(lane.vpc.security_groups),
            "Subnets": list(lane.vpc.subnets),
        }
    if lane.tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in lane.tags]
    return parameters


def _row_of(arn: str) -> _Row:
    return next(row for row in _ROWS.values() if f":{row.resource}/" in arn)


def _read_model(row: _Row, operation: str, properties: Any) -> RemoteModel | Fault:
    if not isinstance(properties, dict) or not isinstance(properties.get(f"{row.stem}Arn"), str):
        return corrupt(operation, "the answer has no properties of a model")
    status = str(properties.get("Status"))
    if status not in STATUSES:
        return Fault(
            kind=FaultKind.UNKNOWN,
            scope=Scope.LANE,
            code="UNKNOWN_MODEL_STATUS",
            message=f"{operation}: {status[:64]!r} is none of {', '.join(sorted(STATUSES))}",
            hint="the service has a status that this version does not know: upgrade the runner",
        )
    metadata: Answer = properties.get(row.metadata) or {}
    begun, ended = _number(properties.get("TrainingStartTime")), _number(properties.get("TrainingEndTime"))
    message = properties.get("Message")
    figures = metadata.get("EvaluationMetrics") or {}
    return RemoteModel(
        arn=properties[f"{row.stem}Arn"],
        status=status,
        message=clean(message) if isinstance(message, str) else None,
        trained_s=max(0.0, ended - begun) if begun is not None and ended is not None else None,
        documents=_count(metadata.get("NumberOfTrainedDocuments")),
        tested=_count(metadata.get("NumberOfTestDocuments")),
        metrics=tuple((name, float(value)) for name, value in figures.items() if _number(value) is not None),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None
