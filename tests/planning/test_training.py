"""Models to be trained: priced per lane, once for all analyses that share one, and part of what a budget allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import LimitError
from runner.model import Manifest, ModelSpec, PolicySpec
from runner.planning.durations import DurationModel
from runner.planning.plan import Plan, gate, make_plan
from runner.planning.training import ASSUMED_S, training_costs

GENRES = ModelSpec(train="/genres.csv", digest="d1", samples=100)


def two_analyses(build, *models: ModelSpec, **given: object) -> Manifest:
    analyses = [build.analysis("classification", name=f"c{number}", model=model) for number, model in enumerate(models)]
    return build.manifest(analyses, **given)


def planned(build, manifest: Manifest) -> Plan:
    segment = build.segment([build.part(pool="all")])
    return make_plan(manifest, [segment], durations=DurationModel())


def test_analyses_with_the_same_data_share_one_training(build):
    manifest = two_analyses(build, GENRES, GENRES, replace(GENRES, digest="d2"))

    first, second = training_costs(manifest, {"c0", "c1", "c2"})

    assert first.analyses == ("c0", "c1")
    assert second.analyses == ("c2",)
    assert first.usd == pytest.approx(3.0 * ASSUMED_S["classifier"] / 3600)


def test_a_model_by_its_arn_and_one_that_no_job_needs_cost_nothing(build):
    manifest = two_analyses(build, ModelSpec(arn="arn:aws:comprehend:x"), GENRES)

    assert training_costs(manifest, {"c0"}) == ()


def test_every_lane_trains_its_own_unless_the_corpora_keep_from_it(build):
    manifest = two_analyses(build, GENRES)
    near = manifest.lanes[0]
    manifest = replace(manifest, lanes=(near, replace(near, name="far")))
    everywhere, at_home = (
        manifest,
        replace(manifest, corpora=tuple(replace(corpus, lanes=("far",)) for corpus in manifest.corpora)),
    )

    (both,), (one,) = training_costs(everywhere, {"c0"}), training_costs(at_home, {"c0"})

    assert both.lanes == (near.name, "far")
    assert one.lanes == ("far",)
    assert both.usd == 2 * one.usd


def test_much_data_is_assumed_to_take_longer(build):
    (little,) = training_costs(two_analyses(build, GENRES), {"c0"})
    (much,) = training_costs(two_analyses(build, replace(GENRES, samples=55_730)), {"c0"})

    assert much.usd == pytest.approx(10 * little.usd)


def test_the_price_of_a_plan_has_the_training_in_it_and_a_budget_is_held_against_that(build):
    manifest = two_analyses(build, GENRES, policy=PolicySpec(budget_usd=1.9))
    plan = planned(build, manifest)

    assert plan.training_usd == pytest.approx(2.0)
    assert plan.usd == pytest.approx(plan.training_usd + sum(cost.usd or 0 for cost in plan.costs))
    assert plan.to_json()["trainings"][0]["basis"] == "assumed"
    assert plan.finish_s > ASSUMED_S["classifier"]
    with pytest.raises(LimitError, match="more than its budget"):
        gate(plan, manifest)
    gate(plan, replace(manifest, policy=PolicySpec(budget_usd=2.6)))


def test_the_embedded_lane_trains_for_nothing(build):
    plan = planned(build, two_analyses(build, GENRES, lane=build.lane("embedded")))

    assert plan.usd == 0
    assert [training.usd for training in plan.trainings] == [0.0]
