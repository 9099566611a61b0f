"""The endpoint's durable books: one SQLite file, one writer thread, commits shared by whoever waits.

Owns the connections, the schema and the grouping of commits. Knows nothing of what the tables mean.

Theory of operation. A commit costs a flush of the disk (about 0.2 ms); doing it on the event loop would
stall every other request, and one flush can serve many. So writes are functions handed to one thread, which
runs all that are waiting in one transaction, each within a savepoint, commits once, and only then answers
each of them: an answer means durable. Reads use a connection of their own on the event loop's thread; WAL
lets them see the last commit without waiting.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

from runner.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Database"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

GROUP_MAX: Final = 256  # writes per commit: bounds how long the first of them waits

_MIGRATIONS: Final = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL, region TEXT NOT NULL) STRICT, WITHOUT ROWID;
    -- Keys are BLOBs so that they sort as S3 lists them: by the bytes of their UTF-8.
    CREATE TABLE objects (
        bucket TEXT NOT NULL, key BLOB NOT NULL, blob TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX objects_by_blob ON objects (blob);
    CREATE TABLE uploads (
        upload TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, created REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, record BLOB NOT NULL,
        PRIMARY KEY (upload, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX parts_by_blob ON parts (blob);
    CREATE TABLE jobs (seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, record BLOB NOT NULL) STRICT;
    """,
    """
    CREATE TABLE tags (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key))
        STRICT, WITHOUT ROWID;
    -- Custom models: a record per ARN.
    CREATE TABLE models (arn TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT, WITHOUT ROWID;
    """,
)


class _Write(NamedTuple):
    work: Work
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Database:
    """The books in `path`; `read` is for the event loop's thread, `write` for changes.

    Open it with `with`; MachineError for a file that is none of ours, damaged, or of a later version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="database", daemon=True)

    def __enter__(self) -> Self:
        self.read = sqlite3.connect(self._path, isolation_level=None)
        try:
            self.read.execute("PRAGMA journal_mode = WAL")
            _configure(self.read)
            _migrate(self.read)
        except sqlite3.Error as error:
            self.read.close()
            raise MachineError(
                f"{self._path} cannot be used: {error}", hint="choose another --data-dir, or the version that made it"
            ) from error
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._queue.put(None)
        self._thread.join()
        self.read.close()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction; return its value once it is durable.

        What `work` raises is raised here, and none of its changes are kept.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Write(work, loop, future))
        return await asyncio.shield(future)

    def _serve(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            _configure(connection)
            while (first := self._queue.get()) is not None:
                group, closing = self._drain(first)
                _answer(group, _perform(connection, group))
                if closing:
                    return
        finally:
            connection.close()

    def _drain(self, first: _Write) -> tuple[list[_Write], bool]:
        group = [first]
        while len(group) < GROUP_MAX:
            try:
                more = self._queue.get_nowait()
            except Empty:
                break
            if more is None:
                return group, True
            group.append(more)
        return group, False


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 5000")


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise sqlite3.DatabaseError(f"schema {version} is of a later version of this program")
    for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def _perform(connection: sqlite3.Connection, group: list[_Write]) -> list[tuple[bool, Any]]:
    """Do all writes of a group in one transaction; (True, value) or (False, exception) for each."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_within_savepoint(connection, write.work) for write in group]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(False, error)] * len(group)
    return outcomes


def _within_savepoint(connection: sqlite3.Connection, work: Work) -> tuple[bool, Any]:
    connection.execute("SAVEPOINT one")
    try:
        value = work(connection)
    except Exception as error:  # noqa: BLE001 - handed to whoever asked for this write
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return False, error
    connection.execute("RELEASE one")
    return True, value


def _answer(group: list[_Write], outcomes: list[tuple[bool, Any]]) -> None:
    def deliver() -> None:
        for write, (succeeded, value) in zip(group, outcomes, strict=True):
            if write.future.cancelled():
                continue
            if succeeded:
                write.future.set_result(value)
            else:
                write.future.set_exception(value)

    # One hop to the loop for the whole group; a loop that is gone has nobody left to tell.
    loop = group[0].loop
    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver)
