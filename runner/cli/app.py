"""The application: its commands, and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final

import typer

from runner import __version__
from runner.cli import check, clean, doctor, export, init, inspect, plan, report, run, schema, serve, stop
from runner.cli.errors import report_error
from runner.cli.help import SETTINGS, Application
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER, UserError

ABOUT: Final = """
Large batches of text analysis through Amazon Comprehend's asynchronous jobs, or through a local Comprehend: a YAML
manifest goes in, one JSON line per document comes out.
"""
NAME: Final = "runner"
SHELLS: Final = ("bash", "zsh", "fish")
COMPLETE: Final = "_RUNNER_COMPLETE"
"""What the shell's script sets when it asks how a command line goes on."""
GROUPS: Final = {
    "Write a manifest": (init, check, doctor, schema),
    "Carry out a manifest": (run, plan),
    "Look at a run": (inspect, report, export),
    "Change a run": (stop, clean),
    "Without a manifest": (serve,),
}

app = typer.Typer(
    cls=Application,
    context_settings=SETTINGS,
    help=ABOUT,
    epilog="`runner COMMAND --help` says more.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for title, modules in GROUPS.items():
    for module in modules:
        module.register(app, title)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"comprehend-runner {__version__}")
        raise typer.Exit


def _tell_completion(wanted: bool) -> None:
    if not wanted:
        return
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    shell = os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119 - a name, not a path
    if shell not in SHELLS:
        raise UserError(
            f"the variable SHELL names {shell or 'no shell'}; there is completion for {', '.join(SHELLS)}",
            hint="for example: SHELL=bash runner --completion",
        )
    print(get_completion_script(prog_name=NAME, complete_var=COMPLETE, shell=shell))
    raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="print the version and exit")
    ] = False,
    _completion: Annotated[
        bool,
        typer.Option(
            "--completion",
            callback=_tell_completion,
            is_eager=True,
            help='print a script for your shell to complete commands: eval "$(runner --completion)"',
        ),
    ] = False,
) -> None:
    """Before every command; alone, it is a mistake that help answers."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(EXIT_USER)
    _hush_asyncio()


def run_app(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Never raises for what a user or the world did wrong."""
    try:
        return _dispatch(arguments)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_USER
    except Exception as error:  # noqa: BLE001 - the last door: everything becomes a message and a code here
        return report_error(error)


def _dispatch(arguments: Sequence[str]) -> int:
    """Run one command; returns what it returns.

    Without Typer's own `main`, which even with `standalone_mode=False` ends the process itself when a pipe breaks, and
    takes an EOFError out of anything below for an interruption by the user.
    """
    command = typer.main.get_command(app)
    if COMPLETE in os.environ:
        return _complete(command)
    try:
        with command.make_context(NAME, list(arguments)) as ctx:
            code = command.invoke(ctx)
    except typer.Exit as ended:
        return ended.exit_code
    return code if isinstance(code, int) else EXIT_DONE


def _complete(command: Any) -> int:
    """Answer the shell, which asks through the script of `--completion`."""
    from typer.completion import completion_init, shell_complete  # type: ignore[attr-defined]

    completion_init()
    return int(shell_complete(command, {}, NAME, COMPLETE, os.environ[COMPLETE]))


def _hush_asyncio() -> None:
    """Keep asyncio's warnings off the terminal.

    Its child watcher says "Unknown child process pid ..., will report returncode 255" when a transport that is being
    closed reaps its child first. That happens as workers are put down at the end of a run, and means nothing.
    """
    import logging  # only now needed; `--help` and the like do without it

    logging.getLogger("asyncio").setLevel(logging.ERROR)
    sys.unraisablehook = _Unraisable(sys.unraisablehook)


class _Unraisable:
    """Lets everything through but what a worker's transport says when it is collected after its loop has closed.

    On Python 3.12 and 3.13 that happens after a Ctrl-C, which puts workers and loop down together.
    """

    def __init__(self, otherwise: Callable[[Any], object]) -> None:
        self._otherwise = otherwise.otherwise if isinstance(otherwise, _Unraisable) else otherwise

    @property
    def otherwise(self) -> Callable[[Any], object]:
        """The hook that was there before."""
        return self._otherwise

    def __call__(self, unraisable: Any) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            self._otherwise(unraisable)


def _forget_stdout() -> None:
    """Whoever read our stdout has gone; without this the interpreter complains of it once more as it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
