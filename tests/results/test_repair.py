"""Repairs gather just the lines that another job may answer, and map them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import RunDirectoryError
from runner.model import RepairTask
from runner.results import gather_repair
from runner.results.linemaps import LineMap, read_line_map

TEXTS = ["zero", "one", "two", "three", "four ë 😀 " + "x" * 300]


def task(world: Any, *spools: tuple[str, list[Any]], serial: int = 1) -> RepairTask:
    return RepairTask(
        serial=serial,
        spools=tuple((world.spool(name), tuple(parts)) for name, parts in spools),
        directory=str(world.directory),
    )


def text_of(world: Any, report: Any) -> list[str]:
    path: Path = world.directory / "parts" / f"{report.part}.txt"
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def map_of(world: Any, report: Any) -> dict[Any, list[int]]:
    return read_line_map(str(world.directory / "parts" / f"{report.part}.map")).lines_by_part()


def test_missing_and_passing_lines_are_gathered_and_final_errors_left(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    rows = [
        kit.sentiment_row(part.id, 0),
        kit.error_row(part.id, 1, "DOCUMENT_SIZE_EXCEEDED"),
        kit.error_row(part.id, 2, "INTERNAL_SERVER_ERROR"),
        kit.error_row(part.id, 3, "UNSUPPORTED_ENCODING"),
    ]
    collected = world.collect("sentiment", [part], rows)

    report = gather_repair(task(world, ("sentiment", [part])))

    assert report.lines == collected.repairable == 3
    assert report.part == "rep-000001-00000-000"
    assert report.covers == (part.id,)
    assert text_of(world, report) == [TEXTS[2], TEXTS[3], TEXTS[4]]
    assert map_of(world, report) == {part.id: [2, 3, 4]}
    assert report.bytes == (world.directory / "parts" / f"{report.part}.txt").stat().st_size
    assert report.units == 3 + 3 + 4


def test_parts_come_in_input_order_and_whole_ones_are_left_out(world: Any, kit: Any) -> None:
    parts = [world.simple_segment(["a", "b"], number) for number in range(3)]
    answered = [kit.sentiment_row(parts[1].id, line) for line in range(2)]
    world.collect("sentiment", parts, answered)

    report = gather_repair(task(world, ("sentiment", parts[::-1])))

    assert report.covers == (parts[0].id, parts[2].id)
    assert map_of(world, report) == {parts[0].id: [0, 1], parts[2].id: [0, 1]}


def test_what_one_spool_settles_is_not_sent_again_for_another(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b", "c", "d"])
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)], name="one")
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 1), kit.error_row(part.id, 2)], name="two")

    report = gather_repair(task(world, ("one", [part]), ("two", [part])))

    assert map_of(world, report) == {part.id: [3]}


def test_a_repair_of_a_repair_maps_to_the_original_lines(world: Any, kit: Any) -> None:
    """Only lines that the repair's job was given count: the others are none of its affair."""
    part = world.simple_segment(TEXTS)
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 1)], name="first")
    first = world.repair_part(gather_repair(task(world, ("first", [part]))))
    world.collect("sentiment", [first], [kit.sentiment_row(first.id, 0)], name="second")

    report = gather_repair(task(world, ("second", [first]), serial=2))

    assert map_of(world, report) == {part.id: [2, 3, 4]}
    assert text_of(world, report) == TEXTS[2:]


def test_done_twice_it_leaves_the_same_files(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)])

    files = []
    for _ in range(2):
        report = gather_repair(task(world, ("sentiment", [part])))
        files.append([path.read_bytes() for path in sorted((world.directory / "parts").iterdir())])

    assert files[0] == files[1]
    assert report.lines == 4
    assert world.leavings() == []


def test_nothing_to_repair_gives_a_part_of_no_lines(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a"])
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)])

    report = gather_repair(task(world, ("sentiment", [part])))

    assert (report.lines, report.bytes, report.covers) == (0, 0, ())


def test_a_text_that_is_gone_leaves_nothing_behind(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b"])
    world.collect("sentiment", [part], [kit.sentiment_row(part.id, 0)])
    Path(part.path).write_bytes(b"a\n")

    with pytest.raises(RunDirectoryError, match="line 1 is needed"):
        gather_repair(task(world, ("sentiment", [part])))

    assert [path.name for path in (world.directory / "parts").iterdir()] == [f"{part.id}.txt"]


@pytest.mark.parametrize("damage", [b"", b"\x93", b"\x80"])
def test_a_damaged_map_is_refused(world: Any, damage: bytes) -> None:
    path = world.directory / "parts" / "rep.map"
    path.write_bytes(damage)

    with pytest.raises(RunDirectoryError):
        read_line_map(str(path))


def test_a_map_that_names_parts_it_does_not_have_is_refused(world: Any) -> None:
    line_map = LineMap()
    line_map.add(world.part(), [0])
    line_map.part_of[0] = 1
    path = world.directory / "parts" / "rep.map"
    path.write_bytes(line_map.packed())

    with pytest.raises(RunDirectoryError, match="damaged"):
        read_line_map(str(path))
