"""Every exception that this package raises.

    RunnerError                    has a message, an optional hint, and an exit code
    ├── UserError                  the user's input or environment; mended, `run` goes on       exit 2
    │   ├── ManifestError          all problems of one manifest, each with file:line:column
    │   ├── SourceError            a corpus that cannot be listed or read
    │   ├── CredentialsError       no credentials, or those of another account
    │   ├── RunDirectoryError      in use, of another identity, damaged, or not a run directory
    │   ├── MachineError           a full disk, a missing extra, a port that is taken
    │   └── ParkedError            work is left that only the user can unblock; says what and why
    ├── LimitError                 a limit that the user set (budget, no confirmation)           exit 4
    ├── ServiceError               the service, or what it wrote, answered with a fault
    │   └── OutputError            an output that is truncated, mixed up or not ours
    └── InternalError              our bug; please report                                        exit 1

Data travels as attributes and the message is made from it, so that tests and programs need not parse
sentences. A *fault* (`runner.model.Fault`) is a value and decides what happens next; an exception ends
whatever was being done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_DONE = 0
EXIT_INTERNAL = 1
EXIT_USER = 2
EXIT_ERRORS = 3
EXIT_LIMIT = 4
EXIT_UNFINISHED = 5
EXIT_INTERRUPTED = 130


class RunnerError(Exception):
    """Base of all of them; `message` is one sentence without a full stop, `hint` what to do about it."""

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross from worker processes: rebuild from the attributes, whatever a subclass's signature is.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def first_of(error: BaseException) -> BaseException:
    """The error that matters in a group of them: task groups wrap what their tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        ours = [inner for inner in error.exceptions if isinstance(inner, RunnerError | BaseExceptionGroup)]
        error = (ours or list(error.exceptions))[0]
    return error


def _rebuild(cls: type[RunnerError], args: tuple[object, ...], state: dict[str, object]) -> RunnerError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class UserError(RunnerError):
    """Something that the user can mend; nothing is lost, and the same command goes on afterwards."""

    exit_code = EXIT_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a manifest.

    `line` and `column` count from one, as editors do, and are 0 where there is no line (`--set`); `path` is the key's
    address (`corpora.reviews.format`).
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: {self.path + ': ' if self.path else ''}{self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ManifestError(UserError):
    """A manifest that cannot be used: every problem found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(f"the manifest has {count} problem{'s' if count != 1 else ''}")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class SourceError(UserError):
    """A corpus whose sources cannot be listed or read."""

    def __init__(self, corpus: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"corpus {corpus}: {message}", hint=hint)
        self.corpus = corpus


class CredentialsError(UserError):
    """No usable credentials, or credentials of another account than the manifest names."""


class RunDirectoryError(UserError):
    """A run directory in use, of another identity, damaged, or not one of ours."""

    def __init__(self, directory: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{directory}: {message}", hint=hint)
        self.directory = directory


class MachineError(UserError):
    """The machine lacks something: disk space, an installed extra, a free port."""


class ParkedError(UserError):
    """What is left of a run waits for something only its user can mend."""


class LimitError(RunnerError):
    """A limit that the user set was met: a budget, or a price that nobody confirmed."""

    exit_code = EXIT_LIMIT


class ServiceError(RunnerError):
    """The service answered with a fault, kept here as (code, message)."""

    exit_code = EXIT_USER

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{code}: {message}", hint=hint)
        self.code = code
        self.detail = message


class OutputError(ServiceError):
    """What a job wrote is truncated, is no archive, or does not belong to what was sent."""


class InternalError(RunnerError):
    """A bug in this program."""
