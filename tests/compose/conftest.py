"""One endpoint for all, houses to run in, and worker threads instead of processes: whole runs in half a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.polling import TIMINGS
from runner.core.retry import Policy
from tests.acceptance.house import Endpoint, House, ThreadPool, serving

AT_ONCE = Policy(base_s=0.01, cap_s=0.02, attempts_max=3, elapsed_max_s=float("inf"))


@pytest.fixture(scope="session")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """`runner serve` with no-op analyzers, for every test here."""
    with serving(tmp_path_factory.mktemp("serve"), "--analyzers", "noop", "--workers", "2") as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint, without faults before and after."""
    yield shared_endpoint
    shared_endpoint.set_faults()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Threads for worker processes, looks and retries without waiting, credentials of nobody."""
    calls = replace(TIMINGS["embedded"].calls, base_s=0.01, cap_s=0.1)
    monkeypatch.setitem(TIMINGS, "url", replace(TIMINGS["embedded"], grace_s=0.2, gap_max_s=0.1, calls=calls))
    for module in ("running", "stopping"):
        monkeypatch.setattr(f"runner.compose.{module}.WorkerPool", ThreadPool)
    monkeypatch.setattr("runner.compose.lanes.PAUSES_S", (0.01,) * 4)
    for module in [module for name, module in sys.modules.items() if name.startswith("runner.core.")]:
        for name in ("GENERATIONS", "OUTPUTS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, AT_ONCE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def house(tmp_path: Path, endpoint: Endpoint, request: pytest.FixtureRequest) -> House:
    """A furnished house with the endpoint beside it and a bucket of its own."""
    bucket = endpoint.make_bucket(f"b-{abs(hash(request.node.nodeid)):x}")
    house = House(root=tmp_path, endpoint=endpoint, bucket=bucket)
    house.furnish()
    return house
