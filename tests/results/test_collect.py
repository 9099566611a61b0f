"""Collecting checks every row and leaves one whole spool file, or none."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.errors import OutputError, RunDirectoryError, ServiceError
from runner.model import CollectPart, CollectTask, JobKey, PartId, RepairReport, repair_part_id
from runner.results import collect
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_FOREIGN, OUTPUT_MISMATCH, OUTPUT_TOO_LARGE
from runner.results.linemaps import LineMap

TEXTS = ["Ana went to Paris", "nothing here", "Zoë 😀 Łódź", "end"]
PAYLOAD = b'{"Sentiment":"%b","SentimentScore":{"Mixed":0.0,"Negative":0.125,"Neutral":0.25,"Positive":0.625}}'


def test_rows_in_any_order_become_a_block_in_line_order(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    rows = [kit.entities_row(part.id, line, text, text.split()[-1]) for line, text in enumerate(TEXTS)]

    report = world.collect("entities", [part], [rows[2], rows[0], rows[3], rows[1]])

    assert (report.ok, report.errors, report.missing, report.repairable, report.rows) == (4, (), 0, 0, 4)
    assert world.entries("entities", part.id) == [msgspec.json.encode(row["Entities"]) for row in rows]
    assert report.spool_bytes == Path(world.spool("entities")).stat().st_size
    assert report.bytes == len(kit.lines_of(rows))


def test_missing_and_failed_lines_are_counted_and_told_apart(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    rows = [
        kit.sentiment_row(part.id, 0),
        kit.error_row(part.id, 1, "DOCUMENT_SIZE_EXCEEDED", "5120"),
        kit.error_row(part.id, 2, "UNSUPPORTED_ENCODING", "not UTF-8"),
    ]

    report = world.collect("sentiment", [part], rows)

    assert (report.ok, report.missing) == (1, 1)
    assert report.errors == (("DOCUMENT_SIZE_EXCEEDED", 1), ("UNSUPPORTED_ENCODING", 1))
    assert report.repairable == 2, "the line complained about, which is valid, and the one dropped after it"
    assert world.entries("sentiment", part.id) == [
        PAYLOAD % b"POSITIVE",
        b'!["DOCUMENT_SIZE_EXCEEDED","5120"]',
        b'!["UNSUPPORTED_ENCODING","not UTF-8"]',
        b"",
    ]


def test_of_several_rows_for_a_line_ok_beats_error_then_the_smaller_bytes(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b"])
    rows = [
        kit.error_row(part.id, 0),
        kit.sentiment_row(part.id, 0, "POSITIVE"),
        kit.sentiment_row(part.id, 0, "NEGATIVE"),
        kit.error_row(part.id, 1, "B"),
        kit.error_row(part.id, 1, "A"),
    ]

    for order in (rows, rows[::-1]):
        report = world.collect("sentiment", [part], order)
        assert world.entries("sentiment", part.id) == [PAYLOAD % b"NEGATIVE", b'!["A","too big"]']
        assert (report.ok, report.errors, report.rows) == (1, (("A", 1),), 5)


def test_a_file_may_be_named_by_its_path_and_a_line_by_a_string(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b"])
    rows = [kit.sentiment_row(part.id, 0), kit.sentiment_row(part.id, 1)]
    rows[0]["File"] = f"in/batch/{part.id}.txt"
    rows[1]["Line"] = "1"

    assert world.collect("sentiment", [part], rows).ok == 2


def test_rows_of_the_pad_object_are_dropped(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    pad = kit.sentiment_row(PartId("pad"), 3)

    report = world.collect("sentiment", [part], [pad, kit.sentiment_row(part.id, 0)], pad_name="pad.txt")

    assert (report.ok, report.missing, report.rows) == (1, 0, 2)


def spans(*given: tuple[int, int, str]) -> list[dict[str, Any]]:
    return [{"BeginOffset": b, "EndOffset": e, "Score": 1, "Text": text, "Type": "X"} for b, e, text in given]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"File": "other.txt"}, OUTPUT_FOREIGN),
        ({"File": "000-000000-00000-000"}, OUTPUT_FOREIGN),
        ({"Line": 4}, OUTPUT_FOREIGN),
        ({"Line": 2**40}, OUTPUT_CORRUPT),
        ({"Line": 1}, OUTPUT_MISMATCH),
        ({"Entities": spans((0, 3, "Zoe"))}, OUTPUT_MISMATCH),
        ({"Entities": spans((1, 3, "Zoë"))}, OUTPUT_MISMATCH),
        ({"Entities": spans((6, 10, "Łódź"), (0, 4, "Zoë"))}, OUTPUT_MISMATCH),
        ({"Entities": spans((8, 12, "Łódź"))}, OUTPUT_MISMATCH),
        ({"Entities": spans((6, 99, "Łódź"))}, OUTPUT_MISMATCH),
        ({"Entities": spans((-4, 10, "Łódź"))}, OUTPUT_CORRUPT),
        ({"Entities": {}}, OUTPUT_CORRUPT),
        ({"Entities": [{}]}, OUTPUT_CORRUPT),
        ({"Entities": spans((6, 10, "\ud83d"))}, OUTPUT_CORRUPT),
        ({"Entities": spans((8, 12, "Łódź")), "Extra": 1}, OUTPUT_MISMATCH),
    ],
)
def test_one_row_that_is_not_ours_refuses_the_whole_output(
    world: Any, kit: Any, change: dict[str, Any], code: str
) -> None:
    part = world.simple_segment(TEXTS)
    rows = [kit.entities_row(part.id, line, text) for line, text in enumerate(TEXTS)]
    rows[2] = kit.entities_row(part.id, 2, TEXTS[2], "Łódź", "😀", "Zoë") | change
    output = kit.archive("".join(f"{json.dumps(row)}\n" for row in rows).encode())

    with pytest.raises(OutputError) as caught:
        world.collect("entities", [part], output)

    assert caught.value.code == code
    assert not any(word in str(caught.value) for word in ("Zo", "dź", "Paris")), "no text in the open"
    assert world.spools() == []


def test_a_losing_row_is_checked_too(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    good = kit.entities_row(part.id, 0, TEXTS[0], "Ana")
    bad = good | {"Entities": spans((0, 3, "Eva"))}

    with pytest.raises(OutputError):
        world.collect("entities", [part], [good, bad])


def test_spans_of_families_that_repeat_the_text_must_do_so(world: Any, kit: Any) -> None:
    part = world.simple_segment(["four"])
    row = {"File": f"{part.id}.txt", "Line": 0, "Entities": [{"BeginOffset": 0, "EndOffset": 4, "Type": "X"}]}

    with pytest.raises(OutputError) as caught:
        world.collect("entities", [part], [row])

    assert caught.value.code == OUTPUT_CORRUPT


@pytest.mark.parametrize(("begin", "end", "fits"), [(0, 4, True), (3, 4, True), (0, 5, False), (2, 2, False)])
def test_spans_without_text_lie_within_the_line_and_are_not_empty(
    world: Any, kit: Any, begin: int, end: int, *, fits: bool
) -> None:
    part = world.simple_segment(["four"])
    row = {"File": f"{part.id}.txt", "Line": 0, "Entities": [{"BeginOffset": begin, "EndOffset": end, "Type": "X"}]}

    if fits:
        assert world.collect("pii_entities", [part], [row]).ok == 1
        return
    with pytest.raises(OutputError) as caught:
        world.collect("pii_entities", [part], [row])
    assert caught.value.code == OUTPUT_MISMATCH


def test_rows_beyond_what_the_lines_could_give_are_refused(
    world: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.results.collecting.ROWS_SPARE", 5)
    part = world.simple_segment(["a"])

    with pytest.raises(OutputError) as caught:
        world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)] * 30)

    assert caught.value.code == OUTPUT_TOO_LARGE


def test_all_members_are_read_whatever_they_are_called(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    rows = kit.lines_of([kit.sentiment_row(part.id, 0)])

    for members in (["output"], ["predictions.jsonl"], ["deep/a.out", "b.out", "c"]):
        assert world.collect("sentiment", [part], kit.archive(rows, members=members)).ok == 1


def test_an_absent_output_of_a_stopped_job_is_an_empty_one(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b"])

    def absent(*_: object) -> io.BytesIO:
        raise ServiceError("NoSuchKey", "gone")

    def task(*, partial: bool) -> CollectTask:
        return CollectTask(
            job=JobKey("j"),
            generation=1,
            family="sentiment",
            lane=kit.lane,
            output_uri="s3://b/k",
            parts=(part,),
            spool_path=world.spool("sentiment"),
            partial=partial,
        )

    with pytest.raises(ServiceError):
        collect(task(partial=False), open_object=absent)
    assert world.spools() == []

    report = collect(task(partial=True), open_object=absent)
    assert (report.ok, report.missing, report.repairable, report.rows) == (0, 2, 2, 0)
    assert world.entries("sentiment", part.id) == [b"", b""]


def test_an_output_that_vanishes_while_it_is_read_is_not_an_empty_one(
    world: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.results.outputs.CHUNK_BYTES", 4096)
    part = world.simple_segment(["a"] * 3000)
    noise = random.Random(1)
    rows = [kit.error_row(part.id, line, "C", noise.randbytes(100).hex()) for line in range(3000)]

    class Vanishing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ServiceError("NoSuchKey", "gone")
            return super().read(size)

    world.open_object = lambda _, uri: Vanishing(world.objects[uri])
    with pytest.raises(ServiceError, match="NoSuchKey"):
        world.collect("sentiment", [part], rows, partial=True)

    assert world.spools() == []


def test_a_fault_of_s3_leaves_nothing_and_can_be_tried_again(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    whole = kit.archive([kit.sentiment_row(part.id, 0)])
    faults = ["SlowDown"]

    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() and faults:
                raise ServiceError(faults.pop(), "later")
            return super().read(min(size or 20, 20))

    task = CollectTask(
        job=JobKey("j"),
        generation=1,
        family="sentiment",
        lane=kit.lane,
        output_uri="s3://b/k",
        parts=(part,),
        spool_path=world.spool("sentiment"),
    )
    with pytest.raises(ServiceError):
        collect(task, open_object=lambda *_: Breaking(whole))

    assert world.spools() == []
    assert collect(task, open_object=lambda *_: Breaking(whole)).ok == 1


def test_the_object_is_closed_whatever_happens(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    opened = []

    def open_object(_: object, uri: str) -> io.BytesIO:
        opened.append(io.BytesIO(world.objects[uri]))
        return opened[-1]

    world.open_object = open_object
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)])
    with pytest.raises(OutputError):
        world.collect("sentiment", [part], b"no archive")

    assert [file.closed for file in opened] == [True, True]


def test_a_damaged_part_is_not_blamed_on_the_output(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b"])
    rows = [kit.sentiment_row(part.id, 0)]

    Path(part.path).write_bytes(b"a\nb")
    with pytest.raises(RunDirectoryError, match="middle of a line"):
        world.collect("sentiment", [part], rows)
    Path(part.path).write_bytes(b"a\n")
    with pytest.raises(RunDirectoryError, match="1 lines where 2"):
        world.collect("sentiment", [part], rows)
    Path(part.path).unlink()
    with pytest.raises(RunDirectoryError, match="missing"):
        world.collect("sentiment", [part], rows)


def repair_of(
    world: Any, wanted: dict[PartId, list[int]], texts: dict[PartId, list[str]], serial: int = 1
) -> CollectPart:
    line_map = LineMap()
    for part, lines in wanted.items():
        line_map.add(part, lines)
    lines = [texts[part][line] for part, lines in wanted.items() for line in lines]
    report = RepairReport(part=repair_part_id(serial), covers=tuple(wanted), lines=len(lines), bytes=0, units=0)
    part: CollectPart = world.repair_part(report)
    world.write_part(part.id, lines)
    assert part.map_path is not None
    Path(part.map_path).write_bytes(line_map.packed())
    return part


def test_answers_to_a_repair_part_land_in_the_blocks_of_the_original_parts(world: Any, kit: Any) -> None:
    one, two = world.simple_segment(["a", "b", "c"]), world.simple_segment(["d", "e"], 1)
    repair = repair_of(world, {one.id: [0, 2], two.id: [1]}, {one.id: ["a", "b", "c"], two.id: ["d", "e"]})
    rows = [kit.sentiment_row(repair.id, 2, "MIXED"), kit.error_row(repair.id, 0, "X", "m")]

    report = world.collect("sentiment", [repair], rows)

    assert (report.ok, report.errors, report.missing, report.repairable) == (1, (("X", 1),), 1, 1)
    assert world.entries("sentiment", one.id) == [b'!["X","m"]', b"", b""]
    assert world.entries("sentiment", two.id) == [b"", PAYLOAD % b"MIXED"]


def test_several_parts_of_one_job_may_hold_lines_of_the_same_part(world: Any, kit: Any) -> None:
    texts = ["a", "b", "c", "d"]
    part = world.simple_segment(texts)
    one = repair_of(world, {part.id: [3, 0]}, {part.id: texts})
    two = repair_of(world, {part.id: [2]}, {part.id: texts}, serial=2)

    report = world.collect("sentiment", [one, two], [kit.sentiment_row(one.id, 0), kit.sentiment_row(two.id, 0)])

    assert (report.ok, report.missing) == (2, 1)
    assert [bool(entry) for entry in world.entries("sentiment", part.id)] == [False, False, True, True]
    report = world.collect("sentiment", [one, part, two], [kit.sentiment_row(part.id, 0)])
    assert (report.ok, report.missing) == (1, 3)


def test_a_repair_s_rows_are_checked_against_the_original_texts(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    repair = repair_of(world, {part.id: [2]}, {part.id: TEXTS})

    assert world.collect("entities", [repair], [kit.entities_row(repair.id, 0, TEXTS[2], "Łódź")]).ok == 1
    with pytest.raises(OutputError):
        world.collect("entities", [repair], [kit.entities_row(repair.id, 0, TEXTS[0], "Paris")])


def test_a_map_that_does_not_fit_is_refused(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    repair = repair_of(world, {part.id: [0, 7]}, {part.id: ["a"] * 8})

    with pytest.raises(RunDirectoryError, match="line 7"):
        world.collect("sentiment", [repair], [kit.sentiment_row(repair.id, 0)])
    assert repair.map_path is not None
    Path(repair.map_path).write_bytes(b"\xc1")
    with pytest.raises(RunDirectoryError, match="damaged"):
        world.collect("sentiment", [repair], [kit.sentiment_row(repair.id, 0)])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_the_spool_says_is_a_function_of_the_rows_alone(
    tmp_path_factory: pytest.TempPathFactory, kit: Any, data: st.DataObject
) -> None:
    """Shuffled, doubled, missing and failing rows; any memory limit; any chunk size: a plain model says the same."""
    world = kit.world(tmp_path_factory.mktemp("world"))
    texts = data.draw(st.lists(st.lists(st.text("abé😀 ", max_size=8), min_size=1, max_size=5), min_size=1, max_size=3))
    parts = [world.write_part(world.part(number), lines) for number, lines in enumerate(texts)]
    rows = []
    for part, lines in zip(parts, texts, strict=True):
        for line, text in enumerate(lines):
            for kind in data.draw(st.lists(st.sampled_from("osex"), max_size=3)):
                row: dict[str, Any] = {"File": f"{part.id}.txt", "Line": line}
                if kind == "o":
                    row["Entities"] = spans((0, len(text), text))
                elif kind == "s":
                    row["Entities"] = []
                elif kind == "e":
                    row |= {"ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "m"}
                else:
                    row |= {"ErrorCode": data.draw(st.sampled_from("AB")), "ErrorMessage": "m"}
                rows.append(row)
    expected = model(parts, rows)
    counts = set()

    for seed in range(2):
        random.Random(data.draw(st.integers(0, 9)) + seed).shuffle(rows)
        for memory, chunk in ((1 + 399 * seed, data.draw(st.integers(1, 400))), (64_000_000, 1 << 20)):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("runner.results.outputs.CHUNK_BYTES", chunk)
                report = world.collect("entities", parts, rows, memory_bytes_max=memory)
            counts.add((report.ok, report.errors, report.missing, report.repairable, report.rows))
            assert {part.id: world.entries("entities", part.id) for part in parts} == expected

    assert len(counts) == 1
    found = [entry for entries in expected.values() for entry in entries]
    assert report.ok == sum(entry.startswith(b"[") for entry in found)
    assert report.missing == found.count(b"")
    assert report.repairable == report.missing + sum(b"INTERNAL" in entry for entry in found)
    assert sum(count for _, count in report.errors) == sum(entry.startswith(b"!") for entry in found)
    assert world.spools() == ["entities"]


def model(parts: list[CollectPart], rows: list[dict[str, Any]]) -> dict[PartId, list[bytes]]:
    """The rule, plainly: per line the smallest payload, else the smallest error, else nothing."""
    expected = {}
    for part in parts:
        entries = []
        for line in range(part.lines):
            of_line = [row for row in rows if row["File"] == f"{part.id}.txt" and row["Line"] == line]
            oks = [msgspec.json.encode(row["Entities"]) for row in of_line if "Entities" in row]
            errors = [
                b"!" + msgspec.json.encode([row["ErrorCode"], row["ErrorMessage"]])
                for row in of_line
                if "ErrorCode" in row
            ]
            entries.append((sorted(oks) or sorted(errors) or [b""])[0])
        expected[part.id] = entries
    return expected
