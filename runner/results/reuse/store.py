"""The store of answers: a folder of SQLite files, `answers-0.sqlite` to `answers-3.sqlite`, by the first bits of a key.

Several runs may use one folder at a time: readers go on beside a writer, and writers wait for one another. It lies on a
local disk (write-ahead logs do not work on network file systems). A row holds a payload as spool files do, when it was
bought, and a checksum over all of it and its family, so that a damaged file is told and never believed. What a power
cut takes from the end of a file is bought again.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from runner.errors import MachineError
from runner.storage.atomic import TMP_SUFFIX, make_directory

BUSY_TIMEOUT_S: Final = 60.0
"""How long to wait for another run's transaction, which is short."""
APPLICATION_ID: Final = 0x436D5261
FORMAT: Final = 1
_SHARD_SHIFT: Final = 6
_KEYS_AT_ONCE: Final = 500
"""SQLite's oldest limit of parameters is 999."""

_TABLE: Final = f"""
PRAGMA synchronous = OFF;
PRAGMA journal_mode = WAL;
CREATE TABLE answers (
    key BLOB NOT NULL UNIQUE, bought_at INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
"""
_ADD: Final = """
INSERT INTO answers VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET bought_at = excluded.bought_at, checksum = excluded.checksum, payload = excluded.payload
WHERE excluded.bought_at > answers.bought_at
"""

Row = tuple[bytes, int, int, bytes]


class Answers:
    """The answers in a folder. Use as a context manager, in one process.

    Raises MachineError for a folder that cannot be used, and for a file in it that is locked, damaged, or none of ours.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._shards: dict[int, sqlite3.Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._shards:
            self._shards.popitem()[1].close()

    def find(self, family: str, keys: Sequence[bytes], bought_after: float | None = None) -> dict[bytes, bytes]:
        """The payloads of those keys that have one, not older than `bought_after`."""
        found: dict[bytes, bytes] = {}
        oldest = -1 if bought_after is None else int(bought_after)
        for shard, of_shard in _by_shard(keys).items():
            path = self._path(shard)
            if shard not in self._shards and not path.exists():
                continue
            with _told(path):
                connection = self._open(shard)
                for start in range(0, len(of_shard), _KEYS_AT_ONCE):
                    some = of_shard[start : start + _KEYS_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    query = f"SELECT * FROM answers WHERE key IN ({marks}) AND bought_at >= ?"  # noqa: S608 - marks
                    for row in connection.execute(query, (*some, oldest)):
                        found[row[0]] = _checked(path, family, row)
        return found

    def add(self, family: str, answers: Iterable[tuple[bytes, bytes]], bought_at: float) -> int:
        """Add payloads by key; where there is one already, the later counts. Returns how many are new, or newer.

        One transaction per file: done again after a crash, it leaves the same.
        """
        at = int(bought_at)
        rows: defaultdict[int, list[Row]] = defaultdict(list)
        for key, payload in answers:
            rows[key[0] >> _SHARD_SHIFT].append((key, at, _checksum(family, key, at, payload), payload))
        added = 0
        for shard, of_shard in rows.items():
            path = self._path(shard)
            with _told(path):
                if shard not in self._shards and not path.exists():
                    _create(path)
                connection = self._open(shard)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    before = connection.total_changes
                    connection.executemany(_ADD, of_shard)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                added += connection.total_changes - before
        return added

    def _path(self, shard: int) -> Path:
        return self._folder / f"answers-{shard}.sqlite"

    def _open(self, shard: int) -> sqlite3.Connection:
        if shard not in self._shards:
            self._shards[shard] = _connect(self._path(shard))
        return self._shards[shard]


def _create(path: Path) -> None:
    """Make an empty file of answers. Whole at once, since several runs may do it at a time: the first one's stays."""
    make_directory(path.parent)
    descriptor, aside = tempfile.mkstemp(prefix=f"{path.name}.", suffix=TMP_SUFFIX, dir=path.parent)
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as connection:
            connection.executescript(_TABLE)
        os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        os.close(descriptor)
        os.unlink(aside)  # noqa: PTH108 - a path as text


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _require_ours(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    told = tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if told != (APPLICATION_ID, FORMAT):
        raise MachineError(
            f"{path}: this file is no store of answers of this version", hint="name another folder in policy.reuse"
        )


def _by_shard(keys: Iterable[bytes]) -> dict[int, list[bytes]]:
    shards: defaultdict[int, list[bytes]] = defaultdict(list)
    for key in keys:
        shards[key[0] >> _SHARD_SHIFT].append(key)
    return shards


def _checksum(family: str, key: bytes, bought_at: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(b"%b %d %b" % (family.encode(), bought_at, key)))


def _checked(path: Path, family: str, row: Row) -> bytes:
    key, bought_at, checksum, payload = row
    if _checksum(family, key, bought_at, payload) != checksum:
        raise _damaged(path, "an answer does not agree with its checksum")
    return payload


def _damaged(path: Path, what: str) -> MachineError:
    return MachineError(
        f"{path}: this file of reused answers is damaged: {what}",
        hint="delete it, and its -wal and -shm, or restore it from a copy: what is not in it is bought again",
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a file into ours."""
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"{path}: this file of reused answers cannot be made: {error.strerror}",
            hint="look for a full disk or missing permissions, or name another folder in policy.reuse",
        ) from error
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise MachineError(
                f"{path}: another process keeps this file of reused answers locked",
                hint="end the program that has it open, then run again",
            ) from error
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}:
            raise _damaged(path, str(error)) from error
        raise MachineError(
            f"{path}: this file of reused answers cannot be read or written: {error}",
            hint="look for a full disk, or for missing permissions; then run again",
        ) from error
