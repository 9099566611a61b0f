"""One endpoint for all, houses to run in, and worker threads instead of processes: whole runs in half a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.house import Endpoint, House, as_nobody, hasten, serving


@pytest.fixture(scope="session")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """`runner serve` with no-op analyzers, for every test here."""
    with serving(tmp_path_factory.mktemp("serve"), "--analyzers", "noop", "--workers", "2") as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint, without faults and jobs at work before and after."""
    yield shared_endpoint
    shared_endpoint.rest()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hasten(monkeypatch)
    as_nobody(monkeypatch, tmp_path)


@pytest.fixture
def house(tmp_path: Path, endpoint: Endpoint, request: pytest.FixtureRequest) -> House:
    """A furnished house with the endpoint beside it and a bucket of its own."""
    bucket = endpoint.make_bucket(f"b-{abs(hash(request.node.nodeid)):x}")
    house = House(root=tmp_path, endpoint=endpoint, bucket=bucket)
    house.furnish()
    return house


@pytest.fixture(scope="session")
def undisturbed(shared_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of a furnished house's run that nothing befell."""
    root = tmp_path_factory.mktemp("undisturbed")
    house = House(root=root, endpoint=shared_endpoint, bucket=shared_endpoint.make_bucket("undisturbed"))
    house.furnish()
    with pytest.MonkeyPatch.context() as patching:
        hasten(patching)
        as_nobody(patching, root)
        said = house.run()
    assert said.code == 0, said.err
    return house.results()
