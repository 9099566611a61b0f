"""Custom models as the service shows them: the operations on them, and what jobs and tags ask of them.

Where the service's behaviour is not documented, this endpoint chooses: a token that comes again with other parameters
is a ResourceInUseException, one training too many a ResourceLimitExceededException; a token is forgotten with its
model. Flywheels and resource policies are not served.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.endpoint.custom.book import TRAINED, Model, ModelBook, ModelRecord
from runner.endpoint.custom.creating import check_create, filled_in
from runner.endpoint.custom.kinds import KINDS, Kind
from runner.endpoint.custom.listing import list_models, list_names
from runner.endpoint.custom.trainer import Trainer
from runner.endpoint.operations import Call, Operation
from runner.endpoint.protocol import ApiError, encode
from runner.endpoint.starting import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.database import Database
    from runner.endpoint.jobs import JobBook
    from runner.endpoint.settings import EndpointSettings

__all__ = ["Models"]


class Models:
    """All custom models of an endpoint: `operations.CustomModels`, and the files for the executor.

    Their bytes are in `directory`, which is this room's alone. `launch_all` goes on with what a restart interrupted;
    `close` leaves everything as it is.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: JobBook,
        blobs: BlobStore,
        directory: Path,
        settings: EndpointSettings,
        clock: Callable[[], float],
    ) -> None:
        directory.mkdir(exist_ok=True, mode=0o700)
        self._jobs = jobs
        self._settings = settings
        self._clock = clock
        self._directory = directory
        self._book = ModelBook(database)
        self._book.load()
        self._trainer = Trainer(
            book=self._book, database=database, blobs=blobs, directory=directory, settings=settings, clock=clock
        )
        self._doors: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def operations(self) -> Iterator[Operation]:
        """Six operations for each kind of models."""
        for kind in KINDS.values():
            yield Operation(f"Create{kind.stem}", "write", partial(self._create, kind))
            yield Operation(f"Describe{kind.stem}", "read", partial(self._describe, kind))
            yield Operation(f"List{kind.stem}s", "read", partial(self._list, kind))
            yield Operation(f"List{kind.stem}Summaries", "read", partial(self._list_names, kind))
            yield Operation(f"Delete{kind.stem}", "write", partial(self._delete, kind))
            yield Operation(f"StopTraining{kind.stem}", "write", partial(self._stop, kind))

    def resolve(self, family: str, region: str, members: Mapping[str, Any]) -> str:
        """The ARN of the trained model that a Start means; ApiError for one that is not there, or not trained."""
        if "FlywheelArn" in members:
            raise ApiError(
                "ResourceNotFoundException",
                f"This local endpoint does not serve flywheels: {members['FlywheelArn']}",
            )
        kind = next(kind for kind in KINDS.values() if kind.family == family)
        model = self._require(kind, region, members)
        if model.record.status not in TRAINED:
            raise ApiError(
                "ResourceUnavailableException",
                f"The model {model.record.arn} is {model.record.status} and cannot be used. Use one that is TRAINED.",
            )
        return model.record.arn

    def owns(self, region: str, arn: str) -> bool:
        """Whether a model of this ARN exists in this region."""
        return any(self._book.find(kind.name, region, arn) for kind in KINDS.values())

    def model_file(self, arn: str) -> Path:
        """Where the bytes of a trained model are; FileNotFoundError for one that is gone."""
        model = self._book.any(arn)
        if model is None or model.record.status not in TRAINED:
            raise FileNotFoundError(arn)
        return self._trainer.path(model)

    def launch_all(self) -> None:
        """Go on with what is to be trained or deleted; delete files that belong to no model."""
        kept = {model.record.file for model in self._book.all()}
        for path in self._directory.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
        for model in self._book.all():
            if model.in_training or model.record.status == "DELETING":
                self._trainer.launch(model)

    async def close(self) -> None:
        """End all trainings' processes."""
        await self._trainer.close()

    async def _create(self, kind: Kind, call: Call) -> bytes:
        check_create(kind, call.members)
        members = filled_in(kind, call.members)
        token = members.get("ClientRequestToken") if self._settings.tokens == "honoured" else None
        async with self._doors[call.region, kind.name]:
            model = self._same(kind, call.region, members, token)
            if model is None:
                record = self._record(kind, call.region, members, token)
                self._check_room(kind, record)
                model = await self._book.accept(record)
                self._trainer.launch(model)
        return encode({kind.arn_member: model.record.arn})

    def _same(self, kind: Kind, region: str, members: Mapping[str, Any], token: str | None) -> Model | None:
        """The model that this token has created before; refused if it was to be another one."""
        shelf = self._book.shelf(kind.name, region) if token is not None else []
        model = next((each for each in shelf if each.record.token == token), None)
        life = self._settings.token_life_s
        if model is not None and life is not None and self._clock() >= model.record.submitted + life:
            return None
        if model is not None and model.record.fingerprint != fingerprint(members):
            raise ApiError(
                "ResourceInUseException",
                f"The client request token was used for {model.record.arn} with other parameters",
            )
        return model

    def _check_room(self, kind: Kind, record: ModelRecord) -> None:
        shelf = self._book.shelf(kind.name, record.region)
        if any(each.record.arn == record.arn for each in shelf):
            what = f"the version {record.version} of {record.name}" if record.version else f"the name {record.name}"
            raise ApiError("ResourceInUseException", f"A {kind.resource} of {what} exists: choose another")
        limit = self._settings.quotas.active_jobs
        if sum(each.in_training for each in shelf) >= limit:
            raise ApiError(
                "ResourceLimitExceededException", f"{limit} models of this kind are in training, which is the limit"
            )

    def _record(self, kind: Kind, region: str, members: dict[str, Any], token: str | None) -> ModelRecord:
        account, drawn = self._settings.account, uuid.uuid4().hex
        name, version = members[kind.name_member], members.get("VersionName")
        base = members.get("OutputDataConfig", {}).get("S3Uri")
        path = f"{name}/version/{version}" if version else name
        return ModelRecord(
            seq=self._book.next_seq(),
            arn=f"arn:aws:comprehend:{region}:{account}:{kind.resource}/{path}",
            kind=kind.name,
            name=name,
            version=version,
            region=region,
            request=members,
            file=drawn,
            output=f"{base.rstrip('/')}/{account}-CLR-{drawn}/output/output.tar.gz" if base else None,
            token=token,
            fingerprint=fingerprint(members),
            submitted=round(self._clock(), 3),
        )

    async def _describe(self, kind: Kind, call: Call) -> bytes:
        return encode({kind.properties: self._require(kind, call.region, call.members).properties()})

    async def _list(self, kind: Kind, call: Call) -> bytes:
        return list_models(kind, call.members, self._book.shelf(kind.name, call.region))

    async def _list_names(self, kind: Kind, call: Call) -> bytes:
        return list_names(kind, call.members, self._book.shelf(kind.name, call.region))

    async def _delete(self, kind: Kind, call: Call) -> bytes:
        model = self._require(kind, call.region, call.members)
        async with model.lock:
            arn, status = model.record.arn, model.record.status
            if model.in_training:
                raise ApiError("ResourceInUseException", f"{arn} is {status}. Stop its training first, or wait.")
            if status == "DELETING":
                raise ApiError("ResourceUnavailableException", f"{arn} is being deleted")
            active = self._jobs.shelf(call.region, kind.family, active_only=True)
            if any(job.record.model == arn for job in active):
                raise ApiError("ResourceInUseException", f"An active job uses {arn}. Wait for it to end.")
            await self._book.advance(model, "DELETING")
        self._trainer.launch(model)
        return b"{}"

    async def _stop(self, kind: Kind, call: Call) -> bytes:
        model = self._require(kind, call.region, call.members)
        async with model.lock:
            status = model.record.status
            if status in ("SUBMITTED", "TRAINING"):
                await self._book.advance(model, "STOP_REQUESTED")
            elif status not in ("STOP_REQUESTED", "STOPPED"):
                raise ApiError("InvalidRequestException", f"The model is {status}: there is no training to be stopped")
        return b"{}"

    def _require(self, kind: Kind, region: str, members: Mapping[str, Any]) -> Model:
        arn = members[kind.arn_member]
        model = self._book.find(kind.name, region, arn)
        if model is None:
            raise ApiError("ResourceNotFoundException", f"The specified resource ARN was not found: {arn}")
        return model
