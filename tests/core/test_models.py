"""Analyses whose model is not ready yet: their jobs wait, all others go on."""

from __future__ import annotations

from dataclasses import replace

from runner.core import commands as c, events as e
from runner.core.agenda import due, next_wakeup
from runner.core.records import CoreConfig
from tests.core.kit import T0, Story, config, key

ARN = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/runner-1"


def on_two_lanes() -> Story:
    near = config(families=("classification",), kind="embedded", slots=4)
    far = replace(near.lanes[0], name="far", staging="s3://far/")
    return Story(CoreConfig(lanes=(*near.lanes, far), analyses=near.analyses), segments=2)


def staged_for(told: Story) -> set[tuple[str, str]]:
    """(lane, analysis) of the batches that would be staged now."""
    found = set()
    for command in due(told.run, told.now).commands:
        if isinstance(command, c.StageBatch):
            found |= {(command.lane, told.run.jobs[key].job.analysis) for key in told.run.readers[command.batch]}
    return found


def test_nothing_is_staged_or_started_for_an_analysis_alone_whose_model_is_awaited():
    told = Story(config(families=("classification",), kind="embedded"), segments=2)
    told.tell(e.ModelAwaited(at=T0, lane="here", analysis="classification"))

    assert not due(told.run, T0)
    assert next_wakeup(told.run, T0) is None

    told.tell(e.ModelReady(at=T0, lane="here", analysis="classification", arn=ARN))

    assert staged_for(told) == {("here", "classification")}


def test_a_new_session_knows_the_model_and_waits_for_nothing():
    told = Story(config(families=("classification",), kind="embedded"), segments=1)
    told.tell(e.ModelReady(at=T0, lane="here", analysis="classification", arn=ARN))
    told.tell(e.ModelAwaited(at=T0, lane="here", analysis="classification"))
    told.tell(e.SessionOpened(at=T0, version="0", purpose="run"))

    assert not told.run.barred("here", "classification")
    assert told.run.models["here", "classification"].arn == ARN


def test_a_lane_with_the_model_does_not_wait_for_one_without():
    told = on_two_lanes()
    told.tell(e.ModelAwaited(at=T0, lane="here", analysis="classification"))

    assert staged_for(told) == {("far", "classification")}

    told.tell(e.ModelReady(at=T0, lane="here", analysis="classification", arn=ARN))

    assert ("here", "classification") in staged_for(told)


def test_a_training_counts_as_what_it_may_cost_until_it_is_known_what_it_did():
    told = Story(config(upper_usd=lambda _: 1.0), segments=1)
    intended = e.TrainingIntended(at=T0, lane="here", analysis="genre", arn=ARN, token="t", usd=2.0)
    told.tell(intended)

    assert told.run.committed_usd() == 3.0

    told.tell(e.ModelReady(at=T0, lane="here", analysis="genre", arn=ARN, usd=0.5))

    assert told.run.committed_usd() == 1.5


def test_jobs_whose_model_is_awaited_take_no_place_of_others_that_read_the_same_batches():
    """More batches than are staged ahead lie there for the one analysis; the other's share their slots."""
    own = config(families=("entities", "custom_entities"), staged_ahead_max=2)
    told = Story(own, segments=6)
    told.open()
    told.tell(e.ModelAwaited(at=T0, lane="here", analysis="custom_entities"))

    assert told.as_far_as_it_goes() == [key(number, "custom_entities") for number in range(6)]
