"""`runner run`: carry a manifest out, or go on with it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from runner.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    manifest: options.ManifestPath,
    *,
    run_dir: options.RunDir = None,
    lane: options.Lane = None,
    limit: options.Limit = None,
    for_: Annotated[str | None, typer.Option("--for", help="Stop cleanly after this long (20m); run again.")] = None,
    budget: Annotated[float | None, typer.Option("--budget", min=0, help="Spend at most this many USD.")] = None,
    set_: options.Set = None,
    workers: options.Workers = None,
    again: Annotated[bool, typer.Option("--again", help="Begin anew even if a finished run is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    analyzers: Annotated[
        str, typer.Option("--analyzers", help="What an embedded lane answers with: default, noop.", hidden=True)
    ] = "default",
) -> int:
    """Survey, plan, check the price, and carry out; run again to go on."""
    import anyio

    from runner.cli.live import LiveHooks
    from runner.cli.render import summary_lines
    from runner.compose.running import RunOptions, run_manifest

    loaded = options.load(manifest, set_, lane)
    told = RunOptions(
        run_dir=run_dir,
        lane=lane,
        limit=limit,
        budget_usd=budget,
        for_s=options.seconds(for_),
        workers=workers or os.cpu_count() or 1,
        again=again,
        yes=yes,
        interactive=options.interactive(),
        analyzers="noop" if analyzers == "noop" else "default",
    )
    with LiveHooks() as hooks:
        outcome = anyio.run(run_manifest, loaded, told, hooks.hooks)
    for line in summary_lines(outcome, str(manifest)):
        print(line, file=sys.stderr)
    print(outcome.results)
    return outcome.exit_code
