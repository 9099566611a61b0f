"""Cutting parts in two: every line once, in its order, with a map to where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model import CollectPart, CutTask, PartId, repair_part_id
from runner.results import cut_part
from runner.results.linemaps import read_line_map
from runner.results.repair import write_repair_part

PART, OTHER = PartId("000-000000-00000-000"), PartId("000-000000-00000-001")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    for part in (PART, OTHER):
        (tmp_path / f"parts/{part}.txt").write_text("".join(f"{part} {line}\n" for line in range(5)))
    return tmp_path


def test_a_part_of_the_survey_is_halved(directory: Path) -> None:
    part = CollectPart(id=PART, path=str(directory / f"parts/{PART}.txt"), lines=5)

    first, second = cut_part(CutTask(serial=7, part=part, directory=str(directory)))

    assert [report.part for report in (first, second)] == [repair_part_id(7), repair_part_id(8)]
    assert (first.lines, second.lines) == (2, 3)
    assert first.covers == second.covers == (PART,)
    halves = [(directory / f"parts/{report.part}.txt").read_text() for report in (first, second)]
    assert "".join(halves) == (directory / f"parts/{PART}.txt").read_text()
    assert (first.bytes, second.bytes) == tuple(len(half) for half in halves)


def test_a_part_that_was_gathered_is_halved_across_the_parts_it_was_gathered_from(directory: Path) -> None:
    gathered = write_repair_part(str(directory), 1, {PART: [1, 4], OTHER: [0, 2, 3, 4]})
    path = directory / f"parts/{gathered.part}.txt"
    part = CollectPart(id=gathered.part, path=str(path), lines=6, map_path=str(path.with_suffix(".map")))

    first, second = cut_part(CutTask(serial=2, part=part, directory=str(directory)))

    maps = [read_line_map(str(directory / f"parts/{report.part}.map")).lines_by_part() for report in (first, second)]
    assert maps == [{PART: [1, 4], OTHER: [0]}, {OTHER: [2, 3, 4]}]
    assert (first.covers, second.covers) == ((PART, OTHER), (OTHER,))
