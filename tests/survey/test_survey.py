"""The survey: every document in the ledger, with its fate; the lines of those that are sent in parts."""

from __future__ import annotations

import gzip
import pickle
import stat
import tracemalloc
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner import corpus as corpus_room
from runner.catalogue import units
from runner.corpus import list_corpus, ranges
from runner.errors import MachineError, SourceError
from runner.model import AnalysisSpec, CorpusSpec, LanguageRule, SurveyTask, Tally
from runner.planning import fates
from runner.planning.fates import closing, reads
from runner.survey import fold, survey_range, surveying
from runner.survey.surveying import NOTICES_MAX

Survey = Callable[..., Any]
Analysis = Callable[..., AnalysisSpec]
Task = Callable[..., SurveyTask]


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def test_the_codes_of_reading_are_those_of_the_fates() -> None:
    for name in ("UNDECODABLE", "BAD_ROW", "INPUT_CHANGED"):
        assert getattr(corpus_room, name) == getattr(fates, name)


def test_a_ledger_has_every_document_and_a_part_the_lines_of_those_that_are_sent(survey: Survey) -> None:
    done = survey("Fine é.\r\n\n \t\u3000\n😀 good\x0bday\u2028\nlast".encode())
    (segment,) = done.segments
    assert segment.id == "000-000000-00000"
    assert segment.documents == 5
    assert segment.bytes == sum(document.size for document in done.documents)
    ledger = done.ledger(segment.id)
    assert (ledger.segment, ledger.corpus, ledger.parts) == (segment.id, "c", ("000-000000-00000-000",))
    assert segment.ledger_digest == digest((done.directory / "ledger" / f"{segment.id}.msgpack").read_bytes())
    first, blank, white, astral, last = done.documents
    assert (first.id, first.source, first.position, first.language) == ("x.txt:0", 0, 0, "en")
    assert (first.size, first.characters, first.digest.hex()) == (8, 7, digest("Fine é.".encode()))
    assert (first.part, first.line, first.fate, first.message) == (0, 0, None, None)
    assert (blank.fate, blank.part, blank.line, blank.size) == ("EMPTY", -1, -1, 0)
    assert (white.fate, white.size, white.characters) == ("EMPTY", 5, 3)
    assert (astral.part, astral.line, astral.size, astral.characters) == (0, 1, 14, 11)
    assert (last.id, last.line) == ("x.txt:4", 2)
    assert done.part(ledger.parts[0]) == ["Fine é.", "😀 good day ", "last"]


def test_part_facts_are_those_of_the_object(survey: Survey) -> None:
    done = survey(b"short\n" + b"x" * 301 + b"\n" + b"\xc3\xa9" * 300 + b"\n")
    (part,) = done.segments[0].parts
    text = (done.directory / "parts" / f"{part.id}.txt").read_bytes()
    assert (part.lines, part.bytes, part.digest) == (3, len(text), digest(text))
    assert part.units == units(5) + units(301) + units(300) == 10
    assert (part.pool, part.line_bytes_max, part.split_bytes) == ("en", 5 * 1024, None)


def test_the_ledger_on_disk_is_the_models_own_encoding(survey: Survey) -> None:
    done = survey("a\n\n\xff\nb\u2028".encode("latin-1", "replace"), analyses=())
    ledger = done.ledger(done.segments[0].id)
    data = (done.directory / "ledger" / f"{ledger.segment}.msgpack").read_bytes()
    assert msgspec.msgpack.encode(ledger) == data


def test_folds_are_kept_if_asked_for(survey: Survey) -> None:
    data = "a\u2028b\x0b\nplain\n\x1d\n".encode()
    kept = survey(data, keep_folds=True)
    assert [document.folds for document in kept.documents] == [((1, "\u2028"), (3, "\x0b")), (), ((0, "\x1d"),)]
    assert kept.lines[:2] == ["a b ", "plain"]
    ledger = kept.ledger(kept.segments[0].id)
    data_kept = (kept.directory / "ledger" / f"{ledger.segment}.msgpack").read_bytes()
    assert msgspec.msgpack.encode(ledger) == data_kept
    assert all(document.folds == () for document in survey(data, into="other").documents)


