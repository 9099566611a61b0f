"""`runner serve`: the local Comprehend alone, for the AWS CLI, SDKs, pipelines and tests."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options
from runner.errors import EXIT_DONE


class QuotaSet(StrEnum):
    """Which quotas the endpoint keeps."""

    NONE = "none"
    SERVICE = "service"


class Tokens(StrEnum):
    """What becomes of ClientRequestToken."""

    HONOURED = "honoured"
    IGNORED = "ignored"


class Timing(StrEnum):
    """How long jobs take beyond their work."""

    INSTANT = "instant"
    SERVICE = "service"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    *,
    host: Annotated[str, typer.Option("--host", help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 0,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Where objects and jobs are kept.")] = None,
    workers: options.Workers = None,
    analyzers: options.Analyzers = options.AnalyzerSet.DEFAULT,
    quotas: Annotated[QuotaSet, typer.Option("--quotas", help="Call rates and active jobs.")] = QuotaSet.NONE,
    active_jobs: Annotated[int | None, typer.Option("--active-jobs", min=1, help="Per operation.")] = None,
    tokens: Annotated[Tokens, typer.Option("--tokens", help="ClientRequestToken.")] = Tokens.HONOURED,
    timing: Annotated[Timing, typer.Option("--timing", help="How long jobs take.")] = Timing.INSTANT,
    time_scale: Annotated[
        float, typer.Option("--time-scale", help="Of --timing service: 0.01 is 100 times faster.")
    ] = 1,
    faults: Annotated[Path | None, typer.Option("--faults", help="Faults to make, as rules (YAML).")] = None,
) -> int:
    """Run the local Comprehend until interrupted; the first line on stdout is JSON with `endpoint_url`.

    Point clients at it with AWS_ENDPOINT_URL; any credentials do.
    """
    from runner.endpoint.server import serve as run_endpoint
    from runner.endpoint.settings import EndpointSettings, Quotas

    run_endpoint(
        EndpointSettings(
            host=host,
            port=port,
            data_dir=data_dir,
            workers=options.worker_count(workers),
            analyzers=analyzers.value,
            quotas=Quotas.named(quotas.value, active_jobs=active_jobs),
            tokens=tokens.value,
            timing=timing.value,
            time_scale=time_scale,
            faults=faults,
        )
    )
    return EXIT_DONE
