"""The bound against brute force: every way to make jobs, every order, every choice of lanes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations, product

import pytest

from runner.model import LaneSpec, PolicySpec
from runner.planning import DurationModel, Load, pack
from runner.planning.bound import Pattern, bound_s, lower_bound_s

SENTIMENT = "SentimentDetection"
MB = 1_000_000


def partitions(items: Sequence[int]) -> Iterator[list[list[int]]]:
    """Every way to put items into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for place in range(len(groups)):
            yield [*groups[:place], [first, *groups[place]], *groups[place + 1 :]]


def best_finish(jobs: Sequence[float], lanes: Sequence[LaneSpec]) -> float:
    """The best finish of jobs over lanes, over every order and placement."""
    best = float("inf")
    for order in set(permutations(jobs)):
        for places in product(range(len(lanes)), repeat=len(order)):
            best = min(best, finish(order, places, lanes))
    return best


def finish(order: Sequence[float], places: Sequence[int], lanes: Sequence[LaneSpec]) -> float:
    free = [[0.0] * int(lane.quotas.active_jobs.default or 0) for lane in lanes]
    paced = [0.0] * len(lanes)
    last = 0.0
    for seconds, place in zip(order, places, strict=True):
        slot = min(range(len(free[place])), key=free[place].__getitem__)
        start = max(free[place][slot], paced[place])
        pace = lanes[place].quotas.start_per_s.default
        paced[place] = start + (1.0 / pace if pace else 0.0)
        free[place][slot] = start + seconds
        last = max(last, start + seconds)
    return last


def learnt(start_s: float, per_mb_s: float) -> DurationModel:
    model = DurationModel()
    for megabytes in (10, 100, 400):
        model = model.observe("aws", SENTIMENT, Load(bytes=megabytes * MB, lines=0), start_s + per_mb_s * megabytes)
    return model


@pytest.mark.parametrize("seed", range(60))
def test_no_schedule_is_better_than_the_bound(build, seed: int):
    draw = random.Random(seed)
    pools = [draw.choice(["en", "de"]) for _ in range(draw.randint(1, 4))]
    sizes = [draw.choice([1, 20, 60, 130, 300]) * MB for _ in pools]
    segments = [
        build.segment([build.part(size, lines=10, pool=pool)], index=index)
        for index, (size, pool) in enumerate(zip(sizes, pools, strict=True))
    ]
    lanes = tuple(
        replace(build.lane(slots=draw.randint(1, 2), pace=draw.choice([None, 0.01, 1.0])), name=f"l{number}")
        for number in range(draw.randint(1, 2))
    )
    limit = draw.choice([None, 150 * MB, 320 * MB])
    manifest = replace(build.manifest(["sentiment"], policy=PolicySpec(max_job_bytes=limit)), lanes=lanes)
    model = draw.choice([DurationModel(), learnt(200.0, 2.0), learnt(0.0, 1.0)])

    found = lower_bound_s(manifest, segments, durations=model)

    def seconds(group: list[int]) -> float:
        load = Load(bytes=sum(sizes[i] for i in group), lines=10 * len(group))
        return model.predict("aws", SENTIMENT, load).seconds

    best = min(
        best_finish([seconds(group) for group in groups], lanes)
        for groups in partitions(range(len(sizes)))
        if all(len({pools[i] for i in group}) == 1 for group in groups)
        and all(len(group) == 1 or limit is None or sum(sizes[i] for i in group) <= limit for group in groups)
    )
    assert 0 < found <= best + 1e-6
    assert found >= 0.4 * best, "a bound as loose as that says nothing"


def test_one_job_is_its_own_bound(build):
    segments = build.segments([50 * MB])
    manifest = build.manifest(["sentiment"])

    assert lower_bound_s(manifest, segments, durations=DurationModel()) == pytest.approx(487.0)


def test_a_corpus_bound_to_one_lane_is_held_against_that_lane(build):
    lanes = tuple(replace(build.lane(slots=1), name=name) for name in ("a", "b"))
    segments = build.segments([600 * MB] * 4)
    free = replace(build.manifest(["sentiment"]), lanes=lanes)
    bound = replace(free, corpora=(replace(free.corpora[0], lanes=("a",)),))

    either, alone = (lower_bound_s(manifest, segments, durations=DurationModel()) for manifest in (free, bound))

    assert alone > 1.5 * either


def test_operations_of_an_embedded_lane_share_its_cores(build):
    segments = build.segments([8 * MB] * 8)
    one = build.manifest(["entities"], lane=build.lane("embedded", slots=2, pace=None))
    two = build.manifest(["entities", "pii_entities"], lane=build.lane("embedded", slots=2, pace=None))

    assert lower_bound_s(two, segments, durations=DurationModel()) > 1.9 * lower_bound_s(
        one, segments, durations=DurationModel()
    )


def test_nothing_to_do_takes_no_time(build):
    assert lower_bound_s(build.manifest(["sentiment"]), [], durations=DurationModel()) == 0.0
    assert bound_s([], (0.0,), Pattern(start_s=1.0, step_s=0.0)) == 0.0


def test_a_plan_is_never_predicted_to_beat_it(build):
    segments = build.segments([7 * MB] * 300)
    manifest = build.manifest(["sentiment"])
    longest = max(job.predicted_s for job in pack(manifest, segments, durations=DurationModel()).jobs)

    assert lower_bound_s(manifest, segments, durations=DurationModel()) <= longest + 9.0
