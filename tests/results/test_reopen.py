"""Errors are reopened, answered anew, and put in place; everything else keeps its bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.catalogue import FAMILIES
from runner.errors import RunDirectoryError
from runner.model import (
    Ledger,
    MergeReport,
    MergeSegment,
    PatchTask,
    Piece,
    ReopenReport,
    ReopenTask,
    SpoolRef,
)
from runner.results import VerifyTask, patch_file, reopen, verify_corpus
from runner.results.linemaps import read_line_map

TEXTS = ["Ana and Bo", "Bo", "nobody", "Ana"]


class Rerun:
    """Two segments of four documents, merged with some errors; then reopened and patched."""

    def __init__(self, world: Any, kit: Any) -> None:
        self.world = world
        self.kit = kit
        self.analyses = [kit.analysis("sentiment"), kit.analysis("entities")]
        self.parts = [world.simple_segment(TEXTS, number) for number in range(2)]
        sentiment = [kit.sentiment_row(part.id, line) for part in self.parts for line in range(4)]
        entities = [
            kit.entities_row(part.id, line, text) for part in self.parts for line, text in enumerate(TEXTS) if line != 1
        ]
        entities[0] = kit.error_row(self.parts[0].id, 0, "INTERNAL_SERVER_ERROR", "sorry")
        sentiment[6] = kit.error_row(self.parts[1].id, 2, "DOCUMENT_SIZE_EXCEEDED", "5120")
        world.collect("sentiment", self.parts, sentiment)
        world.collect("entities", self.parts, entities)

    def merge(self, **options: Any) -> MergeReport:
        self.report: MergeReport = self.world.merge(self.analyses, range(2), **options)
        self.before = self.world.result()
        return self.report

    def reopen(self, *names: str, codes: tuple[str, ...] = (), serial: int = 7) -> ReopenReport:
        task = ReopenTask(
            corpus="reviews",
            analyses=tuple(self.analyses),
            reopen=names,
            codes=codes,
            segments=tuple((merged.id, merged.file, merged.end) for merged in self.report.segments),
            directory=str(self.world.directory),
            results_directory=str(self.world.results),
            serial=serial,
        )
        return reopen(task)

    def lines_of(self, part: str) -> tuple[list[str], dict[Any, list[int]]]:
        path = self.world.directory / "parts" / f"{part}.txt"
        texts = path.read_text(encoding="utf-8").split("\n")[:-1]
        return texts, read_line_map(str(path.with_suffix(".map"))).lines_by_part()

    def patch(self, spools: dict[int, list[tuple[str, str]]], file: int = 0) -> MergeReport:
        task = PatchTask(
            corpus="reviews",
            analyses=tuple(self.analyses),
            file=file,
            segments=tuple(
                MergeSegment(
                    id=merged.id,
                    spools=tuple(
                        SpoolRef(analysis=analysis, path=self.world.spool(name))
                        for analysis, name in spools.get(number, [])
                    ),
                )
                for number, merged in enumerate(self.report.segments)
                if merged.file == file
            ),
            directory=str(self.world.directory),
            results_directory=str(self.world.results),
        )
        return patch_file(task)

    def findings(self, report: MergeReport) -> Any:
        task = VerifyTask(
            corpus="reviews",
            analyses=tuple(self.analyses),
            segments=tuple((merged.id, merged.file, merged.end) for merged in report.segments),
            directory=str(self.world.directory),
            results_directory=str(self.world.results),
        )
        return verify_corpus(task).findings


@pytest.fixture
def rerun(world: Any, kit: Any) -> Rerun:
    rerun = Rerun(world, kit)
    rerun.merge()
    return rerun


def test_errors_are_gathered_per_analysis_and_language(rerun: Rerun) -> None:
    report = rerun.reopen("sentiment", "entities")

    assert report.documents == 4
    assert report.errors == (
        ("entities", "INTERNAL_SERVER_ERROR", 1),
        ("entities", "NO_RESULT", 2),
        ("sentiment", "DOCUMENT_SIZE_EXCEEDED", 1),
    )
    assert [(name, language, part.part, part.lines) for name, language, part in report.parts] == [
        ("sentiment", "en", "rep-000007-00000-000", 1),
        ("entities", "en", "rep-000008-00000-000", 3),
    ]
    one, two = rerun.parts
    assert rerun.lines_of("rep-000007-00000-000") == (["nobody"], {two.id: [2]})
    assert rerun.lines_of("rep-000008-00000-000") == (["Ana and Bo", "Bo", "Bo"], {one.id: [0, 1], two.id: [1]})
    assert rerun.world.result() == rerun.before, "only read"


def test_only_named_analyses_and_codes_are_reopened(rerun: Rerun) -> None:
    assert [name for name, _, _ in rerun.reopen("sentiment").parts] == ["sentiment"]
    assert rerun.reopen("sentiment", "entities", codes=("NO_RESULT",)).errors == (("entities", "NO_RESULT", 2),)
    assert rerun.reopen("sentiment", codes=("NO_RESULT",)) == ReopenReport(parts=(), documents=0)


def test_segments_in_several_files_are_found(world: Any, kit: Any) -> None:
    rerun = Rerun(world, kit)
    rerun.merge(file_bytes_max=1)

    assert rerun.reopen("sentiment", "entities").documents == 4


def test_what_no_job_could_change_stays_closed(world: Any, kit: Any) -> None:
    part = world.part()
    documents = (
        kit.document("a", "", fate="UNDECODABLE", part=-1),
        kit.document("b", "", fate="BAD_ROW", part=-1),
        kit.document("c", "", fate="INPUT_CHANGED", part=-1),
        kit.document("d", "x" * 9, line=0),
        kit.document("e", "", fate="EMPTY", part=-1),
        kit.document("f", "x", language="de", line=1),
    )
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=documents))
    rerun = Rerun.__new__(Rerun)
    rerun.world, rerun.kit = world, kit
    rerun.analyses = [kit.analysis("sentiment", document_bytes_max=5, oversize="error")]
    world.collect("sentiment", [world.write_part(part, ["x" * 9, "x"])], [])
    rerun.report = world.merge(rerun.analyses)

    assert [line["outcome"]["sentiment"] for line in world.lines()] == ["error"] * 4 + ["skipped"] * 2
    assert rerun.reopen("sentiment").documents == 0
    assert rerun.reopen("sentiment", codes=("UNDECODABLE", "TOO_LONG", "EMPTY")).documents == 0


def test_parts_stay_within_what_a_job_may_read(rerun: Rerun, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(FAMILIES, "entities", replace(FAMILIES["entities"], job_lines_max=2))
    by_lines = rerun.reopen("entities").parts
    monkeypatch.setitem(FAMILIES, "entities", replace(FAMILIES["entities"], job_bytes_max=11))
    by_bytes = rerun.reopen("entities").parts

    assert [part.lines for _, _, part in by_lines] == [2, 1]
    assert [part.lines for _, _, part in by_bytes] == [1, 2]
    assert [part.part[:10] for _, _, part in by_lines] == ["rep-000007", "rep-000008"]


def test_new_answers_take_the_place_of_errors_and_nothing_else_changes(rerun: Rerun) -> None:
    report = rerun.reopen("sentiment", "entities")
    again = {name: rerun.world.repair_part(part) for name, _, part in report.parts}
    kit, world = rerun.kit, rerun.world
    who = again["entities"]
    rows = [
        kit.entities_row(who.id, 0, "Ana and Bo", "Ana", "Bo"),
        kit.error_row(who.id, 1, "INTERNAL_SERVER_ERROR", "once more"),
    ]
    world.collect("entities", [who], rows, name="entities2")
    world.collect("sentiment", [again["sentiment"]], [kit.sentiment_row(again["sentiment"].id, 0, "MIXED")], name="s2")
    old = rerun.before.splitlines(keepends=True)

    patched = rerun.patch({0: [("entities", "entities2")], 1: [("entities", "entities2"), ("sentiment", "s2")]})

    lines = world.result().splitlines(keepends=True)
    found = world.lines()
    assert found[0]["outcome"] == {"sentiment": "ok", "entities": "ok"}
    assert [span["Text"] for span in found[0]["entities"]] == ["Ana", "Bo"]
    assert found[1]["problems"] == [
        {"analysis": "entities", "code": "INTERNAL_SERVER_ERROR", "message": "once more", "by": "service"}
    ]
    assert lines[2:6] == old[2:6], "no error, or no new row for it: verbatim"
    assert found[6]["sentiment"]["Sentiment"] == "MIXED"
    assert found[6]["problems"] == []
    assert lines[7] == old[7]
    assert patched.segments[-1].end == len(world.result())
    assert rerun.findings(patched) == ()
    assert sum(t.documents for merged in patched.segments for t in merged.tallies if t.outcome == "error") == 2
    assert world.leavings() == []


def test_a_patched_line_has_the_bytes_of_one_merged_at_once(rerun: Rerun) -> None:
    """Same answers, same bytes: whether they came in the first round or after a retry."""
    world, kit = rerun.world, rerun.kit
    rows = [kit.entities_row(part.id, line, text) for part in rerun.parts for line, text in enumerate(TEXTS)]
    world.collect("entities", rerun.parts, rows, name="all")
    names = {number: [("entities", "all")] for number in range(2)}

    rerun.patch(names)
    patched = world.result()
    world.merge(rerun.analyses, range(2), spools=[("sentiment", "sentiment"), ("entities", "all")])

    assert world.result() == patched


def test_patching_again_changes_nothing(rerun: Rerun) -> None:
    world, kit = rerun.world, rerun.kit
    world.collect("entities", [rerun.parts[0]], [kit.entities_row(rerun.parts[0].id, 0, TEXTS[0], "Bo")], name="new")

    first = rerun.patch({0: [("entities", "new")]})
    once = world.result()
    second = rerun.patch({0: [("entities", "new")]})

    assert once != rerun.before
    assert world.result() == once
    assert first == second


def test_an_ok_answer_is_never_replaced(rerun: Rerun) -> None:
    world, kit = rerun.world, rerun.kit
    rows = [kit.sentiment_row(rerun.parts[0].id, line, "NEGATIVE") for line in range(4)]
    world.collect("sentiment", [rerun.parts[0]], rows, name="new")

    rerun.patch({0: [("sentiment", "new")]})

    assert world.result() == rerun.before


def test_errors_that_no_job_could_change_are_not_patched(world: Any, kit: Any) -> None:
    """Even if a spool has a row for the line: it stands there for another analysis."""
    part = world.part()
    document = kit.document("d", "x" * 9)
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=(document,)))
    rerun = Rerun.__new__(Rerun)
    rerun.world, rerun.kit = world, kit
    rerun.analyses = [kit.analysis("sentiment", document_bytes_max=5, oversize="error")]
    world.collect("sentiment", [world.write_part(part, ["x" * 9])], [kit.sentiment_row(part, 0)])
    rerun.report = world.merge(rerun.analyses)

    rerun.patch({0: [("sentiment", "sentiment")]})

    assert world.lines()[0]["problems"][0]["code"] == "TOO_LONG"


def test_a_split_document_is_reopened_with_all_its_pieces(world: Any, kit: Any) -> None:
    part = world.part()
    text = "Ana went to Bo"
    pieces = (
        Piece(part=0, line=0, begin=0, core_begin=0, core_end=9, end=9),
        Piece(part=0, line=1, begin=9, core_begin=9, core_end=14, end=14),
    )
    document = kit.document("d", text, part=-1, pieces=((9, pieces),))
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=(document,)))
    staged = world.write_part(part, [text[:9], text[9:]])
    rerun = Rerun.__new__(Rerun)
    rerun.world, rerun.kit = world, kit
    rerun.analyses = [kit.analysis("entities", document_bytes_max=9, oversize="split")]
    world.collect("entities", [staged], [kit.entities_row(part, 0, text[:9], "Ana")])
    rerun.report = world.merge(rerun.analyses)

    ((_, _, again),) = rerun.reopen("entities").parts
    assert again.lines == 2
    new = world.repair_part(again)
    rows = [kit.entities_row(new.id, 0, text[:9], "Ana"), kit.entities_row(new.id, 1, text[9:], "Bo")]
    world.collect("entities", [new], rows[1:], name="half")
    assert rerun.patch({0: [("entities", "half")]}) == rerun.report
    world.collect("entities", [new], rows, name="new")
    patched = rerun.patch({0: [("entities", "new")]})

    assert [(span["BeginOffset"], span["Text"]) for span in world.lines()[0]["entities"]] == [(0, "Ana"), (12, "Bo")]
    assert rerun.findings(patched) == ()


@pytest.mark.parametrize("damage", ["cut", "junk", "gone"])
def test_results_that_do_not_fit_are_refused_and_left_alone(rerun: Rerun, damage: str) -> None:
    path = rerun.world.results / "reviews" / "00000.jsonl"
    lines = rerun.before.splitlines(keepends=True)
    if damage == "cut":
        path.write_bytes(rerun.before[:-5])
    elif damage == "junk":
        path.write_bytes(b"".join([b'{"outcome":{"x":"error"}}\n', *lines[1:]]))
    else:
        path.write_bytes(b"".join(lines[1:]))
    before = path.read_bytes()

    with pytest.raises(RunDirectoryError):
        rerun.reopen("entities")
    with pytest.raises(RunDirectoryError):
        rerun.patch({0: [("entities", "entities")]})

    assert path.read_bytes() == before
    assert rerun.world.leavings() == []


def test_a_crash_while_patching_leaves_the_old_file(rerun: Rerun, monkeypatch: pytest.MonkeyPatch) -> None:
    world, kit = rerun.world, rerun.kit
    world.collect("entities", [rerun.parts[0]], [kit.entities_row(rerun.parts[0].id, 0, TEXTS[0], "Bo")], name="new")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", crash)
        with pytest.raises(KeyboardInterrupt):
            rerun.patch({0: [("entities", "new")]})

    assert world.result() == rerun.before
    rerun.patch({0: [("entities", "new")]})
    assert json.loads(world.result().splitlines()[0])["outcome"]["entities"] == "ok"


def test_a_file_keeps_its_mode(rerun: Rerun) -> None:
    path: Path = rerun.world.results / "reviews" / "00000.jsonl"
    path.chmod(0o640)

    rerun.patch({})

    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() == rerun.before
