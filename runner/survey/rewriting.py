"""Writes a segment anew that shares lines with others: the parts that change, and its ledger.

A part keeps its id and loses lines; what other segments refer to goes to new parts, numbered after the segment's last,
one for each part that gives some. So where an owner stands follows from the book of aliases alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runner.catalogue import units
from runner.errors import InternalError
from runner.model import AnalysisSpec, PartFacts, PartId, SegmentId, SharedSegment, Tally, part_id, segment_of
from runner.planning.fates import SHARED, closing, split_limit
from runner.storage.atomic import Replacements
from runner.survey.aliases import Aliases
from runner.survey.digests import PartDigests, SegmentDigests
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.parts import units_of
from runner.survey.segments import LEDGER_DIRECTORY, PARTS_DIRECTORY

# Places in a ledger's rows: `runner.model.Document` is an array. No values are made of them, only to be written again.
_SIZE, _CHARACTERS, _LANGUAGE, _PART, _LINE, _FATE, _PIECES = 3, 4, 5, 7, 8, 9, 11

Row = list[Any]


class Place(NamedTuple):
    """Where a line stands."""

    part: PartId
    line: int


def rewrite(
    digests: SegmentDigests,
    corpus: str,
    analyses: Sequence[AnalysisSpec],
    aliases: Aliases,
    *,
    files: Replacements,
    source: Path,
    target: Path,
) -> SharedSegment:
    """Write what changes of a segment from `source` below `target`, and say what does."""
    segment = _Segment(digests, aliases, files=files, source=source, target=target)
    for part in digests.shared:
        segment.take(part)
    ledger = msgspec.msgpack.decode((source / LEDGER_DIRECTORY / f"{digests.segment}.msgpack").read_bytes())
    tallies = _tallies(ledger, analyses, segment.gone)
    segment.refer(ledger)
    data = msgspec.msgpack.encode(ledger)
    with files.open(target / LEDGER_DIRECTORY / f"{digests.segment}.msgpack") as file:
        file.write(data)
    return SharedSegment(
        id=digests.segment,
        corpus=corpus,
        ledger_digest=blake2b(data, digest_size=DIGEST_BYTES).hexdigest(),
        parts=tuple(segment.written),
        dropped=tuple(segment.dropped),
        foreign_parts=tuple(sorted(part for part in ledger["parts"] if segment_of(part) != digests.segment)),
        tallies=tallies,
    )


class _Segment:
    """One segment on its way to the form in which it shares lines."""

    def __init__(
        self, digests: SegmentDigests, aliases: Aliases, *, files: Replacements, source: Path, target: Path
    ) -> None:
        self._digests = digests
        self._aliases = aliases
        self._files = files
        self._source, self._target = source, target
        self._new = _Moves(aliases)
        self._places: dict[PartId, list[Place | None]] = {}
        """Per part that changes, where each of its lines stands now; None where it is an alias."""
        self.gone: dict[PartId, frozenset[int]] = {}
        self.written: list[PartFacts] = []
        self.dropped: list[PartId] = []

    def take(self, part: PartDigests) -> None:
        """Write what is left of a part, and what is moved from it."""
        gone = frozenset(alias.line for alias in self._aliases.of(part.part))
        moved = self._aliases.moved_from(part.part)
        if not gone and not moved:
            return
        lines = (self._source / PARTS_DIRECTORY / f"{part.part}.txt").read_bytes().split(b"\n")[:-1]
        if len(lines) != part.lines:
            raise InternalError(f"part {part.part} has {len(lines)} lines where its digests are {part.lines}")
        places: list[Place | None] = [None] * len(lines)
        for new_line, line in enumerate(moved):
            places[line] = Place(self._new.part(part.part), new_line)
        left = [line for line in range(len(lines)) if line not in gone and places[line] is None]
        for new_line, line in enumerate(left):
            places[line] = Place(part.part, new_line)
        self._places[part.part] = places
        self.gone[part.part] = gone
        if left:
            self._write(part.part, part, [lines[line] for line in left])
        else:
            self.dropped.append(part.part)
        if moved:
            self._write(self._new.part(part.part), part, [lines[line] for line in moved])

    def _write(self, name: PartId, like: PartDigests, lines: Sequence[bytes]) -> None:
        text = b"\n".join((*lines, b""))
        with self._files.open(self._target / PARTS_DIRECTORY / f"{name}.txt") as file:
            file.write(text)
        facts = PartFacts(
            id=name,
            pool=like.pool,
            line_bytes_max=like.line_bytes_max,
            lines=len(lines),
            bytes=len(text),
            units=units_of([len(line.decode()) for line in lines]),
            digest=blake2b(text, digest_size=DIGEST_BYTES).hexdigest(),
            split_bytes=like.split_bytes,
        )
        self.written.append(facts)

    def refer(self, ledger: dict[str, Any]) -> None:
        """Let a ledger name the lines where they stand now."""
        old: list[PartId] = ledger["parts"]
        owners = {part: {alias.line: alias for alias in self._aliases.of(part)} for part in self._places}
        used: dict[PartId, int] = {}

        def index(part: PartId) -> int:
            return used.setdefault(part, len(used))

        def place(part: int, line: int) -> tuple[int, int]:
            name = old[part]
            if name not in self._places:
                return index(name), line
            alias = owners[name].get(line)
            if alias is None:
                now = self._places[name][line]
            elif alias.moved:
                now = self._new.place(alias.owner, alias.owner_line)
            elif alias.owner in self._places:
                now = self._places[alias.owner][alias.owner_line]
            else:
                now = Place(alias.owner, alias.owner_line)
            assert now is not None, "an owner is never an alias"
            return index(now.part), now.line

        for part in old:
            if part not in self.dropped:
                index(part)
        for row in ledger["documents"]:
            if row[_PART] >= 0:
                row[_PART], row[_LINE] = place(row[_PART], row[_LINE])
            for _, pieces in row[_PIECES]:
                for piece in pieces:
                    piece[0], piece[1] = place(piece[0], piece[1])
        ledger["parts"] = list(used)


class _Moves:
    """Where moved lines stand, of any segment; what was asked last is kept."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._numbers: dict[SegmentId, dict[PartId, int]] = {}
        self._lines: dict[PartId, dict[int, int]] = {}

    def part(self, giving: PartId) -> PartId:
        """The part to which lines of `giving` are moved."""
        segment = segment_of(giving)
        if segment not in self._numbers:
            self._numbers[segment] = {part: number for number, part in enumerate(self._aliases.moving(segment))}
        return part_id(segment, self._aliases.parts[segment] + self._numbers[segment][giving])

    def place(self, giving: PartId, line: int) -> Place:
        """Where a line of `giving` is moved to."""
        if giving not in self._lines:
            self._lines[giving] = {moved: new for new, moved in enumerate(self._aliases.moved_from(giving))}
        return Place(self.part(giving), self._lines[giving][line])


