"""The forms of result files: compressed, with fields, with texts; each can be cut back, patched, verified, reopened."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from runner.errors import RunDirectoryError
from runner.model import (
    CollectPart,
    Compression,
    GivenUp,
    Ledger,
    LineForm,
    MergeReport,
    MergeSegment,
    PatchTask,
    Piece,
    ReopenTask,
    SpoolRef,
)
from runner.results import VerifyTask, lines_between, patch_file, reopen, result_path, schema_of, verify_corpus
from runner.results.files import packed
from runner.results.writes import gathered

BOTH = LineForm(fields=True, text=True)
PACKED: tuple[Compression, ...] = ("gzip", "zstd")
FORMS: tuple[Compression, ...] = ("none", *PACKED)


def unpacked(path: Path) -> bytes:
    """What a file holds, by another reader than ours."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        from runner.corpus.inflating import zstd

        with zstd("a test").ZstdFile(path) as file:
            return bytes(file.read())
    return path.read_bytes()


def filled(world: Any, kit: Any, segments: int = 3) -> None:
    """Segments whose documents are sent to sentiment; every third has no row."""
    for number in range(segments):
        texts = [f"text {number} {line} é" for line in range(5)]
        part = world.simple_segment(texts, number)
        rows = [kit.sentiment_row(part.id, line) for line in range(5) if line % 3]
        world.collect("sentiment", [part], rows, name=f"s{number}")


def merged(world: Any, kit: Any, compression: Compression, segments: int = 3, **options: Any) -> MergeReport:
    spools = [("sentiment", f"s{number}") for number in range(segments)]
    report: MergeReport = world.merge(
        [kit.analysis("sentiment")], range(segments), spools, compression=compression, **options
    )
    return report


def stretches(report: MergeReport) -> tuple[Any, ...]:
    return tuple((segment.id, segment.file, segment.end) for segment in report.segments)


def verified(world: Any, report: MergeReport, analyses: Any, **options: Any) -> list[str]:
    task = VerifyTask(
        corpus="reviews",
        analyses=tuple(analyses),
        segments=stretches(report),
        directory=str(world.directory),
        results_directory=str(world.results),
        **options,
    )
    return [finding.sentence for finding in verify_corpus(task).findings]


