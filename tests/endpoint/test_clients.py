"""The other SDKs: boto3 from many threads, aioboto3 with many calls at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aioboto3
import pytest
from botocore.config import Config

from tests.endpoint.conftest import ROLE, STEMS, member

FAMILIES = sorted(STEMS.keys() - {"classification"})
THREADS = 8
CALLS = 40


@pytest.fixture
def place(endpoint: Any, bucket: str) -> tuple[str, str]:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"one line\nand another\n")
    return f"s3://{bucket}/in/", f"s3://{bucket}/out/"


def test_threads_share_a_client_and_every_job_completes(endpoint: Any, place: tuple[str, str]) -> None:
    endpoint.comprehend  # noqa: B018 - made before the threads want it

    def one(number: int) -> tuple[str, str]:
        family = FAMILIES[number % len(FAMILIES)]
        job_id = endpoint.start(family, *place, ClientRequestToken=f"{number // 2}-{STEMS[family]}")
        return family, endpoint.ended(family, job_id)["JobStatus"]

    with ThreadPoolExecutor(THREADS) as pool:
        ended = list(pool.map(one, range(CALLS)))
    assert {family for family, _ in ended} == set(FAMILIES)
    assert {status for _, status in ended} == {"COMPLETED"}


def test_racing_starts_of_one_token_are_one_job(endpoint: Any, place: tuple[str, str]) -> None:
    endpoint.comprehend  # noqa: B018 - made before the threads want it
    before = endpoint.health()["jobs_accepted"]

    def one(_number: int) -> str:
        return endpoint.start("topics", *place, ClientRequestToken="race")

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(one, range(CALLS)))) == 1
    assert endpoint.health()["jobs_accepted"] == before + 1


def test_aioboto3_uploads_starts_waits_and_downloads(endpoint: Any, bucket: str) -> None:
    async def main() -> list[bytes]:
        session = aioboto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
        options = {"endpoint_url": endpoint.url, "config": Config(retries={"total_max_attempts": 1})}
        async with session.client("s3", **options) as s3, session.client("comprehend", **options) as comprehend:
            await asyncio.gather(
                *(s3.put_object(Bucket=bucket, Key=f"{n}/a.txt", Body=b"line\n" * (n + 1)) for n in range(CALLS))
            )

            async def one(number: int) -> bytes:
                started = await comprehend.start_key_phrases_detection_job(
                    InputDataConfig={"S3Uri": f"s3://{bucket}/{number}/"},
                    OutputDataConfig={"S3Uri": f"s3://{bucket}/out/"},
                    DataAccessRoleArn=ROLE,
                    LanguageCode="en",
                )
                while True:
                    answer = await comprehend.describe_key_phrases_detection_job(JobId=started["JobId"])
                    job = answer["KeyPhrasesDetectionJobProperties"]
                    if job["JobStatus"] not in ("SUBMITTED", "IN_PROGRESS"):
                        break
                    await asyncio.sleep(0.02)
                key = job["OutputDataConfig"]["S3Uri"].removeprefix(f"s3://{bucket}/")
                output = await s3.get_object(Bucket=bucket, Key=key)
                async with output["Body"] as body:
                    return await body.read()

            return await asyncio.gather(*(one(number) for number in range(CALLS)))

    archives = asyncio.run(main())
    assert [len(member(archive).splitlines()) for archive in archives] == [number + 1 for number in range(CALLS)]
