"""`runner plan`: what a run would do, cost and take. Sends nothing anywhere."""

from __future__ import annotations

from collections.abc import Sequence
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

    from runner.compose.simulating import Simulation
    from runner.model import Manifest, SegmentFacts
    from runner.planning.durations import DurationModel
    from runner.planning.plan import Plan

ABOUT: Final = """
Survey the corpora and show what a run would do: documents, jobs, units, price and predicted time. Starts
nothing and sends nothing anywhere; of a lane on AWS the account is asked for its quotas.

With --simulate the scheduler then carries the plan out against a model of the service, in virtual time: when
each lane's slots are taken, how many calls are made, when the last line is written.

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
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate", help="also carry the plan out in virtual time; try other quotas with --set lanes.…=…"
        ),
    ] = False,
    json_: options.Json = False,
) -> int:
    """Survey and show the plan; then let the gate say whether a run would be let through."""
    import anyio

    from runner.cli.live import LiveHooks, interruptible
    from runner.cli.quotas import quota_facts
    from runner.cli.render import plan_view
    from runner.cli.terminal import data, emit_json
    from runner.cli.timeline import simulation_view
    from runner.compose.opening import choose
    from runner.compose.running import RunOptions, plan_manifest
    from runner.planning.plan import gate
    from runner.results import write_summary

    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out: there is no folder {out.parent}", hint="make it, or name another file")
    loaded = options.load(manifest, set_, lane)
    told = RunOptions(run_dir=run_dir, lane=lane, limit=limit, budget_usd=budget, workers=options.worker_count(workers))
    applied = told.applied(loaded)
    forecasts: list[tuple[Manifest, Sequence[SegmentFacts], Plan, DurationModel]] = []
    with (
        TemporaryDirectory(prefix="runner-plan-") as scratch,
        LiveHooks(logged=run_dir is not None) as live,
        interruptible(),
    ):
        live.hooks.forecast = lambda *of: forecasts.append(of)
        choice = choose(applied, run_dir=run_dir or Path(scratch) / "run", again=False)
        try:
            made, document = anyio.run(plan_manifest, applied, told, live.hooks, choice)
        except KeyboardInterrupt:
            live.say("Interrupted; nothing was sent anywhere")
            return EXIT_INTERRUPTED
    if out is not None:
        write_summary(out, document)
    simulated = _simulated(*forecasts[-1]) if simulate else None
    if json_:
        emit_json(document if simulated is None else {**document, "simulation": simulated.to_json()})
    else:
        data().print(plan_view(made))
        for quota in quota_facts(forecasts[-1][0]):
            data().print(quota)
        if simulated is not None:
            data().print(simulation_view(simulated, made))
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


def _simulated(
    manifest: Manifest, segments: Sequence[SegmentFacts], plan: Plan, durations: DurationModel
) -> Simulation:
    """The plan carried out in virtual time. Waits for nothing and sends nothing."""
    from runner.compose.simulating import simulate

    return simulate(manifest, segments, plan.to_start, durations=durations, trainings=plan.trainings)