def _tallies(
    ledger: dict[str, Any], analyses: Sequence[AnalysisSpec], gone: dict[PartId, frozenset[int]]
) -> tuple[Tally, ...]:
    """What of a segment is answered by lines of other documents, per analysis and language.

    A document counts if all its lines are others'; the units of a line that is, in any case.
    """
    names: list[PartId] = ledger["parts"]
    counts: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in ledger["documents"]:
        for place, analysis in enumerate(analyses):
            lines = _lines_of(row, analysis)
            shared = [characters for part, line, characters in lines if line in gone.get(names[part], ())]
            if shared:
                whole = len(shared) == len(lines)
                count = counts[place, row[_LANGUAGE] or ""]
                for column, number in enumerate((whole, whole * row[_SIZE], sum(map(units, shared)))):
                    count[column] += number
    return tuple(
        Tally(
            analysis=analyses[place].name,
            language=language or None,
            outcome="sent",
            code=SHARED,
            documents=documents,
            bytes=size,
            units=unit,
        )
        for (place, language), (documents, size, unit) in sorted(counts.items())
    )


def _lines_of(row: Row, analysis: AnalysisSpec) -> list[tuple[int, int, int]]:
    """(part, line, characters) of the lines in which an analysis reads a document."""
    size = row[_SIZE]
    if closing(analysis, fate=row[_FATE], message=None, size=size, language=row[_LANGUAGE]) is not None:
        return []
    if size <= analysis.document_bytes_max:
        return [(row[_PART], row[_LINE], row[_CHARACTERS])]
    limit = split_limit(analysis)
    pieces = next(pieces for at, pieces in row[_PIECES] if at == limit)
    return [(part, line, end - begin) for part, line, begin, _, _, end in pieces]
