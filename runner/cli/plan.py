"""`runner plan`: what a run would do, cost and take. Sends nothing anywhere."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from runner.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    manifest: options.ManifestPath,
    *,
    run_dir: options.RunDir = None,
    lane: options.Lane = None,
    limit: options.Limit = None,
    budget: Annotated[float | None, typer.Option("--budget", min=0, help="Compare with this many USD.")] = None,
    set_: options.Set = None,
    workers: options.Workers = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file, as JSON.")] = None,
    json_: options.Json = False,
) -> int:
    """Survey the corpora; show documents, jobs, units, price and time. Starts nothing, sends nothing.

    With --run-dir the survey is kept there, and `run --run-dir` goes on from it.
    """
    import anyio

    from runner.cli.live import LiveHooks
    from runner.cli.render import plan_table
    from runner.cli.terminal import data, emit_json
    from runner.compose.opening import choose
    from runner.compose.running import RunOptions, plan_manifest
    from runner.planning.plan import gate
    from runner.results import write_summary

    loaded = options.load(manifest, set_, lane)
    told = RunOptions(run_dir=run_dir, lane=lane, limit=limit, budget_usd=budget, workers=options.worker_count(workers))
    applied = told.applied(loaded)
    with TemporaryDirectory(prefix="runner-plan-") as scratch:
        choice = choose(applied, run_dir=run_dir or Path(scratch) / "run", again=False)
        with LiveHooks(manifest=str(manifest), quiet=True) as hooks:
            made, document = anyio.run(plan_manifest, applied, told, hooks.hooks, choice)
    if out is not None:
        write_summary(out, document)
    if json_:
        emit_json(document)
    else:
        data().print(plan_table(made))
    gate(made, applied)
    return 0
