"""The fixtures that users' own tests get."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest

from runner.testing import LocalComprehend, running_endpoint


def test_boto3_finds_the_endpoint_by_itself(comprehend_environment: LocalComprehend) -> None:
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == comprehend_environment.account
    assert os.environ["AWS_ENDPOINT_URL"] == comprehend_environment.url


def test_a_job_runs_through_a_client_of_the_fixture(local_comprehend: LocalComprehend) -> None:
    s3, comprehend = local_comprehend.client("s3"), local_comprehend.client("comprehend")
    s3.create_bucket(Bucket="fixture")
    s3.put_object(Bucket="fixture", Key="in/a.txt", Body=b"A lovely day by the sea, and a good book to read.\n" * 20)
    started = comprehend.start_dominant_language_detection_job(
        InputDataConfig={"S3Uri": "s3://fixture/in/"},
        OutputDataConfig={"S3Uri": "s3://fixture/out/"},
        DataAccessRoleArn=local_comprehend.data_access_role,
    )
    job, status = started["JobId"], "SUBMITTED"
    while status in {"SUBMITTED", "IN_PROGRESS"}:  # the test's own time limit ends it
        shown = comprehend.describe_dominant_language_detection_job(JobId=job)
        status = shown["DominantLanguageDetectionJobProperties"]["JobStatus"]
    assert status == "COMPLETED"
    (written,) = (each["Key"] for each in s3.list_objects_v2(Bucket="fixture", Prefix="out/0")["Contents"])
    assert written == f"out/000000000000-LANGUAGE-{job}/output/output.tar.gz"


def test_an_endpoint_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"), running_endpoint(tmp_path / "data", "--quotas", "odd"):
        pass
