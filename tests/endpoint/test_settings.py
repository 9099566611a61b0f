"""The command line: what it says first, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.endpoint import EndpointSettings, Quotas
from runner.endpoint.__main__ import main, parse
from runner.errors import UserError


def test_the_defaults_of_the_command_line_are_those_of_the_settings() -> None:
    assert parse([]) == EndpointSettings()


def test_every_option_reaches_its_setting() -> None:
    options = (
        "--host ::1 --port 80 --data-dir d --lock-timeout 3 --workers 5 --analyzers noop --account 123456789012 "
        "--quotas service --active-jobs 3 --tokens 30 --job-limits none --list-lag 2 --strangers 4 "
        "--strangers-greedy --strangers-seed 9 --timing service --time-scale 0.5 --blank-lines skip "
        "--faults f.yaml --exit-with-stdin --log-level debug"
    )
    assert parse(options.split()) == EndpointSettings(
        host="::1",
        port=80,
        data_dir=Path("d"),
        lock_timeout_s=3.0,
        workers=5,
        analyzers="noop",
        account="123456789012",
        quotas=Quotas(start_per_s=1.0, read_per_s=10.0, stop_per_s=1.0, active_jobs=3),
        job_limits="none",
        tokens="honoured",
        token_life_s=30.0,
        list_lag_s=2.0,
        strangers=4,
        strangers_greedy=True,
        strangers_seed=9,
        timing="service",
        time_scale=0.5,
        blank_lines="skip",
        faults=Path("f.yaml"),
        exit_with_stdin=True,
        log_level="debug",
    )


@pytest.mark.parametrize(("options", "complaint"), [
    ("--host 0.0.0.0", "host 0.0.0.0 is not a loopback address"),
    ("--host example.com", "host example.com is not a loopback address"),
    ("--port 70000", "port 70000 is not a port"),
    ("--workers 0", "0 workers cannot run a job"),
    ("--active-jobs 0", "0 active jobs would refuse every job"),
    ("--time-scale 0", "time scale 0.0 is not positive"),
    ("--account 12", "account '12' is no AWS account"),
    ("--faults no-such-file.yaml", "the faults file no-such-file.yaml cannot be read: No such file"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_what_can(
    options: str, complaint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*options.split(), "--data-dir", str(tmp_path / "data")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {complaint}")
    assert not (tmp_path / "data").exists()


def test_quotas_without_a_name_are_refused() -> None:
    with pytest.raises(UserError, match="no quotas called 'strict'"):
        Quotas.named("strict")


def test_a_port_that_is_taken_is_named(endpoint: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = endpoint.url.rpartition(":")[2]  # type: ignore[attr-defined]
    assert main(["--port", port, "--data-dir", str(tmp_path)]) == 2
    assert f"127.0.0.1:{port} cannot be listened on" in capsys.readouterr().err


def test_importing_the_room_and_its_workers_takes_neither_aiohttp_nor_nlp() -> None:
    """Workers start in tens of milliseconds, and `--help` as well."""
    heavy = "aiohttp", "botocore", "boto3", "textblob", "nltk", "pydantic", "faker", "babel"
    code = (
        f"import sys, runner.endpoint.worker, runner.endpoint.__main__; print([m for m in {heavy} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