FATES = [
    ("lines", b"\n", "EMPTY", "skipped"),
    ("lines", b" \xc2\xa0\xe2\x80\xa8\n", "EMPTY", "skipped"),
    ("lines", b"\x1f\n", "EMPTY", "skipped"),
    ("files", b"", "EMPTY", "skipped"),
    ("files", b"\xef\xbb\xbf\n\n", "EMPTY", "skipped"),
    ("jsonl", b'{"text":null}\n', "EMPTY", "skipped"),
    ("jsonl", b'{"text":"\\n"}\n', "EMPTY", "skipped"),
    ("jsonl", b"\n", "EMPTY", "skipped"),
    ("lines", b"caf\xe9\n", "UNDECODABLE", "error"),
    ("files", b"caf\xe9\n", "UNDECODABLE", "error"),
    ("jsonl", b'{"text":"caf\xe9"}\n', "UNDECODABLE", "error"),
    ("jsonl", b"[]\n", "BAD_ROW", "error"),
    ("jsonl", b"{}\n", "BAD_ROW", "error"),
    ("jsonl", b'{"text":1}\n', "BAD_ROW", "error"),
]


@pytest.mark.parametrize(("form", "data", "code", "outcome"), FATES)
def test_documents_that_no_job_will_see(survey: Survey, form: str, data: bytes, code: str, outcome: str) -> None:
    done = survey(data, form)
    (document,) = done.documents
    assert (document.fate, document.part, document.line) == (code, -1, -1)
    assert document.message
    assert done.segments[0].parts == ()
    assert [
        (each.analysis, each.outcome, each.code, each.documents, each.units) for each in done.segments[0].tallies
    ] == [
        ("sentiment", outcome, code, 1, 0),
        ("entities", outcome, code, 1, 0),
    ]
    assert not list((done.directory / "parts").iterdir())


def test_what_cannot_be_decoded_is_sent_if_the_policy_replaces_it(survey: Survey) -> None:
    done = survey(b"caf\xe9\n", undecodable="replace")
    assert done.lines == ["caf\ufffd"]


def test_a_document_without_characters_of_white_space_alone_is_sent(survey: Survey) -> None:
    """NUL, a zero-width space and a byte order mark in the middle are text."""
    assert survey("a\n\x00\n\u200b\n\ufeff\n".encode()).lines == ["a", "\x00", "\u200b", "\ufeff"]


def test_each_family_reads_the_parts_of_the_classes_within_its_limit(survey: Survey, analysis: Analysis) -> None:
    analyses = (
        analysis("sentiment", document_bytes_max=10),
        analysis("entities", document_bytes_max=100, oversize="error"),
        analysis("key_phrases", document_bytes_max=100),
        analysis("dominant_language", document_bytes_max=50),
    )
    sizes = [10, 11, 100, 101, 1, 50]
    done = survey(b"\n".join(b"x" * size for size in sizes), analyses=analyses)
    (segment,) = done.segments
    assert [(part.line_bytes_max, part.lines) for part in segment.parts] == [(10, 2), (50, 2), (100, 1)]
    assert [document.part for document in done.documents] == [0, 1, 2, -1, 0, 1]
    assert [document.line for document in done.documents] == [0, 0, 0, -1, 1, 1]
    assert done.documents[3].fate is None, "whether it is too long depends on the analysis"
    assert (
        Tally(analysis="entities", language="en", outcome="error", code="TOO_LONG", documents=1, bytes=101, units=0)
        in segment.tallies
    )
    assert (
        Tally(analysis="sentiment", language="en", outcome="sent", code="", documents=2, bytes=11, units=6)
        in segment.tallies
    )
    assert (
        Tally(
            analysis="dominant_language",
            language="en",
            outcome="skipped",
            code="TOO_LONG",
            documents=2,
            bytes=201,
            units=0,
        )
        in segment.tallies
    )


