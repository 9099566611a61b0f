"""Connections to a journal's file, and what SQLite's errors mean to the user.

Knows nothing of events. Reading must work beside a writer, after a killed one, and where nothing may be written:

- beside a writer, or after one that was killed, the log and its index (`-wal`, `-shm`) are there and are shared;
- a writer that closed properly leaves the database alone; a reader that may write makes its own index;
- a reader that may not, opens the database as immutable, which it is as long as no log stands beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from runner.errors import InternalError, MachineError, RunDirectoryError, RunnerError

BUSY_TIMEOUT_S: Final = 10.0
"""How long to wait for another process's lock: it holds one for a commit, or while it recovers a log."""

SQLITE_MIN: Final = (3, 37, 0)
"""The first release with STRICT tables (2021-11)."""

Mode = Literal["rw", "ro", "immutable"]

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT})
_REFUSED: Final = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
)
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


def connect(path: Path, mode: Mode) -> sqlite3.Connection:
    """Open an existing file; it is never created. Transactions are ours to begin and to end.

    Raises:
        sqlite3.Error: it cannot be opened; often only the first statement tells.
        MachineError: this Python's SQLite is too old.
    """
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise MachineError(
            f"the SQLite of this Python is {sqlite3.sqlite_version}; the journal needs {wanted} or later",
            hint="use a Python with a newer SQLite, such as one that `uv python install` brings",
        )
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    uri = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log beside a database."""
    return path.with_name(f"{path.name}-wal")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about `path` into ours, each with what to do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error, path) from error


def _meaning(error: sqlite3.Error, path: Path) -> RunnerError:
    # Errors of the module itself (misuse, a closed connection) have no code: those are bugs of ours.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    directory = str(path.parent)
    if primary == sqlite3.SQLITE_FULL:
        return MachineError(
            f"no space is left for the journal {path}", hint="free some space; the same command then goes on"
        )
    if primary == sqlite3.SQLITE_IOERR:
        return MachineError(
            f"the disk failed under the journal {path} ({name})",
            hint="look for a full, failing or network disk (it needs a local one); the same command then goes on",
        )
    if primary == sqlite3.SQLITE_NOTADB:
        return not_a_journal(path)
    if primary in _DAMAGED:
        return damaged(path, f"{error} ({name})")
    if primary in _REFUSED:
        return RunDirectoryError(
            directory,
            f"the journal {path.name} cannot be opened or written: {error} ({name})",
            hint="check the owner and the permissions of the run directory and of the files in it",
        )
    if primary in _BUSY:
        return RunDirectoryError(
            directory,
            f"another process keeps the journal {path.name} locked ({name})",
            hint="end the program that has it open, then repeat the command",
        )
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return RunDirectoryError(
            directory,
            f"another process has written to the journal {path.name} ({name})",
            hint="see which other runner works on this directory; nothing was overwritten",
        )
    return InternalError(f"{path}: {error} ({name})")


def not_a_journal(path: Path) -> RunDirectoryError:
    """The error for a file that is something else."""
    return RunDirectoryError(
        str(path.parent), f"{path.name} is not a journal of this program", hint="name another run directory"
    )


def damaged(path: Path, what: str) -> RunDirectoryError:
    """The error for a journal that is not whole; `what` says where."""
    return RunDirectoryError(
        str(path.parent),
        f"the journal {path.name} is damaged: {what}",
        hint="restore it from a copy; without it nobody knows which jobs were paid for",
    )
