"""Verification finds what is wrong with a result file, and nothing in a sound one."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from runner.errors import RunDirectoryError
from runner.model import Ledger, Piece
from runner.results import VerifyReport, VerifyTask, verify_corpus

TEXTS = ["Ana in Łódź", "Bo 😀 Ana", "nobody", "Zoë"]


class Books:
    """A merged corpus of two segments: ok rows, an error, skips."""

    def __init__(self, world: Any, kit: Any, **options: Any) -> None:
        self.world = world
        self.analyses = (kit.analysis("sentiment", document_bytes_max=11), kit.analysis("entities"))
        parts = [world.simple_segment(TEXTS, number) for number in range(2)]
        rows = [kit.entities_row(part.id, line, text, text[:2]) for part in parts for line, text in enumerate(TEXTS)]
        rows[5] = kit.error_row(parts[1].id, 1, "X", "failed")
        world.collect("entities", parts, rows)
        world.collect("sentiment", parts, [kit.sentiment_row(part.id, line) for part in parts for line in range(4)])
        self.report = world.merge(self.analyses, range(2), **options)
        self.path = world.results / "reviews" / "00000.jsonl"

    def verify(self) -> VerifyReport:
        return verify_corpus(
            VerifyTask(
                corpus="reviews",
                analyses=self.analyses,
                segments=tuple((merged.id, merged.file, merged.end) for merged in self.report.segments),
                directory=str(self.world.directory),
                results_directory=str(self.world.results),
            )
        )

    def sentences(self) -> list[tuple[str, int, str]]:
        return [(finding.file, finding.line, finding.sentence) for finding in self.verify().findings]

    def change(self, line: int, change: Callable[[dict[str, Any]], Any]) -> None:
        """Write one line (from one) anew, after `change` has had a go at its parsed form."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        members = json.loads(lines[line - 1])
        changed = change(members)
        members = changed if isinstance(changed, dict) and "corpus" in changed else members
        lines[line - 1] = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.path.write_bytes(b"".join(lines))


@pytest.fixture
def books(world: Any, kit: Any) -> Books:
    return Books(world, kit)


def test_sound_books_have_no_findings_and_are_counted(books: Books) -> None:
    report = books.verify()

    assert report.findings == ()
    assert report.findings_total == 0
    assert report.documents == 8
    data = books.path.read_bytes()
    (facts,) = report.files
    assert (facts.name, facts.bytes, facts.lines) == ("reviews/00000.jsonl", len(data), 8)
    assert facts.sha256 == sha256(data).hexdigest()
    assert report.payloads_checked == 7
    merged = [tally for segment in books.report.segments for tally in segment.tallies]
    assert sum(tally.documents for tally in report.tallies) == sum(tally.documents for tally in merged) == 16
    assert {(t.analysis, t.outcome, t.code, t.documents) for t in report.tallies} == {
        ("sentiment", "skipped", "TOO_LONG", 2),
        ("sentiment", "ok", "", 6),
        ("entities", "error", "X", 1),
        ("entities", "ok", "", 7),
    }


def test_several_files_are_verified_each(world: Any, kit: Any) -> None:
    books = Books(world, kit, file_bytes_max=1)

    report = books.verify()

    assert report.findings == ()
    assert [facts.name for facts in report.files] == ["reviews/00000.jsonl", "reviews/00001.jsonl"]
    assert [facts.lines for facts in report.files] == [4, 4]


def shift(members: dict[str, Any]) -> None:
    members["entities"][0]["BeginOffset"] += 1


def swap(members: dict[str, Any]) -> dict[str, Any]:
    return {key: members[key] for key in ("id", "corpus", *list(members)[2:])}