# --- compression ------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=200).map(lambda data: data.replace(b"\n", b"") + b"\n"), max_size=20), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_packed_in_pieces_is_read_in_stretches(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("packed") / "00000.jsonl"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    for compression in FORMS:
        shares = [lines[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        blobs = [b"".join(packed(gathered(share), compression)) for share in shares]
        path.write_bytes(b"".join(blobs))
        with path.open("rb") as file:
            assert list(lines_between(file, path, 0, None, compression)) == lines
            at = 0
            for share, blob in zip(shares, blobs, strict=True):
                assert list(lines_between(file, path, at, at + len(blob), compression)) == share
                at += len(blob)


@pytest.mark.parametrize("compression", PACKED)
def test_every_cut_and_many_a_flipped_bit_is_noticed(tmp_path: Path, compression: Compression) -> None:
    path = tmp_path / "f"
    lines = [b"line %d\n" % number for number in range(50)]
    whole = b"".join(packed(iter(lines), compression))

    def read(data: bytes) -> list[bytes]:
        path.write_bytes(data)
        with path.open("rb") as file:
            return list(lines_between(file, path, 0, None, compression))

    assert read(whole) == lines
    for cut in range(1, len(whole)):
        with pytest.raises(RunDirectoryError):
            read(whole[:cut])
    for at in range(10, len(whole), 7):
        broken = bytearray(whole)
        broken[at] ^= 16
        with pytest.raises(RunDirectoryError):
            read(bytes(broken))


@pytest.mark.parametrize("compression", PACKED)
def test_compressed_results_hold_the_lines_of_plain_ones_and_are_verified(
    world: Any, kit: Any, compression: Compression
) -> None:
    filled(world, kit)
    plain = merged(world, kit, "none")
    wanted = world.result()
    assert verified(world, plain, [kit.analysis("sentiment")]) == []
    result_path(str(world.results), "reviews", 0).unlink()

    report = merged(world, kit, compression)

    path = result_path(str(world.results), "reviews", 0, compression)
    assert unpacked(path) == wanted
    assert path.stat().st_size == report.segments[-1].end
    assert [segment.tallies for segment in report.segments] == [segment.tallies for segment in plain.segments]
    assert verified(world, report, [kit.analysis("sentiment")], compression=compression) == []


@pytest.mark.parametrize("compression", FORMS)
def test_any_prefix_of_segments_can_be_cut_back_to_and_gone_on_from(
    world: Any, kit: Any, compression: Compression
) -> None:
    """As after a crash: the file is longer than the last segment that is journalled."""
    filled(world, kit)
    report = merged(world, kit, compression)
    path = result_path(str(world.results), "reviews", 0, compression)
    whole = path.read_bytes()
    spools = [("sentiment", f"s{number}") for number in range(3)]

    for done in range(3):
        end = report.segments[done - 1].end if done else 0
        path.write_bytes(whole[: end + 7])
        again = world.merge(
            [kit.analysis("sentiment")], range(done, 3), spools, compression=compression, file=0, end=end
        )

        assert path.read_bytes() == whole
        assert again.segments == report.segments[done:]


@pytest.mark.parametrize("compression", FORMS)
def test_files_roll_over_at_what_they_take_on_disk(world: Any, kit: Any, compression: Compression) -> None:
    filled(world, kit)

    report = merged(world, kit, compression, file_bytes_max=100)

    assert [segment.file for segment in report.segments] == [0, 1, 2]
    names = sorted(path.name for path in (world.results / "reviews").iterdir())
    assert names == [result_path("", "", number, compression).name for number in range(3)]


@pytest.mark.parametrize("compression", FORMS)
def test_errors_are_reopened_and_patched(world: Any, kit: Any, compression: Compression) -> None:
    filled(world, kit)
    report = merged(world, kit, compression)
    task = ReopenTask(
        corpus="reviews",
        analyses=(kit.analysis("sentiment"),),
        reopen=("sentiment",),
        codes=(),
        segments=stretches(report),
        directory=str(world.directory),
        results_directory=str(world.results),
        serial=1,
        compression=compression,
    )
    ((_, _, part),) = reopen(task).parts
    repair = world.repair_part(part)
    world.collect(
        "sentiment", [repair], [kit.sentiment_row(part.part, line, "MIXED") for line in range(part.lines)], name="new"
    )
    spool = (SpoolRef(analysis="sentiment", path=world.spool("new")),)

    patched = patch_file(
        PatchTask(
            corpus="reviews",
            analyses=(kit.analysis("sentiment"),),
            file=0,
            segments=tuple(MergeSegment(id=segment.id, spools=spool) for segment in report.segments),
            directory=str(world.directory),
            results_directory=str(world.results),
            compression=compression,
        )
    )

    lines = unpacked(result_path(str(world.results), "reviews", 0, compression)).splitlines()
    labels = [json.loads(line)["sentiment"]["Sentiment"] for line in lines]
    assert labels == ["MIXED", "POSITIVE", "POSITIVE", "MIXED", "POSITIVE"] * 3
    assert verified(world, patched, [kit.analysis("sentiment")], compression=compression) == []


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-9], "ends before its last document"),
        (lambda data: data + b"x", "1 bytes after the last document"),
        (lambda data: data[:20] + bytes(12) + data[32:], "cannot be decompressed"),
    ],
)
def test_damage_of_compressed_files_is_found(
    world: Any, kit: Any, compression: Compression, damage: Callable[[bytes], bytes], words: str
) -> None:
    filled(world, kit)
    report = merged(world, kit, compression)
    path = result_path(str(world.results), "reviews", 0, compression)
    path.write_bytes(damage(path.read_bytes()))

    assert any(
        words in sentence for sentence in verified(world, report, [kit.analysis("sentiment")], compression=compression)
    )


@pytest.mark.skipif(which("gzip") is None, reason="needs gzip")
def test_the_usual_tool_reads_them(world: Any, kit: Any) -> None:
    filled(world, kit)
    merged(world, kit, "gzip")
    path = result_path(str(world.results), "reviews", 0, "gzip")

    assert subprocess.run(["gzip", "-dc", str(path)], capture_output=True, check=True).stdout == unpacked(path)


# --- fields, texts, redacted texts --------------------------------------------------------------------------------

FOLDS = ((4, "\n"), (13, "\u2028"))
TEXT = "Jane Doe told Bo"
REDACTIONS = {
    "both": (("mode", "both"),),
    "stars": (("mode", "redaction"), ("mask", "*")),
    "types": (("mode", "redaction"),),
}


