"""`runner plan`: what a run would do, cost and take. Sends nothing anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from runner.cli import options
from runner.cli.parser import Command, Parser, amount, path
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED, UserError


def _arguments(parser: Parser) -> None:
    options.manifest(parser)
    options.run_dir(parser)
    options.survey(parser)
    parser.value("--budget", "USD", amount, "compare the price with this budget")
    options.workers(parser)
    parser.value("--out", "FILE", path, "write the plan to FILE as JSON; `run --plan FILE` holds a run to it")
    options.as_json(parser)


def plan(
    *,
    manifest: Path,
    run_dir: Path | None,
    lane: str | None,
    limit: int | None,
    set_: Sequence[str],
    budget: float | None,
    workers: int | None,
    out: Path | None,
    json_: bool,
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
    gate(made, applied)
    return EXIT_DONE


PLAN: Final = Command(
    name="plan",
    summary="show jobs, price and time; start nothing",
    details="""
    Survey the corpora and show what a run would do: documents, jobs, units, price and predicted time. Starts
    nothing and sends nothing anywhere.

    With --run-dir the survey is kept there, and `run --run-dir` goes on from it.

    Exit codes: 0 a run would go ahead; 2 something for you to mend; 4 the price is above the budget.
    """,
    arguments=_arguments,
    carry_out=plan,
)
