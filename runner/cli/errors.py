"""How an error reads: the cause chain, then one hint. A bug reads differently, and keeps its traceback."""

from __future__ import annotations

import sys
import traceback

from runner import __version__
from runner.errors import EXIT_INTERNAL, InternalError, ManifestError, RunnerError


def report_error(error: BaseException) -> int:
    """Tell the user of an error on stderr; returns the exit code."""
    error = first_of(error)
    if isinstance(error, InternalError) or not isinstance(error, RunnerError):
        return _report_bug(error)
    if isinstance(error, ManifestError):
        for problem in error.problems:
            _say(str(problem))
    _say(f"error: {error.message}")
    cause = error.__cause__
    while cause is not None:
        _say(f"  because: {cause}")
        cause = cause.__cause__
    if error.hint:
        _say(f"hint: {error.hint}")
    return error.exit_code


def first_of(error: BaseException) -> BaseException:
    """The error that matters in a group of them: task groups wrap what their tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        ours = [inner for inner in error.exceptions if isinstance(inner, RunnerError | BaseExceptionGroup)]
        error = (ours or list(error.exceptions))[0]
    return error


def _report_bug(error: BaseException) -> int:
    traceback.print_exception(error, file=sys.stderr)
    _say(f"error: this is a bug in comprehend-runner {__version__}: {type(error).__name__}: {error}")
    _say("hint: please report it with the lines above; the journal is intact, and running again goes on from it")
    return EXIT_INTERNAL


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