@pytest.mark.parametrize(
    ("line", "change", "part"),
    [
        (1, lambda m: m.update(id="other"), "is not the line of the document due here"),
        (1, lambda m: m.update(corpus="other"), "is not the line of the document due here"),
        (1, lambda m: m.update(language="de"), "is not the line of the document due here"),
        (1, swap, "has not the corpus's keys in their order"),
        (1, lambda m: m.update(more=1), "has not the corpus's keys in their order"),
        (1, lambda m: m.pop("entities"), "has not the corpus's keys in their order"),
        (2, lambda m: m["outcome"].pop("entities"), "`outcome` has not every analysis in its order"),
        (2, lambda m: m.update(entities=None), "entities: is ok, and its result is null"),
        (6, lambda m: m.update(entities=[]), "entities: is error, and its result is there"),
        (2, lambda m: m["outcome"].update(entities="fine"), "entities: `fine` is no outcome"),
        (1, shift, "entities: its offsets do not select what it repeats"),
        (1, lambda m: m["entities"][0].update(Text="Bo"), "entities: its offsets do not select what it repeats"),
        (1, lambda m: m.update(entities=7), "entities: its offsets do not select what it repeats"),
        (6, lambda m: m.update(problems=[]), "`problems` is not in step with `outcome`"),
        (2, lambda m: m["problems"].append({"analysis": "nobody", "code": "X", "message": "", "by": "runner"}),
         "`problems` is not in step with `outcome`"),
        (6, lambda m: m["problems"][0].update(by="me"), "entities: its problem is by neither service nor runner"),
        (3, lambda m: m["outcome"].update(entities="skipped"), "entities: is skipped, and nothing in the ledger"),
        (1, lambda m: m["outcome"].update(sentiment="error"), "sentiment: must be skipped with TOO_LONG"),
        (1, lambda m: m["problems"][0].update(code="EMPTY"), "sentiment: must be skipped with TOO_LONG"),
        (1, lambda m: m["problems"][0].update(by="service"), "sentiment: must be skipped with TOO_LONG, by the runner"),
    ],
)  # fmt: skip
def test_what_is_changed_is_found_and_named(
    books: Books, line: int, change: Callable[[dict[str, Any]], Any], part: str
) -> None:
    books.change(line, change)

    found = books.sentences()

    assert any(file == "reviews/00000.jsonl" and at == line and part in sentence for file, at, sentence in found), found
    assert not any("Ana" in sentence or "Bo" in sentence for _, _, sentence in found), "no text in the open"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"corpus":', b'"corpus": '),
        (b"}\n", b"} \n"),
        (b"}\n", b"}\r\n"),
        ("Łódź".encode(), b"\\u0141\\u00f3d\\u017a"),
        (b'"by":"runner"', b'"by":"runner","more":1'),
    ],
)
def test_bytes_around_the_payloads_are_held_to_the_contract(books: Books, old: bytes, new: bytes) -> None:
    books.change(1, lambda members: members["problems"][0].update(message="in Łódź"))
    assert not any("not written as it must be" in sentence for _, _, sentence in books.sentences())
    books.path.write_bytes(books.path.read_bytes().replace(old, new, 1))

    assert any(line == 1 and "not written as it must be" in sentence for _, line, sentence in books.sentences())


def test_lost_doubled_and_swapped_lines_are_found(books: Books) -> None:
    whole = books.path.read_bytes()
    lines = whole.splitlines(keepends=True)

    for changed in (lines[1:], lines[:-1], [lines[0], *lines], [lines[1], lines[0], *lines[2:]], [*lines, lines[-1]]):
        books.path.write_bytes(b"".join(changed))
        assert books.sentences()
    books.path.write_bytes(whole[:-1])
    assert books.sentences()
    books.path.write_bytes(b"")
    assert ("reviews/00000.jsonl", 1, "the file ends before its last document") in books.sentences()


def test_bytes_that_are_not_utf_8_and_lines_that_are_not_json_are_found(books: Books) -> None:
    lines = books.path.read_bytes().splitlines(keepends=True)

    for junk in (b"\xff\xfe\n", b"{}\n", b"[]\n", b'{"corpus":"\xff"}\n', b'{"corpus":"reviews"\n'):
        books.path.write_bytes(b"".join([junk, *lines[1:]]))
        assert ("reviews/00000.jsonl", 1, "is not a result line") in books.sentences()


def test_missing_and_unknown_files_are_found(books: Books) -> None:
    (books.path.parent / "00001.jsonl").write_bytes(b"")
    assert books.sentences() == [("reviews/00001.jsonl", 0, "this file is none of the run's")]
    books.path.rename(books.path.parent / "00001.jsonl")

    found = books.sentences()

    assert ("reviews/00000.jsonl", 0, "the file is missing") in found
    assert ("reviews/00001.jsonl", 0, "this file is none of the run's") in found


def test_findings_are_bounded_and_counted(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.results.verify.FINDINGS_MAX", 2)
    for line in range(1, 9):
        books.change(line, lambda members: members.update(id="other"))

    report = books.verify()

    assert len(report.findings) == 2
    assert report.findings_total >= 8


def test_texts_that_were_cleaned_away_are_not_missed(books: Books) -> None:
    for path in (books.world.directory / "parts").iterdir():
        path.unlink()

    report = books.verify()

    assert report.findings == ()
    assert report.payloads_checked == 0


def test_a_missing_ledger_is_an_error_not_a_finding(books: Books) -> None:
    next((books.world.directory / "ledger").iterdir()).unlink()

    with pytest.raises(RunDirectoryError):
        books.verify()


def test_offsets_of_a_split_document_are_held_against_its_whole_text(world: Any, kit: Any) -> None:
    text = "Ana met 😀 Bo"
    part = world.part()
    pieces = (
        Piece(part=0, line=0, begin=0, core_begin=0, core_end=8, end=10),
        Piece(part=0, line=1, begin=8, core_begin=8, core_end=12, end=12),
    )
    document = kit.document("d", text, part=-1, pieces=((9, pieces),))
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=(document,)))
    staged = world.write_part(part, [text[:10], text[8:]])
    rows = [kit.entities_row(part, 0, text[:10], "Ana", "😀"), kit.entities_row(part, 1, text[8:], "😀", "Bo")]
    world.collect("entities", [staged], rows)
    books = Books.__new__(Books)
    books.world = world
    books.analyses = (kit.analysis("entities", document_bytes_max=9, oversize="split"),)
    books.report = world.merge(books.analyses)
    books.path = world.results / "reviews" / "00000.jsonl"

    report = books.verify()

    assert (report.findings, report.payloads_checked) == ((), 1)
    assert [(e["BeginOffset"], e["Text"]) for e in world.lines()[0]["entities"]] == [(0, "Ana"), (8, "😀"), (10, "Bo")]
    books.change(1, shift)
    assert books.sentences()