def pii_world(world: Any, kit: Any) -> list[Any]:
    """A document with line breaks, one without a line, one whose breaks a redaction hides; and three analyses."""
    part = world.part()
    hidden = "Jane Doe Bo"
    documents = (
        kit.document("a", TEXT, folds=FOLDS, fields=b'{"n":[1, 2]}'),
        kit.document("b", "", part=-1, fate="EMPTY"),
        kit.document("c", hidden, line=1, folds=((8, "\n"),), fields=b'{"n":null}'),
    )
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=documents))
    given = world.write_part(part, [TEXT, hidden])
    spans = [[(0, 8, "NAME"), (14, 16, "NAME")], [(0, 8, "NAME"), (9, 11, "ALIAS")]]
    rows = [
        {
            "Entities": [
                {"Score": 1, "Type": kind, "BeginOffset": begin, "EndOffset": end} for begin, end, kind in of_line
            ],
            "File": f"{part}.txt",
            "Line": line,
        }
        for line, of_line in enumerate(spans)
    ]
    copies = {"stars": "**** *** told **\n**** *** **\n", "types": "[NAME] told [NAME]\n[NAME] [ALIAS]\n"}
    world.collect("pii_entities", [given], rows, name="both")
    for name, copy in copies.items():
        world.collect(
            "pii_entities",
            [given],
            kit.archive(copy.encode(), members=[f"{part}.txt.out"]),
            name=name,
            parameters=REDACTIONS[name],
        )
    return [kit.analysis("pii_entities", name, parameters=parameters) for name, parameters in REDACTIONS.items()]


def test_redacted_texts_are_the_users_own(world: Any, kit: Any) -> None:
    analyses = pii_world(world, kit)

    report = world.merge(analyses, form=BOTH)

    first, empty, hidden = world.lines()
    keys = ["corpus", "id", "language", "outcome", "problems", "fields", "text", "both", "stars", "types"]
    assert [list(line) for line in world.lines()] == [keys] * 3
    assert first["text"] == "Jane\nDoe told\u2028Bo"
    assert first["both"]["RedactedText"] == first["types"] == "[NAME] told\u2028[NAME]"
    assert first["stars"] == "****\n*** told\u2028**"
    assert first["problems"] == []
    assert list(first["both"]) == ["Entities", "RedactedText"]
    assert (empty["text"], empty["fields"], empty["both"]) == (None, None, None)
    assert hidden["both"]["RedactedText"] == "[NAME]\n[ALIAS]"
    assert hidden["stars"] == "**** ***\n**"
    assert b'"fields":{"n":[1, 2]},' in world.result()
    assert verified(world, report, analyses, form=BOTH) == []
    assert list(schema_of("reviews", analyses, BOTH)["properties"]) == keys


def test_breaks_that_cannot_be_placed_are_spaces_and_a_notice_says_so(world: Any, kit: Any) -> None:
    """The answer is ok all the same, and counted so."""
    analyses = pii_world(world, kit)

    report = world.merge(analyses)

    hidden = world.lines()[2]
    assert hidden["types"] == "[NAME] [ALIAS]"
    assert hidden["outcome"]["types"] == "ok"
    (notice,) = hidden["problems"]
    assert (notice["analysis"], notice["code"], notice["by"]) == ("types", "LINE_BREAKS_LOST", "runner")
    assert {tally.code for tally in report.segments[0].tallies} == {"", "EMPTY"}
    assert verified(world, report, analyses) == []


def test_an_answer_that_comes_later_brings_its_notice_along(world: Any, kit: Any) -> None:
    """The redaction of the third document had no row at first; notices stand behind the problems."""
    analyses = pii_world(world, kit)
    part = world.part()
    given = CollectPart(id=part, path=str(world.directory / "parts" / f"{part}.txt"), lines=2)
    failed = GivenUp(analysis="types", part=part, code="JOB_FAILED", message="gone")
    report = world.merge(analyses, spools=[("both", "both"), ("stars", "stars")], given_up=[failed])
    assert verified(world, report, analyses) == []
    copies = kit.archive(b"[NAME] told [NAME]\n[NAME] [ALIAS]\n", members=[f"{part}.txt.out"])
    world.collect("pii_entities", [given], copies, name="later", parameters=REDACTIONS["types"])
    spool = SpoolRef(analysis="types", path=world.spool("later"))

    patched = patch_file(
        PatchTask(
            corpus="reviews",
            analyses=tuple(analyses),
            file=0,
            segments=(MergeSegment(id=world.segment(), spools=(spool,)),),
            directory=str(world.directory),
            results_directory=str(world.results),
        )
    )

    whole = world.result()
    world.merge(analyses)
    assert world.result() == whole
    assert verified(world, patched, analyses) == []
    assert [problem["code"] for problem in world.lines()[2]["problems"]] == ["LINE_BREAKS_LOST"]


