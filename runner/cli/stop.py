"""`runner cancel` and `runner retry`: stopping what was bought, and opening again what went wrong."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from runner.cli import options
from runner.errors import EXIT_DONE


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cancel")(cancel)
    app.command("retry")(retry)


def cancel(run_dir: options.RunPath, *, workers: options.Workers = None) -> int:
    """Stop what can be stopped, name what cannot and what it costs, collect what was written.

    A runner beside it ends with 5. What was not collected stays open: a later `run` goes on with it.
    """
    from functools import partial

    import anyio

    from runner.cli.terminal import talk
    from runner.compose.stopping import cancel_run

    console = talk()
    say = partial(console.print, highlight=False, markup=False)
    work = partial(cancel_run, options.find(run_dir), workers=options.worker_count(workers), say=say)
    found = anyio.run(work)
    for going in found.going_on:
        cost = "at a price that is not known" if going.usd is None else f"about {going.usd:,.2f} USD"
        remote = f" (remote id {going.remote_id})" if going.remote_id else ""
        sys.stdout.write(f"goes on: {going.job}{remote}: {going.why}; {going.units:,} units, {cost}\n")
    sys.stdout.write(
        f"cancelled: {found.stopped} jobs stopped, {found.collected} collected, {found.open_jobs} stay open\n"
    )
    return EXIT_DONE


def retry(
    run_dir: options.RunPath,
    *,
    analysis: Annotated[list[str] | None, typer.Option("--analysis", help="Only this analysis; repeatable.")] = None,
    code: Annotated[list[str] | None, typer.Option("--code", help="Only errors of this code; repeatable.")] = None,
) -> int:
    """Open documents that closed as errors again; the next `run` carries them out and writes their files anew."""
    from runner.compose.retrying import retry as reopen

    found = reopen(options.find(run_dir), analyses=analysis or (), codes=code or ())
    for corpus, name, error, documents in found.errors:
        sys.stdout.write(f"{corpus} {name}: {documents:,} documents with {error} are open again\n")
    if not found.documents:
        sys.stdout.write("no document closed with an error that another job could answer\n")
    else:
        sys.stdout.write(f"{found.documents:,} documents, {found.jobs} jobs planned; `run` carries them out\n")
    return EXIT_DONE
