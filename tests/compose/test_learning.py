"""Durations learnt from journals."""

from __future__ import annotations

import pytest

from benchmarks.workloads import corpus, lane, manifest
from runner.compose.learning import Ended, ended_before, observed
from runner.journal import RunDirectory
from runner.planning.durations import DurationModel, Load

SENTIMENT = "SentimentDetection"
MB = 1_000_000


def ended(begin: float, end: float, *, size: int = MB, kind="aws", name="lane0") -> Ended:
    return Ended(
        kind=kind,
        lane=name,
        operation=SENTIMENT,
        load=Load(bytes=size, lines=10),
        submitted_at=begin,
        ended_at=end,
    )


def test_jobs_teach_their_lane_and_their_kind():
    jobs = [ended(0, 700, name="slow")] * 3 + [ended(0, 300, name="quick")] * 5

    model = observed(DurationModel(), [lane(0)], jobs)
    load = Load(bytes=MB, lines=10)

    assert model.predict("aws", SENTIMENT, load, lane="slow").seconds == pytest.approx(700)
    assert model.predict("aws", SENTIMENT, load, lane="quick").seconds == pytest.approx(300)
    assert model.predict("aws", SENTIMENT, load, lane="unseen") == model.predict("aws", SENTIMENT, load)
    assert model.basis("aws", SENTIMENT) == "observed"
    assert model.basis("aws", "EntitiesDetection") == "assumed"


def test_jobs_that_shared_the_processes_of_an_embedded_lane_count_as_if_alone():
    """Four jobs of ten seconds side by side on two cores took twenty."""
    cores = [lane(0, slots=2)]

    model = observed(DurationModel(), cores, [ended(0, 20, kind="embedded")] * 4)

    assert model.predict("embedded", SENTIMENT, Load(bytes=MB, lines=10)).seconds == pytest.approx(10)


def test_nothing_is_learnt_from_a_run_that_cannot_be_read(tmp_path):
    assert ended_before(RunDirectory.at(tmp_path / "gone")) == ((), [])


def test_nothing_to_learn_leaves_the_model_as_it_was():
    assert observed(DurationModel(), manifest([lane(0)], [corpus("a")], ()).lanes, []) == DurationModel()
