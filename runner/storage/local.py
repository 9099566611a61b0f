"""The local disk: how much room is left on it, and whether it is enough."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from runner.errors import MachineError
from runner.storage.atomic import StrPath


def free_bytes(path: StrPath) -> int:
    """Bytes that this user may still write on the disk of `path`, or of the nearest directory above that exists."""
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_free(path: StrPath, needed: int, *, purpose: str) -> None:
    """Raises MachineError unless the disk of `path` has room for `needed` more bytes; `purpose` says what for."""
    free = free_bytes(path)
    if free < needed:
        raise MachineError(
            f"{purpose} needs about {_readable(needed)} below {os.fspath(path)}, and {_readable(free)} are free",
            hint="free some space, or choose another disk with --run-dir",
        )


def _readable(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
