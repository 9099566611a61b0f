"""The application: its commands, and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from runner import __version__
from runner.cli import check, inspect, plan, run, serve, stop
from runner.cli.errors import report_error
from runner.cli.parser import HELP, Command, Parser, UsageError, columns, nearest, print_help, wrapped
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER

GROUPS: Final[tuple[tuple[str, tuple[Command, ...]], ...]] = (
    ("Carry out a manifest", (run.RUN, plan.PLAN, check.CHECK)),
    ("Look at a run", (inspect.STATUS, inspect.VERIFY, inspect.WHY)),
    ("Change a run", (stop.CANCEL, stop.RETRY)),
    ("Without a manifest", (serve.SERVE,)),
)
COMMANDS: Final = {command.name: command for _, commands in GROUPS for command in commands}
ABOUT: Final = """
Large batches of text analysis through Amazon Comprehend's asynchronous jobs, or through a local Comprehend: a YAML
manifest goes in, one JSON line per document comes out.
"""
MORE: Final = "`runner COMMAND --help` says more."


def run_app(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Never raises for what a user or the world did wrong."""
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_USER
    except Exception as error:  # noqa: BLE001 - the last door: everything becomes a message and a code here
        return report_error(error)


def _dispatch(arguments: Sequence[str]) -> int:
    if not arguments:
        sys.stderr.write(help_text())
        return EXIT_USER
    name, *rest = arguments
    if name in {"-h", "--help"}:
        print_help(help_text())
        return EXIT_DONE
    if name == "--version":
        print(f"comprehend-runner {__version__}")
        return EXIT_DONE
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        hint = nearest(name, COMMANDS) if kind == "command" else None
        raise UsageError(f"`runner` has no {kind} {name!r}", hint=hint or "`runner --help` lists the commands")
    parser = Parser(COMMANDS[name])
    understood = parser.understand(rest)
    if understood is None:
        print_help(parser.help_text())
        return EXIT_DONE
    return COMMANDS[name].carry_out(**understood)


def help_text() -> str:
    """The help of the application."""
    lines = ["Usage: runner COMMAND [OPTIONS]", "", *wrapped(ABOUT)]
    indent = max(len(command.usage) for command in COMMANDS.values()) + 4
    for title, commands in GROUPS:
        rows = [(command.usage, command.summary) for command in commands]
        lines += ["", f"{title}:", *columns(rows, indent=indent)]
    lines += ["", "Options:", *columns([("--version", "print the version and exit"), HELP], indent=indent)]
    return "\n".join([*lines, "", MORE]) + "\n"


def _forget_stdout() -> None:
    """Whoever read our stdout has gone; without this the interpreter complains of it once more as it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
