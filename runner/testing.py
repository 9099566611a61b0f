"""A local Comprehend for tests of one's own: pytest fixtures that are there once this package is installed.

    def test_my_pipeline(comprehend_environment):
        my_pipeline.main()                       # boto3 finds the endpoint through AWS_ENDPOINT_URL

    def test_a_job(local_comprehend):
        client = local_comprehend.client("comprehend")

`local_comprehend` is one endpoint for the whole session, `comprehend_environment` points the process's AWS settings at
it for one test. Both need the `local` extra. `running_endpoint` is the same without fixtures, with options of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["LocalComprehend", "comprehend_environment", "local_comprehend", "running_endpoint"]

_ENDS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalComprehend:
    """A running endpoint: Comprehend, S3 and STS at `url`."""

    url: str
    account: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes boto3, the AWS CLI and their like use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": self.region,
        }

    @property
    def data_access_role(self) -> str:
        """A role ARN that jobs may name; nothing is assumed."""
        return f"arn:aws:iam::{self.account}:role/local"

    def client(self, service: str) -> Any:
        """A boto3 client of `comprehend`, `s3` or `sts`."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the endpoint takes any
        )


@contextmanager
def running_endpoint(data_dir: Path, *options: str) -> Iterator[LocalComprehend]:
    """An endpoint for as long as the block lasts, its data in `data_dir`.

    `options` are those of `runner serve`, such as `"--quotas", "service"`. Raises RuntimeError with what the endpoint
    said if it does not start.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "endpoint.log").open("w+b") as log:
        process = subprocess.Popen(
            _command(data_dir, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            if not first:
                log.seek(0)
                raise RuntimeError(f"the local Comprehend did not start: {log.read().decode(errors='replace')}")
            facts = json.loads(first)
            yield LocalComprehend(url=facts["endpoint_url"], account=facts["account"], region=facts["region"])
        finally:
            process.stdin.close()  # which ends it
            process.stdout.close()
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(data_dir: Path, options: Sequence[str]) -> list[str]:
    own = ["--data-dir", str(data_dir), "--port", "0", "--exit-with-stdin"]
    return [sys.executable, "-m", "runner.endpoint", *own, *options]


@pytest.fixture(scope="session")
def local_comprehend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalComprehend]:
    """One local Comprehend for all tests of the session; jobs and buckets of other tests are in it too."""
    with running_endpoint(tmp_path_factory.mktemp("comprehend")) as endpoint:
        yield endpoint


@pytest.fixture
def comprehend_environment(local_comprehend: LocalComprehend, monkeypatch: pytest.MonkeyPatch) -> LocalComprehend:
    """The process's AWS settings point at the local Comprehend for one test."""
    for name, value in local_comprehend.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_COMPREHEND"):
        monkeypatch.delenv(name, raising=False)
    return local_comprehend
