"""Which lines are alike which earlier ones: a book on disk while a survey is searched for identical texts.

A line is named by its part and its place there, as the ranges were surveyed. A line that others refer to is its
*owner*; an owner in another segment is moved to a part of its own segment that holds nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from runner.model import PartId, SegmentId, segment_of

FOREIGN_PARTS_MAX: Final = 256
"""Parts of other segments that a segment may refer to: those with most of its lines. Else a corpus of many segments
that share few lines each would have the books and the merges of a quadratic number."""

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE alias (
    part TEXT, line INTEGER, segment TEXT, owner TEXT, owner_line INTEGER, owner_segment TEXT,
    PRIMARY KEY (part, line)
) WITHOUT ROWID;
CREATE TABLE moved (part TEXT, line INTEGER, segment TEXT, PRIMARY KEY (part, line)) WITHOUT ROWID;
"""
_CROWDED: Final = """
SELECT segment FROM (SELECT DISTINCT segment, owner FROM alias WHERE owner_segment <> segment)
GROUP BY segment HAVING count(*) > ?
"""
_TOO_MANY: Final = """
SELECT owner FROM alias WHERE segment = ? AND owner_segment <> segment
GROUP BY owner ORDER BY count(*) DESC, owner LIMIT -1 OFFSET ?
"""


class Alias(NamedTuple):
    """A line that need not be sent: `owner` is the one that is. `moved`: the owner stands in a part of its own."""

    line: int
    owner: PartId
    owner_line: int
    moved: bool


class Aliases:
    """The book. Fill it, close it, then ask it part by part."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")
        self._concerned: frozenset[str] = frozenset()
        self.parts: dict[SegmentId, int] = {}
        """How many parts each segment has."""

    def add(self, part: PartId, found: Iterable[tuple[int, str, int]]) -> None:
        """Lines of a part, each with the part and the line of its owner."""
        segment = segment_of(part)
        rows = [
            (part, line, segment, owner, owner_line, segment_of(PartId(owner))) for line, owner, owner_line in found
        ]
        self._connection.executemany("INSERT INTO alias VALUES (?, ?, ?, ?, ?, ?)", rows)

    def close_book(self) -> None:
        """All lines are known: choose whom each segment refers to, and move what others refer to."""
        run = self._connection.execute
        run("CREATE INDEX by_segment ON alias (segment, owner)")
        for (segment,) in run(_CROWDED, (FOREIGN_PARTS_MAX,)).fetchall():
            for (owner,) in run(_TOO_MANY, (segment, FOREIGN_PARTS_MAX)).fetchall():
                run("DELETE FROM alias WHERE segment = ? AND owner = ?", (segment, owner))
        run(
            "INSERT OR IGNORE INTO moved SELECT owner, owner_line, owner_segment FROM alias"
            " WHERE owner_segment <> segment"
        )
        rows = run("SELECT segment FROM alias UNION SELECT segment FROM moved")
        self._concerned = frozenset(segment for (segment,) in rows)

    def concerns(self, segment: SegmentId) -> bool:
        """Whether a segment refers to lines, or has some that another refers to."""
        return segment in self._concerned

    def of(self, part: PartId) -> list[Alias]:
        """The lines of a part that need not be sent."""
        rows = self._connection.execute(
            "SELECT alias.line, owner, owner_line, moved.part IS NOT NULL FROM alias"
            " LEFT JOIN moved ON moved.part = owner AND moved.line = owner_line WHERE alias.part = ? ORDER BY 1",
            (part,),
        )
        return [Alias(line, PartId(owner), owner_line, bool(moved)) for line, owner, owner_line, moved in rows]

    def moved_from(self, part: PartId) -> list[int]:
        """The lines of a part that others refer to, in order."""
        rows = self._connection.execute("SELECT line FROM moved WHERE part = ? ORDER BY line", (part,))
        return [line for (line,) in rows]

    def moving(self, segment: SegmentId) -> list[PartId]:
        """The parts of a segment from which lines are moved, in order."""
        rows = self._connection.execute(
            "SELECT DISTINCT part FROM moved WHERE part >= ? AND part < ? ORDER BY part", (segment, segment + "~")
        )
        return [PartId(part) for (part,) in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
