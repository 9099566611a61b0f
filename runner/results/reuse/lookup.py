"""Looking up answers before a plan is made: which lines of a survey need not be bought.

A segment's parts are divided by what is known of their lines: those that lack the same analyses stand together, in a
part that only these read. Known answers go to a spool file per analysis, which merges read like those of jobs. So
everything behind it, the plan and its price first of all, sees parts and spool files and nothing new.

Parts lie where the survey left them, or, while their facts are not recorded, below `shared/`. What is written here goes
below `reused/` (`runner.results.reuse.ledgers` puts it in place), and doing a task again leaves the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from runner.catalogue import units
from runner.model import (
    UNDECIDED,
    KnownSegment,
    LookupReport,
    LookupTask,
    PartFacts,
    PartId,
    Reusable,
    SegmentFacts,
    SegmentId,
    part_id,
    part_number,
)
from runner.planning.fates import reads
from runner.results.partfiles import read_lines
from runner.results.reuse.keys import digests_of, keys_of
from runner.results.reuse.store import Answers
from runner.results.spool import SpoolWriter
from runner.storage.atomic import Replacements, make_directory, replacing_all

REUSED_DIRECTORY: Final = "reused"
SHARED_DIRECTORY: Final = "shared"
PARTS: Final = "parts"
PLACES: Final = "places"
"""Below `reused`: of each divided part, where its lines stand now."""

_DIGEST_BYTES: Final = 16


class Places(msgspec.Struct, frozen=True):
    """Where the lines of a divided part stand: `lines[i]` is (index into `parts`, line there)."""

    parts: tuple[PartId, ...]
    lines: tuple[tuple[int, int], ...]


class _Share(NamedTuple):
    """Lines of one part that lack the same analyses."""

    part: PartFacts
    lines: Sequence[int]
    """Their places in the part as it was."""


def reused_spool(directory: str, segment: SegmentId, analysis: str) -> str:
    """Where the answers lie that one analysis of a segment has from the store."""
    return os.path.join(directory, REUSED_DIRECTORY, f"{segment}-{analysis}.spool")  # noqa: PTH118


def places_path(directory: str, part: PartId) -> Path:
    """Where it is written how a part was divided."""
    return Path(directory) / REUSED_DIRECTORY / PLACES / f"{part}.msgpack"


def current(directory: str, kind: str, name: str) -> str:
    """A part or a ledger of a survey that is about to be finished: as changed by shared lines, or as it was written."""
    changed = os.path.join(directory, SHARED_DIRECTORY, kind, name)  # noqa: PTH118
    return changed if os.path.exists(changed) else os.path.join(directory, kind, name)  # noqa: PTH110, PTH118


def find_answers(task: LookupTask) -> LookupReport:
    """Look up the lines of a task's segments; write spool files, and the parts that are divided.

    Raises RunDirectoryError for parts that are missing or damaged, MachineError for a store that cannot be read.
    """
    for folder in (PARTS, PLACES):
        make_directory(Path(task.directory) / REUSED_DIRECTORY / folder)
    found = []
    with Answers(task.store) as store, replacing_all() as files:
        for facts in task.segments:
            known = _Segment(task, facts, store, files).look_up()
            if known is not None:
                found.append(known)
    return LookupReport(segments=tuple(found))


class _Segment:
    """One segment under way."""

    def __init__(self, task: LookupTask, facts: SegmentFacts, store: Answers, files: Replacements) -> None:
        self._task = task
        self._facts = facts
        self._store = store
        self._files = files
        self._next = max((part_number(part.id) for part in facts.parts), default=-1) + 1
        self._spools: dict[str, dict[PartId, list[bytes]]] = {}
        self._units: dict[str, int] = {}
        self._divided: list[PartId] = []

    def look_up(self) -> KnownSegment | None:
        parts = [part for facts in self._facts.parts for part in self._part(facts)]
        if not self._spools:
            return None
        for reusable in self._task.reusable:
            name = reusable.analysis.name
            if name in self._spools:
                path = reused_spool(self._task.directory, self._facts.id, name)
                with self._files.open(path) as file:
                    writer = SpoolWriter(file, reusable.analysis.family)
                    for part, entries in sorted(self._spools[name].items()):
                        writer.add(part, entries)
                    writer.finish()
        return KnownSegment(
            id=self._facts.id,
            parts=tuple(parts),
            units=tuple(self._units.items()),
            divided=tuple(self._divided),
        )

    def _part(self, part: PartFacts) -> Iterator[PartFacts]:
        """The parts that a part is divided into; it keeps its id for the lines that lack what its first one lacks."""
        readers = [each for each in self._task.reusable if reads(each.analysis, part)]
        if part.answered or part.pool == UNDECIDED or not readers:
            yield part
            return
        lines = read_lines(current(self._task.directory, PARTS, f"{part.id}.txt"))
        digests = digests_of(lines)
        columns = [self._payloads(reusable, part, digests) for reusable in readers]
        if not any(columns):
            yield part
            return
        shares = list(self._shares(part, lines, readers, columns))
        for share in shares:
            self._answer(share, readers, columns)
            yield share.part
        if len(shares) > 1:
            self._divide(part, shares, lines)

    def _payloads(self, reusable: Reusable, part: PartFacts, digests: Sequence[bytes]) -> Mapping[int, bytes]:
        """What one analysis knows of a part, by line."""
        keys = keys_of(reusable, part.pool, digests)
        found = self._store.find(reusable.analysis.family, keys, self._task.bought_after)
        return {line: found[key] for line, key in enumerate(keys) if key in found}

    def _shares(
        self,
        part: PartFacts,
        lines: Sequence[bytes],
        readers: Sequence[Reusable],
        columns: Sequence[Mapping[int, bytes]],
    ) -> Iterator[_Share]:
        alike: dict[tuple[bool, ...], list[int]] = {}
        for line in range(len(lines)):
            alike.setdefault(tuple(line in column for column in columns), []).append(line)
        for number, (known, numbers) in enumerate(alike.items()):
            answered = tuple(each.analysis.name for each, there in zip(readers, known, strict=True) if there)
            if len(alike) == 1:
                yield _Share(replace(part, answered=answered), numbers)
                return
            name = part.id
            if number:
                name = part_id(self._facts.id, self._next)
                self._next += 1
            yield _Share(_facts_of(part, name, [lines[line] for line in numbers], answered), numbers)

    def _answer(
        self,
        share: _Share,
        readers: Sequence[Reusable],
        columns: Sequence[Mapping[int, bytes]],
    ) -> None:
        """Note the answers of a share whose analysis has all of them."""
        for reusable, column in zip(readers, columns, strict=True):
            name = reusable.analysis.name
            if name in share.part.answered:
                self._spools.setdefault(name, {})[share.part.id] = [column[line] for line in share.lines]
                self._units[name] = self._units.get(name, 0) + share.part.units

    def _divide(self, part: PartFacts, shares: Sequence[_Share], lines: Sequence[bytes]) -> None:
        """Write the parts, and where each line stands now."""
        places = [(0, 0)] * len(lines)
        folder = Path(self._task.directory) / REUSED_DIRECTORY / PARTS
        for index, share in enumerate(shares):
            for new, line in enumerate(share.lines):
                places[line] = index, new
            with self._files.open(folder / f"{share.part.id}.txt") as file:
                file.write(_text([lines[line] for line in share.lines]))
        data = msgspec.msgpack.encode(Places(tuple(share.part.id for share in shares), tuple(places)))
        with self._files.open(places_path(self._task.directory, part.id)) as file:
            file.write(data)
        self._divided.append(part.id)


def _facts_of(like: PartFacts, name: PartId, lines: Sequence[bytes], answered: tuple[str, ...]) -> PartFacts:
    text = _text(lines)
    return replace(
        like,
        id=name,
        lines=len(lines),
        bytes=len(text),
        units=sum(units(len(line.decode())) for line in lines),
        digest=blake2b(text, digest_size=_DIGEST_BYTES).hexdigest(),
        answered=answered,
    )


def _text(lines: Sequence[bytes]) -> bytes:
    return b"\n".join((*lines, b""))
