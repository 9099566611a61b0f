"""Runs against an endpoint that is as narrow and as slow as the service, a few hundred times faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runner.core import events as e
from runner.model import JobStatus
from tests.acceptance.house import Endpoint, House, serving

AS_THE_SERVICE = ("--quotas", "service", "--job-limits", "service", "--timing", "service", "--time-scale", "0.002")
FAMILIES = ("sentiment", "entities")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Ten slots, a Start a second, jobs of 500 bytes at least that take most of a second."""
    with serving(tmp_path_factory.mktemp("serve"), "--analyzers", "noop", "--workers", "2", *AS_THE_SERVICE) as found:
        yield found


@pytest.fixture
def endpoint(narrow: Endpoint) -> Iterator[Endpoint]:
    yield narrow
    narrow.set_faults()


def furnish(house: House, *, documents: int) -> None:
    """Jobs of one short document each, on a lane that says nothing of its quotas."""
    house.furnish(*FAMILIES, documents=documents)
    house.tell(lanes=[{key: value for key, value in house.lane().items() if key != "quotas"}])
    house.tell(policy={"max_job_documents": 1})


def of(house: House, analysis: str, kind: type[e.Event]) -> list[Any]:
    return [
        event for event in house.events() if isinstance(event, kind) and getattr(event, "job", "").startswith(analysis)
    ]


def test_a_small_job_goes_first_a_deadline_ends_cleanly_and_short_texts_are_analysed(house: House) -> None:
    furnish(house, documents=3)

    said = house.run("--for", "1500ms")

    assert said.code == 5, said.err
    assert "Out of time; nothing is lost" in said.talk
    assert "goes on from here" in said.talk
    assert house.leftovers() == []
    said = house.run()
    assert said.code == 0, said.err
    for family in FAMILIES:
        assert house.outcomes(family) == {"ok": 3}
        first, second, *_ = of(house, family, e.StartIntended)
        at_work = [event for event in of(house, family, e.StatusSeen) if event.job == first.job]
        assert at_work[0].status is not JobStatus.SUBMITTED
        assert at_work[0].at <= second.at, "the others wait until the first is seen at work"
    refused = [event.fault for event in house.events() if isinstance(event, e.StartRefused)]
    assert refused == [], "paced below the quota, and never without a slot"


def test_slots_that_are_held_for_hours_are_told_before_anything_is_started(house: House) -> None:
    furnish(house, documents=170)
    before = house.endpoint.accepted

    said = house.command("run", "m.yaml")

    assert said.code == 4, "nobody agreed to the price"
    assert "SentimentDetection takes every slot that it may for about 2." in said.talk
    assert "quotas.reserve_slots leaves some free" in said.talk
    few = house.command("run", "m.yaml", "--limit", "100")
    assert "takes every slot" not in few.talk
    assert house.endpoint.accepted == before
