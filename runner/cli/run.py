"""`runner run`: carry a manifest out, or go on with it."""

from __future__ import annotations

from pathlib import Path
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
    plan_file: Annotated[
        Path | None, typer.Option("--plan", help="Refuse if identity, sources or price moved since this plan.")
    ] = None,
    workers: options.Workers = None,
    again: Annotated[bool, typer.Option("--again", help="Begin anew even if a finished run is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")] = False,
    analyzers: options.Analyzers = options.AnalyzerSet.DEFAULT,
) -> int:
    """Survey, plan, check the price, carry out. Run it again to go on after anything.

    Prints the folder with the results on stdout. Exit codes: 0 done; 2 something for you to mend; 3 more errors than
    tolerated; 4 a limit that you set; 5 not finished; 130 interrupted.
    """
    import anyio

    from runner.cli.live import LiveHooks
    from runner.cli.render import outcome_view
    from runner.cli.terminal import talk
    from runner.compose.running import RunOptions, run_manifest

    loaded = options.load(manifest, set_, lane)
    told = RunOptions(
        run_dir=run_dir,
        lane=lane,
        limit=limit,
        budget_usd=budget,
        for_s=options.seconds(for_),
        plan_file=plan_file,
        workers=options.worker_count(workers),
        again=again,
        yes=yes,
        interactive=options.interactive(),
        analyzers=analyzers.value,
    )
    with LiveHooks(manifest=str(manifest)) as hooks:
        outcome = anyio.run(run_manifest, loaded, told, hooks.hooks)
    talk().print(outcome_view(outcome, str(manifest)))
    print(outcome.results)
    return outcome.exit_code
