"""Repairs: lines that no row came for, or whose row names a passing fault, gathered into a new part.

The new part is an input object like any other; its map (`runner.results.linemaps`) says which line of which part each
of its lines is, so that its answers land in the blocks of those parts. Texts come from the parts on disk. Map first,
then part, each renamed into place: a part that is there has its map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

from runner.catalogue import units
from runner.errors import RunDirectoryError
from runner.model import CollectPart, PartId, RepairReport, RepairTask, repair_part_id
from runner.results.codes import PASSING_ROW_CODES
from runner.results.entries import error_of, is_error
from runner.results.linemaps import LineMap, read_line_map
from runner.results.loading import Spools
from runner.results.partfiles import map_path, part_path, read_lines
from runner.storage.atomic import replacing_all


def gather_repair(task: RepairTask) -> RepairReport:
    """Gather the lines of a task's spools that are worth sending again; texts in the order of their parts and lines.

    A line counts if a job was given it, and every spool here that was given it has no row for it or a passing error.
    Raises RunDirectoryError if a spool, a part or a map is missing or damaged.
    """
    with Spools() as spools:
        wanted = {part: lines for part, lines in _repairable(task, spools) if lines}
    return write_repair_part(task.directory, task.serial, wanted)


def write_repair_part(directory: str, serial: int, wanted: Mapping[PartId, Sequence[int]]) -> RepairReport:
    """Write the repair part `serial` with the given lines of each part, and its map; parts in the order given."""
    part = repair_part_id(serial)
    path = part_path(directory, part)
    line_map = LineMap()
    for original, lines in wanted.items():
        line_map.add(original, lines)
    size = unit_count = 0
    with replacing_all() as files:
        with files.open(map_path(path)) as file:
            file.write(line_map.packed())
        with files.open(path) as file:
            for original, lines in wanted.items():
                texts = texts_of(part_path(directory, original), lines)
                unit_count += sum(units(len(text.decode())) for text in texts)
                size += file.write(b"\n".join([*texts, b""]))
    return RepairReport(part=part, covers=tuple(wanted), lines=len(line_map), bytes=size, units=unit_count)


def texts_of(path: str, lines: Sequence[int]) -> list[bytes]:
    """The given lines of a part's text."""
    texts = read_lines(path)
    if lines and max(lines) >= len(texts):
        raise RunDirectoryError(path, f"{len(texts)} lines, and line {max(lines)} is needed")
    return [texts[line] for line in lines]


def _repairable(task: RepairTask, spools: Spools) -> Iterator[tuple[PartId, list[int]]]:
    """(part, repairable lines), in the order of the parts' ids, which is that of the input."""
    given = _given(task.spools)
    for part in sorted(given):
        asked: dict[int, bool] = {}
        for path, lines in given[part]:
            entries = spools[path].entries(part)
            for line in range(len(entries)) if lines is None else lines:
                asked[line] = asked.get(line, True) and _is_open(entries[line])
        yield part, sorted(compress(asked, asked.values()))


def _given(spools: Sequence[tuple[str, Sequence[CollectPart]]]) -> dict[PartId, list[tuple[str, list[int] | None]]]:
    """Per original part: the spools whose job was given lines of it, and which (None: all)."""
    given: dict[PartId, list[tuple[str, list[int] | None]]] = {}
    for path, parts in spools:
        for part in parts:
            if part.map_path is None:
                given.setdefault(part.id, []).append((path, None))
                continue
            for original, lines in read_line_map(part.map_path).lines_by_part().items():
                given.setdefault(original, []).append((path, lines))
    return given


def _is_open(entry: bytes) -> bool:
    return not entry or (is_error(entry) and error_of(entry)[0] in PASSING_ROW_CODES)