@pytest.mark.parametrize(
    ("language", "families", "pool"),
    [
        ("en", ["sentiment"], "en"),
        ("sv", ["sentiment"], None),
        ("sv", ["sentiment", "dominant_language"], "rest"),
        ("en", ["dominant_language"], "rest"),
        (None, ["sentiment"], None),
        (None, ["dominant_language", "sentiment"], "rest"),
        ("es", ["targeted_sentiment", "dominant_language"], "rest"),
        ("es", ["pii_entities", "targeted_sentiment"], "es"),
    ],
)
def test_the_pool_is_the_language_if_some_analysis_takes_it(
    survey: Survey, analysis: Analysis, language: str | None, families: list[str], pool: str | None
) -> None:
    done = survey(b"text\n", language=language, analyses=tuple(map(analysis, families)))
    assert [part.pool for part in done.segments[0].parts] == ([pool] if pool else [])
    (document,) = done.documents
    assert document.language == language


def test_a_document_has_a_line_where_and_only_where_an_analysis_sends_it(survey: Survey, analysis: Analysis) -> None:
    """The planner's `reads` and the fates' `closing` agree about every document and analysis."""
    analyses = tuple(
        analysis(family, document_bytes_max=limit)
        for family, limit in [("sentiment", 4), ("entities", 8), ("dominant_language", 6), ("targeted_sentiment", 9)]
    )
    data = b"\n".join(b"x" * size for size in range(12))
    for language in ("en", "fr", "sv", None):
        done = survey(data, language=language, analyses=analyses, into=f"run-{language}")
        (segment,) = done.segments
        for document in done.documents:
            for each in analyses:
                closed = closing(
                    each, fate=document.fate, message=document.message, size=document.size, language=document.language
                )
                read = document.part >= 0 and reads(each, segment.parts[document.part])
                assert read == (closed is None)


def test_tallies_count_every_pair_once(survey: Survey) -> None:
    done = survey(b"a\n\nb\xff\n" + b"x" * 6000 + b"\nc\n")
    (segment,) = done.segments
    for name in ("sentiment", "entities"):
        counted = {(each.outcome, each.code): each.documents for each in segment.tallies if each.analysis == name}
        assert sum(counted.values()) == segment.documents == 5
        assert counted["skipped", "EMPTY"] == counted["error", "UNDECODABLE"] == 1
        assert counted.get(("skipped", "TOO_LONG"), 0) == (name == "sentiment")


def test_a_part_is_cut_where_a_job_of_its_smallest_reader_is_full(
    survey: Survey, analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.survey.routes.Router.job_limits", lambda *_: (10, 3))
    done = survey(b"aaaa\nbbbb\ncc\nd\ne\nf\ng\n" + b"h" * 20 + b"\ni\n", analyses=(analysis("entities"),))
    (segment,) = done.segments
    texts = [done.part(part.id) for part in segment.parts]
    assert texts == [["aaaa", "bbbb"], ["cc", "d", "e"], ["f", "g"], ["h" * 20], ["i"]]
    assert done.lines == [line for text in texts for line in text]


def test_segments_end_at_five_thousand_documents(survey: Survey) -> None:
    done = survey(b"x\n" * 10_001)
    assert [segment.documents for segment in done.segments] == [5000, 5000, 1]
    assert [segment.id[-5:] for segment in done.segments] == ["00000", "00001", "00002"]
    assert [document.position for document in done.documents] == list(range(10_001))


def test_segments_end_at_eight_megabytes_or_hold_one_larger_document(survey: Survey) -> None:
    sizes = [5_000_000, 3_000_000, 1, 9_000_000, 1, 7_999_999, 2]
    done = survey(b"".join(b"x" * size + b"\n" for size in sizes), analyses=())
    assert [segment.bytes for segment in done.segments] == [8_000_000, 1, 9_000_000, 8_000_000, 2]


def test_bounds_do_not_depend_on_the_analyses(survey: Survey, analysis: Analysis) -> None:
    data = {f"{n}.txt": b"line\n\n" * 4000 for n in range(3)}
    bounds = [
        [
            (segment.id, segment.documents, segment.bytes)
            for segment in survey(data, analyses=analyses, into=into).segments
        ]
        for into, analyses in (("one", ()), ("two", (analysis("sentiment"), analysis("events", document_bytes_max=2))))
    ]
    assert bounds[0] == bounds[1]
    assert sum(documents for _, documents, _ in bounds[0]) == 24_000


def test_surveyed_twice_leaves_the_same_bytes_and_the_same_report(survey: Survey) -> None:
    data = {"a.txt": b"one\ntwo\n\n" * 3000, "b.txt.gz": gzip.compress("ünï\x85\n".encode() * 10), "c.txt": b"\xff"}
    first = survey(data)
    files = first.files()
    second = survey(data)
    assert second.reports == first.reports
    assert second.files() == files
    assert any(name.startswith("parts/") for name in files)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100])
