"""Seeds: `--seed N` runs one, `--seeds N` that many."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        one = metafunc.config.getoption("--seed")
        seeds = [one] if one is not None else range(metafunc.config.getoption("--seeds"))
        metafunc.parametrize("seed", seeds)
