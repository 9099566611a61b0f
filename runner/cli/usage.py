"""Command lines that say nothing we understand: Typer's errors about them, in our words.

The classes of those errors moved from one package to another between versions of Typer, and their sentences vary too.
So they are known here by what they carry, and none of their sentences is taken over that we have words for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import typer

from runner.errors import UserError


class UsageError(UserError):
    """A command line that says nothing we understand."""


def is_usage_error(error: Exception) -> bool:
    """Whether Typer says that the command line is wrong."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def in_our_words(error: Any, ctx: Any) -> UsageError:
    """An error of Typer's about the arguments of the command that `ctx` is of."""
    command = f"`{ctx.command_path}`"
    hint = f"`{ctx.command_path} --help` says what it takes"
    if hasattr(error, "param_type") and error.param is not None:
        return UsageError(f"{command} needs {', '.join(_missing(error.param, ctx))}", hint=hint)
    if isinstance(error, typer.BadParameter) and error.param is not None:
        return UsageError(f"{shown(error.param)}: {error.message}", hint=hint)
    options = {name: param for param in ctx.command.params for name in param.opts if name.startswith("-")}
    name = getattr(error, "option_name", None)
    if name in options:
        what = "it takes no value" if options[name].is_flag else "a value is missing"
        return UsageError(f"{name}: {what}", hint=hint)
    if name is not None:
        return UsageError(f"{command} has no option {name}", hint=nearest(name, options) or hint)
    return UsageError(error.format_message(), hint=hint)


def shown(param: Any) -> str:
    """A parameter as help and errors name it: `--limit`, `RUN_DIR`."""
    return str(param.opts[0] if param.param_type_name == "option" else param.metavar or param.name.upper())


def nearest(word: str, words: Iterable[str]) -> str | None:
    """A hint that names the word that was probably meant."""
    found = difflib.get_close_matches(word, list(words), n=1)
    return f"did you mean {found[0]}?" if found else None


def _missing(first: Any, ctx: Any) -> list[str]:
    """What is missing: arguments go by their place, so behind the first one that is missing all are."""
    params = ctx.command.params
    behind = params[params.index(first) :] if first.param_type_name == "argument" else [first]
    return [shown(param) for param in behind if param.required and param.param_type_name == first.param_type_name]
