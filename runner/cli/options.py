"""What commands share: options, and what they mean."""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from runner.errors import UserError
from runner.model import Manifest

if TYPE_CHECKING:
    from runner.journal import RunDirectory

ManifestPath = Annotated[Path, typer.Argument(help="The manifest (YAML).", show_default=False)]
RunPath = Annotated[Path, typer.Argument(help="A run directory, or `runs/<name>/latest`.", show_default=False)]
RunDir = Annotated[Path | None, typer.Option("--run-dir", help="Exactly this run directory.")]
Lane = Annotated[str | None, typer.Option("--lane", help="Use this lane of the manifest only.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most this many documents per corpus.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Override one value: `corpora.tickets.limit=10`.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes (one per core).")]
OptionalRunPath = Annotated[
    Path | None, typer.Argument(metavar="[RUN_DIR]", help="A run directory; left out: the latest.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]


class AnalyzerSet(StrEnum):
    """What a local endpoint answers with; `noop` gives empty rows, for measuring."""

    DEFAULT = "default"
    NOOP = "noop"


Analyzers = Annotated[
    AnalyzerSet,
    typer.Option("--analyzers", help="What a local endpoint answers with; noop: empty rows, for measuring."),
]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
RUNS: Final = Path("runs")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def load(path: Path, overrides: list[str] | None, lane: str | None = None) -> Manifest:
    """A manifest, with what the embedded engine can do. Raises ManifestError, or UserError for an unknown lane."""
    from runner.compose.capabilities import embedded_languages
    from runner.manifest import load_manifest

    manifest = load_manifest(path, overrides=overrides or (), languages=embedded_languages())
    names = [spec.name for spec in manifest.lanes]
    if lane is not None and lane not in names:
        raise UserError(f"the manifest has no lane {lane!r}", hint=f"there are: {', '.join(names)}")
    return manifest


def seconds(text: str | None) -> float | None:
    """A duration such as `90s`, `20m`, `1.5h`, in seconds."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{text!r} is no duration", hint="for example: 90s, 20m, 1.5h")
    return float(match[1]) * _SECONDS[match[2]]


def worker_count(given: int | None) -> int:
    """Worker processes: as given, else one per core that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return given or usable or 1


def find(path: Path | None) -> RunDirectory:
    """The run that a path names, or the latest of all; raises RunDirectoryError if there is none."""
    from runner.journal import find_runs, resolve_run

    if path is not None:
        return resolve_run(path)
    runs = [run for base in sorted(RUNS.glob("*")) if base.is_dir() for run in find_runs(base)]
    if not runs:
        raise UserError("there are no runs below `runs` here", hint="name a run directory, or go where you ran it")
    return max(runs, key=lambda run: run.root.name)


def interactive() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()
