"""The endpoint as a process: its data directory, its parts, its socket, its end.

Owns start-up and shutdown, and is the one place here that knows every part.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import runner
from runner.endpoint.analyzers import plugins
from runner.endpoint.app import App
from runner.endpoint.blobs import BlobStore
from runner.endpoint.comprehend import Comprehend
from runner.endpoint.control import Control
from runner.endpoint.custom.models import Models
from runner.endpoint.database import Database
from runner.endpoint.executor import Executor
from runner.endpoint.families import FAMILIES
from runner.endpoint.faults import FaultBook, read_rules
from runner.endpoint.job_operations import JobOperations
from runner.endpoint.jobs import JobBook
from runner.endpoint.lifecycle import Timing
from runner.endpoint.operations import OperationTable
from runner.endpoint.pool import WorkerPool
from runner.endpoint.s3 import store
from runner.endpoint.s3.context import Shop
from runner.endpoint.sockets import Socket
from runner.endpoint.strangers import Strangers
from runner.endpoint.tags import TagOperations
from runner.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from runner.endpoint.analyzers import AnalyzerInfo
    from runner.endpoint.settings import EndpointSettings

__all__ = ["announce_on_stdout", "run_endpoint", "serve"]

_LOCK_POLL_S: Final = 0.05
_THREADS: Final = 16  # they wait for the disk, and it serves many flushes as fast as one
_STUCK_S: Final = 15.0  # after the end of stdin: far longer than any shutdown takes

_log = logging.getLogger(__name__)


def serve(settings: EndpointSettings) -> None:
    """Run an endpoint until SIGTERM, SIGINT, or the end of stdin if so set; its first stdout line is JSON.

    Raises UserError for settings that cannot be, MachineError for a port or data directory that is taken.
    """
    os.umask(0o077)  # objects are the user's texts
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run_endpoint(settings))


def announce_on_stdout(facts: Mapping[str, Any]) -> None:
    """Say where the endpoint is, as one line of JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def run_endpoint(
    settings: EndpointSettings,
    *,
    announce: Callable[[Mapping[str, Any]], None] = announce_on_stdout,
    ended: asyncio.Event | None = None,
) -> None:
    """Run an endpoint until it is told to end; `announce` is given its facts once it answers.

    With `ended`, that event is the only thing that ends it, and signals and stdin are left alone: for an
    endpoint within another program.
    """
    settings = settings.checked()
    rules = read_rules(settings.faults) if settings.faults else []
    ended = ended or _watch_for_the_end(settings)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="blocking"))
    async with AsyncExitStack() as stack:
        directory = settings.directory()
        stack.enter_context(await asyncio.to_thread(_locked, directory, settings.lock_timeout_s))
        database = stack.enter_context(Database(directory / "endpoint.db"))
        faults = FaultBook(rules)

        def clock() -> float:
            return time.time() + faults.skew_s()

        house = await _furnish(stack, settings, database, directory / "objects", clock)
        facts = _facts(settings, house.incarnation)
        socket = Socket(settings)
        port = await socket.open(stack, _door(house, settings, facts, faults, socket.shut).handle)
        for job in house.book.active_jobs():
            (house.strangers if job.record.stranger else house.executor).launch(job)
        house.models.launch_all()
        stack.push_async_callback(_cancelled, asyncio.create_task(_sweep(house.blobs, database)))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        announce({"endpoint_url": f"http://{host}:{port}", **facts, "data_dir": str(directory), "pid": os.getpid()})
        await ended.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class _House:
    """What lies behind the door."""

    incarnation: str
    clock: Callable[[], float]
    database: Database
    blobs: BlobStore
    book: JobBook
    executor: Executor
    strangers: Strangers
    models: Models


async def _furnish(
    stack: AsyncExitStack, settings: EndpointSettings, database: Database, objects: Path, clock: Callable[[], float]
) -> _House:
    """Open everything that keeps or carries out jobs and objects; closed by `stack`, last opened first."""
    incarnation, boot = await database.write(_begin)
    blobs = BlobStore(objects, boot)
    book = JobBook(database)
    book.load()
    pool = WorkerPool(settings.workers)
    stack.push_async_callback(pool.close)
    models = Models(
        database=database,
        jobs=book,
        blobs=blobs,
        directory=objects.with_name("models"),
        settings=settings,
        clock=clock,
    )
    stack.push_async_callback(models.close)
    executor = Executor(
        book=book,
        database=database,
        blobs=blobs,
        pool=pool,
        settings=settings,
        timing=Timing(kind=settings.timing, scale=settings.time_scale),
        clock=clock,
        model_file=models.model_file,
        plugins={family: info.load for family, info in _registry(settings).items() if info.external},
    )
    stack.push_async_callback(executor.close)
    strangers = Strangers(book=book, settings=settings, clock=clock)
    stack.push_async_callback(strangers.close)
    return _House(
        incarnation=incarnation,
        clock=clock,
        database=database,
        blobs=blobs,
        book=book,
        executor=executor,
        strangers=strangers,
        models=models,
    )


