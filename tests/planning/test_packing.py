"""Promises of packing, over many small runs; and its rules, each by an example."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from random import Random
from statistics import median

import pytest
from hypothesis import assume, given, settings, strategies as st

from runner.errors import InternalError, UserError
from runner.model import AnalysisSpec, Job, Manifest, PartFacts, PolicySpec, SegmentFacts, segment_of
from runner.planning import DurationModel, Load, PlannedWork, pack
from runner.planning.fates import reads
from runner.planning.feeds import EMBEDDED_JOB_BYTES, limits

MODEL = DurationModel()
CORPORA = ("a", "b", "c")
FAMILIES = ("dominant_language", "entities", "key_phrases", "sentiment", "pii_entities", "topics", "custom_entities")
Run = tuple[Manifest, list[SegmentFacts]]


def draw_run(data: st.DataObject, build) -> Run:
    """A manifest of up to five analyses over up to three corpora, and a survey of up to a dozen segments."""
    draw = data.draw
    corpora = CORPORA[: draw(st.integers(1, 3), label="corpora")]
    families = draw(st.lists(st.sampled_from(FAMILIES), min_size=1, max_size=5), label="families")
    read = st.lists(st.sampled_from(corpora), min_size=1, unique=True).map(sorted)
    manifest = build.manifest(
        [build.analysis(family, name=f"x{i}", corpora=draw(read)) for i, family in enumerate(families)],
        corpora=corpora,
        lane=build.lane(draw(st.sampled_from(["aws", "embedded"])), slots=draw(st.integers(1, 4))),
        policy=PolicySpec(
            max_job_bytes=draw(st.none() | st.integers(100, 20_000_000)),
            max_job_documents=draw(st.none() | st.integers(50, 20_000)),
        ),
    )
    part = st.builds(
        build.part,
        st.sampled_from([60, 4_000, 900_000, 8_000_000]),
        lines=st.sampled_from([1, 40, 5_000]),
        pool=st.sampled_from(["en", "es", "rest"]),
        cap=st.sampled_from([5_120, 1 << 20, 1 << 23]),
    )
    many = draw(st.lists(st.tuples(st.integers(0, len(corpora) - 1), st.lists(part, max_size=4)), max_size=12))
    segments = [
        build.segment(parts, corpus=corpora[corpus], corpus_index=corpus, index=index)
        for index, (corpus, parts) in enumerate(sorted(many, key=lambda entry: entry[0]))
    ]
    return manifest, segments


def feed_of(run: Run, analysis: AnalysisSpec) -> list[PartFacts]:
    """All parts that an analysis reads, in input order: by definition, without pools."""
    _, segments = run
    return [
        part
        for segment in segments
        if segment.corpus in analysis.corpora
        for part in segment.parts
        if reads(analysis, part)
    ]


def parts_of(work: PlannedWork, job: Job) -> tuple[str, ...]:
    return next(batch.parts for batch in work.batches if batch.id == job.batch)


@settings(max_examples=200)
@given(data=st.data())
def test_every_promise_holds_for_any_run(build, data: st.DataObject) -> None:
    run = draw_run(data, build)
    manifest, segments = run
    work = pack(manifest, segments, durations=MODEL)

    facts = {part.id: part for segment in segments for part in segment.parts}
    corpus_of = {segment.id: segment.corpus for segment in segments}
    place = {part: index for index, part in enumerate(facts)}
    batches = {batch.id: batch for batch in work.batches}
    for analysis in manifest.analyses:
        jobs = [job for job in work.jobs if job.analysis == analysis.name]
        feed = feed_of(run, analysis)
        read = Counter(part for job in jobs for part in batches[job.batch].parts)
        assert read == Counter(part.id for part in feed), "each part that an analysis reads is in one job of it"

        within = limits(analysis.row, manifest)
        for job in jobs:
            batch = batches[job.batch]
            own = [facts[part] for part in batch.parts]
            pool = [
                part.id
                for part in feed
                if (not analysis.row.takes_language or part.pool == own[0].pool)
                and (analysis.family != "topics" or corpus_of[segment_of(part.id)] == corpus_of[segment_of(own[0].id)])
            ]
            first = pool.index(own[0].id)
            if manifest.embedded:
                assert list(batch.parts) == pool[first : first + len(own)], "a job reads one stretch of its pool"
            assert list(batch.parts) == [part for part in pool if part in batch.parts], "in input order"
            assert len(own) == 1 or (batch.bytes <= within.bytes and batch.lines <= within.lines)
            assert (batch.bytes, batch.lines) == (sum(p.bytes for p in own), sum(p.lines for p in own))
            assert batch.covers == batch.parts
            assert job.order == place[own[0].id] or not manifest.embedded
            if analysis.row.takes_language:
                assert batch.language == own[0].pool

    for operation in {job.operation for job in work.jobs}:
        jobs = [job for job in work.jobs if job.operation == operation]
        firsts = {place[batches[job.batch].parts[0]] for job in jobs}
        assert {job.order for job in jobs} == firsts, "orders are the first places, dealt in the order of starting"

    assert len({batch.parts for batch in work.batches}) == len(work.batches), "what is cut alike is one batch"
    assert [batch.id for batch in work.batches] == [f"b{serial:06d}" for serial in range(1, len(work.batches) + 1)]
    first_places = [place[batch.parts[0]] for batch in work.batches]
    assert first_places == sorted(first_places), "batches are named in input order"
    assert [job.order for job in work.jobs] == sorted(job.order for job in work.jobs), (
        "jobs are told in the order of starting"
    )
    assert len({job.key for job in work.jobs}) == len(work.jobs)


@settings(max_examples=50)
@given(data=st.data())
def test_a_plan_depends_on_nothing_but_its_input(build, data: st.DataObject) -> None:
    """Not on the order in which the corpora were surveyed, either."""
    manifest, segments = draw_run(data, build)
    by_corpus_backwards = sorted(segments, key=lambda segment: segment.corpus, reverse=True)

    assert pack(manifest, by_corpus_backwards, durations=MODEL) == pack(manifest, segments, durations=MODEL)


@settings(max_examples=60)
@given(data=st.data())
def test_operations_that_are_asked_for_the_same_share_all_their_batches(build, data: st.DataObject) -> None:
    """However fast each is; a smaller size limit makes another feed, and then nothing is bent to share."""
    families = ["entities", "key_phrases", "sentiment"]
    kind = data.draw(st.sampled_from(["aws", "embedded"]))
    manifest = build.manifest(families, lane=build.lane(kind, slots=data.draw(st.integers(1, 5))))
    caps = data.draw(st.lists(st.sampled_from([5_120, 1 << 20]), min_size=1, max_size=12))
    sizes = data.draw(st.lists(st.integers(500, 8_000_000), min_size=len(caps), max_size=len(caps)))
    parts = [build.part(size, cap=cap) for size, cap in zip(sizes, caps, strict=True)]

    work = pack(manifest, [build.segment(parts)], durations=MODEL)
    read = {family: [job.batch for job in work.jobs if job.analysis == family] for family in families}

    assert read["entities"] == read["key_phrases"]
    if set(caps) == {5_120}:
        assert read["sentiment"] == read["entities"]
        assert len(work.batches) == len(read["entities"])


def naive_finish(seconds: list[float], slots: int, gap: float) -> float:
    """List scheduling as one would write it on paper."""
    free = [0.0] * slots
    may_start = 0.0
    for duration in seconds:
        slot = min(range(slots), key=free.__getitem__)
        start = max(free[slot], may_start)
        free[slot], may_start = start + duration, start + gap
    return max(free)


def lightest_cut(sizes: list[int], count: int) -> list[list[int]]:
    """Any cut into so many runs whose heaviest is as light as can be."""
    if count == 1:
        return [sizes]
    cuts = [[sizes[:end], *lightest_cut(sizes[end:], count - 1)] for end in range(1, len(sizes) - count + 2)]
    return min(cuts, key=lambda cut: max(map(sum, cut)))


@settings(max_examples=100)
@given(
    sizes=st.lists(st.integers(1, 16).map(lambda n: n * 500_000), min_size=1, max_size=7),
    slots=st.integers(1, 3),
    kind=st.sampled_from(["aws", "embedded"]),
)
def test_the_number_of_jobs_is_the_fewest_within_two_percent_of_the_best(
    build, sizes: list[int], slots: int, kind
) -> None:
    """Against trying every number of jobs. Where the slots suffice, the lightest cut is the quickest there is."""
    assume(kind == "aws" or sum(sizes) <= EMBEDDED_JOB_BYTES)
    gap = 1.0 if kind == "aws" else 0.0
    manifest = build.manifest(["entities"], lane=build.lane(kind, slots=slots, pace=1.0 if gap else None))

    work = pack(manifest, [build.segment([build.part(size, lines=1) for size in sizes])], durations=MODEL)

    def seconds(run: list[int]) -> float:
        return MODEL.predict(kind, "EntitiesDetection", Load(bytes=sum(run), lines=len(run))).seconds

    finishes = {
        count: naive_finish([seconds(run) for run in lightest_cut(sizes, count)], slots, gap)
        for count in range(1, min(slots, len(sizes)) + 1)
    }
    finish = naive_finish([job.predicted_s for job in work.jobs], slots, gap)
    assert finish <= 1.02 * min(finishes.values()) + 1e-6
    assert not [count for count in finishes if count < len(work.jobs) and finishes[count] <= finish / 1.02 - 1e-6]


def every_cut(size: int) -> list[list[tuple[int, int]]]:
    """All ways to cut so many parts into runs, as (begin, end)."""
    return [
        list(pairwise([0, *(place for place in range(1, size) if chosen >> (place - 1) & 1), size]))
        for chosen in range(1 << (size - 1))
    ]


def best_finish(parts: list[tuple[str, int]], slots: int) -> float:
    """The best finish of an operation on the embedded lane over all cuts of all its pools."""
    options = []
    for pool in dict.fromkeys(pool for pool, _ in parts):
        own = [(place, size) for place, (name, size) in enumerate(parts) if name == pool]
        options.append(
            [
                [(own[begin][0], sum(size for _, size in own[begin:end]), end - begin) for begin, end in cut]
                for cut in every_cut(len(own))
            ]
        )
    finishes = []
    for chosen in product(*options):
        runs = sorted(run for cut in chosen for run in cut)
        loads = [Load(bytes=size, lines=lines) for _, size, lines in runs]
        seconds = [MODEL.predict("embedded", "EntitiesDetection", load).seconds for load in loads]
        finishes.append(naive_finish(seconds, slots, 0.0))
    return min(finishes)


def test_uneven_parts_in_several_languages_end_near_the_best_of_all_cuts(build) -> None:
    """Seven parts of very different sizes: as hard as it gets. More parts are easier to balance."""
    draw = Random(7)
    ratios = []
    for _ in range(40):
        parts = [(draw.choice(["en", "es"]), draw.choice([500_000, 4_000_000, 8_000_000])) for _ in range(7)]
        manifest = build.manifest(["entities"], lane=build.lane("embedded", slots=2, pace=None))
        work = pack(
            manifest, [build.segment([build.part(size, lines=1, pool=pool) for pool, size in parts])], durations=MODEL
        )
        ratios.append(naive_finish([job.predicted_s for job in work.jobs], 2, 0.0) / best_finish(parts, 2))

    assert median(ratios) <= 1.03
    assert max(ratios) <= 1.25


class TestNumberOfJobs:
    def test_little_work_is_one_job(self, build) -> None:
        """Ten jobs would end no sooner than one: the service's steps are two minutes."""
        work = pack(build.manifest(["entities"]), build.segments([100_000] * 30), durations=MODEL)

        assert len(work.jobs) == 1

    @pytest.mark.parametrize(("size", "jobs"), [(500, 1), (2_000, 2)])
    def test_two_percent_of_the_finish_are_not_worth_another_job(self, build, size: int, jobs: int) -> None:
        """Start-up is 200 ms. Four jobs for four parts of 0.5 ms save 0.7 %; of 2 ms, 2.9 %, and two jobs save 1.9."""
        manifest = build.manifest(["entities"], lane=build.lane("embedded", slots=4, pace=None))

        work = pack(manifest, [build.segment([build.part(size, lines=1)] * 4)], durations=MODEL)

        assert len(work.jobs) == jobs

    def test_much_work_takes_each_slot_once(self, build) -> None:
        work = pack(build.manifest(["entities"]), build.segments([8_000_000] * 600), durations=MODEL)

        assert len(work.jobs) == 10
        assert {batch.bytes for batch in work.batches} == {480_000_000}

    @pytest.mark.parametrize(("gigabytes", "jobs"), [(48, 10), (56, 20), (104, 20), (112, 30)])
    def test_waves_forced_by_a_limit_are_filled_and_not_exceeded(self, build, gigabytes: int, jobs: int) -> None:
        """Five gigabytes a job and ten slots: the eleventh job makes a second wave, which then takes every slot."""
        parts = [build.part(8_000_000, lines=10)] * (gigabytes * 125)

        work = pack(build.manifest(["entities"]), [build.segment(parts)], durations=MODEL)

        assert len(work.jobs) == jobs

    @settings(max_examples=40)
    @given(count=st.integers(1_000, 2_000), slots=st.integers(1, 6), forced=st.integers(1, 12))
    def test_no_wave_is_made_that_no_limit_forces(self, build, count: int, slots: int, forced: int) -> None:
        """With parts that are small beside a job; where they are not, one more wave may balance better and pay."""
        in_a_job = -(-count // forced)
        manifest = build.manifest(
            ["entities"],
            lane=build.lane("embedded", slots=slots, pace=None),
            policy=PolicySpec(max_job_bytes=in_a_job * 100_000),
        )

        work = pack(manifest, [build.segment([build.part(100_000, lines=1)] * count)], durations=MODEL)

        fewest = -(-count // in_a_job)
        assert fewest <= len(work.jobs) <= -(-fewest // slots) * slots

    def test_languages_share_an_operations_slots_by_their_work(self, build) -> None:
        """Six parts in ten are English, three Spanish, one French: ten slots go six, three and one."""
        pools = ["en", "es", "en", "en", "fr", "en", "es", "en", "es", "en"]
        parts = [build.part(8_000_000, lines=10, pool=pool) for pool in pools * 60]

        work = pack(build.manifest(["entities"]), [build.segment(parts)], durations=MODEL)

        assert Counter(batch.language for batch in work.batches) == {"en": 6, "es": 3, "fr": 1}

    def test_two_analyses_of_one_operation_share_its_slots(self, build) -> None:
        manifest = build.manifest(["entities", "custom_entities"])
        parts = [build.part(8_000_000, lines=10)] * 600

        work = pack(manifest, [build.segment(parts)], durations=MODEL)

        assert Counter(job.analysis for job in work.jobs) == {"entities": 5, "custom_entities": 5}
        assert len(work.batches) == 5

    def test_a_thousand_small_corpora_are_one_job_per_analysis(self, build) -> None:
        corpora = [f"c{i}" for i in range(1000)]
        segments = [build.segment([build.part(1_000)], corpus=c, corpus_index=i) for i, c in enumerate(corpora)]

        work = pack(build.manifest(["entities", "sentiment"], corpora=corpora), segments, durations=MODEL)

        assert (len(work.batches), len(work.jobs)) == (1, 2)


class TestSharing:
    def test_a_family_that_takes_no_language_reads_all_pools_in_one_job(self, build) -> None:
        parts = [build.part(pool=pool) for pool in ("en", "rest", "es", "en")]

        work = pack(build.manifest(["dominant_language", "entities"]), [build.segment(parts)], durations=MODEL)

        assert [(batch.language, len(batch.parts)) for batch in work.batches] == [(None, 4), ("en", 2), ("es", 1)]

    def test_in_one_language_it_shares_the_batch_of_those_that_take_it(self, build) -> None:
        manifest = build.manifest(["dominant_language", "entities"])

        work = pack(manifest, build.segments([100_000] * 3), durations=MODEL)

        assert [batch.language for batch in work.batches] == ["en"]
        assert [job.analysis for job in work.jobs] == ["dominant_language", "entities"]

    def test_no_plan_is_bent_to_share(self, build) -> None:
        """Entities of 5 GB in two languages has its own cut; key phrases of one of them takes all its slots."""
        analyses = [build.analysis("entities"), build.analysis("key_phrases", languages=frozenset({"en"}))]
        parts = [build.part(8_000_000, lines=10, pool=pool) for pool in ("en", "es") * 300]

        work = pack(build.manifest(analyses), [build.segment(parts)], durations=MODEL)

        assert Counter(job.analysis for job in work.jobs) == {"entities": 10, "key_phrases": 10}

    def test_corpora_bound_to_different_lanes_are_never_in_one_job(self, build) -> None:
        manifest = build.manifest(["entities"], corpora=("a", "b", "c"))
        bound = [replace(corpus, lanes=("lane",)) if corpus.name == "b" else corpus for corpus in manifest.corpora]
        segments = [build.segment([build.part()], corpus=name, corpus_index=i) for i, name in enumerate("abc")]

        work = pack(replace(manifest, corpora=tuple(bound)), segments, durations=MODEL)

        assert [len(batch.parts) for batch in work.batches] == [2, 1]

    def test_topics_never_mix_corpora(self, build) -> None:
        manifest = build.manifest(["topics", "dominant_language"], corpora=("a", "b"))
        segments = [build.segment([build.part()]), build.segment([build.part()], corpus="b", corpus_index=1)]

        work = pack(manifest, segments, durations=MODEL)

        assert Counter(job.analysis for job in work.jobs) == {"topics": 2, "dominant_language": 1}

    @pytest.mark.parametrize("kind", ["aws", "embedded"])
    def test_topics_are_one_job_however_large_the_corpus_is(self, build, kind: str) -> None:
        """Also where jobs are kept small otherwise, and beside an operation that is asked for the same."""
        manifest = build.manifest(
            ["topics", "dominant_language"],
            lane=build.lane(kind),
            policy=PolicySpec(max_job_bytes=40_000_000, max_job_documents=2_000),
        )
        segments = [build.segment([build.part(8_000_000)], index=index) for index in range(60)]

        work = pack(manifest, segments, durations=MODEL)

        jobs = Counter(job.analysis for job in work.jobs)
        assert jobs["topics"] == 1 < jobs["dominant_language"]
        assert {len(batch.parts) for batch in work.batches if batch.bytes == 480_000_000} == {60}

    def test_a_corpus_too_large_for_one_job_of_topics_is_refused(self, build) -> None:
        segments = [build.segment([build.part(8_000_000)] * 100, index=index) for index in range(7)]

        with pytest.raises(UserError, match="analysis topics reads 5600000000 bytes"):
            pack(build.manifest(["topics"]), segments, durations=MODEL)

    def test_lines_that_lie_in_another_corpus_are_read_for_the_one_that_needs_them(self, build) -> None:
        """Corpus b has the same text as corpus a, and only b wants its key phrases."""
        analyses = [build.analysis("entities", corpora=("a",)), build.analysis("key_phrases", corpora=("b",))]
        owner = build.segment([build.part(9_000), build.part(7_000)])
        guest = build.segment([], corpus="b", corpus_index=1, foreign=[owner.parts[1].id], documents=1)

        work = pack(build.manifest(analyses, corpora=("a", "b")), [owner, guest], durations=MODEL)

        assert parts_of(work, work.jobs[0]) == (owner.parts[0].id, owner.parts[1].id)
        assert parts_of(work, work.jobs[1]) == (owner.parts[1].id,)


class TestBatches:
    @pytest.mark.parametrize(("family", "size", "padded"), [("entities", 499, True), ("entities", 500, False)])
    def test_below_the_services_minimum_a_batch_is_padded(self, build, family: str, size: int, padded: bool) -> None:
        work = pack(build.manifest([family]), build.segments([size]), durations=MODEL)

        assert [batch.padded for batch in work.batches] == [padded]

    def test_a_family_without_a_minimum_needs_no_pad(self, build) -> None:
        work = pack(build.manifest(["custom_entities"]), build.segments([20]), durations=MODEL)

        assert not work.batches[0].padded

    def test_a_part_above_what_the_user_allows_is_a_job_of_its_own(self, build) -> None:
        manifest = build.manifest(["entities"], policy=PolicySpec(max_job_bytes=1_000))

        work = pack(manifest, build.segments([400, 300, 5_000, 600]), durations=MODEL)

        assert [batch.bytes for batch in work.batches] == [700, 5_000, 600]

    def test_a_part_above_what_the_service_takes_is_our_bug(self, build) -> None:
        manifest = build.manifest(["events"])

        with pytest.raises(InternalError, match="5001 lines"):
            pack(manifest, [build.segment([build.part(lines=5001)])], durations=MODEL)

    def test_a_line_in_a_part_that_nobody_surveyed_is_our_bug(self, build) -> None:
        with pytest.raises(InternalError, match="was not surveyed"):
            pack(build.manifest(["entities"]), [build.segment([], foreign=["000-000000-00009-000"])], durations=MODEL)

    def test_nothing_to_send_is_no_work(self, build) -> None:
        nothing = PlannedWork(batches=(), jobs=())

        assert pack(build.manifest(["entities"]), [], durations=MODEL) == nothing
        assert (
            pack(build.manifest(["entities"]), [build.segment([build.part(pool="rest")])], durations=MODEL) == nothing
        )

    def test_jobs_follow_the_input_and_not_the_pools(self, build) -> None:
        """With languages by turns, the jobs of both take turns as well."""
        parts = [build.part(8_000_000, lines=10, pool=pool) for pool in ("en", "es") * 300]

        work = pack(build.manifest(["entities"]), [build.segment(parts)], durations=MODEL)

        languages = {batch.id: batch.language for batch in work.batches}
        in_order = [languages[job.batch] for job in work.jobs]
        assert all(one != other for one, other in pairwise(in_order))
