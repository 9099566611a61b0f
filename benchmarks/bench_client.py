"""What a control call costs the client: calls per second, and CPU of the client's process per call and per job.

    python benchmarks/bench_client.py --jobs 1000

Starts a local endpoint with no-op analyzers in a process of its own, then start, list and describe go through
`ComprehendClient` and aioboto3, in this process, whose CPU is what is measured (the endpoint's is not in it). Calls per
second are of both together: on two cores the endpoint is often the slower half, so compare the CPU. `--calls-in-flight`
is how many are under way at once. One JSON line per operation on stdout; a table on stderr.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import anyio

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.model import (
    BatchId,
    Fault,
    JobStatus,
    LaneSpec,
    RemoteId,
    RunId,
    StartRequest,
    job_key,
    job_name,
    token,
)

T = TypeVar("T")
RUN = RunId("20261120T000000Z-00000000000000000000")
STAGING = "s3://staging/bench/"
OPERATION = "SentimentDetection"
INPUT = "A line that is long enough to be read by a job.\n" * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one operation: `jobs` are those that its answers spoke of."""

    operation: str
    calls: int
    jobs: int
    seconds: float
    cpu_seconds: float

    def line(self) -> str:
        per_call, per_job = 1e6 * self.cpu_seconds / self.calls, 1e6 * self.cpu_seconds / self.jobs
        return (
            f"{self.operation:<10}{self.calls:>8}{self.jobs:>9}{self.calls / self.seconds:>11,.0f}"
            f"{per_call:>14,.0f}{per_job:>13,.1f}"
        )


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--sweeps", type=int, default=20, help="lists of all jobs")
    parser.add_argument("--calls-in-flight", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, endpoint(data) as url:
        costs = anyio.run(measure, url, given.jobs, given.sweeps, given.calls_in_flight)
    sys.stderr.write("operation    calls     jobs    calls/s    CPU us/call   CPU us/job\n")
    for cost in costs:
        sys.stderr.write(cost.line() + "\n")
        print(json.dumps(asdict(cost)))


@contextmanager
def endpoint(data_dir: str) -> Iterator[str]:
    """A local endpoint for as long as the block lasts; its URL."""
    command = [sys.executable, "-m", "runner.endpoint", "--analyzers", "noop", "--exit-with-stdin", "--workers", "1"]
    with subprocess.Popen(
        [*command, "--data-dir", data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["endpoint_url"]
        process.stdin.close()


async def measure(url: str, jobs: int, sweeps: int, in_flight: int) -> list[Cost]:
    """The three operations, one after the other, on one session."""
    lane = LaneSpec(name="bench", kind="embedded", url=url, staging=STAGING)
    async with LaneSession(lane) as session:
        client, staging = ComprehendClient(session), StagingClient(session)
        good(await staging.ensure_bucket(STAGING))
        good(await staging.put_bytes(f"{STAGING}in/part.txt", INPUT.encode()))
        good(await client.list_jobs(OPERATION, limit=1))  # the first call resolves endpoints and opens a connection

        ids: list[RemoteId] = []
        requests = [request(number) for number in range(jobs)]

        async def start(wanted: StartRequest) -> None:
            ids.append(good(await client.start(wanted)).remote_id)

        async def sweep(_: int) -> None:
            listed = good(await client.list_jobs(OPERATION))
            assert len(listed) == jobs

        async def describe(remote_id: RemoteId) -> None:
            good(await client.describe(OPERATION, remote_id))

        costs = [await timed("start", client, start, requests, jobs=jobs, in_flight=in_flight)]
        await all_ended(client, jobs)
        costs.append(await timed("list", client, sweep, range(sweeps), jobs=jobs * sweeps, in_flight=in_flight))
        costs.append(await timed("describe", client, describe, ids, jobs=jobs, in_flight=in_flight))
        return costs


async def timed(
    name: str,
    client: ComprehendClient,
    work: Callable[[Any], Awaitable[None]],
    items: Sequence[Any],
    *,
    jobs: int,
    in_flight: int,
) -> Cost:
    """`work` over all items, so many at once; wall time and this process's CPU."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    calls = client.calls.total()
    wall, cpu = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(in_flight):
            group.start_soon(worker)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(operation=name, calls=client.calls.total() - calls, jobs=jobs, seconds=wall, cpu_seconds=cpu)


async def all_ended(client: ComprehendClient, jobs: int) -> None:
    """Wait until the endpoint has nothing left to do, so that its CPU is not in the way."""
    while True:
        if len(good(await client.list_jobs(OPERATION, status=JobStatus.COMPLETED))) >= jobs:
            return
        await anyio.sleep(0.5)


def request(number: int) -> StartRequest:
    """The start of one of many jobs over the same small input."""
    key = job_key("sentiment", BatchId(f"en-{number:06}"))
    return StartRequest(
        family="sentiment",
        generation=1,
        job=key,
        name=job_name("", RUN, key, 1),
        token=token(RUN, key, 1),
        input_uri=f"{STAGING}in/",
        output_uri=f"{STAGING}out/{key}-1/",
        language="en",
    )


def good(answer: T | Fault) -> T:
    """The answer; a fault ends the measurement."""
    if isinstance(answer, Fault):
        raise SystemExit(str(answer))
    return answer


if __name__ == "__main__":
    main()
