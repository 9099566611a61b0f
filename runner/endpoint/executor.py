"""Jobs carried out, from accepted to ended: checks, chunks to workers, the output, its publication.

Owns a task per active job. Knows nothing of HTTP. What it decides about time and status it asks `lifecycle`.

1. A job begins when it is launched or, after a restart, from scratch; nothing of an earlier attempt is used.
2. What it writes goes into blobs that nothing names. Only the transaction that ends the job names them, so
   output and status appear together, once, or not at all.
3. Chunks are worked on by whichever worker is free, and written in order, so an output is a function of its
   input. The window of chunks in flight is what bounds memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from contextlib import aclosing
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.endpoint.failures import INTERNAL, NO_READ, NO_WRITE
from runner.endpoint.families import FAMILIES
from runner.endpoint.inputs import Chunk, Inputs, split_uri
from runner.endpoint.options import options_of
from runner.endpoint.outputs import Output, Product, Tables, output_for
from runner.endpoint.pool import WorkerDiedError
from runner.endpoint.rows import Share, Slice, Task
from runner.endpoint.s3 import store
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.store import ObjectRecord, Stored
from runner.endpoint.tampering import Tampering
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.database import Database
    from runner.endpoint.families import OutputShape
    from runner.endpoint.jobs import Job, JobBook, JobRecord
    from runner.endpoint.lifecycle import Status, Timing
    from runner.endpoint.pool import WorkerPool
    from runner.endpoint.settings import EndpointSettings
    from runner.endpoint.worker import Answer

__all__ = ["ACCESS_CHECK_FILE", "Executor"]

ACCESS_CHECK_FILE: Final = ".write_access_check_file.temp"
CHUNK_BYTES: Final = {"default": 256 * 1024, "noop": 2 * 1024 * 1024}  # of input: a second of work, a few ms of work
_JOBS_PER_WORKER: Final = 2  # at work at once: one computes while another's output is being flushed
_CHUNKS_PER_WORKER: Final = 2  # of one job in flight
_LINE_BYTES_MAX: Final = 1024 * 1024

_log = logging.getLogger(__name__)


class _JobFailedError(Exception):
    """The job ends as FAILED with this message."""


_TASKS: Final[Mapping[OutputShape, Task]] = {"rows": "rows", "files": "parts", "folder": "texts", "topics": "count"}


def _no_models(arn: str) -> Path:
    raise FileNotFoundError(arn)


class Executor:
    """Carries out every job that it is given; `close` stops where it stands, to go on after a restart.

    `plugins` are the user's own analyzers, family to `module:function`; `model_file` says where the bytes of a
    custom model are, by its ARN, and raises FileNotFoundError where it is gone.
    """

    def __init__(
        self,
        *,
        book: JobBook,
        database: Database,
        blobs: BlobStore,
        pool: WorkerPool,
        settings: EndpointSettings,
        timing: Timing,
        clock: Callable[[], float],
        plugins: Mapping[str, str] = MappingProxyType({}),
        model_file: Callable[[str], Path] = _no_models,
    ) -> None:
        self._book = book
        self._database = database
        self._blobs = blobs
        self._pool = pool
        self._settings = settings
        self._timing = timing
        self._clock = clock
        self._plugins = plugins
        self._model_file = model_file
        self._slots = asyncio.Semaphore(pool.size * _JOBS_PER_WORKER)
        self._tasks: set[asyncio.Task[None]] = set()

    def launch(self, job: Job) -> None:
        """Begin a job, or begin it again."""
        task = asyncio.create_task(self._guarded(job), name=job.record.job_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave all jobs as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, job: Job) -> None:
        try:
            await self._carry_out(job)
        except _JobFailedError as failure:
            await self._fail(job, str(failure))
        except WorkerDiedError:
            _log.warning("job.worker_died job_id=%s", job.record.job_id)
            plugin = self._plugins.get(job.record.family)
            await self._fail(job, f"{INTERNAL} The analyzer {plugin} ended its process." if plugin else INTERNAL)
        except Exception:  # noqa: BLE001 - a job that cannot be carried out must not end the endpoint
            _log.exception("job.crashed job_id=%s", job.record.job_id)
            await self._fail(job, INTERNAL)

    async def _carry_out(self, job: Job) -> None:
        if not await _unless_stopped(job, self._check_access(job)):
            return await self._finish(job, None)
        if not await _unless_stopped(job, self._slots.acquire()):
            return await self._finish(job, None)
        try:
            async with job.lock:
                if job.record.status == "SUBMITTED":
                    await self._book.advance(job, "IN_PROGRESS")
            await self._spare(job)
            if not await _unless_stopped(job, self._suffer(job)):
                return await self._finish(job, None)
            products = await self._produce(job)
        finally:
            self._slots.release()
        return await self._finish(job, products)

    async def _check_access(self, job: Job) -> None:
        """What the service does first: look at the input, and leave a file where the output will be."""
        record = job.record
        await self._sleep_until(self._timing.checked_at(record.submitted))
        inputs = self._inputs(job)
        if not inputs.exist():
            raise _JobFailedError(NO_READ)
        limits = FAMILIES[record.family].limits(record.request)
        if self._settings.job_limits == "service" and (size := inputs.size_up_to(limits.bytes_min)) < limits.bytes_min:
            raise _JobFailedError(limits.breach(size=size) or INTERNAL)
        bucket, prefix = split_uri(record.request["OutputDataConfig"]["S3Uri"])
        folder = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
        blob = self._blobs.fresh()
        self._blobs.path(blob).touch(mode=0o600)
        empty = hashlib.md5(usedforsecurity=False).hexdigest()
        stored = Stored(f"{folder}{ACCESS_CHECK_FILE}".encode(), blob, ObjectRecord(0, empty, self._clock(), {}))
        try:
            self._blobs.discard(await self._database.write(partial(store.put_object, bucket=bucket, stored=stored)))
        except S3Error as error:
            self._blobs.discard(blob)
            raise _JobFailedError(NO_WRITE) from error

    async def _spare(self, job: Job) -> None:
        """Take the faults off a job that are only for those that read a certain text, if it does not."""
        faults = job.record.faults
        texts = {fault["text"] for fault in faults if "text" in fault}
        if texts:
            inputs = self._inputs(job)
            read = {None} | {text for text in texts if await inputs.hold(text.encode())}
            async with job.lock:
                kept = [fault for fault in faults if fault.get("text") in read]
                job.replace(msgspec.structs.replace(job.record, faults=kept))

    async def _suffer(self, job: Job) -> None:
        """The faults that the rules laid on this job, as far as they concern its life."""
        for fault in job.record.faults:
            if fault["do"] == "job_stuck":
                await asyncio.Event().wait()
            if fault["do"] == "job_failed":
                await asyncio.sleep(fault.get("after_s", 0.0))
                raise _JobFailedError(fault.get("message", INTERNAL))

    async def _produce(self, job: Job) -> list[Product]:
        """Have the input analysed into finished objects that nothing names yet."""
        output = await in_thread(output_for, FAMILIES[job.record.family], self._blobs)
        try:
            await self._fill(job, output)
            if isinstance(output, Tables):
                await self._tabulate(job, output)
            products = await in_thread(output.finish, job.record.job_id)
            for fault in job.record.faults:
                if fault["do"] == "archive_truncated":
                    products = await in_thread(output.cut, fault.get("share", 0.5))
                if fault["do"] == "archive_corrupt":
                    await in_thread(output.corrupt)
        except BaseException:
            output.discard()
            raise
        finally:
            output.close()
        return products

    async def _fill(self, job: Job, output: Output) -> None:
        inputs = self._inputs(job)
        window: deque[tuple[Chunk, asyncio.Task[Answer]]] = deque()
        chunk_bytes = CHUNK_BYTES[self._settings.analyzers]
        line_bytes_max = max(_LINE_BYTES_MAX, FAMILIES[job.record.family].document_bytes_max)
        documents = 0

        async def take_oldest() -> None:
            nonlocal documents
            documents += await _take(inputs, *window[0], output)
            inputs.done(window.popleft()[0])
            self._check_limits(job, inputs, documents)

        try:
            async with aclosing(inputs.chunks(chunk_bytes=chunk_bytes, line_bytes_max=line_bytes_max)) as chunks:
                async for chunk in chunks:
                    window.append((chunk, asyncio.create_task(self._pool.run(self._share(job, chunk)))))
                    if len(window) >= self._pool.size * _CHUNKS_PER_WORKER:
                        await take_oldest()
                    if job.stop.is_set():
                        break
            while window:
                await take_oldest()
        finally:
            for chunk, task in window:
                task.cancel()
                inputs.done(chunk)

    async def _tabulate(self, job: Job, output: Tables) -> None:
        """Make the tables of all documents, whose words have been gathered."""
        await in_thread(output.gathered)
        gathered = Chunk([Slice("", str(output.words), 0, 0, None)], [])
        answer = await self._pool.run(msgspec.structs.replace(self._share(job, gathered), task="topics"))
        await in_thread(output.take, [], _checked(answer).pieces)

    def _check_limits(self, job: Job, inputs: Inputs, documents: int) -> None:
        """Fail a job that has read more than a job may."""
        if self._settings.job_limits == "none":
            return
        limits = FAMILIES[job.record.family].limits(job.record.request)
        message = limits.breach(files=inputs.files, lines=documents)
        if message is None and inputs.bytes > limits.bytes_max:
            message = limits.breach(size=inputs.bytes)
        if message is not None:
            raise _JobFailedError(message)

    async def _finish(self, job: Job, products: list[Product] | None) -> None:
        """End a job whose work is done, or that was stopped; the output appears in the same transaction."""
        end = self._timing.ended_at(job.record.submitted, self._clock())
        if not await _unless_stopped(job, self._sleep_until(end)):
            await self._sleep_until(self._timing.ended_at(job.record.submitted, self._clock()))
        bucket, key = split_uri(job.record.output)
        written = products or []
        replaced: list[str | None] = []

        def publish(connection: sqlite3.Connection) -> None:
            for product in written:
                record = ObjectRecord(product.size, product.etag, self._clock(), {})
                stored = Stored(f"{key}{product.name}".encode(), product.blob, record)
                replaced.append(store.put_object(connection, bucket, stored))

        async with job.lock:
            status = job.outcome
            try:
                await self._book.advance(job, status, at=round(self._clock(), 3), along=publish)
            except S3Error as error:
                self._blobs.discard(*(product.blob for product in written))
                raise _JobFailedError(NO_WRITE) from error
        self._blobs.discard(*replaced)
        _log.info("job.ended job_id=%s status=%s", job.record.job_id, status)

    async def _fail(self, job: Job, message: str) -> None:
        async with job.lock:
            if not job.active:
                return
            # A job that is being stopped cannot fail any more: it is stopped.
            status: Status = "STOPPED" if job.record.status == "STOP_REQUESTED" else "FAILED"
            await self._book.advance(job, status, at=round(self._clock(), 3), message=message)

    def _inputs(self, job: Job) -> Inputs:
        config = job.record.request["InputDataConfig"]
        per_line = config["InputFormat"] == "ONE_DOC_PER_LINE"
        return Inputs(self._database, self._blobs, config["S3Uri"], per_line=per_line)

    def _share(self, job: Job, chunk: Chunk) -> Share:
        record = job.record
        family = FAMILIES[record.family]
        return Share(
            family=record.family,
            analyzers=self._settings.analyzers,
            language=record.request.get("LanguageCode"),
            document_bytes_max=family.document_bytes_max,
            blank_lines=self._settings.blank_lines,
            slices=chunk.slices,
            tampering=_tampering(record.faults),
            task=_TASKS[family.shape],
            options=options_of(record.request, blanks=self._settings.pii_blanks),
            model=self._model(record),
            plugin=None if record.model else self._plugins.get(record.family),
        )

    def _model(self, record: JobRecord) -> str | None:
        if record.model is None or self._settings.analyzers == "noop":
            return None
        try:
            return str(self._model_file(record.model))
        except FileNotFoundError as error:
            raise _JobFailedError(f"RESOURCE_NOT_FOUND: The custom model is gone: {record.model}") from error

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._clock()))


async def _take(inputs: Inputs, chunk: Chunk, task: asyncio.Task[Answer], output: Output) -> int:
    """Wait for the oldest chunk and write what it came to, unless its file has ended before it.

    Returns how many documents it had.
    """
    answer = _checked(await task)
    label = chunk.slices[0].label
    if not chunk.whole and label in inputs.broken:
        return 0
    if not chunk.whole and answer.broken:
        inputs.broken.add(label)
    await in_thread(output.take, chunk.slices, answer.pieces)
    return answer.documents


def _checked(answer: Answer) -> Answer:
    if answer.error is not None:
        _log.error("job.share_failed error=%s", answer.error)
        raise _JobFailedError(f"INTERNAL_SERVER_ERROR: {answer.error}")
    return answer


def _tampering(faults: list[dict[str, Any]]) -> Tampering:
    tampering = Tampering()
    for fault in faults:
        if fault["do"].startswith("rows_"):
            what = {fault["do"].removeprefix("rows_"): fault.get("share", 0.5), "seed": fault.get("seed", 0)}
            tampering = msgspec.structs.replace(tampering, **what)
    return tampering


async def _unless_stopped(job: Job, work: Coroutine[Any, Any, Any]) -> bool:
    """Await `work` and return True; or, if a Stop comes first, give it up and return False."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(job.stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        return False
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
