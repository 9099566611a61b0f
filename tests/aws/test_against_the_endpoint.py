"""The clients against the local endpoint, a process of its own that shares no code with them: jobs that really run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.model import (
    BatchId,
    Fault,
    FaultKind,
    JobStatus,
    LaneSpec,
    RemoteId,
    RemoteJob,
    RunId,
    StartRequest,
    job_key,
    job_name,
    token,
)
from runner.storage.s3 import open_object

pytestmark = pytest.mark.anyio

STAGING = "s3://staging/runs/"
LINES = "A quiet evening by the river.\nNothing happened at all.\n" * 20


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an endpoint whose analyzers answer empty rows; it ends when its stdin closes."""
    command = [sys.executable, "-m", "runner.endpoint", "--analyzers", "noop", "--workers", "1", "--exit-with-stdin"]
    command += ["--data-dir", str(tmp_path_factory.mktemp("endpoint"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["endpoint_url"]
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.fixture(scope="module")
async def home(endpoint: str) -> AsyncIterator[LaneSession]:
    lane = LaneSpec(name="home", kind="embedded", url=endpoint, staging=STAGING)
    async with LaneSession(lane) as session:
        assert await StagingClient(session).ensure_bucket(STAGING) is None
        yield session


def request(run: str, family: str = "sentiment", generation: int = 1) -> StartRequest:
    key = job_key(family, BatchId("en-0001"))
    return StartRequest(
        family=family,
        generation=generation,
        job=key,
        name=job_name("", RunId(run), key, generation),
        token=token(RunId(run), key, generation),
        input_uri=f"{STAGING}{run}/in/en-0001/",
        output_uri=f"{STAGING}{run}/out/{key}-{generation}/",
        language=None if family == "dominant_language" else "en",
    )


async def ended(client: ComprehendClient, operation: str, remote_id: RemoteId) -> RemoteJob:
    with anyio.fail_after(30):
        while True:
            job = await client.describe(operation, remote_id)
            assert isinstance(job, RemoteJob)
            if job.status.ended:
                return job
            await anyio.sleep(0.02)


@pytest.mark.parametrize("family", ["dominant_language", "entities", "key_phrases", "sentiment"])
async def test_a_job_runs_from_upload_to_output(family: str, home: LaneSession, tmp_path: Path) -> None:
    client, staging = ComprehendClient(home), StagingClient(home)
    wanted = request(f"whole-{family}", family)
    path = tmp_path / "000-000000-00000.0.txt"
    path.write_text(LINES)
    assert await staging.put_file(f"{wanted.input_uri}{path.name}", str(path)) == len(LINES)
    started = await client.start(wanted)
    assert isinstance(started, RemoteJob)
    job = await ended(client, family, started.remote_id)
    assert (job.status, job.name, job.fault) == (JobStatus.COMPLETED, wanted.name, None)
    assert job.output_uri is not None
    assert job.output_uri.startswith(wanted.output_uri)
    assert job.submitted_at is not None
    assert job.ended_at is not None
    assert job.submitted_at <= job.ended_at
    assert len(rows(home.lane, job.output_uri)) == LINES.count("\n")
    keys = await staging.list_keys(wanted.output_uri, 10)
    assert isinstance(keys, list)
    assert f"s3://staging/{keys[-1][0]}" == job.output_uri


def rows(lane: LaneSpec, uri: str) -> list[Any]:
    with (
        open_object(lane, uri) as reader,
        io.BytesIO(reader.read()) as body,
        tarfile.open(fileobj=body, mode="r:gz") as archive,
    ):
        member = archive.extractfile("output")
        assert member is not None
        return [json.loads(line) for line in member.read().splitlines()]


async def test_the_same_token_gives_the_same_job(home: LaneSession) -> None:
    client, staging = ComprehendClient(home), StagingClient(home)
    wanted = request("token")
    await staging.put_bytes(f"{wanted.input_uri}part.txt", LINES.encode())
    first, second = await client.start(wanted), await client.start(wanted)
    assert isinstance(first, RemoteJob)
    assert isinstance(second, RemoteJob)
    assert first.remote_id == second.remote_id
    found = await client.list_jobs(wanted.family, name=wanted.name)
    assert isinstance(found, list)
    assert [job.remote_id for job in found] == [first.remote_id]


async def test_jobs_are_found_by_status_and_by_time(home: LaneSession) -> None:
    client, staging = ComprehendClient(home), StagingClient(home)
    wanted = request("found", "entities")
    await staging.put_bytes(f"{wanted.input_uri}part.txt", LINES.encode())
    started = await client.start(wanted)
    assert isinstance(started, RemoteJob)
    job = await ended(client, "EntitiesDetection", started.remote_id)
    assert job.submitted_at is not None
    for filters in ({"status": JobStatus.COMPLETED}, {"submitted_after": job.submitted_at - 5}, {}):
        listed = await client.list_jobs("EntitiesDetection", **filters)  # type: ignore[arg-type]
        assert isinstance(listed, list)
        assert job in listed
    later = await client.list_jobs("EntitiesDetection", submitted_after=job.submitted_at + 3600)
    assert later == []


async def test_a_job_without_input_fails_with_a_reason(home: LaneSession) -> None:
    client = ComprehendClient(home)
    started = await client.start(request("nothing-there"))
    assert isinstance(started, RemoteJob)
    job = await ended(client, "sentiment", started.remote_id)
    assert job.status is JobStatus.FAILED
    assert job.fault is not None
    assert (job.fault.kind, job.fault.code) == (FaultKind.DENIED, "NO_READ_ACCESS_TO_INPUT")


async def test_an_unknown_job_and_a_job_that_ended_are_faults_of_the_call(home: LaneSession) -> None:
    client = ComprehendClient(home)
    unknown = await client.describe("sentiment", RemoteId("0" * 32))
    assert isinstance(unknown, Fault)
    assert unknown.kind is FaultKind.NOT_FOUND
    started = await client.start(request("ended"))
    assert isinstance(started, RemoteJob)
    await ended(client, "sentiment", started.remote_id)
    stopped = await client.stop("sentiment", started.remote_id)
    assert isinstance(stopped, Fault)
    assert stopped.kind is FaultKind.REJECTED


async def test_the_identity_is_an_account(home: LaneSession) -> None:
    account = await home.identity()
    assert isinstance(account, str)
    assert account.isdigit()
    assert len(account) == 12


async def test_staging_puts_lists_checks_and_deletes(home: LaneSession) -> None:
    staging = StagingClient(home)
    names = [f"part-{n:04d}.txt" for n in range(12)] + ["ü+ &%41.txt"]
    for name in names:
        assert await staging.put_bytes(f"s3://staging/many/{name}", name.encode()) == len(name.encode())
    listed = await staging.list_keys("s3://staging/many/", 100)
    assert listed == [(f"many/{name}", len(name.encode())) for name in names]
    assert await staging.list_keys("s3://staging/many/", 5) == listed[:5]
    assert await staging.check("s3://staging/many/") is None
    assert await staging.delete_prefix("s3://staging/many/") == len(names)
    assert await staging.list_keys("s3://staging/many/", 100) == []
    assert await staging.delete_prefix("s3://staging/many/") == 0


async def test_a_bucket_that_does_not_exist_is_a_fault_of_the_lane(home: LaneSession) -> None:
    fault = await StagingClient(home).check("s3://nobodys-bucket/")
    assert fault is not None
    assert fault.kind is FaultKind.DENIED
    assert "`staging`" in (fault.hint or "")


async def test_a_bucket_made_twice_is_fine(home: LaneSession) -> None:
    for _ in range(2):
        assert await StagingClient(home).ensure_bucket("s3://twice/") is None
