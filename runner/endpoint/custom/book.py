"""The book of models: every model that was created and not deleted, in memory for answers and on disk for good.

Owns the records, their statuses, and the rule that a change shows only once it is durable. Knows nothing of
training.

    SUBMITTED ──► TRAINING ──► TRAINED, TRAINED_WITH_WARNING, IN_ERROR ──► DELETING ──► gone
        │             ▼                                            ▲
        └────► STOP_REQUESTED ──► STOPPED ─────────────────────────┘      (or trained, if that came first)
"""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from runner.endpoint.custom.kinds import KINDS, KindName
from runner.endpoint.lifecycle import IllegalMoveError
from runner.endpoint.tags import put_tags, remove_tags

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from runner.endpoint.database import Database

__all__ = ["IN_TRAINING", "TRAINED", "TRANSITIONS", "Model", "ModelBook", "ModelRecord", "Status"]

Status = Literal[
    "SUBMITTED", "TRAINING", "DELETING", "STOP_REQUESTED", "STOPPED", "IN_ERROR", "TRAINED", "TRAINED_WITH_WARNING"
]

TRAINED: Final[frozenset[Status]] = frozenset({"TRAINED", "TRAINED_WITH_WARNING"})
"""Statuses of a model that can be used."""

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        "SUBMITTED": frozenset({"TRAINING", "IN_ERROR", "STOP_REQUESTED"}),
        "TRAINING": frozenset({"IN_ERROR", "STOP_REQUESTED", *TRAINED}),
        "STOP_REQUESTED": frozenset({"STOPPED", *TRAINED}),
        "STOPPED": frozenset({"DELETING"}),
        "IN_ERROR": frozenset({"DELETING"}),
        "TRAINED": frozenset({"DELETING"}),
        "TRAINED_WITH_WARNING": frozenset({"DELETING"}),
        "DELETING": frozenset(),
    }
)
"""Status -> what may come next."""

IN_TRAINING: Final[frozenset[Status]] = frozenset({"SUBMITTED", "TRAINING", "STOP_REQUESTED"})
"""Statuses that count against the account's trainings."""


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One model, as kept on disk. Times are epoch seconds; `request` the Create's members with defaults filled in.

    `file` is the name of its bytes, drawn once and no user's; `output` the resolved URI of what training writes
    besides, `token` and `fingerprint` what makes a Create the same again.
    """

    seq: int
    arn: str
    kind: KindName
    name: str
    version: str | None
    region: str
    request: dict[str, Any]
    file: str
    output: str | None
    token: str | None
    fingerprint: str
    submitted: float
    status: Status = "SUBMITTED"
    started: float | None = None
    trained: float | None = None
    ended: float | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None


_encode_record: Final = msgspec.json.Encoder().encode
_decode_record: Final = msgspec.json.Decoder(ModelRecord).decode


class Model:
    """A model of the book: its latest durable record."""

    __slots__ = ("lock", "record", "stop")

    def __init__(self, record: ModelRecord) -> None:
        self.lock = asyncio.Lock()
        self.stop = asyncio.Event()
        self.replace(record)

    @property
    def in_training(self) -> bool:
        """Whether its training has not ended."""
        return self.record.status in IN_TRAINING

    def replace(self, record: ModelRecord) -> None:
        """Take the next record."""
        self.record = record
        if record.status == "STOP_REQUESTED":
            self.stop.set()

    def properties(self) -> dict[str, Any]:
        """What Describe and List say of it."""
        record, kind = self.record, KINDS[self.record.kind]
        echoed = {name: record.request[name] for name in kind.echoes if record.request.get(name) is not None}
        if record.output is not None:
            echoed["OutputDataConfig"] = {**echoed["OutputDataConfig"], "S3Uri": record.output}
        optional = {
            "Message": record.message,
            "EndTime": record.ended,
            "TrainingStartTime": record.started,
            "TrainingEndTime": record.trained,
            kind.metadata_member: record.metadata,
        }
        return {
            kind.arn_member: record.arn,
            "Status": record.status,
            "SubmitTime": record.submitted,
            **{name: value for name, value in optional.items() if value is not None},
            **echoed,
        }


class ModelBook:
    """All models, by ARN and, per region and kind, in the order of submission."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_arn: dict[str, Model] = {}
        self._seq = 0

    def load(self) -> None:
        """Read the book from disk."""
        records = [_decode_record(raw) for (raw,) in self._database.read.execute("SELECT record FROM models")]
        for record in sorted(records, key=lambda each: each.seq):
            self._by_arn[record.arn] = Model(record)
            self._seq = max(self._seq, record.seq)

    def all(self) -> list[Model]:
        """Every model, oldest first."""
        return list(self._by_arn.values())

    def next_seq(self) -> int:
        """A number above that of every model before."""
        self._seq += 1
        return self._seq

    def any(self, arn: str) -> Model | None:
        """The model of this ARN, whatever it is."""
        return self._by_arn.get(arn)

    def find(self, kind: KindName, region: str, arn: str) -> Model | None:
        """The model of this ARN, if it is of this kind and region."""
        model = self._by_arn.get(arn)
        return model if model and (model.record.kind, model.record.region) == (kind, region) else None

    def shelf(self, kind: KindName, region: str) -> list[Model]:
        """The models of a kind in a region, oldest first."""
        return [each for each in self.all() if (each.record.kind, each.record.region) == (kind, region)]

    async def accept(self, record: ModelRecord) -> Model:
        """Write a new model and its tags down; it shows once it is durable."""

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO models VALUES (?, ?)", (record.arn, _encode_record(record)))
            if record.request.get("Tags"):
                put_tags(connection, record.arn, record.request["Tags"])

        await self._database.write(insert)
        self._by_arn[record.arn] = model = Model(record)
        return model

    async def advance(
        self,
        model: Model,
        status: Status,
        *,
        along: Callable[[sqlite3.Connection], None] | None = None,
        **changes: Any,
    ) -> None:
        """Move a model on, durably, before it shows; `along` is written in the same transaction.

        Raises IllegalMoveError and changes nothing if the move is not one. The caller holds the model's lock.
        """
        if status not in TRANSITIONS[model.record.status]:
            raise IllegalMoveError(f"{model.record.status} cannot become {status}")
        record = msgspec.structs.replace(model.record, status=status, **changes)

        def update(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE models SET record = ? WHERE arn = ?", (_encode_record(record), record.arn))
            if along is not None:
                along(connection)

        await self._database.write(update)
        model.replace(record)

    async def forget(self, model: Model) -> None:
        """Strike a model and its tags out."""
        arn = model.record.arn

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM models WHERE arn = ?", (arn,))
            remove_tags(connection, arn)

        await self._database.write(delete)
        del self._by_arn[arn]
