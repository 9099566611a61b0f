"""Models trained, from accepted to ended: the files found, a process for the work, the result made durable.

Owns a task per model in training. A training begins when it is launched or, after a restart, from scratch. What it
writes shows in the transaction that ends it; a model's bytes have a name that was drawn for them, so no name or key of
a user's reaches the file system.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.endpoint.archive import ArchiveFile, pack
from runner.endpoint.custom.book import TRAINED
from runner.endpoint.custom.kinds import KINDS
from runner.endpoint.custom.sources import NothingToReadError, Sources
from runner.endpoint.custom.task import Outcome
from runner.endpoint.failures import INTERNAL, NO_READ, NO_WRITE
from runner.endpoint.inputs import split_uri
from runner.endpoint.s3 import store
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.store import ObjectRecord, Stored
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.custom.book import Model, ModelBook, Status
    from runner.endpoint.custom.task import Training
    from runner.endpoint.database import Database
    from runner.endpoint.settings import EndpointSettings

__all__ = ["Trainer"]

_COMMAND: Final = (sys.executable, "-m", "runner.endpoint.custom.child")
_ATTEMPTS: Final = 2  # once may be the machine's fault
_CONFUSION: Final = "output/confusion_matrix.json"  # COMPREHEND.md section 3.2
_PUBLISHED_S: Final = 60.0  # in the field, from the end of training to the end

_log = logging.getLogger(__name__)


class _TrainingFailedError(Exception):
    """The model ends as IN_ERROR with this message."""


class _StoppedError(Exception):
    """A Stop came first."""


class Trainer:
    """Trains every model that it is given; `close` ends all processes, to begin again after a restart."""

    def __init__(
        self,
        *,
        book: ModelBook,
        database: Database,
        blobs: BlobStore,
        directory: Path,
        settings: EndpointSettings,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._database = database
        self._blobs = blobs
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.workers)
        self._tasks: set[asyncio.Task[None]] = set()

    def path(self, model: Model) -> Path:
        """Where the bytes of a model are, or will be."""
        return self._directory / model.record.file

    def launch(self, model: Model) -> None:
        """Begin to train a model, or begin again; or go on deleting it."""
        work = self._delete(model) if model.record.status == "DELETING" else self._guarded(model)
        task = asyncio.create_task(work, name=model.record.arn)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave all models as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _delete(self, model: Model) -> None:
        await self._book.forget(model)
        self.path(model).unlink(missing_ok=True)

    async def _guarded(self, model: Model) -> None:
        try:
            await self._carry_out(model)
        except _StoppedError:
            await self._end(model, "STOPPED")
        except NothingToReadError:
            await self._end(model, "IN_ERROR", message=NO_READ)
        except _TrainingFailedError as failure:
            await self._end(model, "IN_ERROR", message=str(failure))
        except Exception:  # noqa: BLE001 - a training that cannot be carried out must not end the endpoint
            _log.exception("training.crashed arn=%s", model.record.arn)
            await self._end(model, "IN_ERROR", message=INTERNAL)

    async def _carry_out(self, model: Model) -> None:
        kind = KINDS[model.record.kind]
        await self._until(model, self._later(model.record.submitted, kind.prepared_s))
        await _unless_stopped(model, self._slots.acquire())
        try:
            sources = Sources(self._database.read, self._blobs)
            training = sources.training(model.record, str(self.path(model)))
            self._blobs.pin(sources.used)
            try:
                async with model.lock:
                    if model.record.status == "SUBMITTED":
                        await self._book.advance(model, "TRAINING", started=self._now())
                outcome = await self._trained(model, training)
            finally:
                self._blobs.unpin(sources.used)
        finally:
            self._slots.release()
        if outcome.error is not None:
            raise _TrainingFailedError(outcome.error)
        begun = model.record.started or model.record.submitted
        await self._until(model, self._later(begun, kind.trained_s))
        trained = self._now()
        await self._until(model, self._later(trained, _PUBLISHED_S))
        await self._publish(model, outcome, trained)

    async def _publish(self, model: Model, outcome: Outcome, trained: float) -> None:
        """End a model that is trained; the output of its training appears in the same transaction."""
        status: Status = "TRAINED_WITH_WARNING" if outcome.warnings else "TRAINED"
        written = await in_thread(self._archive, outcome.confusion) if model.record.output else None
        replaced: list[str | None] = []

        def publish(connection: sqlite3.Connection) -> None:
            if written is not None:
                bucket, key = split_uri(model.record.output or "")
                blob, record = written
                replaced.append(store.put_object(connection, bucket, Stored(key.encode(), blob, record)))

        message = " ".join(outcome.warnings) or None
        changes = {"metadata": outcome.metadata, "message": message, "trained": trained}
        try:
            await self._end(model, status, along=publish, **changes)
        except S3Error as error:
            self._blobs.discard(written[0] if written else None)
            raise _TrainingFailedError(NO_WRITE) from error
        self._blobs.discard(*replaced)

    async def _end(self, model: Model, status: Status, **changes: Any) -> None:
        async with model.lock:
            if not model.in_training:
                return
            if status == "IN_ERROR" and model.record.status == "STOP_REQUESTED":
                # A training that is being stopped cannot fail any more: it is stopped.
                status, changes = "STOPPED", {}
            if status not in TRAINED:
                self.path(model).unlink(missing_ok=True)
            await self._book.advance(model, status, ended=self._now(), **changes)
        _log.info("training.ended arn=%s status=%s", model.record.arn, status)

    async def _trained(self, model: Model, training: Training) -> Outcome:
        """Have a process train; a Stop kills it."""
        for _ in range(_ATTEMPTS):
            process = await asyncio.create_subprocess_exec(
                *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            try:
                answer = await _unless_stopped(model, _asked(process, training))
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            with suppress(msgspec.DecodeError):
                return msgspec.json.decode(answer, type=Outcome)
        raise _TrainingFailedError(INTERNAL)

    def _archive(self, confusion: dict[str, Any] | None) -> tuple[str, ObjectRecord]:
        """An archive with the confusion matrix; blocks."""
        blob = self._blobs.fresh()
        archive = ArchiveFile(self._blobs.path(blob))
        try:
            archive.begin(_CONFUSION)
            archive.append(pack(msgspec.json.encode(confusion)))
            size = archive.finish()
        finally:
            archive.close()
        digest = hashlib.md5(f"{blob} {size}".encode(), usedforsecurity=False).hexdigest()
        return blob, ObjectRecord(size, f"{digest}-1", self._clock(), {})

    def _later(self, at: float, seconds: float) -> float:
        """When something is to show that takes so long in the field."""
        return at if self._settings.timing == "instant" else at + seconds * self._settings.time_scale

    async def _until(self, model: Model, at: float) -> None:
        await _unless_stopped(model, asyncio.sleep(max(0.0, at - self._clock())))

    def _now(self) -> float:
        return round(self._clock(), 3)


async def _asked(process: asyncio.subprocess.Process, training: Training) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(training) + b"\n")
    with suppress(ConnectionError):
        await process.stdin.drain()
    return await process.stdout.read()


async def _unless_stopped(model: Model, work: Any) -> Any:
    """Await `work`; if a Stop comes first, give it up and raise _StoppedError."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(model.stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _StoppedError
        return task.result()
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
