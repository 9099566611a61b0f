"""What people do today against the same simulated service: makespan, calls, throttles, second jobs after a crash.

    python -m benchmarks today [--corpora N]

A hundred corpora under three analyses, a job for each pair, on one lane with the service's quotas; virtual time. All
are also killed in the middle (a packed run, which is over by then, half-way) and started again; `second jobs` are those
then bought for a pair that had one already. `quota` (simulated) and `kill` (processes) crash the runner in more ways.

- threads: a thread pool; each thread starts its job, backs off by itself, and asks Describe every ten seconds.
- operators: a task per job in a workflow engine: Start retried after a minute, Describe each 60 s.
- loop: a script with sleep(1) between Starts, which waits a minute where there is no slot, and lists at the end.
- runner: this project, packed; and, for comparison, the same number of jobs as the others (`runner, unpacked`).

The others remember nothing, which is what such scripts do; a token that follows from the pair would spare them the
second jobs, and some have one. The exit code is 1 if the runner is slower than the slowest.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.workloads import corpus, lane, manifest, survey
from runner.compose.opening import config_of
from runner.compose.simulating import EPOCH, planned_facts, simulate
from runner.core import events as e
from runner.core.run import Run
from runner.engine.driver import Driver
from runner.engine.executor import Executor
from runner.model import Fault, FaultKind, JobKey, JobStatus, Manifest, PolicySpec, SegmentFacts, StartRequest
from runner.planning.durations import DurationModel, Load
from runner.planning.packing import PlannedWork, pack
from runner.simulation.behaviour import Behaviour
from runner.simulation.clock import run_virtually
from runner.simulation.service import SimulatedService
from runner.simulation.work import ModelledWork, WorkTimes

FAMILIES = ("entities", "key_phrases", "sentiment")
OPERATIONS = {"entities": "EntitiesDetection", "key_phrases": "KeyPhrasesDetection", "sentiment": "SentimentDetection"}
DOCUMENTS, SIZE = 200, 500
CRASH_S = 1_500.0
THREADS = 32


@dataclass
class Client:
    """One program's view: the service, and what it noted of its calls. `life` changes with each start."""

    service: SimulatedService
    life: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    async def start(self, family: str, pair: str) -> str | Fault:
        """Start a job with a token of its own, as the SDK does unless told otherwise."""
        self.calls["Start"] += 1
        token = f"{self.life}/{self.calls['Start']}/{pair}"
        request = StartRequest(
            family=family,
            generation=0,
            job=JobKey(pair),
            name=pair,
            token=token,
            input_uri="s3://in/",
            output_uri=f"s3://out/{pair}/",
            language="en",
        )
        answer = await self.service.start(request)
        if isinstance(answer, Fault):
            self.calls["throttled" if answer.kind is FaultKind.THROTTLED else "no slot"] += 1
            return answer
        return answer.remote_id

    async def ended(self, family: str, remote_id: str) -> bool:
        """Ask Describe."""
        self.calls["Describe"] += 1
        answer = await self.service.describe(OPERATIONS[family], remote_id)  # type: ignore[arg-type]
        if isinstance(answer, Fault):
            self.calls["throttled"] += 1
            return False
        return answer.status.ended


async def patiently(client: Client, family: str, pair: str, pauses: Callable[[int], float], look_s: float) -> None:
    """One job: start it, however often that takes, and look at it until it has ended."""
    attempt = 0
    while isinstance(remote := await client.start(family, pair), Fault):
        await anyio.sleep(pauses(attempt))
        attempt += 1
    while True:
        await anyio.sleep(look_s)
        if await client.ended(family, remote):
            return


async def threads(client: Client, todo: list[tuple[str, str]], done: set[str]) -> None:
    """A thread pool with exponential backoff and a Describe loop per thread."""
    limiter = anyio.CapacityLimiter(THREADS)

    async def one(family: str, pair: str) -> None:
        async with limiter:
            await patiently(client, family, pair, lambda attempt: min(20.0, 2.0**attempt), 10.0)
            done.add(pair)

    async with anyio.create_task_group() as tasks:
        for family, pair in todo:
            tasks.start_soon(one, family, pair)


async def operators(client: Client, todo: list[tuple[str, str]], done: set[str]) -> None:
    """A workflow engine's operator per job, all at once."""

    async def one(family: str, pair: str) -> None:
        await patiently(client, family, pair, lambda _: 60.0, 60.0)
        done.add(pair)

    async with anyio.create_task_group() as tasks:
        for family, pair in todo:
            tasks.start_soon(one, family, pair)


async def loop(client: Client, todo: list[tuple[str, str]], done: set[str]) -> None:
    """Submit one by one, a second apart, then wait for each."""
    started = []
    for family, pair in todo:
        while isinstance(remote := await client.start(family, pair), Fault):  # noqa: ASYNC110 - what is measured
            await anyio.sleep(60.0)
        started.append((family, pair, remote))
        await anyio.sleep(1.0)
    for family, pair, remote in started:
        while not await client.ended(family, remote):  # noqa: ASYNC110 - what is measured
            await anyio.sleep(30.0)
        done.add(pair)


