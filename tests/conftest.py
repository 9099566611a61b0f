"""Options and fixtures for every room's tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how fast this machine is at the moment; all else is as the environment says (`CI`).
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="replay one simulated run")
    parser.addoption("--seeds", type=int, default=80, help="how many simulated runs to try")


@pytest.fixture
def anyio_backend() -> str:
    """What the product runs on."""
    return "asyncio"
