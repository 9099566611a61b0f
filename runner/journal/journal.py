"""The durable list of facts of one run: SQLite, one synchronous transaction per append.

One process writes (it holds the run directory's lock), any number read beside it. Knows how events are kept, and
nothing of what they mean.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from runner.core.events import Event
from runner.errors import MachineError, RunDirectoryError, RunnerError
from runner.journal import codec
from runner.journal.files import fsync_directory
from runner.journal.sql import migrations, queries
from runner.journal.sqlite import connect, damaged, log_of, not_a_journal, translated

APPLICATION_ID: Final = 0x43526E4A
PAGE_ROWS: Final = 256
"""Events per query when reading: no statement, and so no snapshot that keeps the log from being recycled, is left open
while a caller thinks. A surveyed range may take 100 KB, so a page stays in the tens of MB."""

_Reader = tuple[int, Callable[[bytes], Event] | None]
"""What a kind's checksums begin with, and what reads its payloads."""
_Row = tuple[int, bytes, bytes, int]
"""Number, kind, payload and checksum, as they are in the file: what is damaged may not even be text."""


class Journal:
    """Use `create` or `open`, then as a context manager or with `close`. Not to be shared between threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, immutable: bool = False) -> None:
        self.path = path
        self._directory = str(path.parent)
        self._connection = connection
        self._immutable = immutable
        self._failure: RunnerError | None = None
        self._last = self._last_row_number()

    # --- opening and closing --------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty journal, readable by its owner alone, and open it for writing.

        It is made aside and renamed: a file under its name is always a whole journal.

        Raises:
            RunDirectoryError: there is a file of that name, or the directory cannot be written.
            MachineError: the disk is full or fails.
        """
        if path.exists():
            raise RunDirectoryError(str(path.parent), f"there is a {path.name} already")
        aside = path.with_name(f"{path.name}.tmp")
        _make_file(aside)
        with translated(aside), closing(connect(aside, "rw")) as connection:
            _migrate(connection)
        aside.rename(path)
        fsync_directory(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open an existing journal; a writer brings its schema up to date first.

        Raises:
            RunDirectoryError: there is none, it is something else, damaged, or written by a newer version; or it may
                not be opened.
            MachineError: the disk is full or fails.
        """
        if not path.exists():
            raise RunDirectoryError(
                str(path.parent), f"there is no journal ({path.name}) in it", hint="name the directory of a run"
            )
        return cls._open_reader(path) if read_only else cls._open_writer(path)

    @classmethod
    def _open_writer(cls, path: Path) -> Self:
        with translated(path), ExitStack() as on_failure:
            connection = on_failure.enter_context(closing(connect(path, "rw")))
            _check_schema(connection, path)
            _migrate(connection)
            _configure(connection, path)
            journal = cls(path, connection)
            on_failure.pop_all()
        return journal

    @classmethod
    def _open_reader(cls, path: Path) -> Self:
        with translated(path), ExitStack() as on_failure:
            connection = on_failure.enter_context(closing(connect(path, "ro")))
            immutable = not _readable(connection) and not log_of(path).exists()
            if immutable:
                on_failure.close()
                connection = on_failure.enter_context(closing(connect(path, "immutable")))
            _check_schema(connection, path, version_min=len(migrations()))
            journal = cls(path, connection, immutable=immutable)
            on_failure.pop_all()
        return journal

    def close(self) -> None:
        """Close the file; of a writer, the log is folded into the database first. May be called twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Journal {self.path} events={self._last}>"

    # --- writing --------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> None:
        """Add events, all or none; they are durable when this returns.

        After a failure the journal takes nothing more: a disk that once failed to sync may have dropped what it was
        given, and would report the next sync as done.

        Raises:
            MachineError: the disk is full or fails.
            RunDirectoryError: another process wrote to the journal.
            InternalError: an event that could not be read back.
        """
        assert not any(event.volatile for event in events), f"volatile events are not kept: {events}"
        if self._failure is not None:
            raise self._failure
        if not events:
            return
        rows = [
            (number, kind, payload, _crc32(kind.encode(), payload.encode()))
            for number, (kind, payload) in enumerate(map(codec.encode, events), self._last + 1)
        ]
        try:
            with translated(self.path):
                self._write(rows)
        except RunnerError as failure:
            self._failure = failure
            raise
        self._last += len(rows)

    def _write(self, rows: Sequence[tuple[int, str, str, int]]) -> None:
        run = self._connection.execute
        run(queries()["begin"])
        try:
            self._connection.executemany(queries()["append_event"], rows)
            run(queries()["commit"])
        except BaseException:
            # SQLite has rolled back by itself after some errors (a full disk), and not after others.
            if self._connection.in_transaction:
                run(queries()["rollback"])
            raise

    # --- reading --------------------------------------------------------------------------------------------

    def read(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """The events after number `after`, each with its number, in order; also those appended meanwhile.

        Raises:
            RunDirectoryError: the journal is damaged, or holds what only a newer version knows.
            MachineError: the disk fails.
        """
        readers: dict[bytes, _Reader] = {}
        while page := self._page(after):
            for row in page:
                number, kind, payload, crc32 = row
                if number != after + 1:
                    raise damaged(self.path, f"event {after + 1} is missing")
                after = number
                read = readers.get(kind)
                if read is None:
                    read = readers[kind] = _reader(kind)
                seed, decode = read
                if zlib.crc32(payload, seed) != crc32 or decode is None:
                    yield number, self._event(row)
                    continue
                try:
                    event = decode(payload)
                except msgspec.MsgspecError:
                    event = self._event(row)
                yield number, event

    def last_at(self) -> float | None:
        """When the newest event was learnt, by the run clock; None if there is none."""
        with translated(self.path):
            row: _Row | None = self._connection.execute(queries()["last_event"]).fetchone()
        return None if row is None else self._event(row).at

    def _page(self, after: int) -> list[_Row]:
        with translated(self.path):
            if self._immutable:
                self._renew()
            return self._connection.execute(queries()["read_events"], (after, PAGE_ROWS)).fetchall()

    def _renew(self) -> None:
        # An immutable file is what SQLite was told; whether it still is one, is ours to see. A writer that came since
        # has put a log beside it.
        self._connection.close()
        self._immutable = not log_of(self.path).exists()
        self._connection = connect(self.path, "immutable" if self._immutable else "ro")

    def _last_row_number(self) -> int:
        row: _Row | None = self._connection.execute(queries()["last_event"]).fetchone()
        return 0 if row is None else row[0]

    def _event(self, row: _Row) -> Event:
        number, kind, payload, crc32 = row
        if _crc32(kind, payload) != crc32:
            raise damaged(self.path, f"event {number} is not what was written")
        return codec.decode(kind.decode(), payload, directory=self._directory)


def _crc32(kind: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(kind + b"\0"))


def _reader(kind: bytes) -> _Reader:
    return zlib.crc32(kind + b"\0"), codec.reader_of(kind.decode(errors="replace"))


def _make_file(path: Path) -> None:
    """An empty file, mode 0600: SQLite gives its log and index the mode of the database.

    A rollback journal that a kill left beside an earlier one is no danger: SQLite drops those of empty databases.
    """
    try:
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise RunDirectoryError(
            str(path.parent),
            f"the journal cannot be created: {error.strerror}",
            hint="check that the run directory exists, has space, and may be written",
        ) from error


def _readable(connection: sqlite3.Connection) -> bool:
    """Whether a reader gets at the file without writing beside it."""
    try:
        connection.execute(queries()["schema_version"]).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            return False
        raise
    return True


def _check_schema(connection: sqlite3.Connection, path: Path, *, version_min: int = 0) -> None:
    """Refuse what is no journal, and one whose schema is newer than ours or older than `version_min`."""
    (application,) = connection.execute(queries()["application_id"]).fetchone()
    if application != APPLICATION_ID:
        raise not_a_journal(path)
    (version,) = connection.execute(queries()["schema_version"]).fetchone()
    if version > len(migrations()):
        raise RunDirectoryError(
            str(path.parent),
            f"the journal {path.name} was written by a newer version (format {version}; known: {len(migrations())})",
            hint="use the version that wrote it, or a later one",
        )
    if version < version_min:
        raise RunDirectoryError(
            str(path.parent),
            f"the journal {path.name} was written by an older version (format {version}; needed: {version_min})",
            hint="let `runner run` go on with this run: it brings the journal up to date",
        )


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute(queries()["schema_version"]).fetchone()
    for migration in migrations()[version:]:
        try:
            connection.executescript(migration.transaction())
        except BaseException:
            if connection.in_transaction:
                connection.execute(queries()["rollback"])
            raise


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    connection.executescript(queries()["configure_writer"])
    (mode,) = connection.execute(queries()["journal_mode"]).fetchone()
    if mode != "wal":
        raise MachineError(
            f"the file system under {path} cannot have a write-ahead log (SQLite chose `{mode}`)",
            hint="put the run directory on a local disk",
        )