def _door(
    house: _House,
    settings: EndpointSettings,
    facts: Mapping[str, Any],
    faults: FaultBook,
    shut: Callable[[float], Awaitable[None]],
) -> App:
    """What answers requests."""
    jobs = JobOperations(
        book=house.book,
        settings=settings,
        languages=_languages(settings),
        models=house.models,
        launch=house.executor.launch,
        visit=house.strangers.visit,
        fault_job=faults.on_job,
        clock=house.clock,
    )
    tags = TagOperations(database=house.database, book=house.book, models=house.models)
    table = OperationTable([*jobs.operations(), *tags.operations(), *house.models.operations()])
    return App(
        comprehend=Comprehend(table, settings.quotas),
        shop=Shop(database=house.database, blobs=house.blobs, clock=house.clock),
        faults=faults,
        control=Control(
            faults=faults,
            health=lambda: {**facts, "jobs_accepted": house.book.accepted, "jobs_active": house.book.active},
        ),
        shut=shut,
        clock=house.clock,
        account=settings.account,
        region=settings.region,
    )


def _facts(settings: EndpointSettings, incarnation: str) -> dict[str, Any]:
    """What a client should know of this endpoint's answers."""
    languages = _languages(settings)
    known = _registry(settings)
    versions = {family: known[family].version if known else "noop-1" for family in languages}
    return {
        "engine": "comprehend-runner-local",
        "version": runner.__version__,
        "incarnation": incarnation,
        "account": settings.account,
        "region": settings.region,
        "analyzers": versions,
        "languages": {family: None if codes is None else sorted(codes) for family, codes in languages.items()},
    }


def _languages(settings: EndpointSettings) -> dict[str, frozenset[str] | None]:
    known = _registry(settings)
    return {family: known[family].languages if known else None for family in FAMILIES if not known or family in known}


def _registry(settings: EndpointSettings) -> dict[str, AnalyzerInfo]:
    """What answers for each family; nothing where nothing is looked at."""
    return {} if settings.analyzers == "noop" else plugins.registry(settings.plugins)


def _begin(connection: Any) -> tuple[str, int]:
    """Count this start; draw the incarnation at the first. Returns both."""
    known = dict(connection.execute("SELECT name, value FROM meta"))
    incarnation = known.get("incarnation") or uuid.uuid4().hex
    boot = int(known.get("boot", "0")) + 1
    for name, value in (("incarnation", incarnation), ("boot", str(boot))):
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
    return incarnation, boot


def _locked(directory: Path, timeout_s: float) -> Any:
    """Hold the directory's lock; MachineError if another endpoint keeps it longer than `timeout_s`."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _closing(descriptor)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise MachineError(
                    f"{directory} is in use by another endpoint",
                    hint="end it, or choose another --data-dir",
                ) from None
        time.sleep(_LOCK_POLL_S)


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


async def _sweep(blobs: BlobStore, database: Database) -> None:
    """Delete what a crash left behind, a little at a time."""
    removed = 0
    for count in blobs.sweep(lambda names: store.named_blobs(database.read, names)):
        removed += count
        await asyncio.sleep(0)
    if removed:
        _log.info("blobs.swept count=%d", removed)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _watch_for_the_end(settings: EndpointSettings) -> asyncio.Event:
    """An event that is set by SIGTERM, SIGINT, or the end of stdin.

    A child that ends with its parent's pipe leaves the terminal's signals to the parent, who may still need it.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    if settings.exit_with_stdin:
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        threading.Thread(target=_until_eof, args=(loop, ended), daemon=True).start()
    else:
        loop.add_signal_handler(signal.SIGINT, ended.set)
    return ended


def _until_eof(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # the loop is gone already
        loop.call_soon_threadsafe(ended.set)
    time.sleep(_STUCK_S)
    os._exit(1)  # nobody is left who could end it otherwise
