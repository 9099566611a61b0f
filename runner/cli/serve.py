"""`runner serve`: the local Comprehend alone, for the AWS CLI, SDKs, pipelines and tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.values import factor, one_of, path, port as port_number, seconds, whole
from runner.errors import EXIT_DONE, MachineError

ABOUT: Final = """
Run the local Comprehend until interrupted: Comprehend's API and the S3 that its clients need, at one URL on
this machine. The first line on stdout is JSON with `endpoint_url`.

Point clients at it with AWS_ENDPOINT_URL; any credentials do.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command("serve", cls=Command, rich_help_panel=group, short_help="run the local Comprehend alone", help=ABOUT)(
        serve
    )


def serve(
    *,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="a loopback address (default: 127.0.0.1)")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", parser=port_number, help="the port (default: 0, any free one)"),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            metavar="DIR",
            parser=path,
            help="where objects and jobs are kept (default: a new temporary folder)",
        ),
    ] = None,
    workers: options.Workers = None,
    analyzers: options.Analyzers = "default",
    analyzer: Annotated[
        list[str] | None,
        typer.Option(
            "--analyzer",
            metavar="FAMILY=MODULE:FUNCTION",
            help="your own analyzer in the place of the built-in one; may be repeated",
        ),
    ] = None,
    pii_blanks: Annotated[
        Literal["keep", "mask"],
        typer.Option(
            "--pii-blanks",
            metavar="keep|mask",
            parser=one_of("keep", "mask"),
            help="whether blanks inside masked personal data stay",
        ),
    ] = "keep",
    blank_lines: Annotated[
        Literal["rows", "skip"],
        typer.Option(
            "--blank-lines",
            metavar="rows|skip",
            parser=one_of("rows", "skip"),
            help="whether blank lines of the input have rows in the output",
        ),
    ] = "rows",
    quotas: Annotated[
        str,
        typer.Option(
            "--quotas",
            metavar="none|service",
            parser=one_of("none", "service"),
            help="service: the call rates and active jobs of a real account",
        ),
    ] = "none",
    active_jobs: Annotated[
        int | None,
        typer.Option("--active-jobs", metavar="N", parser=whole, help="at most N active jobs of each operation"),
    ] = None,
    job_limits: Annotated[
        Literal["service", "maximum", "none"] | None,
        typer.Option(
            "--job-limits",
            metavar="service|maximum|none",
            parser=one_of("service", "maximum", "none"),
            help="which jobs fail for their size: too large and below 500 bytes, too large (default), none "
            "(--quotas service: service)",
        ),
    ] = None,
    tokens: Annotated[
        str,
        typer.Option(
            "--tokens",
            metavar="honoured|ignored|TIME",
            parser=_token,
            help="what a repeated ClientRequestToken does: the same job (default), another, or another after so long",
        ),
    ] = "honoured",
    list_lag: Annotated[
        float | None,
        typer.Option("--list-lag", metavar="TIME", parser=seconds, help="how long List does not show a new job"),
    ] = None,
    strangers: Annotated[
        int | None,
        typer.Option(
            "--strangers", metavar="N", parser=whole, help="N active jobs of other users in each operation, by turns"
        ),
    ] = None,
    greedy: Annotated[
        bool, typer.Option("--strangers-greedy", help="let the other users race for every slot that falls free")
    ] = False,
    timing: Annotated[
        Literal["instant", "service"],
        typer.Option(
            "--timing",
            metavar="instant|service",
            parser=one_of("instant", "service"),
            help="service: jobs take as long as real ones do",
        ),
    ] = "instant",
    time_scale: Annotated[
        float | None,
        typer.Option(
            "--time-scale",
            metavar="X",
            parser=factor,
            help="of --timing service: 0.01 is a hundred times faster",
        ),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(
            "--faults", metavar="FILE", parser=path, help="faults to make, as rules in YAML (see --list-faults)"
        ),
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="print how rules are written and what they can do, and exit")
    ] = False,
) -> int:
    """Serve until interrupted."""
    if list_faults:
        print(_about_faults())
        return EXIT_DONE
    try:
        from runner.endpoint.analyzers import plugins
        from runner.endpoint.server import serve as run_endpoint
        from runner.endpoint.settings import EndpointSettings, Quotas, job_limits_of, token_rule
    except ModuleNotFoundError as error:
        raise MachineError(
            f"the local Comprehend needs {error.name}, which is not installed",
            hint="pip install 'comprehend-runner[local]'",
        ) from error

    honoured, token_life_s = token_rule(tokens)
    run_endpoint(
        EndpointSettings(
            host=host,
            port=port or 0,
            data_dir=data_dir,
            workers=options.worker_count(workers),
            analyzers=analyzers,
            quotas=Quotas.named(quotas, active_jobs=active_jobs),
            job_limits=job_limits or job_limits_of(quotas),
            tokens=honoured,
            token_life_s=token_life_s,
            list_lag_s=list_lag or 0.0,
            strangers=strangers or 0,
            strangers_greedy=greedy,
            timing=timing,
            time_scale=1.0 if time_scale is None else time_scale,
            faults=faults,
            pii_blanks=pii_blanks,
            blank_lines=blank_lines,
            plugins=plugins.parsed(analyzer or ()),
        )
    )
    return EXIT_DONE


def _token(text: str) -> str:
    """What becomes of tokens: a word, or seconds."""
    return text if text in ("honoured", "ignored") else str(seconds(text))


def _about_faults() -> str:
    from runner.endpoint import effects, faults

    return f"{(faults.__doc__ or '').strip()}\n\nWhat `do` can be:\n\n{effects.table()}"
