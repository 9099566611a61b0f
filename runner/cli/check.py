"""`runner check`: manifests alone, without their data and without a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from runner.cli import options
from runner.cli.errors import report_error
from runner.cli.help import Command
from runner.cli.values import path
from runner.errors import EXIT_DONE, RunnerError

ABOUT: Final = """
Check manifests, without looking at their data or using a network. Every problem is told with
file:line:column, what was found, what is valid, and the nearest name.

Exit codes: 0 all are valid; 2 some are not.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "check", cls=Command, rich_help_panel=group, short_help="tell every problem of a manifest at once", help=ABOUT
    )(check)


def check(
    manifest: Annotated[list[Path], typer.Argument(parser=path, help="manifests, YAML files")],
    *,
    set_: options.Set = None,
) -> int:
    """Check each manifest; the exit code is the worst of them."""
    worst = EXIT_DONE
    for source in manifest:
        try:
            loaded = options.load(source, set_)
        except RunnerError as error:
            worst = max(worst, report_error(error))
            continue
        corpora, analyses = len(loaded.corpora), len(loaded.analyses)
        counts = (
            f"{corpora} {'corpus' if corpora == 1 else 'corpora'}, {analyses} analys{'is' if analyses == 1 else 'es'}"
        )
        lanes = ", ".join(f"{lane.name} ({lane.kind})" for lane in loaded.lanes)
        sys.stdout.write(f"{source}: ok, {counts}, lane{'s' if len(loaded.lanes) > 1 else ''} {lanes}\n")
    return worst
