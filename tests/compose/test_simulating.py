"""Plans carried out in virtual time: the real scheduler against a model of the service."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.workloads import corpus, lane, manifest, survey
from runner.compose.simulating import behaviour_of, simulate
from runner.model import Limit
from runner.planning.bound import lower_bound_s
from runner.planning.durations import DurationModel
from runner.planning.packing import pack

MODEL = DurationModel()


def told(lanes, documents=200_000, families=("sentiment",), **given):
    made = manifest(lanes, [corpus("a")], families)
    segments = survey(0, "a", documents, 2_000)
    work = pack(made, segments, durations=MODEL)
    return simulate(made, segments, work, durations=MODEL, **given), lower_bound_s(made, segments, durations=MODEL)


def test_a_plan_ends_near_its_bound_and_never_before_it():
    simulated, bound_s = told([lane(0)])

    assert simulated.closed
    assert bound_s <= simulated.finish_s <= 1.25 * bound_s
    assert simulated.throttles == simulated.refused_for_slots == 0


def test_the_same_plan_tells_the_same_story():
    first, second = (told([lane(0), lane(1)])[0] for _ in range(2))

    assert first.to_json() == second.to_json()
    assert first.steps == second.steps


def test_more_slots_end_sooner():
    few, many = (told([lane(0, slots=slots)])[0] for slots in (2, 20))

    assert many.finish_s < 0.8 * few.finish_s
    assert many.stations[0].slots == 20


def test_slots_are_never_more_than_taken_and_jobs_add_up():
    simulated, _ = told([lane(0, slots=3), lane(1, slots=2)], families=("sentiment", "entities"))

    assert all(0.0 <= share <= 1.0 + 1e-9 for tale in simulated.stations for share in tale.busy)
    assert all(0.0 < tale.used <= 1.0 for tale in simulated.stations if tale.jobs)
    assert {tale.lane for tale in simulated.stations if tale.jobs} == {"lane0", "lane1"}
    assert sum(tale.jobs for tale in simulated.stations) == dict(simulated.calls)["Start"]


def test_faults_cost_time_and_are_counted():
    def faulty(spec):
        return replace(behaviour_of(spec), throttles=0.3, failing=0.2)

    healthy, _ = told([lane(0)])
    simulated, _ = told([lane(0)], behave=faulty)

    assert simulated.throttles > 0
    assert sum(tale.failed for tale in simulated.stations) > 0
    assert simulated.finish_s > healthy.finish_s


def test_quotas_of_one_operation_are_those_of_the_service():
    spec = lane(0)
    spec = replace(
        spec, quotas=replace(spec.quotas, active_jobs=Limit(default=10, by_operation=(("SentimentDetection", 1),)))
    )

    simulated, _ = told([spec], documents=20_000, families=("sentiment", "entities"))

    assert {tale.operation: tale.slots for tale in simulated.stations} == {
        "SentimentDetection": 1,
        "EntitiesDetection": 10,
    }


def test_operations_of_an_embedded_lane_share_its_processes():
    spec = replace(lane(0, slots=2, start_per_s=None), kind="embedded")
    one, two = (told([spec], documents=20_000, families=f)[0] for f in (("entities",), ("entities", "pii_entities")))

    assert 1.4 * one.finish_s < two.finish_s < 2.1 * one.finish_s


def test_hundreds_of_jobs_are_lived_through():
    made = manifest([lane(0)], [corpus("a")], ("sentiment",))
    made = replace(made, policy=replace(made.policy, max_job_documents=5_000))
    segments = survey(0, "a", 5_000 * 300, 100)
    work = pack(made, segments, durations=MODEL)

    simulated = simulate(made, segments, work, durations=MODEL)

    assert len(work.jobs) == 300
    assert simulated.closed
