"""Cutting a part in two, for jobs that each read half of what a failed one read.

Both halves are written as repair parts are (`runner.results.repair`): maps say which line of which part each line is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.model import CutTask, PartId, RepairReport
from runner.results.linemaps import read_line_map
from runner.results.repair import write_repair_part

_Lines = Mapping[PartId, Sequence[int]]


def cut_part(task: CutTask) -> tuple[RepairReport, RepairReport]:
    """Write the two halves of a task's part, the first being the smaller if its lines are odd in number.

    Raises RunDirectoryError if the part, its map, or a part that this one was gathered from is missing or damaged.
    """
    lines = _lines_of(task)
    half = sum(map(len, lines.values())) // 2
    first, second = _divided(lines, half)
    return (
        write_repair_part(task.directory, task.serial, first),
        write_repair_part(task.directory, task.serial + 1, second),
    )


def _lines_of(task: CutTask) -> _Lines:
    """The lines of a part, by the part that each comes from."""
    if task.part.map_path is None:
        return {task.part.id: range(task.part.lines)}
    return read_line_map(task.part.map_path).lines_by_part()


def _divided(lines: _Lines, count: int) -> tuple[_Lines, _Lines]:
    """The first `count` lines, and the others."""
    first: dict[PartId, Sequence[int]] = {}
    second: dict[PartId, Sequence[int]] = {}
    for part, numbers in lines.items():
        for half, share in ((first, numbers[:count]), (second, numbers[count:])):
            if share:
                half[part] = share
        count = max(0, count - len(numbers))
    return first, second
