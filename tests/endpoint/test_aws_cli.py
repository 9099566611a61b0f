"""The AWS CLI, unchanged: one environment variable, and both services are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not on PATH"),
]


@pytest.fixture
def aws(endpoint: Any, tmp_path: Path) -> Any:
    """Runs the CLI in a folder of its own; its stdout."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name in ("PYENV_ROOT", "PYENV_VERSION", "LD_LIBRARY_PATH"):  # whatever makes this machine's `aws` start
        if name in os.environ:
            environment[name] = os.environ[name]

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["aws", *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_make_a_bucket_upload_start_wait_and_download(aws: Any, endpoint: Any, tmp_path: Path) -> None:
    (tmp_path / "up" / "in").mkdir(parents=True)
    (tmp_path / "up" / "in" / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "up" / "in" / "b.txt").write_text("three\n")
    large = os.urandom(9 * 1024 * 1024)  # goes up in parts and comes down in ranges
    (tmp_path / "up" / "large.bin").write_bytes(large)
    aws("s3", "mb", "s3://from-the-cli")
    aws("s3", "cp", "--recursive", "up", "s3://from-the-cli/")
    assert "PRE in/" in aws("s3", "ls", "s3://from-the-cli")
    start = json.loads(
        aws(
            *("comprehend", "start-sentiment-detection-job", "--language-code", "en", "--job-name", "cli"),
            *("--input-data-config", "S3Uri=s3://from-the-cli/in/"),
            *("--output-data-config", "S3Uri=s3://from-the-cli/out/"),
            *("--data-access-role-arn", "arn:aws:iam::000000000000:role/Comprehend"),
        )
    )
    assert start["JobStatus"] == "SUBMITTED"
    properties = endpoint.ended("sentiment", start["JobId"])
    listed = json.loads(aws("comprehend", "list-sentiment-detection-jobs", "--filter", "JobName=cli"))
    (job,) = listed["SentimentDetectionJobPropertiesList"]
    assert (job["JobStatus"], job["JobId"]) == ("COMPLETED", start["JobId"])
    aws("s3", "cp", "--recursive", "s3://from-the-cli/", "down")
    assert (tmp_path / "down" / "large.bin").read_bytes() == large
    archive = properties["OutputDataConfig"]["S3Uri"].replace("s3://from-the-cli", str(tmp_path / "down"))
    subprocess.run(["tar", "xzf", archive], cwd=tmp_path, check=True)
    rows = [json.loads(line) for line in (tmp_path / "output").read_text().splitlines()]
    assert sorted((row["File"], row["Line"]) for row in rows) == [("a.txt", 0), ("a.txt", 1), ("b.txt", 0)]
