from __future__ import annotations

import pickle

import pytest

from runner.planning import DurationModel, Load
from runner.planning.durations import MB, OBSERVATIONS_MAX, OBSERVATIONS_MIN

ENTITIES = "EntitiesDetection"


def load(size: int, lines: int = 0) -> Load:
    return Load(bytes=size, lines=lines)


@pytest.mark.parametrize(("megabytes", "seconds"), [(0, 367), (1, 487), (120, 487), (121, 607), (1200, 1567)])
def test_a_remote_job_is_assumed_to_end_on_the_services_steps(megabytes: int, seconds: float) -> None:
    """367 + k x 120 seconds, the clusters of COMPREHEND.md section 5.1."""
    predicted = DurationModel().predict("aws", ENTITIES, load(megabytes * MB))

    assert predicted.seconds == seconds
    assert predicted.basis == "assumed"


def test_a_lane_by_url_is_assumed_to_be_as_slow_as_the_service() -> None:
    model = DurationModel()

    assert model.predict("url", ENTITIES, load(MB)) == model.predict("aws", ENTITIES, load(MB))


def test_an_embedded_job_takes_its_start_up_and_its_bytes() -> None:
    assert DurationModel().predict("embedded", ENTITIES, load(10 * MB)).seconds == pytest.approx(10.2)
    assert DurationModel().predict("embedded", "KeyPhrasesDetection", load(8 * MB)).seconds == pytest.approx(10.2)


def test_many_short_lines_take_longer_than_their_bytes() -> None:
    model = DurationModel()

    assert model.work_s("aws", ENTITIES, load(MB, 100_000)) > model.work_s("aws", ENTITIES, load(MB, 10))


def test_work_adds_up_over_loads() -> None:
    model = DurationModel()
    one, other = load(3 * MB, 70), load(5 * MB, 11)

    together = model.work_s("embedded", ENTITIES, one + other)

    assert together == pytest.approx(
        model.work_s("embedded", ENTITIES, one) + model.work_s("embedded", ENTITIES, other)
    )


def observed(pairs: list[tuple[int, float]]) -> DurationModel:
    model = DurationModel()
    for megabytes, seconds in pairs:
        model = model.observe("aws", ENTITIES, load(megabytes * MB), seconds)
    return model


def test_predictions_rest_on_observations_once_there_are_enough() -> None:
    few = observed([(10, 400.0)] * (OBSERVATIONS_MIN - 1))
    enough = observed([(10, 400.0)] * OBSERVATIONS_MIN)

    assert few.predict("aws", ENTITIES, load(10 * MB)).basis == "assumed"
    assert enough.predict("aws", ENTITIES, load(10 * MB)).basis == "observed"
    assert enough.predict("aws", ENTITIES, load(10 * MB)).seconds == pytest.approx(400.0)


def test_start_up_and_rate_are_learnt_in_spite_of_an_outlier() -> None:
    """Jobs of 200 s + 3 s a megabyte, and one that was stuck."""
    model = observed([(mb, 200.0 + 3.0 * mb) for mb in (10, 50, 100, 200, 300, 400)] + [(20, 90_000.0)])

    assert model.predict("aws", ENTITIES, load(150 * MB)).seconds == pytest.approx(650.0, rel=0.1)


def test_loads_of_one_size_tell_the_start_up_and_leave_the_rate() -> None:
    model = observed([(100, 300.0), (101, 301.0), (102, 302.0)])

    assert model.predict("aws", ENTITIES, load(200 * MB)).seconds == pytest.approx(400.0)


def test_jobs_faster_than_assumed_never_give_a_negative_start_up() -> None:
    model = observed([(100, 10.0), (101, 10.1), (102, 10.2)])

    assert model.predict("aws", ENTITIES, load(0)).seconds == 0.0
    assert model.predict("aws", ENTITIES, load(50 * MB)).seconds == pytest.approx(5.0)


def test_only_the_newest_observations_count() -> None:
    model = observed([(10, 9_000.0)] * OBSERVATIONS_MAX + [(10, 377.0)] * OBSERVATIONS_MAX)

    assert model.predict("aws", ENTITIES, load(10 * MB)).seconds == pytest.approx(377.0)


def test_what_one_operation_or_lane_teaches_says_nothing_of_another() -> None:
    model = observed([(10, 1.0)] * OBSERVATIONS_MIN)

    assert model.basis("aws", "SentimentDetection") == "assumed"
    assert model.basis("embedded", ENTITIES) == "assumed"


def test_a_model_can_be_handed_to_another_process() -> None:
    model = observed([(10, 400.0)] * OBSERVATIONS_MIN)

    assert pickle.loads(pickle.dumps(model)) == model


def test_observing_leaves_the_older_model_as_it_was() -> None:
    model = observed([(10, 400.0)] * OBSERVATIONS_MIN)
    before = model.predict("aws", ENTITIES, load(10 * MB))

    model.observe("aws", ENTITIES, load(10 * MB), 9_999.0)

    assert model.predict("aws", ENTITIES, load(10 * MB)) == before
