"""Several remote lanes in one run: both work, and one that does not open leaves its work to the other."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.core import events as e
from tests.acceptance.house import Endpoint, House, serving


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Endpoint]:
    """Another account, so to speak."""
    with serving(tmp_path / "second", "--analyzers", "noop", "--workers", "1") as endpoint:
        yield endpoint


def furnish_twice(house: House, second: Endpoint) -> None:
    """Two dozen small jobs, and two lanes of one slot each: too much for one to have done before the other begins."""
    house.furnish(documents=24)
    narrow = {"active_jobs": 1, "start_per_s": 1000, "read_per_s": 1000, "stop_per_s": 1000}
    far = {"endpoint": second.url, "staging": f"s3://{second.make_bucket('far')}/runner/"}
    house.tell(
        lanes=[house.lane(quotas=narrow), house.lane(name="far", quotas=narrow, **far)],
        policy={"max_job_documents": 1},
    )


def test_work_is_shared_between_two_lanes(house: House, second: Endpoint) -> None:
    furnish_twice(house, second)

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 24}
    assert {event.lane for event in house.events() if isinstance(event, e.StartIntended)} == {"near", "far"}


def test_a_lane_that_does_not_open_leaves_its_work_to_the_other(house: House, second: Endpoint) -> None:
    furnish_twice(house, second)
    second.kill()

    with socket.socket() as kept:
        # Nobody listens there, and nobody else will.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", second.port))
        said = house.run()

    assert said.code == 0, said.err
    assert "lane far did not open" in said.talk
    assert house.outcomes() == {"ok": 24}
    assert {event.lane for event in house.events() if isinstance(event, e.StartIntended)} == {"near"}
