"""A full disk is the user's to mend, wherever it shows: a MachineError in place of the OSError."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from runner.errors import MachineError

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Within it, an OSError that says that a disk or a quota is full is raised as MachineError."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise MachineError(
            f"the disk is full: {error.filename or error}", hint="free some space, then run again"
        ) from error
