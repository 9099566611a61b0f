"""Documents that bring down whatever job reads them: each costs itself alone, and the search for it is bounded."""

from __future__ import annotations

import json

import pytest

from runner.core import events as e
from runner.core.proposals.cutting import PIECES_AT_FIRST
from runner.core.states import State
from runner.simulation.behaviour import Behaviour
from tests.simulation.checkers import check_everything
from tests.simulation.setting import Ending, Setting
from tests.simulation.world import World, closed_by_us, run_through, simulate


def poisoned(world: World) -> set[tuple[str, str]]:
    """(document, analysis) of those that cannot be answered."""
    return {
        (document.id, analysis.name)
        for ledger in world.ledgers.values()
        for document in ledger.documents
        for analysis in world.manifest.analyses_of(ledger.corpus)
        if not closed_by_us(document, analysis)
        and world.poisoned(analysis.name, ledger.parts[document.part], document.line)
    }


def failed(world: World) -> set[tuple[str, str]]:
    """(document, analysis) of those that closed as JOB_FAILED."""
    return {
        (line["id"], problem["analysis"])
        for results in world.disk.results.values()
        for line in map(json.loads, results.splitlines())
        for problem in line["problems"]
        if problem["code"] == "JOB_FAILED"
    }


@pytest.mark.parametrize("number", range(6))
def test_a_poisonous_document_costs_itself_alone(number: int):
    world = simulate(Setting(seed=number, poison=0.03, heal_after_s=1e9))
    check_everything(world)

    assert failed(world) == poisoned(world) != set()
    cuts = [event for event in world.events() if isinstance(event, e.JobCut)]
    assert cuts
    assert all(len(event.into) == 2 for event in cuts)


@pytest.mark.parametrize("number", range(4))
def test_crashes_and_lost_rows_change_nothing_about_that(number: int):
    calm = simulate(Setting(seed=number, poison=0.03, heal_after_s=1e9))
    endings = tuple(Ending(kind=kind, at=at) for kind in ("crash_before", "crash_after") for at in (40, 60, 80))
    world = simulate(
        Setting(seed=number, poison=0.03, heal_after_s=1e9, endings=endings, missing_rows=0.2, bad_work=0.2)
    )
    check_everything(world)

    assert world.disk.results == calm.disk.results


def test_a_service_that_fails_every_job_is_not_asked_for_ever():
    world = World(Setting(seed=3, behaviour=Behaviour(failing=1.0), heal_after_s=1e9))
    run_through(world)

    first = [record for record in world.run.jobs.values() if record.state is State.CUT and record.piece_of is None]
    assert first
    assert all(record.pieces <= PIECES_AT_FIRST for record in first)
    assert {record.state for record in world.run.jobs.values()} == {State.CUT, State.GIVEN_UP}
    assert world.run.closed


def test_reopened_once_it_is_mended__a_poisonous_document_is_answered_in_place():
    world = simulate(Setting(seed=3, poison=0.1, heal_after_s=1e9, reopen=True))
    check_everything(world)

    assert [event for event in world.events() if isinstance(event, e.JobCut)]
    assert b'"error"' not in b"".join(world.disk.results.values())
