from __future__ import annotations

import json

import pytest

from runner.errors import LimitError, UserError
from runner.model import FamilyPrice, PolicySpec, Tally
from runner.planning import DurationModel, Plan, gate, make_plan

MODEL = DurationModel()


def tally(
    outcome: str, documents: int, *, analysis: str = "entities", language: str | None = "en", code: str = ""
) -> Tally:
    return Tally(
        analysis=analysis,
        language=language,
        outcome=outcome,
        code=code,
        documents=documents,
        bytes=documents * 10,
        units=0,
    )


def simple(build, manifest, **given: object) -> Plan:
    segment = build.segment([build.part(300_000, lines=1000)], tallies=[tally("sent", 1000)], **given)
    return make_plan(manifest, [segment], durations=MODEL)


def test_a_row_counts_what_is_sent_skipped_and_wrong(build) -> None:
    manifest = build.manifest(["entities"])
    tallies = [
        tally("sent", 5),
        tally("sent", 2, language="de"),
        tally("skipped", 1, language=None, code="EMPTY"),
        tally("skipped", 3, language="sv", code="LANGUAGE_UNSUPPORTED"),
        tally("error", 4, code="UNDECODABLE"),
    ]
    segments = [
        build.segment([build.part(70, lines=7)], tallies=tallies, documents=15),
        build.segment([], index=1, tallies=[tally("sent", 1), tally("error", 1, code="BAD_ROW")], documents=2),
    ]

    (row,) = make_plan(manifest, segments, durations=MODEL).rows

    assert (row.documents, row.sent, row.bytes, row.sent_bytes) == (17, 8, 170, 80)
    assert row.sent_by_language == (("de", 2), ("en", 6))
    assert row.skipped == (("sv", "LANGUAGE_UNSUPPORTED", 3), (None, "EMPTY", 1))
    assert row.errors == (("BAD_ROW", 1), ("UNDECODABLE", 4))


def test_rows_follow_the_manifest_and_add_up_to_the_price(build) -> None:
    """Twelve million units of entities: ten at 0.0001 and two at 0.00005 USD; pads count where their batch begins."""
    analyses = [build.analysis("entities", corpora=("a", "b")), build.analysis("sentiment", corpora=("b",))]
    manifest = build.manifest(analyses, corpora=("a", "b"))
    segments = [
        build.segment([build.part(8_000_000, lines=100, cap=10**6)] * 100, index=0),
        build.segment([build.part(8_000_000, lines=5_000)] * 50, corpus="b", corpus_index=1),
    ]

    plan = make_plan(manifest, segments, durations=MODEL)

    assert [(row.corpus, row.analysis) for row in plan.rows] == [
        ("a", "entities"),
        ("b", "entities"),
        ("b", "sentiment"),
    ]
    assert [row.units.upper for row in plan.rows] == [8_000_000, 4_000_000, 4_000_000]
    assert [cost.usd for cost in plan.costs] == [1100.0, 400.0]
    assert sum(row.usd or 0 for row in plan.rows) == pytest.approx(plan.usd) == pytest.approx(1500.0)


def test_a_padded_batch_costs_its_pad(build) -> None:
    """120 bytes in one line, and a pad of at most 600 characters: 3 + 6 units."""
    plan = make_plan(build.manifest(["entities"]), [build.segment([build.part(120, lines=1)])], durations=MODEL)

    assert plan.work.batches[0].padded
    assert plan.work.jobs[0].units == plan.units.upper == plan.rows[0].units.upper == 9


def test_a_text_that_lies_in_another_corpus_is_paid_by_the_one_that_needs_it(build) -> None:
    """Corpus b has a text of corpus a, and only b wants its key phrases: one line of 9,000 characters, 90 units."""
    analyses = [build.analysis("entities", corpora=("a",)), build.analysis("key_phrases", corpora=("b",))]
    owner = build.segment([build.part(9_000, lines=1)])
    guest = build.segment([], corpus="b", corpus_index=1, foreign=[owner.parts[0].id], documents=1)

    plan = make_plan(build.manifest(analyses, corpora=("a", "b")), [owner, guest], durations=MODEL)

    assert {(row.corpus, row.analysis): row.units.upper for row in plan.rows} == {
        ("a", "entities"): 90,
        ("b", "key_phrases"): 90,
    }


def test_the_embedded_lane_costs_nothing(build) -> None:
    plan = simple(build, build.manifest(["entities", "targeted_sentiment"], lane=build.lane("embedded")))

    assert (plan.usd, plan.usd_lower, plan.unpriced) == (0.0, 0.0, ())
    assert plan.units.upper > 0


def test_operations_on_the_embedded_lane_share_its_cores(build) -> None:
    """Four operations with two slots each run on two cores, not on eight."""
    families = ["dominant_language", "entities", "key_phrases", "sentiment"]
    manifest = build.manifest(families, lane=build.lane("embedded", slots=2, pace=None))

    plan = make_plan(manifest, build.segments([8_000_000] * 4), durations=MODEL)

    assert plan.finish_s == pytest.approx(sum(job.predicted_s for job in plan.work.jobs) / 2)


def test_remote_operations_run_beside_one_another(build) -> None:
    plan = simple(build, build.manifest(["entities", "sentiment"]))

    assert plan.finish_s == 487.0
    assert plan.basis == "assumed"


def test_the_json_of_a_plan_survives_a_round_trip_and_names_its_version(build) -> None:
    manifest = build.manifest(["entities", "events"])

    document = simple(build, manifest).to_json()

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["plan_version"] == 1
    keys = "plan_version name corpora rows totals jobs prices trainings operations finish_s basis warnings"
    assert list(document) == keys.split()


