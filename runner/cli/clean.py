"""`runner clean`: delete what a run has left in S3 and on disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.errors import EXIT_DONE, UserError

if TYPE_CHECKING:
    from runner.compose.cleaning import Removed

ABOUT: Final = """
Delete what a finished run has left behind: the inputs that it staged and the outputs of its jobs, in the lanes'
buckets; with --local, folded texts, merged answers and the embedded endpoint's data in its directory. Without a flag:
inputs and outputs. With --models, the models that the manifest trains and their training data, in every lane: what
other runs of the same data would have used too. Results, journal and log stay.

A bucket with versioning keeps what is deleted as old versions: that is for its lifecycle rules.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "clean", cls=Command, rich_help_panel=group, short_help="delete what it left in S3 and on disk", help=ABOUT
    )(clean)


def clean(
    run_dir: options.RunPath,
    *,
    staged: Annotated[bool, typer.Option("--staged", help="the inputs that it staged in S3")] = False,
    remote: Annotated[bool, typer.Option("--remote", help="the outputs of its jobs in S3")] = False,
    local: Annotated[bool, typer.Option("--local", help="texts and answers in its directory")] = False,
    models: Annotated[
        bool, typer.Option("--models", help="the models that its manifest trains, and their training data")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="also of a run that is not finished: it cannot go on then")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="only say what would be deleted")] = False,
) -> int:
    """Delete, and say what and how much."""
    import anyio

    from runner.compose.cleaning import CleanOptions, clean_run

    everything = not (staged or remote or local or models)
    told = CleanOptions(
        staged=staged or everything,
        remote=remote or everything,
        local=local,
        models=models,
        abandon=abandon,
        dry=dry,
    )
    removed = anyio.run(partial(clean_run, options.find(run_dir), told))
    if not removed:
        raise UserError("this run has used no S3 outside its own directory", hint="--local cleans that")
    for place in removed:
        print(_line(place, dry=dry))
    return EXIT_DONE


def _line(place: Removed, *, dry: bool) -> str:
    from runner.cli.terminal import nearby
    from runner.telemetry.words import byte_count, counted

    verb = "would delete" if dry else "deleted"
    if place.what == "trained models":
        return f"{verb} {counted(place.objects, 'trained model')} in {place.where}"
    size = byte_count(place.bytes)
    return f"{verb} {counted(place.objects, 'object')} ({size}) of {place.what} in {nearby(place.where)}"
