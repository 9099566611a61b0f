"""How an error reads: the message, the causes, then one hint. A bug reads differently, and keeps its traceback."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Final

from runner import __version__
from runner.errors import EXIT_INTERNAL, InternalError, MachineError, ManifestError, RunnerError, first_of

ENVIRONMENT: Final = {
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.EROFS: "name a place that can be written to",
    errno.ENOSPC: "free some space, then run again",
    errno.EDQUOT: "free some space, then run again",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), or use fewer --workers",
    errno.ENFILE: "raise the limit of open files of this machine",
    errno.EIO: "check the disk",
}
"""What the operating system refuses for reasons outside this program, and what to do about each."""


def report_error(error: BaseException) -> int:
    """Tell the user of an error on stderr; returns the exit code."""
    error = first_of(error)
    if isinstance(error, OSError) and error.errno in ENVIRONMENT:
        error = _of_environment(error)
    if isinstance(error, InternalError) or not isinstance(error, RunnerError):
        return _report_bug(error)
    if isinstance(error, ManifestError):
        for problem in error.problems:
            _say(str(problem))
    _say(error.message, kind="error")
    told = error.message
    for cause in _causes(error):
        # A message that is made from its cause says it already.
        if cause and cause not in told:
            _say(f"  because: {cause}")
            told = cause
    if error.hint:
        _say(error.hint, kind="hint")
    return error.exit_code


def _of_environment(error: OSError) -> MachineError:
    place = f"{error.filename}: " if error.filename else ""
    return MachineError(f"{place}{error.strerror}", hint=ENVIRONMENT[error.errno or 0])


def _causes(error: BaseException) -> list[str]:
    causes = []
    while error.__cause__ is not None:
        error = error.__cause__
        if isinstance(error, OSError) and error.strerror:
            causes.append(error.strerror)
        else:
            causes.append(error.message if isinstance(error, RunnerError) else str(error))
    return causes


def _report_bug(error: BaseException) -> int:
    traceback.print_exception(error, file=sys.stderr)
    _say(f"this is a bug in comprehend-runner {__version__}: {type(error).__name__}: {error}", kind="error")
    _say("please report it with the lines above; the journal is intact, and running again goes on from it", kind="hint")
    return EXIT_INTERNAL


def _say(text: str, *, kind: str = "") -> None:
    # Rich is only now needed; `--help` and the like do without it.
    from rich.text import Text

    from runner.cli.terminal import nearby, talk, visible

    style = {"error": "bold red", "hint": "bold cyan"}.get(kind, "")
    head = (f"{kind}: " if kind else "", style)
    talk().say(Text.assemble(head, visible(nearby(text))))