def test_plans_of_equal_input_are_equal(build) -> None:
    manifest = build.manifest(["entities", "dominant_language"])
    segments = build.segments([300_000, 4_000_000, 20, 7_000_000])

    assert make_plan(manifest, segments, durations=MODEL) == make_plan(manifest, list(segments), durations=MODEL)


class TestWarnings:
    def test_a_corpus_without_documents_is_named(self, build) -> None:
        manifest = build.manifest(["entities"], corpora=("a", "empty"))

        assert "corpus empty has no documents" in simple(build, manifest).warnings

    def test_an_analysis_that_sends_nothing_says_why(self, build) -> None:
        segment = build.segment(
            [], tallies=[tally("skipped", 9, language="sv", code="LANGUAGE_UNSUPPORTED")], documents=9
        )

        plan = make_plan(build.manifest(["entities"]), [segment], durations=MODEL)

        assert plan.warnings == ("entities sends no document of a (LANGUAGE_UNSUPPORTED)",)
        assert plan.work.jobs == ()

    @pytest.mark.parametrize(("lines", "told"), [(999, True), (1_000, False)])
    def test_a_corpus_too_small_for_topics_is_told(self, build, lines: int, *, told: bool) -> None:
        segment = build.segment([build.part(900_000, lines=lines)])

        plan = make_plan(build.manifest(["topics"]), [segment], durations=MODEL)

        assert any("advises 1,000 documents" in warning for warning in plan.warnings) == told

    def test_an_unknown_price_is_told(self, build) -> None:
        plan = simple(build, build.manifest(["events"]))

        assert plan.unpriced == ("events",)
        assert [warning for warning in plan.warnings if "no price is known for events" in warning]

    def test_a_run_that_holds_every_slot_for_hours_is_told(self, build) -> None:
        """160 GB at a megabyte a second on ten slots: more than four hours."""
        segments = [build.segment([build.part(8_000_000, lines=10)] * 20_000)]

        plan = make_plan(build.manifest(["entities"]), segments, durations=MODEL)

        assert [warning for warning in plan.warnings if "takes every slot" in warning]

    def test_a_limit_below_a_part_is_told_instead_of_kept(self, build) -> None:
        manifest = build.manifest(["entities"], policy=PolicySpec(max_job_documents=10))

        assert [warning for warning in simple(build, manifest).warnings if "policy.max_job_documents" in warning]

    def test_nothing_odd_needs_no_words(self, build) -> None:
        assert simple(build, build.manifest(["entities"])).warnings == ()


class TestGate:
    def test_a_run_within_its_budget_passes(self, build) -> None:
        """1,000 documents of 300 bytes: 3,000 units, 0.30 USD, and a budget of just that."""
        manifest = build.manifest(["entities"], policy=PolicySpec(budget_usd=0.3))

        gate(simple(build, manifest), manifest)

    def test_a_run_above_its_budget_is_refused_with_both_amounts(self, build) -> None:
        manifest = build.manifest(["entities"], policy=PolicySpec(budget_usd=0.25))

        with pytest.raises(LimitError, match=r"\$0\.3000.*\$0\.2500") as caught:
            gate(simple(build, manifest), manifest)
        assert "0.30" in (caught.value.hint or "")

    def test_what_is_committed_counts(self, build) -> None:
        manifest = build.manifest(["entities"], policy=PolicySpec(budget_usd=0.5))
        plan = simple(build, manifest)

        gate(plan, manifest, committed_usd=0.2)
        with pytest.raises(LimitError, match="committed already"):
            gate(plan, manifest, committed_usd=0.21)

    def test_an_unknown_price_is_refused_only_under_a_budget(self, build) -> None:
        plan = simple(build, build.manifest(["events"]))

        gate(plan, build.manifest(["events"]))
        with pytest.raises(LimitError, match="no price is known for events"):
            gate(plan, build.manifest(["events"], policy=PolicySpec(budget_usd=1e6)))
        gate(plan, build.manifest(["events"], policy=PolicySpec(budget_usd=1e6, allow_unknown_price=True)))

    def test_an_unknown_price_of_nothing_is_nothing(self, build) -> None:
        manifest = build.manifest(["events"], policy=PolicySpec(budget_usd=1.0))
        segment = build.segment([build.part(pool="de")])

        gate(make_plan(manifest, [segment], durations=MODEL), manifest)

    def test_a_corpus_without_documents_is_refused(self, build) -> None:
        manifest = build.manifest(["entities"], corpora=("a", "empty"))

        with pytest.raises(UserError, match="corpus empty"):
            gate(simple(build, manifest), manifest)

    def test_a_lane_whose_slots_are_all_reserved_is_refused(self, build) -> None:
        manifest = build.manifest(["entities"], lane=build.lane(slots=2, reserve=2))

        with pytest.raises(UserError, match="no lane leaves a slot"):
            gate(simple(build, manifest), manifest)

    def test_a_budget_does_not_concern_the_embedded_lane(self, build) -> None:
        manifest = build.manifest(["events"], lane=build.lane("embedded"), policy=PolicySpec(budget_usd=0.0))

        gate(simple(build, manifest), manifest)


def test_prices_of_the_manifest_are_used_and_named(build) -> None:
    told = FamilyPrice(tiers=((None, 0.01),), discount=0.5)
    manifest = build.manifest(["events"], prices=(("events", told),), prices_as_of="2026-12-01")

    (cost,) = simple(build, manifest).costs

    assert (cost.usd, cost.source, cost.as_of) == (15.0, "manifest", "2026-12-01")
