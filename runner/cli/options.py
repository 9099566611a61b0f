"""What commands share: the options that several have, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from runner.cli.usage import nearest
from runner.cli.values import one_of, path, whole
from runner.errors import UserError

if TYPE_CHECKING:
    from runner.journal import RunDirectory
    from runner.model import Manifest

RUNS: Final = Path("runs")


ManifestPath = Annotated[Path, typer.Argument(parser=path, help="the manifest, a YAML file")]
RunPath = Annotated[Path, typer.Argument(parser=path, help="a run's directory: runs/NAME/RUN_ID, or runs/NAME/latest")]
OptionalRunPath = Annotated[
    Path | None,
    typer.Argument(
        parser=path,
        help="a run's directory: runs/NAME/RUN_ID, or runs/NAME/latest; left out: the latest run below runs/",
    ),
]
RunDir = Annotated[
    Path | None, typer.Option("--run-dir", metavar="DIR", parser=path, help="use exactly this run directory")
]
Lane = Annotated[str | None, typer.Option("--lane", metavar="NAME", help="use only this lane of the manifest")]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", parser=whole, help="take at most N documents of each corpus")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="override one value of the manifest, such as corpora.tickets.limit=10; repeatable",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", parser=whole, help="worker processes (default: one per core)"),
]
Analyzers = Annotated[
    Literal["default", "noop"],
    typer.Option(
        "--analyzers",
        metavar="default|noop",
        parser=one_of("default", "noop"),
        help="what a local endpoint answers with; noop gives empty rows, for measuring",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


def load(source: Path, overrides: Sequence[str] | None, lane: str | None = None) -> Manifest:
    """A manifest, with what the embedded engine can do.

    Raises ManifestError, or UserError for a lane that is not there, or that a corpus may not use.
    """
    from runner.compose.capabilities import embedded_languages
    from runner.manifest import load_manifest

    loaded = load_manifest(source, overrides=overrides or (), languages=embedded_languages())
    names = [spec.name for spec in loaded.lanes]
    if lane is not None and lane not in names:
        raise UserError(
            f"the manifest has no lane {lane!r}", hint=nearest(lane, names) or f"there are: {', '.join(names)}"
        )
    for corpus in loaded.corpora if lane is not None else ():
        if corpus.lanes and lane not in corpus.lanes:
            raise UserError(
                f"--lane is {lane}, and corpus {corpus.name} is for {', '.join(corpus.lanes)} only",
                hint=f"leave --lane out, or change its lanes: --set corpora.{corpus.name}.lanes={lane}",
            )
    return loaded


def worker_count(given: int | None) -> int:
    """Worker processes: as given, else one per core that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return given or usable or 1


def find(given: Path | None) -> RunDirectory:
    """The run that a path names, or the latest of all; raises RunDirectoryError if there is none."""
    from runner.journal import find_runs, resolve_run

    if given is not None:
        return resolve_run(given)
    runs = [run for base in sorted(RUNS.glob("*")) if base.is_dir() for run in find_runs(base)]
    if not runs:
        raise UserError(
            f"there are no runs below `{RUNS}` here",
            hint="name a run's directory, or change to the folder you ran it in",
        )
    return max(runs, key=lambda run: run.root.name)


def interactive() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()
