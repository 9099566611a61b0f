"""Houses for the real program: processes, worker processes, an endpoint of their own or one beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.house import Endpoint, House, as_nobody, hasten, serving

SLOW_JOBS = ("--timing", "service", "--time-scale", "0.004")
"""Jobs take a second and a half, as the service's do six minutes: time enough to interrupt, cancel and kill."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For commands called in this process; credentials are for those that are begun, too."""
    hasten(monkeypatch)
    as_nobody(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    data_dir = tmp_path_factory.mktemp("serve")
    with serving(data_dir, "--analyzers", "noop", "--workers", "1", *SLOW_JOBS) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_endpoint: Endpoint) -> Iterator[Endpoint]:
    """An endpoint beside with jobs that take a while; without faults and jobs at work before and after."""
    yield shared_endpoint
    shared_endpoint.rest()


@pytest.fixture
def house(tmp_path: Path, endpoint: Endpoint, request: pytest.FixtureRequest) -> House:
    """A furnished house with the endpoint beside it and a bucket of its own."""
    bucket = endpoint.make_bucket(f"b-{abs(hash(request.node.nodeid)):x}")
    house = House(root=tmp_path, endpoint=endpoint, bucket=bucket)
    house.furnish()
    return house


@pytest.fixture
def hermit(tmp_path: Path) -> House:
    """A house without anything beside it: the embedded lane."""
    house = House(root=tmp_path)
    house.furnish()
    return house
