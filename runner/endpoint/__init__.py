"""The local Comprehend: its wire protocol, its jobs, a small S3, and the NLP behind them.

    server.py, sockets.py      the process: data directory, parts, socket, end
    app.py                     one URL: Comprehend, S3, STS and control routes told apart
    faults.py, effects.py, mishaps.py, clocks.py            what goes wrong on demand
    comprehend.py, validation.py, protocol.py, quotas.py    what is decided at the door of every operation
    operations.py              the table of operations, and the seam where others are added
    job_operations.py, starting.py, job_lists.py, tags.py   Start, Describe, List, Stop; tags
    jobs.py, lifecycle.py, executor.py, strangers.py        a job from accepted to ended, ours or another user's
    inputs.py, pool.py, worker.py, rows.py, archive.py      its work, from objects to output.tar.gz
    s3/           the S3 subset
    database.py, blobs.py    rows and bytes on disk
    analyzers/    the NLP behind each family
    custom/       models that users train, and the operations on them

    from runner.endpoint import EndpointSettings, serve
    serve(EndpointSettings(port=8000, data_dir=Path("comprehend-data")))

Shares only `runner.errors` with the rest of the package: a double that shared code with its client would
share its bugs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.endpoint.settings import EndpointSettings, Quotas

if TYPE_CHECKING:
    from runner.endpoint.server import run_endpoint, serve

__all__ = ["EndpointSettings", "Quotas", "run_endpoint", "serve"]


def __getattr__(name: str) -> object:
    # aiohttp takes a third of a second to import; workers and `--help` do without it.
    if name in ("run_endpoint", "serve"):
        from runner.endpoint import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
