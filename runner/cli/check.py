"""`runner check`: manifests alone, without their data and without a network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.cli import options
from runner.cli.errors import report_error
from runner.cli.parser import Command, Parser, path
from runner.errors import EXIT_DONE, RunnerError


def _arguments(parser: Parser) -> None:
    parser.positional("manifest", "manifests, YAML files", of=path, nargs="+")
    options.setting(parser)


def check(*, manifest: Sequence[Path], set_: Sequence[str]) -> int:
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


CHECK: Final = Command(
    name="check",
    summary="tell every problem of a manifest at once",
    details="""
    Check manifests, without looking at their data or using a network. Every problem is told with
    file:line:column, what was found, what is valid, and the nearest name.

    Exit codes: 0 all are valid; 2 some are not.
    """,
    arguments=_arguments,
    carry_out=check,
)
