"""`runner run`: carry a manifest out, or go on with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.values import amount, one_of, path, port, seconds
from runner.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from runner.compose.running import Outcome
ABOUT: Final = """
Survey the corpora, plan the jobs, check the price, carry it all out. Run it again to go on after anything;
once it is finished, the same command says so and does nothing more.

Ctrl-C finishes what is in hand and leaves remote jobs running; only `runner cancel` stops those.

Prints the folder with the results on stdout. Exit codes: 0 done; 2 something for you to mend; 3 more errors
than tolerated; 4 a limit that you set; 5 not finished, run again; 130 interrupted, run again.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "run", cls=Command, rich_help_panel=group, short_help="carry a manifest out, or go on with it", help=ABOUT
    )(run)


def run(
    manifest: options.ManifestPath,
    *,
    run_dir: options.RunDir = None,
    lane: options.Lane = None,
    limit: options.Limit = None,
    set_: options.Set = None,
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="USD", parser=amount, help="spend at most this much")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="agree to the price without being asked")] = False,
    plan_: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            parser=path,
            help="refuse to run if sources, settings or price moved since `plan --out FILE`",
        ),
    ] = None,
    for_: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="DURATION",
            parser=seconds,
            help="stop cleanly after a while (90s, 20m, 1.5h); run again to go on",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="begin anew even if a finished run is there")] = False,
    workers: options.Workers = None,
    log_level: Annotated[
        Literal["off", "error", "warning", "info"],
        typer.Option(
            "--log-level",
            metavar="off|error|warning|info",
            parser=one_of("off", "error", "warning", "info"),
            help="show events of this level and graver ones; log.jsonl has them all",
        ),
    ] = "off",
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", metavar="PORT", parser=port, help="serve Prometheus metrics on loopback"),
    ] = None,
    analyzers: options.Analyzers = "default",
) -> int:
    """Carry the manifest out as far as it goes, and say how far that was."""
    import anyio

    from runner.cli.live import LiveHooks, interruptible
    from runner.cli.render import outcome_view
    from runner.cli.terminal import talk
    from runner.compose.running import RunOptions, run_manifest

    loaded = options.load(manifest, set_, lane)
    told = RunOptions(
        run_dir=run_dir,
        lane=lane,
        limit=limit,
        budget_usd=budget,
        for_s=for_,
        plan_file=plan_,
        workers=options.worker_count(workers),
        again=again,
        yes=yes,
        interactive=options.interactive(),
        analyzers=analyzers,
    )
    level = None if log_level == "off" else log_level
    with LiveHooks(logged=True, announced=True, level=level, metrics_port=metrics_port) as live, interruptible():
        try:
            outcome = anyio.run(run_manifest, loaded, told, live.hooks)
        except KeyboardInterrupt:
            live.say(f"Interrupted; nothing is lost. `runner run {manifest}` goes on from here")
            return EXIT_INTERRUPTED
    talk().print(outcome_view(outcome, str(manifest), worked=live.observing))
    _tell_results(outcome)
    return outcome.exit_code


def _tell_results(outcome: Outcome) -> None:
    """The results' folder, for programs; on a terminal the summary has just shown it."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        print(outcome.results)
