"""Where the rows of an output belong: from names of input objects to buckets by part. Reads maps of repair parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from runner.errors import OutputError, RunDirectoryError
from runner.model import CollectPart, CollectTask, PartId
from runner.results.buckets import Bucket, Buckets
from runner.results.codes import OUTPUT_FOREIGN
from runner.results.linemaps import LineMap, read_line_map
from runner.results.runs import Cut


@dataclass(slots=True)
class Target:
    """A block of the spool to be: the rows of one original part."""

    part: PartId
    path: str
    lines: int | None
    """How many lines its text must have; None where a repair part does not say."""
    bucket: Bucket
    wanted: list[int] | None = None
    """The lines that the job was given; None: all of them."""


@dataclass(slots=True)
class Route:
    """Where the rows of one input object go: straight into a bucket, through a repair part's map, or nowhere."""

    lines: int
    bucket: Bucket | None = None
    line_map: LineMap | None = None
    targets: list[Target] = field(default_factory=list)


def foreign_line(line: int, lines: int) -> OutputError:
    """What to raise for a row whose line does not exist."""
    return OutputError(OUTPUT_FOREIGN, f"a row for line {line} of a file that has {lines}")


class Quick(NamedTuple):
    """Where the rows of an object whose lines are a part's own are put: a row's line and its entry, or a piece."""

    put_line: Callable[[int], None]
    put_entry: Callable[[bytes], None]
    put_piece: Callable[[Cut], None]


class Routes:
    """The routes of one collection. `targets` are the blocks to be, by part.

    `quick` has, per object whose lines are a part's own, where its rows are put; whether their lines exist is then for
    the reader of the bucket to see.
    """

    def __init__(self, task: CollectTask, buckets: Buckets) -> None:
        self.targets: dict[PartId, Target] = {}
        self.quick: dict[str, Quick] = {}
        self._buckets = buckets
        self._pad_name = task.pad_name
        self._routes: dict[str, Route] = {}
        self._make(task)

    def lines_of(self, file: str) -> int:
        """How many lines the object of a name has; -1 for the pad, whose answers are dropped.

        Raises OutputError for a name that the job was not given.
        """
        if file == self._pad_name:
            return -1
        return self._route_of(file).lines

    def _route_of(self, file: str) -> Route:
        """The service may name a file by its path below the prefix: section 3.3 of COMPREHEND.md leaves open which."""
        route = self._routes.get(file.rsplit("/", 1)[-1])
        if route is None:
            raise OutputError(OUTPUT_FOREIGN, "a row for a file that the job was not given")
        return route

    def put(self, file: str, line: int, entry: bytes) -> None:
        """Put a row where it belongs: the general way."""
        route = self._route_of(file)
        if line >= route.lines:
            raise foreign_line(line, route.lines)
        bucket = route.bucket
        if route.line_map is not None:
            bucket = route.targets[route.line_map.part_of[line]].bucket
            line = route.line_map.line_of[line]
        if bucket is not None:
            bucket.lines.append(line)
            bucket.entries.append(entry)

    def _make(self, task: CollectTask) -> None:
        for part in task.parts:
            name = f"{part.id}.txt"
            if part.map_path is None:
                target = self._target(part.id, part.path, part.lines)
                self._routes[name] = Route(part.lines, bucket=target.bucket)
                bucket = target.bucket
                self.quick[name] = Quick(bucket.lines.append, bucket.entries.append, bucket.pieces.append)
            else:
                self._routes[name] = self._mapped_route(part, part.map_path)
        if task.pad_name is not None:
            self._routes[task.pad_name] = Route(lines=1 << 31)

    def _mapped_route(self, part: CollectPart, map_path: str) -> Route:
        line_map = read_line_map(map_path)
        if len(line_map) != part.lines:
            raise RunDirectoryError(map_path, f"{len(line_map)} lines where {part.lines} are expected")
        folder = os.path.dirname(map_path)  # noqa: PTH120
        targets = []
        for original, lines in line_map.lines_by_part().items():
            target = self._target(original, os.path.join(folder, f"{original}.txt"), None)  # noqa: PTH118
            if target.wanted is not None:
                target.wanted = sorted({*target.wanted, *lines})
            targets.append(target)
        return Route(part.lines, line_map=line_map, targets=targets)

    def _target(self, part: PartId, path: str, lines: int | None) -> Target:
        target = self.targets.get(part)
        if target is None:
            target = self.targets[part] = Target(
                part, path, lines, self._buckets.bucket(), None if lines is not None else []
            )
        elif lines is not None:
            target.lines, target.wanted = lines, None
        return target
