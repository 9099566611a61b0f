"""The numbers behind what is shown: slots, cost, throttles, spread, problems."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.core import commands as c, events as e
from runner.model import CorpusSpec, FamilyPrice, Fault, FaultKind, JobStatus, LaneSpec, Manifest, PolicySpec, Scope
from runner.telemetry.gauge import Gauge
from tests.telemetry.conftest import ANALYSIS, FAULT, Story, a_job

OPERATION = a_job(0).operation
MANIFEST = Manifest(
    path="m.yaml",
    name="small",
    lanes=(LaneSpec(name="near", kind="aws"),),
    corpora=(CorpusSpec(name="c", sources=("c.txt",), format="lines"),),
    analyses=(ANALYSIS,),
    policy=PolicySpec(budget_usd=5.0),
    prices=(("sentiment", FamilyPrice(tiers=((None, 0.001),))),),
)


def gauge_of(story: Story, manifest: Manifest | None = MANIFEST) -> Gauge:
    made = Gauge(story.run, manifest=manifest, now=lambda: story.at)
    story.watchers.append(made.notice)
    return made


def test_a_station_has_what_waits_what_runs_and_what_is_done(story: Story) -> None:
    gauge = gauge_of(story)
    story.ready(4)
    for number in range(3):
        story.start(number)
    story.end(0)
    story.collect(0)
    (view,) = gauge.snapshot().stations
    assert (view.lane, view.operation) == ("near", OPERATION)
    assert (view.waiting, view.used, view.done, view.failed) == (1, 2, 1, 0)


def test_one_who_comes_late_sees_the_same(story: Story) -> None:
    early = gauge_of(story)
    story.ready(4)
    for number in range(3):
        story.start(number)
    story.end(0)
    story.collect(0)
    late = gauge_of(story)
    assert late.snapshot().stations == early.snapshot().stations
    assert late.snapshot().usd == early.snapshot().usd == pytest.approx(0.9)
    assert late.snapshot().share == early.snapshot().share


def test_cost_grows_with_every_generation_that_was_accepted(story: Story) -> None:
    gauge = gauge_of(story)
    story.ready(2)
    assert gauge.snapshot().usd == 0.0
    story.start(0)
    assert gauge.snapshot().usd == pytest.approx(0.3)
    failed = e.StatusSeen(at=story.at, job=a_job(0).key, generation=0, status=JobStatus.FAILED, fault=FAULT)
    story.tell(failed, e.GenerationRenewed(at=story.at, job=a_job(0).key, generation=1, not_before=story.at))
    story.tell(
        e.StartIntended(at=story.at, job=a_job(0).key, generation=1, lane="near", token="u" * 32, name="n"),
        e.StartAccepted(at=story.at, job=a_job(0).key, generation=1, remote_id="r9"),  # type: ignore[arg-type]
    )
    seen = gauge.snapshot()
    assert (seen.usd, seen.usd_planned, seen.budget_usd) == (pytest.approx(0.6), 0.0, 5.0)
    assert [view.failed for view in seen.stations] == [1]


def test_what_is_not_priced_or_not_bought_is_not_told_as_nothing(story: Story) -> None:
    unpriced = replace(MANIFEST, prices=(("sentiment", FamilyPrice(tiers=())),))
    embedded = replace(MANIFEST, lanes=(LaneSpec(name="near", kind="embedded"),))
    gauges = [gauge_of(story, unpriced), gauge_of(story, embedded), gauge_of(story, None)]
    story.ready(1)
    story.start(0)
    assert [gauge.snapshot().usd for gauge in gauges] == [None, None, None]


def test_throttles_are_counted_and_the_last_problems_kept(story: Story) -> None:
    gauge = gauge_of(story)
    story.ready(5)
    throttle = Fault(kind=FaultKind.THROTTLED, scope=Scope.CALL, code="ThrottlingException", message="Rate exceeded")
    sweep = c.Sweep(lane="near", operation=OPERATION, since=0.0)
    for _ in range(3):
        story.tell(e.Launched(at=story.at, command=sweep), e.Landed(at=story.at, command=sweep, fault=throttle))
    for number in range(4):
        key = a_job(number).key
        story.tell(
            e.StartIntended(at=story.at, job=key, generation=0, lane="near", token="t", name="n"),
            e.StartRefused(at=story.at, job=key, generation=0, fault=FAULT),
        )
    seen = gauge.snapshot()
    assert seen.throttles == 3
    assert [text for _, text in seen.problems] == [f"{a_job(number).key}: AccessDenied: no" for number in (1, 2, 3)]


def test_the_spread_of_durations_is_told_once_there_is_one(story: Story) -> None:
    gauge = gauge_of(story)
    story.ready(12)
    assert gauge.snapshot().spread == (1.0, 1.0)
    for number, taken in enumerate((8, 9, 10, 10, 10, 10, 10, 10, 10, 11, 12)):
        story.start(number)
        story.tell(
            e.StatusSeen(
                at=story.at,
                job=a_job(number).key,
                generation=0,
                status=JobStatus.COMPLETED,
                submitted_at=100.0,
                ended_at=100.0 + taken,
                output_uri="s3://b/o/",
            )
        )
    low, high = gauge.snapshot().spread
    assert low == pytest.approx(0.82)
    assert high == pytest.approx(1.18)
