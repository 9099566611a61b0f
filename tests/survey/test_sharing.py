"""Identical texts: one line each, whoever surveyed what and in which order; every document still finds its text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.catalogue import units
from runner.corpus import list_corpus, ranges
from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    LaneSpec,
    LanguageRule,
    Ledger,
    Manifest,
    SegmentFacts,
    ShareTask,
    SurveyTask,
    segment_of,
)
from runner.planning import DurationModel, make_plan
from runner.planning.packing import pad_units
from runner.survey import aliases, find_shared, put_shared_in_place, revised, sharing, survey_range, surveying

Analysis = Callable[..., AnalysisSpec]


@dataclass
class Survey:
    """A survey of some corpora, with and without what they share."""

    directory: Path
    analyses: dict[str, tuple[AnalysisSpec, ...]]
    facts: dict[str, SegmentFacts]

    def share(self) -> None:
        """Find what is shared, and put it in place."""
        report = find_shared(self.task)
        for change in report.segments:
            self.facts[change.id] = revised(self.facts[change.id], change)
        put_shared_in_place(self.directory)

    @property
    def task(self) -> ShareTask:
        found = sorted((self.directory / "ledger").glob("*.digests"))
        return ShareTask(
            directory=str(self.directory), ranges=tuple(map(str, found)), analyses=tuple(self.analyses.items())
        )

    def ledger(self, segment: str) -> Ledger:
        return msgspec.msgpack.decode((self.directory / "ledger" / f"{segment}.msgpack").read_bytes(), type=Ledger)

    def part(self, part: str) -> list[bytes]:
        return (self.directory / "parts" / f"{part}.txt").read_bytes().split(b"\n")[:-1]

    def texts(self) -> list[tuple[bytes | None, list[bytes]]]:
        """Per document in input order its line, and the lines of its pieces."""
        found = []
        for segment in sorted(self.facts):
            ledger = self.ledger(segment)
            for document in ledger.documents:
                line = self.part(ledger.parts[document.part])[document.line] if document.part >= 0 else None
                pieces = [self.part(ledger.parts[p.part])[p.line] for _, pieces in document.pieces for p in pieces]
                found.append((line, pieces))
        return found

    def lines(self) -> Iterator[tuple[tuple[object, ...], bytes]]:
        """Every line that is sent, with what it shares with its part."""
        for segment in self.facts.values():
            for part in segment.parts:
                yield from (((part.pool, part.line_bytes_max, part.split_bytes), line) for line in self.part(part.id))

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
        }


def check(survey: Survey) -> None:
    """Facts are those of the files, and every part is known."""
    for facts in survey.facts.values():
        ledger = survey.ledger(facts.id)
        path = survey.directory / "ledger" / f"{facts.id}.msgpack"
        assert msgspec.msgpack.encode(ledger) == path.read_bytes()
        assert blake2b(path.read_bytes(), digest_size=16).hexdigest() == facts.ledger_digest
        assert {part for part in ledger.parts if segment_of(part) == facts.id} == {part.id for part in facts.parts}
        assert {part for part in ledger.parts if segment_of(part) != facts.id} == set(facts.foreign_parts)
        for part in facts.parts:
            text = (survey.directory / "parts" / f"{part.id}.txt").read_bytes()
            lines = survey.part(part.id)
            assert (part.lines, part.bytes) == (len(lines), len(text))
            assert part.digest == blake2b(text, digest_size=16).hexdigest()
            assert part.units == sum(units(len(line.decode())) for line in lines)


@pytest.fixture
def make(
    tmp_path_factory: pytest.TempPathFactory,
    task: Callable[..., SurveyTask],
    analysis: Analysis,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Survey]:
    """Survey corpora of lines, in segments of three documents: make({"a": [["text", …], …files], …}, groups={…})."""
    monkeypatch.setattr(surveying, "SEGMENT_DOCUMENTS_MAX", 3)

    def run(
        corpora: dict[str, list[list[str]]],
        *,
        groups: dict[str, str | None] | None = None,
        languages: dict[str, str] | None = None,
        backwards: bool = False,
        **fields: Any,
    ) -> Survey:
        home = tmp_path_factory.mktemp("shared")
        analyses = (
            analysis("entities", document_bytes_max=80, oversize="split"),
            analysis("sentiment", document_bytes_max=40),
        )
        survey = Survey(home / "run", dict.fromkeys(corpora, analyses), {})
        tasks = []
        for index, (name, files) in enumerate(corpora.items()):
            (home / name).mkdir()
            for number, texts in enumerate(files):
                (home / name / f"{number}.txt").write_text("".join(f"{text}\n" for text in texts), newline="")
            rule = LanguageRule(kind="fixed", code=(languages or {}).get(name, "en"))
            corpus = CorpusSpec(name=name, sources=(str(home / name),), format="lines", language=rule)
            tasks += [
                task(
                    corpus,
                    source_range,
                    corpus_index=index,
                    directory=str(survey.directory),
                    analyses=analyses,
                    share_group=(groups or {}).get(name, "g"),
                    **fields,
                )
                for source_range in ranges(corpus, list_corpus(corpus))
            ]
        for each in reversed(tasks) if backwards else tasks:
            survey.facts |= {segment.id: segment for segment in survey_range(each).segments}
        return survey

    return run


LONG = "a sentence of some words. " * 8
words = st.sampled_from(["one", "two", "three", "four", "five", "x" * 60, "", "é\u2028é", LONG, LONG + "and more"])
corpora = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.lists(words, max_size=12), min_size=1, max_size=3), min_size=1
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    corpora=corpora,
    lines_at_once=st.sampled_from([1, 7, 1000]),
    keep_text=st.booleans(),
    job_documents_max=st.sampled_from([None, 1, 2]),
)
def test_every_text_is_sent_once_and_every_document_still_has_its_own(
    make: Callable[..., Survey],
    corpora: dict[str, Any],
    lines_at_once: int,
    keep_text: bool,
    job_documents_max: int | None,
) -> None:
    survey = make(corpora, keep_text=keep_text, job_documents_max=job_documents_max)
    before, old = survey.texts(), dict(survey.facts)
    distinct = set(survey.lines())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "LINES_AT_ONCE", lines_at_once)
        survey.share()

    assert survey.texts() == before
    if not keep_text:
        assert Counter(survey.lines()) == Counter(distinct)
    check(survey)
    for segment, facts in survey.facts.items():
        totals: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for each, sign in [(tally, 1) for tally in facts.tallies] + [(tally, -1) for tally in old[segment].tallies]:
            counts = {"documents": each.documents, "bytes": each.bytes, "units": each.units}
            totals[each.analysis, each.outcome].update({key: sign * count for key, count in counts.items()})
        assert all(not any(counter.values()) for counter in totals.values()), "what is sent is what was"


def test_the_line_of_the_first_document_stays_and_others_refer_to_it(make: Callable[..., Survey]) -> None:
    survey = make({"a": [["one", "two", "three"]], "b": [["four", "one", "one"], ["two", "five"]]})
    survey.share()

    first, second, third = (survey.facts[segment] for segment in sorted(survey.facts))

    assert [survey.part(part.id) for part in first.parts] == [[b"three"], [b"one", b"two"]]
    assert [survey.part(part.id) for part in second.parts] == [[b"four"]]
    assert [survey.part(part.id) for part in third.parts] == [[b"five"]]
    assert second.foreign_parts == third.foreign_parts == (first.parts[1].id,)
    shared = {(tally.analysis, tally.documents, tally.units) for tally in second.tallies if tally.code == "SHARED"}
    assert shared == {("entities", 2, 6), ("sentiment", 2, 6)}


def test_an_owner_in_a_part_of_the_same_segment_that_does_not_change_stays_where_it_is(
    make: Callable[..., Survey],
) -> None:
    survey = make({"a": [["one", "two", "one"]]}, job_documents_max=1)
    survey.share()

    (facts,) = survey.facts.values()

    assert [survey.part(part.id) for part in facts.parts] == [[b"one"], [b"two"]]
    assert [line for line, _ in survey.texts()] == [b"one", b"two", b"one"]
    check(survey)


def test_a_segment_of_which_nothing_is_left_has_no_part(make: Callable[..., Survey]) -> None:
    survey = make({"a": [["one", "two"]], "b": [["two", "one"]]})
    survey.share()
    first, second = (survey.facts[segment] for segment in sorted(survey.facts))
    assert [survey.part(part.id) for part in first.parts] == [[b"one", b"two"]]
    assert second.parts == ()
    check(survey)


def test_without_identical_texts_nothing_changes(make: Callable[..., Survey]) -> None:
    survey = make({"a": [["one", "two"]], "b": [["three", "", " "], [""]]})
    before = {name: data for name, data in survey.files().items() if not name.endswith(".digests")}
    assert find_shared(survey.task).segments == ()
    put_shared_in_place(survey.directory)
    assert survey.files() == before


@pytest.mark.parametrize("difference", ["group", "language"])
def test_corpora_that_are_read_otherwise_share_nothing(make: Callable[..., Survey], difference: str) -> None:
    texts = {"a": [["one", "two"]], "b": [["one", "two"]]}
    groups = {"a": "g", "b": "h" if difference == "group" else "g"}
    languages = {"a": "en", "b": "de" if difference == "language" else "en"}
    assert find_shared(make(texts, groups=groups, languages=languages).task).segments == ()


def test_a_corpus_without_a_group_keeps_every_line(make: Callable[..., Survey]) -> None:
    survey = make({"a": [["one", "one"]], "b": [["one", "one", "one"]]}, groups={"a": None})
    survey.share()
    assert [line for _, line in survey.lines()] == [b"one"] * 3


def test_order_of_work_and_repeated_search_change_no_byte(make: Callable[..., Survey]) -> None:
    texts = {"a": [["one", "two", "two", LONG], ["one", LONG, "three"]], "b": [["three", "four"], ["two"]]}
    survey, other = make(texts), make(texts, backwards=True)
    report = find_shared(survey.task)
    files = survey.files()

    assert find_shared(survey.task) == report == find_shared(other.task)
    assert survey.files().keys() == files.keys()
    for done in (survey, other):
        done.share()
    assert survey.files() == other.files()
    assert survey.facts == other.facts
    assert not any(name.endswith((".digests", ".db", ".tmp")) for name in survey.files())


def test_putting_in_place_goes_on_after_a_crash(make: Callable[..., Survey], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"a": [["one", "two"], ["one"], ["two"]], "b": [["two", "three"]]}
    whole = make(texts)
    whole.share()
    survey = make(texts)
    before = survey.texts()
    for change in find_shared(survey.task).segments:
        survey.facts[change.id] = revised(survey.facts[change.id], change)
    replace, left = Path.replace, [2]

    def failing(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(OSError):
            put_shared_in_place(survey.directory)
    put_shared_in_place(survey.directory)

    assert survey.files() == whole.files()
    assert survey.texts() == before


def test_a_segment_refers_to_a_bounded_number_of_others(
    make: Callable[..., Survey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aliases, "FOREIGN_PARTS_MAX", 1)
    survey = make({"a": [["one", "two", "three", "four", "five", "six", "seven"]], "b": [["one", "six", "four"]]})
    before = survey.texts()

    survey.share()

    (last,) = (facts for facts in survey.facts.values() if facts.corpus == "b")
    assert [survey.part(part.id) for part in last.parts] == [[b"one"]], "the part with most lines is referred to"
    assert len(last.foreign_parts) == 1
    assert survey.texts() == before
    check(survey)


def test_a_plan_reads_each_line_once_and_says_what_that_saves(make: Callable[..., Survey]) -> None:
    texts = {"a": [["one", "two", LONG, "three"]], "b": [["two", "four", LONG], ["one", "one"]]}
    survey = make(texts)
    before = sum(units(len(line)) for line, pieces in survey.texts() for line in [line, *pieces] if line is not None)

    survey.share()

    lane = LaneSpec(name="local", kind="embedded")
    (analyses,) = set(survey.analyses.values())
    entities = replace(analyses[0], corpora=tuple(texts))
    corpora = tuple(CorpusSpec(name=name, sources=(), format="lines") for name in texts)
    manifest = Manifest(path="m.yaml", name="m", lanes=(lane,), corpora=corpora, analyses=(entities,))
    plan = make_plan(manifest, [survey.facts[segment] for segment in sorted(survey.facts)], durations=DurationModel())
    assert [(row.corpus, row.sent, row.shared) for row in plan.rows] == [("a", 4, 0), ("b", 5, 4)]
    sent = sum(job.units for job in plan.work.jobs) - sum(
        pad_units(batch) for batch in plan.work.batches if batch.padded
    )
    assert sent + sum(row.shared_units for row in plan.rows) == before