Program = Callable[[Client, list[tuple[str, str]], set[str]], Awaitable[None]]


async def live(program: Program, pairs: list[tuple[str, str]], crash_s: float | None) -> tuple[float, Client]:
    """A program from its start to its end, with a crash in between if there is one; what is done is remembered."""
    behaviour = Behaviour(quotas=lane(0).quotas)
    service = SimulatedService(behaviour, seed="today", seconds=seconds_of)
    client, done = Client(service), set[str]()
    if crash_s is not None:
        with anyio.move_on_after(crash_s):
            await program(client, pairs, done)
        client.life += 1
    await program(client, [pair for pair in pairs if pair[1] not in done], done)
    assert len(done) == len(pairs)
    return anyio.current_time(), client


def seconds_of(request: StartRequest) -> float:
    load = Load(bytes=DOCUMENTS * (SIZE + 1), lines=DOCUMENTS)
    return DurationModel().predict("aws", OPERATIONS[request.family], load).seconds


def second_jobs(service: SimulatedService) -> int:
    """Jobs bought for what had a job already that did not fail."""
    names = Counter(
        job.request.name for job in service.jobs.values() if job.status(job.over_at) is not JobStatus.FAILED
    )
    return sum(count - 1 for count in names.values())


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=int, default=100)
    count = parser.parse_args().corpora
    names = [f"c{number:03d}" for number in range(count)]
    pairs = [(family, f"{family}-{name}") for name in names for family in FAMILIES]
    print(f"{'':<18} {'jobs':>6} {'makespan':>10} {'calls':>8} {'throttled':>10} {'no slot':>8} {'second jobs':>12}")
    slowest = 0.0
    for program in (threads, operators, loop):
        seconds, client = run_virtually(partial(live, program, pairs, None))
        _, crashed = run_virtually(partial(live, program, pairs, CRASH_S))
        calls = client.calls["Start"] + client.calls["Describe"]
        slowest = max(slowest, seconds)
        print(
            f"{program.__name__:<18} {len(pairs):>6} {seconds / 3600:>8.2f} h {calls:>8,}"
            f" {client.calls['throttled']:>10,} {client.calls['no slot']:>8,} {second_jobs(crashed.service):>12,}"
        )
    mine = [runner(names, packed=packed) for packed in (False, True)]
    return 1 if any(seconds >= slowest for seconds in mine) else 0


def runner(names: list[str], *, packed: bool) -> float:
    """This project, with a job for each pair or packed; returns its makespan."""
    model = DurationModel()
    made = manifest([lane(0)], [corpus(name) for name in names], FAMILIES)
    if not packed:
        made = replace(made, policy=PolicySpec(max_job_documents=DOCUMENTS))
    segments = [facts for index, name in enumerate(names) for facts in survey(index, name, DOCUMENTS, SIZE)]
    work = pack(made, segments, durations=model)
    told = simulate(made, segments, work, durations=model)
    assert told.closed
    service = run_virtually(partial(killed, made, segments, work, min(CRASH_S, told.finish_s / 2)))
    calls = sum(many for _, many in told.calls)
    name = "runner" if packed else "runner, unpacked"
    print(
        f"{name:<18} {len(work.jobs):>6} {told.finish_s / 3600:>8.2f} h {calls:>8,} {told.throttles:>10,}"
        f" {told.refused_for_slots:>8,} {second_jobs(service):>12,}"
    )
    return told.finish_s


@dataclass
class Journal:
    """What outlives a process."""

    events: list[e.Event]

    def append(self, events: Sequence[e.Event]) -> None:
        """Keep."""
        self.events += events


async def killed(
    made: Manifest, segments: Sequence[SegmentFacts], work: PlannedWork, crash_s: float
) -> SimulatedService:
    """This project, killed after some seconds and begun again; the service with its books."""
    service = SimulatedService(Behaviour(quotas=lane(0).quotas), seed="today", now=now, seconds=seconds_of)
    journal = Journal(planned_facts(made, segments, work, "today"))
    with anyio.move_on_after(crash_s):
        await drive(made, service, journal)
    journal.append([e.SessionOpened(at=now(), version="", purpose="run")])
    assert await drive(made, service, journal)
    return service


async def drive(made: Manifest, service: SimulatedService, journal: Journal) -> bool:
    """One process, which knows what the journal has; whether it comes to the end."""
    run = Run(config_of(made, workers=2))
    for event in journal.events:
        run.apply(event)
    ports = ModelledWork(run, WorkTimes())
    executor = Executor(services={made.lanes[0].name: service}, staging=ports, workshop=ports)
    await Driver(run, executor=executor, recorder=journal, now=now).drive()
    return run.closed


def now() -> float:
    return EPOCH + anyio.current_time()


if __name__ == "__main__":
    sys.exit(main())
