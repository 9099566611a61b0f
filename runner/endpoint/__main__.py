"""`python -m runner.endpoint`: the local Comprehend alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runner.endpoint.settings import EndpointSettings, Quotas, usable_cores
from runner.errors import RunnerError

__all__ = ["main", "parse"]


def parse(arguments: list[str] | None = None) -> EndpointSettings:
    """Settings from a command line."""
    defaults = EndpointSettings()
    parser = argparse.ArgumentParser(prog="python -m runner.endpoint", description=__doc__)
    add = parser.add_argument
    add("--host", default=defaults.host, help="a loopback address (%(default)s)")
    add("--port", type=int, default=defaults.port, help="0 takes a free one (%(default)s)")
    add("--data-dir", type=Path, help="where objects and jobs are kept (a new temporary directory)")
    add("--lock-timeout", type=float, default=defaults.lock_timeout_s, metavar="SECONDS", help="(%(default)s)")
    add("--workers", type=int, default=usable_cores(), metavar="N", help="worker processes (%(default)s)")
    add("--analyzers", choices=["default", "noop"], default=defaults.analyzers)
    add("--account", default=defaults.account, help="twelve digits (%(default)s)")
    add("--quotas", choices=["none", "service"], default="none", help="call rates and active jobs (%(default)s)")
    add("--active-jobs", type=int, metavar="N", help="per operation; overrides --quotas")
    add("--tokens", choices=["honoured", "ignored"], default=defaults.tokens, help="ClientRequestToken (%(default)s)")
    add("--timing", choices=["instant", "service"], default=defaults.timing, help="(%(default)s)")
    add("--time-scale", type=float, default=defaults.time_scale, metavar="X", help="of --timing service (%(default)s)")
    add("--blank-lines", choices=["rows", "skip"], default=defaults.blank_lines, help="(%(default)s)")
    add("--faults", type=Path, metavar="FILE", help="rules, YAML or JSON")
    add("--exit-with-stdin", action="store_true", help="end when stdin does")
    add("--log-level", choices=["debug", "info", "warning", "error"], default=defaults.log_level)
    given = vars(parser.parse_args(arguments))
    given["lock_timeout_s"] = given.pop("lock_timeout")
    given["quotas"] = Quotas.named(given.pop("quotas"), active_jobs=given.pop("active_jobs"))
    return EndpointSettings(**given)


def main(arguments: list[str] | None = None) -> int:
    """Run the endpoint; returns the exit code."""
    settings = parse(arguments)
    try:
        from runner.endpoint.server import serve

        serve(settings)
    except RunnerError as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
