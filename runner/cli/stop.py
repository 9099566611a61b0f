"""`runner cancel` and `runner retry`: stopping what was bought, and opening again what went wrong."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED

CANCEL: Final = """
Stop what can be stopped, name what cannot and what it costs, collect what was written. A runner at work on it does
this itself and ends with exit code 5. What was not collected stays open: a later `run` goes on with it.
"""
RETRY: Final = """
Open documents that ended as errors again; the next `runner run` answers them and writes the files concerned anew.
Errors that no job could answer (a row that is no JSON, say) stay as they are.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the commands."""
    command = partial(app.command, cls=Command, rich_help_panel=group)
    command("cancel", short_help="stop its jobs, collect what they wrote", help=CANCEL)(cancel)
    command("retry", short_help="open documents that ended as errors again", help=RETRY)(retry)


def cancel(run_dir: options.RunPath, *, workers: options.Workers = None) -> int:
    """Cancel, and say what was stopped, what goes on, and what that costs."""
    import anyio

    from runner.cli.live import interruptible
    from runner.cli.render import cancelled_lines
    from runner.cli.terminal import talk
    from runner.compose.stopping import cancel_run

    say = talk().print
    work = partial(cancel_run, options.find(run_dir), workers=options.worker_count(workers), say=say)
    with interruptible():
        try:
            found = anyio.run(work)
        except KeyboardInterrupt:
            say(f"Interrupted; some jobs may go on. `runner cancel {run_dir}` goes on from here")
            return EXIT_INTERRUPTED
    for line in cancelled_lines(found):
        sys.stdout.write(line + "\n")
    return EXIT_DONE


def retry(
    run_dir: options.RunPath,
    *,
    analysis: Annotated[
        list[str] | None,
        typer.Option("--analysis", metavar="NAME", help="only errors of this analysis; repeatable"),
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option("--code", metavar="CODE", help="only errors of this code, such as JOB_FAILED; repeatable"),
    ] = None,
) -> int:
    """Open errors again, and say which."""
    from runner.cli.render import retried_lines
    from runner.compose.retrying import retry as reopen

    for line in retried_lines(reopen(options.find(run_dir), analyses=analysis or (), codes=code or ())):
        sys.stdout.write(line + "\n")
    return EXIT_DONE
