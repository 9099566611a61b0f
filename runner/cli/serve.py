"""`runner serve`: the local Comprehend alone, for the AWS CLI, SDKs, pipelines and tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from runner.cli import options
from runner.cli.parser import Command, Parser, factor, one_of, path, port, whole
from runner.errors import EXIT_DONE, MachineError


def _arguments(parser: Parser) -> None:
    parser.value("--host", "ADDRESS", str, "a loopback address (default: 127.0.0.1)", default="127.0.0.1")
    parser.value("--port", "PORT", port, "the port (default: 0, any free one)", default=0)
    parser.value("--data-dir", "DIR", path, "where objects and jobs are kept (default: a new temporary folder)")
    options.workers(parser)
    options.analyzers(parser)
    parser.value(
        "--quotas",
        "none|service",
        one_of("none", "service"),
        "service: the call rates and active jobs of a real account",
        default="none",
    )
    parser.value("--active-jobs", "N", whole, "at most N active jobs of each operation")
    parser.value(
        "--tokens",
        "honoured|ignored",
        one_of("honoured", "ignored"),
        "what a repeated ClientRequestToken does",
        default="honoured",
    )
    parser.value(
        "--timing",
        "instant|service",
        one_of("instant", "service"),
        "service: jobs take as long as real ones do",
        default="instant",
    )
    parser.value("--time-scale", "X", factor, "of --timing service: 0.01 is a hundred times faster", default=1.0)
    parser.value("--faults", "FILE", path, "faults to make, as rules in YAML")


def serve(
    *,
    host: str,
    port: int,
    data_dir: Path | None,
    workers: int | None,
    analyzers: Literal["default", "noop"],
    quotas: str,
    active_jobs: int | None,
    tokens: Literal["honoured", "ignored"],
    timing: Literal["instant", "service"],
    time_scale: float,
    faults: Path | None,
) -> int:
    """Serve until interrupted."""
    try:
        from runner.endpoint.server import serve as run_endpoint
        from runner.endpoint.settings import EndpointSettings, Quotas
    except ModuleNotFoundError as error:
        raise MachineError(
            f"the local Comprehend needs {error.name}, which is not installed",
            hint="pip install 'comprehend-runner[local]'",
        ) from error

    run_endpoint(
        EndpointSettings(
            host=host,
            port=port,
            data_dir=data_dir,
            workers=options.worker_count(workers),
            analyzers=analyzers,
            quotas=Quotas.named(quotas, active_jobs=active_jobs),
            tokens=tokens,
            timing=timing,
            time_scale=time_scale,
            faults=faults,
        )
    )
    return EXIT_DONE


SERVE: Final = Command(
    name="serve",
    summary="run the local Comprehend alone",
    details="""
    Run the local Comprehend until interrupted: Comprehend's API and the S3 that its clients need, at one URL on
    this machine. The first line on stdout is JSON with `endpoint_url`.

    Point clients at it with AWS_ENDPOINT_URL; any credentials do.
    """,
    arguments=_arguments,
    carry_out=serve,
)
