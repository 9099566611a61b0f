"""Who may work in a run directory: one runner, and after it died, not before the last of its workers is gone.

Both are `flock`s, which the kernel drops with their holder however it dies. `lock` is held by the runner, exclusively;
`workers.lock` by each of its worker processes, shared. A runner that finds `lock` free may still meet workers of one
that was killed: it waits until it could have `workers.lock` for itself, once, before it writes anything.

Knows nothing of what a run directory holds beside its locks.
"""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import socket
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from runner.errors import EXIT_INTERNAL, MachineError, RunDirectoryError

LOCK_NAME: Final = "lock"
WORKERS_LOCK_NAME: Final = "workers.lock"
RETRY_S: Final = 0.05
"""How often a lock is tried again: a person does not notice, a processor neither."""
WAIT_MIN_S: Final = 0.2
"""No refusal is given sooner: `holder_of` holds a lock for an instant to see whether it can."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a run directory, as its lock file says; `since` is UTC, for people."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on host {self.host} since {self.since}"

    @property
    def gone(self) -> bool:
        """Whether the process is known not to exist (any more)."""
        return self.host == socket.gethostname() and not _exists(self.pid)


class RunLock:
    """The right to work in a run directory: taken by `acquire`, given back by `release`, `with`, or any death."""

    def __init__(self, directory: Path, handle: int) -> None:
        self.directory = directory
        self._handle: int | None = handle
        # A forked child would keep the lock of a parent that died (`exec` closes the handle by itself). The hook keeps
        # this object for the life of the process, which takes few locks.
        os.register_at_fork(after_in_child=self._forget)

    @classmethod
    def acquire(cls, directory: Path, *, wait_s: float = 0.0) -> Self:
        """Take the lock of a directory, which must exist, waiting up to `wait_s` seconds for another to leave.

        Raises:
            RunDirectoryError: another runner holds it, or its file cannot be made.
            MachineError: the file system has no locks.
        """
        path = directory / LOCK_NAME
        handle = _open(path)
        with ExitStack() as on_failure:
            on_failure.callback(os.close, handle)
            if not _flock_within(handle, fcntl.LOCK_EX, path, wait_s):
                raise _in_use(directory)
            _write_holder(handle)
            on_failure.pop_all()
        return cls(directory, handle)

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.ftruncate(handle, 0)
            os.close(handle)

    def wait_for_orphans(self, timeout_s: float = 10.0) -> None:
        """Wait until no worker of an earlier runner is left. Before anything is written, and before workers start.

        Raises:
            RunDirectoryError: some are still there after `timeout_s` seconds.
        """
        assert self._handle is not None, "only the holder of the lock has a reason to wait"
        path = self.directory / WORKERS_LOCK_NAME
        handle = _open(path)
        try:
            if not _flock_within(handle, fcntl.LOCK_EX, path, timeout_s):
                raise RunDirectoryError(
                    str(self.directory),
                    f"worker processes of a runner that was killed are still at work ({timeout_s:g} s waited)",
                    hint=f"wait for them or end them (`fuser {path}` shows their process ids), then repeat the command",
                )
        finally:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _forget(self) -> None:
        # In a forked child: close the copy of the handle, which leaves the parent's lock alone.
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def holder_of(directory: Path) -> Holder | None:
    """Who holds a run directory now; None if nobody does. Of one that has not yet said so, the process id is 0."""
    path = directory / LOCK_NAME
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _flock(handle, fcntl.LOCK_SH, path):
            return None
        return _read_holder(path) or Holder(pid=0, host=socket.gethostname(), since="")
    finally:
        os.close(handle)


def hold_worker_lock(directory: Path) -> None:
    """Mark this process as a worker on a run directory until it ends, which it does at once when its parent dies.

    To be called first thing in a worker process (a pool's `initializer`). Between the parent's death and this call
    another runner may have come and found no orphans: so the lock is taken first, and only then the parent looked for.
    An orphan has nobody to work for, and waiting for tasks it would keep the next runner out for ever; whatever it was
    writing stays aside. A process that `multiprocessing` did not start has no parent to watch: its lock is all.

    Raises:
        RunDirectoryError: the lock file cannot be opened, or a runner is just now waiting for orphans: this is one.
    """
    path = directory / WORKERS_LOCK_NAME
    handle = _open(path)  # never closed: the kernel does that
    if not _flock(handle, fcntl.LOCK_SH, path):
        os.close(handle)
        raise RunDirectoryError(str(directory), "another runner is taking it over")
    parent = multiprocessing.parent_process()
    if parent is not None:
        if not parent.is_alive():
            _end_with(parent.sentinel)
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="orphan watch", daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Wait for the parent's end, and end."""
    wait([sentinel])
    # Not `sys.exit`: in a thread it would end the thread, and in a worker wait for queues that nobody reads.
    os._exit(EXIT_INTERNAL)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunDirectoryError(
            str(path.parent),
            f"{path.name} cannot be opened: {error.strerror}",
            hint="check that the directory exists and may be written",
        ) from error


def _flock(handle: int, operation: int, path: Path) -> bool:
    """One attempt, at once; False if another has it."""
    try:
        fcntl.flock(handle, operation | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            return False
        raise MachineError(
            f"the file system under {path.parent} cannot lock files: {error.strerror}",
            hint="put the run directory on a local disk",
        ) from error
    return True


def _flock_within(handle: int, operation: int, path: Path, seconds: float) -> bool:
    # Not a blocking call: those cannot be given a time without a signal.
    until = time.monotonic() + max(seconds, WAIT_MIN_S)
    while not _flock(handle, operation, path):
        if time.monotonic() >= until:
            return False
        time.sleep(RETRY_S)
    return True


def _write_holder(handle: int) -> None:
    since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), since=since)
    os.ftruncate(handle, 0)
    os.pwrite(handle, msgspec.json.encode(holder) + b"\n", 0)


def _read_holder(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None


def _in_use(directory: Path) -> RunDirectoryError:
    # The holder writes its name just after it has got the lock: between the two the file is empty, or an older one's.
    holder = _read_holder(directory / LOCK_NAME)
    hint = "wait for it, or name another run directory; `runner status` reads along meanwhile"
    if holder is not None and holder.gone:
        hint = f"that process is gone, but one that it started still holds the lock (`fuser {directory / LOCK_NAME}`)"
    return RunDirectoryError(str(directory), f"in use by {holder or 'another process'}", hint=hint)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
