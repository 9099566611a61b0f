"""The application: its commands, and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import typer

from runner import __version__
from runner.cli import check, inspect, plan, run, serve, stop
from runner.cli.errors import report_error
from runner.errors import EXIT_INTERRUPTED, EXIT_USER

app = typer.Typer(
    name="runner",
    help="Large batches of text analysis through Amazon Comprehend's asynchronous jobs, or a local Comprehend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (run, plan, check, inspect, stop, serve):
    module.register(app)


@app.callback(invoke_without_command=True)
def root(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    """Large batches of text analysis through Amazon Comprehend's asynchronous jobs, or a local Comprehend."""
    if version:
        print(__version__)
        raise typer.Exit


def run_app(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Never raises for what a user or the world did wrong."""
    try:
        code = app(list(arguments), standalone_mode=False)
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USER
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_USER
    except Exception as error:  # noqa: BLE001 - the last door: everything becomes a message and a code here
        return report_error(error)
    return code if isinstance(code, int) else 0
