"""`runner init`: a first manifest, from a look at some files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from runner.cli.help import Command
from runner.cli.values import path
from runner.errors import EXIT_DONE, UserError

ABOUT: Final = """
Look at files or folders and write a manifest for them, with comments: formats by the names of files, columns
and languages by a sample. Guesses are marked as such. A file that is there already is never written over.

Exit codes: 0 written; 2 something for you to mend.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "init", cls=Command, rich_help_panel=group, short_help="write a first manifest for some files", help=ABOUT
    )(init)


def init(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", parser=path, help="files or folders; left out: the current folder"),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", parser=path, help="the manifest (default: manifest.yaml)")
    ] = Path("manifest.yaml"),
) -> int:
    """Look, then write."""
    from runner.cli.terminal import talk, visible
    from runner.compose.scaffolding import look, manifest_text, name_like

    exists = UserError(f"{out}: is there already, and is never written over", hint="name another file with --out")
    if out.exists():
        raise exists
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}", hint="make it, or name another file with --out")
    folder = out.absolute().parent
    found = look(paths or [Path()], folder)
    text = manifest_text(name_like(folder.name, "first"), str(out), found)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise exists from None
    screen = talk()
    for corpus in found:
        files = "1 file" if corpus.files == 1 else f"{corpus.files:,} files"
        screen.print(visible(f"  {corpus.name}: {files}, format {corpus.format}"))
    screen.print(visible(f"Wrote {out}; read its guesses, then: runner plan {out}"))
    return EXIT_DONE
