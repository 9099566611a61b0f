"""`runner run`: carry a manifest out, or go on with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from runner.cli import options
from runner.cli.parser import Command, Parser, amount, path, seconds
from runner.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from runner.compose.running import Outcome


def _arguments(parser: Parser) -> None:
    options.manifest(parser)
    options.run_dir(parser)
    options.survey(parser)
    parser.value("--budget", "USD", amount, "spend at most this much")
    parser.flag("--yes", "agree to the price without being asked")
    parser.value("--plan", "FILE", path, "refuse to run if sources, settings or price moved since `plan --out FILE`")
    parser.value("--for", "DURATION", seconds, "stop cleanly after a while (90s, 20m, 1.5h); run again to go on")
    parser.flag("--again", "begin anew even if a finished run is there")
    options.workers(parser)
    options.analyzers(parser)


def run(
    *,
    manifest: Path,
    run_dir: Path | None,
    lane: str | None,
    limit: int | None,
    set_: Sequence[str],
    budget: float | None,
    yes: bool,
    plan_: Path | None,
    for_: float | None,
    again: bool,
    workers: int | None,
    analyzers: Literal["default", "noop"],
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
    with LiveHooks(logged=True, announced=True) as live, interruptible():
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


RUN: Final = Command(
    name="run",
    summary="carry a manifest out, or go on with it",
    details="""
    Survey the corpora, plan the jobs, check the price, carry it all out. Run it again to go on after anything;
    once it is finished, the same command says so and does nothing more.

    Ctrl-C finishes what is in hand and leaves remote jobs running; only `runner cancel` stops those.

    Prints the folder with the results on stdout. Exit codes: 0 done; 2 something for you to mend; 3 more errors
    than tolerated; 4 a limit that you set; 5 not finished, run again; 130 interrupted, run again.
    """,
    arguments=_arguments,
    carry_out=run,
)
