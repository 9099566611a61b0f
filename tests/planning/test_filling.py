"""Jobs of unequal size: whatever is found keeps its promises, and ends where equal jobs could not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from runner.model import Manifest, SegmentFacts
from runner.planning import DurationModel, Load, PlannedWork, pack
from runner.planning.cutting import Limits
from runner.planning.filling import Pattern, earliest_s, fillings
from runner.planning.heaps import Item, Pool
from runner.planning.schedule import finish_s, room

MB = 1_000_000
STEPS = Pattern(start_s=367.0, step_s=120.0)
SMOOTH = Pattern(start_s=40.0, step_s=0.0)


def pools_of(sizes: list[tuple[int, int, int]], limits: Limits) -> list[Pool]:
    """Pools from (pool, corpus, megabytes), a second of work for each megabyte."""
    items: dict[int, list[Item]] = {}
    for place, (pool, corpus, size) in enumerate(sizes):
        load = Load(bytes=size * MB, lines=10)
        items.setdefault(pool, []).append(Item(place=place, corpus=corpus, load=load, work_s=float(size)))
    return [Pool(items=tuple(own), limits=limits) for own in items.values()]


@settings(max_examples=150)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(1, 60)), min_size=1, max_size=60),
    megabytes=st.integers(60, 400),
    slots=st.integers(1, 6),
    gap=st.sampled_from([0.0, 1.0]),
    pattern=st.sampled_from([STEPS, SMOOTH]),
)
def test_every_part_is_in_one_job_within_the_limits_and_the_time(
    sizes: list[tuple[int, int, int]], megabytes: int, slots: int, gap: float, pattern: Pattern
) -> None:
    sizes.sort(key=lambda entry: entry[1])
    pools = pools_of(sizes, Limits(bytes=megabytes * MB, lines=200, files=12))
    begins = [(slot * gap, "") for slot in range(slots)]
    low_s = earliest_s(pools, begins, pattern, gap)

    found = list(fillings(pools, begins, pattern, low_s=low_s, high_s=2.0 * low_s))

    for end_s, jobs in found:
        places = [place for _, parts in jobs for place in parts]
        assert sorted(places) == list(range(len(sizes)))
        seconds = []
        for pool, parts in jobs:
            own = [item for item in pools[pool].items if item.place in parts]
            assert [item.place for item in own] == list(parts)
            assert sum(item.load.bytes for item in own) <= megabytes * MB
            assert len(own) <= 12
            seconds.append(pattern.seconds(sum(item.work_s for item in own)))
        free = list(begins)
        for job_s in seconds:
            at, lane = free.pop(0)
            assert at + job_s <= end_s + 1e-3
            free = sorted([*free, (at + job_s, lane)])
    counts = [len(jobs) for _, jobs in found]
    assert counts == sorted(set(counts), reverse=True), "each has fewer jobs than those before"


def finish(manifest: Manifest, work: PlannedWork) -> float:
    jobs = [job for job in work.jobs if job.operation == "EntitiesDetection"]
    return finish_s([job.predicted_s for job in jobs], room(manifest.lanes, "EntitiesDetection"))


def surveyed(build, pools: list[tuple[str, int, int, int]]) -> list[SegmentFacts]:
    """Segments of one part, from (pool, how many, bytes, lines)."""
    return [
        build.segment([build.part(size, lines=lines, pool=pool)], index=index)
        for index, (pool, size, lines) in enumerate(
            (pool, size, lines) for pool, many, size, lines in pools for _ in range(many)
        )
    ]


def test_what_two_small_languages_leave_of_their_slots_is_used(build) -> None:
    """Two short jobs and a long feed on five slots: equal jobs make a wave of whole jobs more, unequal ones do not."""
    manifest = build.manifest(["entities"], lane=build.lane(slots=5))
    segments = surveyed(build, [("en", 871, 612_000, 4_984), ("es", 20, 2_400_000, 4_768), ("de", 1, 100_000, 81)])

    work = pack(manifest, segments, durations=DurationModel())

    assert finish(manifest, work) == pytest.approx(367 + 120 + 367 + 4 * 120, abs=6)
    assert Counter(batch.language for batch in work.batches) == {"en": 5, "es": 1, "de": 1}


def test_corpora_of_short_and_of_long_documents_share_jobs_that_are_full_either_way(build) -> None:
    """Short documents fill jobs by their number, long ones by their bytes; together fewer jobs hold all."""
    manifest = build.manifest(["entities"], corpora=("a", "b"), lane=build.lane(slots=6))
    short = [build.segment([build.part(600_000, lines=5_000)], index=index) for index in range(1_000)]
    long = [
        build.segment([build.part(8_000_000, lines=100)], corpus="b", corpus_index=1, index=index)
        for index in range(300)
    ]

    work = pack(manifest, [*short, *long], durations=DurationModel())

    mixed = [batch for batch in work.batches if len({part[:3] for part in batch.parts}) == 2]
    assert len(work.jobs) == 6
    assert len(mixed) >= 5
    assert finish(manifest, work) == pytest.approx(367 + 8 * 120, abs=6)


def test_a_small_job_is_the_first_on_each_lane(build) -> None:
    """It goes alone, to show that the lane is in order."""
    lanes = tuple(replace(build.lane(slots=4), name=name) for name in ("a", "b"))
    manifest = replace(build.manifest(["entities"]), lanes=lanes)
    segments = surveyed(build, [("en", 400, 8_000_000, 10), ("es", 1, 9_000, 10), ("de", 1, 8_000, 10)])

    work = pack(manifest, segments, durations=DurationModel())

    languages = {batch.id: batch.language for batch in work.batches}
    assert [languages[job.batch] for job in work.jobs[:2]] == ["de", "es"]