def test_what_is_read_at_a_time_changes_no_byte(
    survey: Survey, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    """Neither where lines are cut, nor into which parts they go, nor how those are numbered."""
    monkeypatch.setattr("runner.survey.routes.Router.job_limits", lambda *_: (6000, 4))
    data = b"one\r\n\n" + b"x" * 5500 + b"\r\xff\ntwo\n" * 3 + "drei\u2028\n".encode() * 9
    whole = survey(data, into="whole")
    reader = surveying.RangeReader
    monkeypatch.setattr(surveying, "RangeReader", partial(reader, chunk_bytes=chunk_bytes))
    pieces = survey(data, into="pieces")
    assert pieces.reports == whole.reports
    assert pieces.files() == whole.files()
    assert len(whole.segments[0].parts) > 3


def test_the_task_and_the_report_can_be_pickled(task: Task, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a\n")
    corpus = CorpusSpec(name="c", sources=(str(tmp_path / "x.txt"),), format="lines")
    (source_range,) = ranges(corpus, list_corpus(corpus))
    report = survey_range(pickle.loads(pickle.dumps(task(corpus, source_range))))
    assert pickle.loads(pickle.dumps(report)) == report


def test_what_holds_text_is_private(survey: Survey) -> None:
    done = survey(b"text\n")
    for folder in (done.directory, done.directory / "parts", done.directory / "ledger"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in done.directory.rglob("*.*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["lines", "files"])
def test_a_limit_takes_the_first_documents(survey: Survey, form: str) -> None:
    data = {f"{n}.txt": b"a\nb\n\n" for n in range(4)}
    assert len(survey(data, form, documents_max=None).documents) == (12 if form == "lines" else 4)
    taken = survey(data, form, documents_max=3, into="limited").documents
    assert [document.source for document in taken] == ([0, 0, 0] if form == "lines" else [0, 1, 2])
    assert survey(data, form, documents_max=0, into="none").reports[0].segments == ()


def test_a_source_that_changed_is_told_and_closed(task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(NOTICES_MAX + 3):
        (folder / f"{number:02}.txt").write_text("some text\n")
    corpus = CorpusSpec(name="c", sources=(str(folder),), format="lines")
    (source_range,) = ranges(corpus, list_corpus(corpus))
    for path in list(folder.iterdir())[1:]:
        path.unlink()
    report = survey_range(task(corpus, source_range))
    (segment,) = report.segments
    assert segment.documents == NOTICES_MAX + 3
    assert len(report.notices) == NOTICES_MAX + 1
    assert "changed after it was listed" in report.notices[0]
    assert report.notices[-1] == "corpus c: 2 more files changed after they were listed"


def test_a_source_that_changes_while_it_is_read_closes_as_one_document(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was read of it by then is forgotten: nothing of such a file can be trusted."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("one\ntwo\n")
    corpus = CorpusSpec(
        name="c", sources=(str(folder),), format="lines", language=LanguageRule(kind="fixed", code="en")
    )
    (source_range,) = ranges(corpus, list_corpus(corpus))
    from runner.corpus import reading

    open_source = reading.open_source

    def meddling(corpus: Any, file: Any, **more: Any) -> Any:
        opened = open_source(corpus, file, **more)
        if file.label == "b.txt":
            (folder / "b.txt").write_text("one\ntwo\nthree\n")
        return opened

    monkeypatch.setattr(reading, "open_source", meddling)
    report = survey_range(task(corpus, source_range))
    ledger = (tmp_path / "run" / "ledger" / f"{report.segments[0].id}.msgpack").read_bytes()
    rows = msgspec.msgpack.decode(ledger)["documents"]
    assert [(row[0], row[9]) for row in rows] == [
        ("a.txt:0", None),
        ("a.txt:1", None),
        ("b.txt:0", "INPUT_CHANGED"),
        ("c.txt:0", None),
        ("c.txt:1", None),
    ]
    assert len(report.notices) == 1


def test_languages_that_results_are_to_tell_are_undecided_and_a_pool_of_their_own(survey: Survey) -> None:
    done = survey(b"a\n\n", language=LanguageRule(kind="from", path="x"))
    assert [document.language for document in done.documents] == ["undecided"] * 2


def test_input_that_cannot_be_read_leaves_no_half_written_file(survey: Survey, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        survey({"a.txt": b"line\n" * 6000, "b.txt.gz": b"not gzip"})
    assert not list((tmp_path / "run").rglob("*.tmp"))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)


def test_too_little_memory_is_the_machines_and_names_the_largest_file(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    (tmp_path / "small.txt").write_text("a")
    (tmp_path / "large.txt").write_text("a" * 100)
    monkeypatch.setattr(surveying, "measure", exhausted)

    corpus = CorpusSpec(name="c", sources=(str(tmp_path / "*.txt"),), format="files")
    (source_range,) = ranges(corpus, list_corpus(corpus))

    with pytest.raises(MachineError, match=r"memory ran out in reading .*large\.txt"):
        survey_range(task(corpus, source_range))
    assert not list(tmp_path.rglob("*.tmp"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(texts, max_size=30), st.sampled_from(["lines", "files", "jsonl"]))
def test_every_text_survives_folded_and_in_order(
    survey: Survey, tmp_path_factory: pytest.TempPathFactory, documents: list[str], form: str
) -> None:
    data: bytes | dict[str, bytes]
    if form == "files":
        data = {f"{n:02}": f"\ufeff{text}\n".encode() for n, text in enumerate(documents)}
        documents = [text + " " for text in documents]
    elif form == "lines":
        data = ("\ufeff" + "".join(text + "\r\n" for text in documents)).encode()
    else:
        data = b"".join(msgspec.json.encode({"text": text + "\n."}) + b"\n" for text in documents)
        documents = [text + " ." for text in documents]
    if not data:
        return
    into = tmp_path_factory.mktemp("run").name
    folder = f"source-{into}"
    done = survey(data, form, into=into, folder=folder)
    expected = [fold(text) if text.strip() else None for text in documents]
    assert done.lines == expected
    assert [document.characters for document in done.documents] == [len(text) for text in documents]


def test_memory_stays_flat_on_a_large_file(task: Task, tmp_path: Path) -> None:
    """50 MB of lines in at most what a few segments take."""
    path = tmp_path / "x.txt"
    line = b"A sentence of middling length, like those that people write when they rate a film. " * 12 + b"\n"
    path.write_bytes(line * (50_000_000 // len(line)))
    corpus = CorpusSpec(name="c", sources=(str(path),), format="lines", language=LanguageRule(kind="fixed", code="en"))
    (source_range,) = ranges(corpus, list_corpus(corpus))
    tracemalloc.start()
    report = survey_range(task(corpus, source_range))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.documents == 50_000_000 // len(line)
    assert peak < 40_000_000
