"""`runner export`: results as Parquet, CSV, or a DuckDB database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.values import one_of, path
from runner.errors import EXIT_DONE

ABOUT: Final = """
Write a run's results in another form: Parquet (typed, nested columns, a folder per corpus), CSV, or a DuckDB
database (a table per corpus). Of a run that is not finished, what is merged so far.

--column takes a path into a result line, such as sentiment.SentimentScore.Positive; in CSV, what is no single value is
JSON text.

Prints the path of each file on stdout. Needs the extra `export`: pip install 'comprehend-runner[export]'.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "export",
        cls=Command,
        rich_help_panel=group,
        short_help="write results as Parquet, CSV or DuckDB",
        help=ABOUT,
    )(export)


def export(
    run_dir: options.RunPath,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="PATH", parser=path, help="a new or empty folder; for duckdb, a new file; always needed"
        ),
    ],
    form: Annotated[
        Literal["parquet", "csv", "duckdb"],
        typer.Option(
            "--format",
            metavar="parquet|csv|duckdb",
            parser=one_of("parquet", "csv", "duckdb"),
            help="what to write (default: parquet)",
        ),
    ] = "parquet",
    corpus: Annotated[
        list[str] | None, typer.Option("--corpus", metavar="NAME", help="only this corpus; repeatable")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="PATH", help="only this part of each line; repeatable, in order"),
    ] = None,
) -> int:
    """Write the files, and say where they are."""
    from runner.compose.exporting import export_run

    for written in export_run(options.find(run_dir), out, form=form, corpora=corpus or (), columns=column or ()):
        print(written)
    return EXIT_DONE