@pytest.mark.parametrize(("code", "parts"), [("NO_RESULT", 0), ("JOB_FAILED", 1), ("FAMILY_CLOSED", 1)])
def test_topics_are_done_again_for_a_whole_corpus_or_not_at_all(world: Any, kit: Any, code: str, parts: int) -> None:
    part = world.simple_segment(["one", "two"])
    topics = kit.analysis("topics", languages=None)
    failed = GivenUp(analysis="topics", part=part.id, code=code, message="m")
    report = world.merge([topics], spools=[], given_up=[failed])

    reopened = reopen(
        ReopenTask(
            corpus="reviews",
            analyses=(topics,),
            reopen=("topics",),
            codes=(),
            segments=stretches(report),
            directory=str(world.directory),
            results_directory=str(world.results),
            serial=1,
        )
    )

    assert [again.lines for _, _, again in reopened.parts] == [2] * parts


def test_types_say_what_is_masked_and_leave_the_entities_alone(world: Any, kit: Any) -> None:
    analyses = pii_world(world, kit)
    only = kit.analysis("pii_entities", "both", parameters=(("mode", "both"), ("mask", "#"), ("types", "ALIAS,AGE")))

    world.merge([only, *analyses[1:]])

    assert world.lines()[2]["both"]["RedactedText"] == "Jane Doe\n##"
    assert len(world.lines()[2]["both"]["Entities"]) == 2


def test_an_altered_redacted_text_is_found(world: Any, kit: Any) -> None:
    analyses = pii_world(world, kit)
    report = world.merge(analyses, form=BOTH)
    path = world.results / "reviews/00000.jsonl"
    whole = path.read_bytes()

    for old, new, words in [
        (b"[NAME] told", b"[NAME] sold", "types: is no redacted form"),
        ("told\u2028Bo".encode(), "sold\u2028Bo".encode(), "`text` is not that of the document"),
        (b"[1, 2]", b"[1, 3]", "`fields` are not those of the document"),
    ]:
        path.write_bytes(whole.replace(old, new))
        assert any(words in sentence for sentence in verified(world, report, analyses, form=BOTH))


def test_a_missing_part_is_told_where_texts_are_wanted(world: Any, kit: Any) -> None:
    analyses = pii_world(world, kit)
    (world.directory / "parts" / f"{world.part()}.txt").unlink()

    with pytest.raises(RunDirectoryError, match="part"):
        world.merge(analyses)


def test_redacted_pieces_of_a_long_document_become_its_text(world: Any, kit: Any) -> None:
    """No line holds it whole; pieces lie in a part of their own, and breaks lie in both."""
    part = world.part()
    pieces = ["Jane Doe ", "told Bo"]
    limit = kit.analysis("pii_entities", "x", parameters=REDACTIONS["types"], oversize="split", document_bytes_max=9)
    cuts = (
        Piece(part=0, line=1, begin=0, core_begin=0, core_end=9, end=9),
        Piece(part=0, line=0, begin=9, core_begin=9, core_end=16, end=16),
    )
    from runner.planning.fates import split_limit

    long = kit.document("a", TEXT, part=-1, line=-1, folds=FOLDS, pieces=((split_limit(limit), cuts),))
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=(long,)))
    given = world.write_part(part, pieces[::-1])
    copies = kit.archive(b"told [NAME]\n[NAME] \n", members=[f"{part}.txt.out"])
    world.collect("pii_entities", [given], copies, name="x", parameters=REDACTIONS["types"])

    report = world.merge([limit], form=LineForm(text=True))

    (line,) = world.lines()
    assert line["x"] == "[NAME] told\u2028[NAME]"
    assert line["text"] == "Jane\nDoe told\u2028Bo"
    assert verified(world, report, [limit], form=LineForm(text=True)) == []


def test_texts_and_fields_leave_the_quick_way_and_the_general_one_equal(world: Any, kit: Any) -> None:
    """A document in a language that one analysis does not take goes the general way; its line is made alike."""
    part = world.part()
    texts = ["one", "two % \0 three", "vier"]
    documents = tuple(
        kit.document(f"d{line}", text, line=line, fields=b'{"k":"%b"}', language="de" if line == 2 else "en")
        for line, text in enumerate(texts)
    )
    world.write_ledger(Ledger(segment=world.segment(), corpus="reviews", parts=(part,), documents=documents))
    given = world.write_part(part, texts)
    world.collect("sentiment", [given], [kit.sentiment_row(part, line) for line in range(3)])

    report = world.merge([kit.analysis("sentiment")], form=BOTH)

    assert [line["text"] for line in world.lines()] == texts
    assert [line["fields"] for line in world.lines()] == [{"k": "%b"}] * 3
    assert [list(line) for line in world.lines()] == [list(world.lines()[0])] * 3
    assert verified(world, report, [kit.analysis("sentiment")], form=BOTH) == []
