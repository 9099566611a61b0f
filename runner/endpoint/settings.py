"""What a local endpoint can be told, as one value; the command line and the embedded child both make it.

Owns defaults and their validation. Knows nothing of argparse, HTTP or files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from runner.errors import UserError

__all__ = [
    "BlankLines", "EndpointSettings", "JobLimitRule", "PiiBlanks", "Quotas", "Tokens", "job_limits_of", "token_rule",
    "usable_cores",
]  # fmt: skip

BlankLines = Literal["rows", "skip"]
PiiBlanks = Literal["keep", "mask"]
JobLimitRule = Literal["service", "maximum", "none"]
Tokens = Literal["honoured", "ignored"]

_UNLIMITED_JOBS = 1_000_000_000
_STRANGERS_MAX = 1000


def usable_cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def job_limits_of(quotas: str) -> JobLimitRule:
    """What a named set of quotas means for the sizes of whole jobs, where nothing else is said."""
    return "service" if quotas == "service" else "maximum"


def token_rule(text: str) -> tuple[Tokens, float | None]:
    """What `honoured`, `ignored` or a number of seconds says of ClientRequestTokens; ValueError for anything else."""
    if text == "honoured":
        return "honoured", None
    if text == "ignored":
        return "ignored", None
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return "honoured", seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Calls per second of each operation, and active jobs of each Start operation; None is no limit.

    The service's figures are those of COMPREHEND.md section 2.3.
    """

    start_per_s: float | None = None
    read_per_s: float | None = None
    stop_per_s: float | None = None
    active_jobs: int = _UNLIMITED_JOBS

    @classmethod
    def named(cls, name: str, *, active_jobs: int | None = None) -> Quotas:
        """`none` or `service`; `active_jobs` overrides what the name says."""
        if name == "none":
            quotas = cls()
        elif name == "service":
            quotas = cls(start_per_s=1.0, read_per_s=10.0, stop_per_s=1.0, active_jobs=10)
        else:
            raise UserError(f"no quotas called {name!r}", hint="there are: none, service")
        return quotas if active_jobs is None else replace(quotas, active_jobs=active_jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """One local endpoint: where it listens, where it keeps things, and how it behaves.

    `port` 0 takes a free one. `data_dir` None is a fresh directory that is left behind for inspection.
    `lock_timeout_s` is how long to wait for another endpoint to leave the data directory. `job_limits` says
    whether a job that reads too much in all fails (`maximum`), also one that reads too little (`service`), or none
    (`families.JobLimits`): whether the service really refuses a few lines is not known, records of such jobs that
    completed are. `token_life_s` is when a ClientRequestToken is forgotten (None: never), `list_lag_s` how long a
    new job does not show in List, `strangers` how many jobs of others are active in each operation (`strangers.py`).
    `pii_blanks` says whether blanks inside masked data are kept; `plugins` are the user's own analyzers, family to
    `module:function`.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data_dir: Path | None = None
    lock_timeout_s: float = 10.0
    workers: int = field(default_factory=usable_cores)
    analyzers: Literal["default", "noop"] = "default"
    account: str = "000000000000"
    region: str = "us-east-1"
    quotas: Quotas = field(default_factory=Quotas)
    job_limits: JobLimitRule = "maximum"
    tokens: Tokens = "honoured"
    token_life_s: float | None = None
    list_lag_s: float = 0.0
    strangers: int = 0
    strangers_greedy: bool = False
    strangers_seed: int = 0
    timing: Literal["instant", "service"] = "instant"
    time_scale: float = 1.0
    blank_lines: BlankLines = "rows"
    pii_blanks: PiiBlanks = "keep"
    plugins: Mapping[str, str] = field(default_factory=dict)
    faults: Path | None = None
    exit_with_stdin: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    def checked(self) -> EndpointSettings:
        """These settings, if an endpoint can run with them; raises UserError that says what is valid."""
        if not _is_loopback(self.host):
            raise UserError(
                f"host {self.host} is not a loopback address, and request signatures are not verified",
                hint="valid: 127.0.0.1, ::1, localhost",
            )
        if not 0 <= self.port <= 65535:
            raise UserError(f"port {self.port} is not a port", hint="valid: 0 (any free one) to 65535")
        if self.workers < 1:
            raise UserError(f"{self.workers} workers cannot run a job", hint="valid: 1 or more")
        if self.quotas.active_jobs < 1:
            raise UserError(f"{self.quotas.active_jobs} active jobs would refuse every job", hint="valid: 1 or more")
        if self.token_life_s is not None and self.token_life_s <= 0:
            raise UserError(f"tokens of {self.token_life_s} s would never be honoured", hint="say tokens: ignored")
        if self.list_lag_s < 0:
            raise UserError(f"a list lag of {self.list_lag_s} s is negative", hint="valid: 0 or more")
        if not 0 <= self.strangers <= _STRANGERS_MAX:
            raise UserError(f"{self.strangers} strangers are not possible", hint=f"valid: 0 to {_STRANGERS_MAX}")
        if self.time_scale <= 0:
            raise UserError(f"time scale {self.time_scale} is not positive", hint="0.01 makes a second of 100 s")
        if not (len(self.account) == 12 and self.account.isascii() and self.account.isdigit()):
            raise UserError(f"account {self.account!r} is no AWS account", hint="valid: twelve digits")
        return self

    def directory(self) -> Path:
        """The data directory, made if there was none."""
        if self.data_dir is None:
            return Path(tempfile.mkdtemp(prefix="runner-endpoint-"))
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.data_dir.resolve()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
