"""Whole runs against the simulated service, each from one seed: a faulty phase, then heal and demand an end."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import State
from runner.journal import decode
from runner.simulation.service import Behaviour
from tests.simulation.world import Setting, World

pytestmark = pytest.mark.anyio


def setting_of(seed: int) -> Setting:
    """A swarm of options: each run leaves most faults out, so that rare combinations come up."""
    draw = random.Random(seed)

    def some(value: float, share: float = 0.4) -> float:
        return value * draw.random() if draw.random() < share else 0.0

    outages = []
    for _ in range(draw.choice([0, 0, 1, 2])):
        begin = draw.uniform(0, 4_000)
        outages.append((begin + 1_700_000_000.0, begin + 1_700_000_000.0 + draw.uniform(5, 900)))
    behaviour = Behaviour(
        slots=draw.choice([1, 2, 3, 10]),
        start_per_s=draw.choice([1.0, 1.0, 0.5]),
        lost_answers=some(0.5),
        lost_calls=some(0.5),
        throttles=some(0.5),
        read_faults=some(0.4),
        failing=some(0.3),
        stuck=some(0.1),
        list_lag_s=draw.choice([0.0, 0.0, 5.0, 40.0]),
        tokens=draw.choice(["honoured", "honoured", "ignored", "expiring"]),
        token_life_s=draw.choice([30.0, 600.0]),
        outages=tuple(outages),
        strangers=draw.choice([0, 0, 0, 1]),
    )
    return Setting(
        seed=seed,
        behaviour=behaviour,
        corpora=draw.choice([1, 2, 3]),
        segments=draw.choice([1, 2, 4]),
        documents=draw.choice([6, 12]),
        crashes=draw.choice([0, 0, 1, 3]),
        missing_rows=some(0.3),
        bad_outputs=some(0.2),
    )


async def test_every_seed_ends_with_closed_books_and_no_job_bought_twice(seed: int) -> None:
    world = World(setting_of(seed))
    await world.to_the_end()
    check_results(world)
    check_start_once(world)
    check_quotas(world)
    check_replay(world)


def check_results(world: World) -> None:
    """Every document in its line, in order, whatever happened on the way."""
    given_up = [key for key, record in world.run.jobs.items() if record.state is State.GIVEN_UP]
    for corpus in world.manifest.corpora:
        found = bytes(world.disk.results.get(corpus.name, b""))
        if given_up:
            assert found.count(b"\n") == world.expected(corpus.name).count(b"\n")
        else:
            assert found == world.expected(corpus.name)


def check_start_once(world: World) -> None:
    """One job per generation, if the service honours tokens, or shows a job within the grace; else a report."""
    names = Counter(job.request.name for job in world.service.jobs.values())
    twice = {name for name, count in names.items() if count > 1}
    behaviour = world.setting.behaviour
    if behaviour.tokens == "honoured" or behaviour.list_lag_s < 60.0 and not behaviour.read_faults:
        assert not twice
    reported = {
        event.job
        for event in (decode(*row, directory="sim") for row in world.disk.journal)
        if isinstance(event, e.DuplicateFound)
    }
    assert {world.service.accepted(name)[0].request.job for name in twice} <= reported
    known = {record.remote_id for record in world.run.jobs.values() if record.state is State.COLLECTED}
    assert known <= set(world.service.jobs)


def check_quotas(world: World) -> None:
    """Never a Start over the slots while nobody else holds one, and never a call over the rate."""
    crashed = world.setting.crashes > 0
    assert world.service.accounts.over_quota_starts == 0
    if not crashed:
        assert world.service.accounts.throttled == 0


def check_replay(world: World) -> None:
    """Folding the journal again gives the same jobs in the same states, and the same books."""
    again = Run(world.run.config)
    for row in world.disk.journal:
        again.apply(decode(*row, directory="sim"))
    assert {key: (r.state, r.generation, r.remote_id) for key, r in again.jobs.items()} == {
        key: (r.state, r.generation, r.remote_id) for key, r in world.run.jobs.items()
    }
    assert again.closed
