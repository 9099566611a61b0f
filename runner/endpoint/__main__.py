"""`python -m runner.endpoint`: the local Comprehend alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runner.endpoint.analyzers import plugins
from runner.endpoint.settings import EndpointSettings, Quotas, job_limits_of, token_rule, usable_cores
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
    add("--analyzer", action="append", default=[], metavar="FAMILY=MODULE:FUNCTION", help="one's own; repeatable")
    add("--account", default=defaults.account, help="twelve digits (%(default)s)")
    add("--quotas", choices=["none", "service"], default="none", help="call rates and active jobs (%(default)s)")
    add("--active-jobs", type=int, metavar="N", help="per operation; overrides --quotas")
    add("--job-limits", choices=["service", "maximum", "none"], help="sizes of whole jobs (see --quotas)")
    add("--tokens", type=token_rule, default=("honoured", None), help="honoured (default), ignored, or SECONDS")
    add("--list-lag", type=float, default=defaults.list_lag_s, metavar="SECONDS", help="before List shows a job")
    add("--strangers", type=int, default=0, metavar="N", help="active jobs of other users, per operation")
    add("--strangers-greedy", action="store_true", help="they race for every slot that falls free")
    add("--strangers-seed", type=int, default=0, metavar="N", help="their dice (%(default)s)")
    add("--timing", choices=["instant", "service"], default=defaults.timing, help="(%(default)s)")
    add("--time-scale", type=float, default=defaults.time_scale, metavar="X", help="of --timing service (%(default)s)")
    add("--blank-lines", choices=["rows", "skip"], default=defaults.blank_lines, help="(%(default)s)")
    add("--pii-blanks", choices=["keep", "mask"], default=defaults.pii_blanks, help="in masked data (%(default)s)")
    add("--faults", type=Path, metavar="FILE", help="rules, YAML or JSON")
    add("--exit-with-stdin", action="store_true", help="end when stdin does")
    add("--log-level", choices=["debug", "info", "warning", "error"], default=defaults.log_level)
    given = vars(parser.parse_args(arguments))
    given["plugins"] = plugins.parsed(given.pop("analyzer"))
    given["lock_timeout_s"] = given.pop("lock_timeout")
    given["list_lag_s"] = given.pop("list_lag")
    given["tokens"], given["token_life_s"] = given["tokens"]
    given["job_limits"] = given["job_limits"] or job_limits_of(given["quotas"])
    given["quotas"] = Quotas.named(given.pop("quotas"), active_jobs=given.pop("active_jobs"))
    return EndpointSettings(**given)


def main(arguments: list[str] | None = None) -> int:
    """Run the endpoint; returns the exit code."""
    try:
        settings = parse(arguments)
        from runner.endpoint.server import serve

        serve(settings)
    except RunnerError as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
