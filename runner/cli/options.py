"""What commands share: the options that several have, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.cli.parser import Parser, nearest, one_of, path, whole
from runner.errors import UserError

if TYPE_CHECKING:
    from runner.journal import RunDirectory
    from runner.model import Manifest

RUNS: Final = Path("runs")
ANALYZERS: Final = ("default", "noop")


def manifest(parser: Parser) -> None:
    """MANIFEST."""
    parser.positional("manifest", "the manifest, a YAML file", of=path)


def run_dir_argument(parser: Parser, *, optional: bool = False) -> None:
    """RUN_DIR."""
    text = "a run's directory: runs/NAME/RUN_ID, or runs/NAME/latest"
    if optional:
        text += "; left out: the latest run below runs/"
    parser.positional("run_dir", text, of=path, nargs="?" if optional else None)


def run_dir(parser: Parser) -> None:
    """--run-dir."""
    parser.value("--run-dir", "DIR", path, "use exactly this run directory")


def survey(parser: Parser) -> None:
    """What changes the manifest, and what is taken of its corpora."""
    parser.value("--lane", "NAME", str, "use only this lane of the manifest")
    parser.value("--limit", "N", whole, "take at most N documents of each corpus")
    setting(parser)


def setting(parser: Parser) -> None:
    """--set."""
    parser.values(
        "--set", "PATH=VALUE", "override one value of the manifest, such as corpora.tickets.limit=10; repeatable"
    )


def workers(parser: Parser) -> None:
    """--workers."""
    parser.value("--workers", "N", whole, "worker processes (default: one per core)")


def analyzers(parser: Parser) -> None:
    """--analyzers."""
    parser.value(
        "--analyzers",
        "|".join(ANALYZERS),
        one_of(*ANALYZERS),
        "what a local endpoint answers with; noop gives empty rows, for measuring",
        default="default",
    )


def as_json(parser: Parser) -> None:
    """--json."""
    parser.flag("--json", "print JSON, for programs")


def load(source: Path, overrides: Sequence[str], lane: str | None = None) -> Manifest:
    """A manifest, with what the embedded engine can do. Raises ManifestError, or UserError for an unknown lane."""
    from runner.compose.capabilities import embedded_languages
    from runner.manifest import load_manifest

    loaded = load_manifest(source, overrides=overrides, languages=embedded_languages())
    names = [spec.name for spec in loaded.lanes]
    if lane is not None and lane not in names:
        raise UserError(
            f"the manifest has no lane {lane!r}", hint=nearest(lane, names) or f"there are: {', '.join(names)}"
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
