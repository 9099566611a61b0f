"""Whole runs against the simulated service, each from one seed: a faulty phase, then heal and demand an end."""

from __future__ import annotations

import pytest

from tests.simulation.checkers import check_everything
from tests.simulation.setting import setting_of
from tests.simulation.world import simulate


def test_every_seed_keeps_the_promises(seed: int):
    try:
        check_everything(simulate(setting_of(seed)))
    except BaseException as error:
        error.add_note(f"replay it: pytest tests/simulation --seed {seed}")
        raise


@pytest.mark.parametrize("found", [30350])
def test_seeds_that_once_broke_a_promise_keep_it(found: int):
    """30350: what a count of strangers' jobs had seen before it was broken off was believed minutes later."""
    check_everything(simulate(setting_of(found)))


def test_a_seed_tells_the_same_story_twice():
    """Else a failure could not be replayed."""
    first, second = (simulate(setting_of(17)) for _ in range(2))

    assert first.disk.journal == second.disk.journal
    for lane, service in first.services.items():
        assert service.accounts == second.services[lane].accounts
