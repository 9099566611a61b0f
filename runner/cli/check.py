"""`runner check`: manifests alone, without their data and without a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options
from runner.cli.errors import report_error
from runner.errors import EXIT_DONE, RunnerError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    manifests: Annotated[list[Path], typer.Argument(help="Manifests (YAML).", show_default=False)],
    *,
    set_: options.Set = None,
) -> int:
    """Check manifests: every problem with file:line:column, what was found, what is valid."""
    worst = EXIT_DONE
    for path in manifests:
        try:
            manifest = options.load(path, set_)
        except RunnerError as error:
            worst = max(worst, report_error(error))
            continue
        corpora, analyses = len(manifest.corpora), len(manifest.analyses)
        lanes = ", ".join(f"{lane.name} ({lane.kind})" for lane in manifest.lanes)
        sys.stdout.write(f"{path}: ok, {corpora} corpora, {analyses} analyses, lanes: {lanes}\n")
    return worst
