"""`runner plan`: what a run would do, cost and take. Sends nothing anywhere."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.values import amount, path
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED, UserError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from runner.model import Manifest
    from runner.planning.plan import Plan

ABOUT: Final = """
Survey the corpora and show what a run would do: documents, jobs, units, price and predicted time. Starts
nothing and sends nothing anywhere.

With --run-dir the survey is kept there, and `run --run-dir` goes on from it.

Exit codes: 0 a run would go ahead; 2 something for you to mend; 4 the price is above the budget.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "plan", cls=Command, rich_help_panel=group, short_help="show jobs, price and time; start nothing", help=ABOUT
    )(plan)


def plan(
    manifest: options.ManifestPath,
    *,
    run_dir: options.RunDir = None,
    lane: options.Lane = None,
    limit: options.Limit = None,
    set_: options.Set = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="USD", parser=amount, help="compare the price with this budget"),
    ] = None,
    workers: options.Workers = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            parser=path,
            help="write the plan to FILE as JSON; `run --plan FILE` holds a run to it",
        ),
    ] = None,
    json_: options.Json = False,
) -> int:
    """Survey and show the plan; then let the gate say whether a run would be let through."""
    import anyio

    from runner.cli.live import LiveHooks, interruptible
    from runner.cli.render import plan_view
    from runner.cli.terminal import data, emit_json
    from runner.compose.opening import choose
    from runner.compose.running import RunOptions, plan_manifest
    from runner.planning.plan import gate
    from runner.results import write_summary

    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out: there is no folder {out.parent}", hint="make it, or name another file")
    loaded = options.load(manifest, set_, lane)
    told = RunOptions(run_dir=run_dir, lane=lane, limit=limit, budget_usd=budget, workers=options.worker_count(workers))
    applied = told.applied(loaded)
    with (
        TemporaryDirectory(prefix="runner-plan-") as scratch,
        LiveHooks(logged=run_dir is not None) as live,
        interruptible(),
    ):
        choice = choose(applied, run_dir=run_dir or Path(scratch) / "run", again=False)
        try:
            made, document = anyio.run(plan_manifest, applied, told, live.hooks, choice)
        except KeyboardInterrupt:
            live.say("Interrupted; nothing was sent anywhere")
            return EXIT_INTERRUPTED
    if out is not None:
        write_summary(out, document)
    if json_:
        emit_json(document)
    else:
        data().print(plan_view(made))
        data().print(_disk(applied, made))
    gate(made, applied)
    return EXIT_DONE


def _disk(manifest: Manifest, plan: Plan) -> RenderableType:
    """What the run will take on disk, beside what its survey has taken already."""
    from runner.cli.tables import Fact
    from runner.planning.disk import disk_use
    from runner.telemetry.words import byte_count

    use = disk_use(manifest, plan)
    parts = [f"results {byte_count(use.results)}", f"answers on their way {byte_count(use.spool)}"]
    parts += [f"the local endpoint {byte_count(use.endpoint)}"] if use.endpoint else []
    return Fact("disk", f"about {byte_count(use.total)}: {', '.join(parts)} (a rough guess)")
