"""`runner report`: one HTML page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.values import path
from runner.errors import EXIT_DONE

ABOUT: Final = """
Write one HTML file about a run: outcomes, timeline, slots, progress, cost, durations, what was found. It needs no
network and no script, and holds no document text unless asked to. Also while another process drives the run.

Prints the file's path on stdout. A run that ends writes its own `report.html`.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command("report", cls=Command, rich_help_panel=group, short_help="write a page about a run", help=ABOUT)(report)


def report(
    run_dir: options.OptionalRunPath = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", parser=path, help="write it there (default: report.html of the run)"),
    ] = None,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="show the texts of some documents, if the results hold texts")
    ] = False,
) -> int:
    """Write the page, and say where it is."""
    from runner.compose import reporting

    print(reporting.report(options.find(run_dir), out=out, with_text=with_text))
    return EXIT_DONE
