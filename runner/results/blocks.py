"""From the rows of a part to its block of the spool, each row held against what was sent.

Rows lie where they were put when they came. If no two of them answer one line, they are the block as they lie, once
they are checked; else, and where an answer is made of several rows or is not the row itself, the answers are written
anew. A line that does not exist, or a text that was not sent, refuses the whole output.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final

from runner.catalogue import FAMILIES, Family
from runner.errors import RunDirectoryError
from runner.model import CollectTask
from runner.results.buckets import Buckets
from runner.results.checks import check_rows, span_reader
from runner.results.codes import PASSING_ROW_CODES
from runner.results.copies import check_copies
from runner.results.entries import NO_ENTRY, better_row, error_of, is_error
from runner.results.outputs import is_copy
from runner.results.partfiles import count_lines, read_texts
from runner.results.routing import Target, foreign_line
from runner.results.spool import Block, SpoolWriter
from runner.results.topics import combined

_ITEM: Final = "I"


def rows_stay(family: Family, parameters: dict[str, str]) -> bool:
    """Whether a row's entry is the answer to its line, so that rows may be written to the spool as they come."""
    return family.shape != "topics" and not is_copy(family, parameters)


class Blocks:
    """Makes the blocks of one spool, part by part, and counts what is in them."""

    def __init__(self, task: CollectTask, buckets: Buckets, writer: SpoolWriter) -> None:
        self._family: Family = FAMILIES[task.family]
        self._parameters = dict(task.parameters)
        self._buckets = buckets
        self._writer = writer
        self._reader = span_reader(task.family)
        self._copies = is_copy(self._family, self._parameters)
        self.ok = 0
        self.missing = 0
        self.errors: Counter[str] = Counter()

    @property
    def repairable(self) -> int:
        """Lines worth sending again. Another job would find other topics: what one left out, no second one can add."""
        if self._family.whole_corpus:
            return 0
        return self.missing + sum(count for code, count in self.errors.items() if code in PASSING_ROW_CODES)

    def add(self, target: Target) -> None:
        """Add the block of a part.

        Raises OutputError for a row that is not of its text, RunDirectoryError if the text is not what it was.
        """
        texts = read_texts(target.path) if self._copies or self._reader is not None else None
        lines = count_lines(target.path) if texts is None else len(texts)
        if target.lines is not None and target.lines != lines:
            raise RunDirectoryError(target.path, f"{lines} lines where {target.lines} are expected")
        if target.wanted and target.wanted[-1] >= lines:
            raise RunDirectoryError(target.path, f"{lines} lines, and a repair was made of line {target.wanted[-1]}")
        found = self._checked(target, lines, texts) if rows_stay(self._family, self._parameters) else None
        block, errors = found or self._written_anew(target, lines, texts)
        self.ok += block.ok
        self.missing += (lines if target.wanted is None else len(target.wanted)) - block.ok - block.errors
        self.errors.update(error_of(entry)[0] for entry in errors)

    def _checked(self, target: Target, lines: int, texts: Sequence[str] | None) -> tuple[Block, list[bytes]] | None:
        """The block of a part whose rows stay as they are, and its error entries; None if two answer one line."""
        answered = array(_ITEM)
        errors: list[bytes] = []
        for rows in self._buckets.rows(target.bucket):
            _expect_lines(rows.lines, lines)
            if texts is not None and self._reader is not None:
                check_rows(self._reader, target.part, texts, rows)
            answered.extend(rows.lines)
            if rows.errors:
                errors += filter(is_error, rows.entries)
        if len(set(answered)) < len(answered):
            return None
        run = self._buckets.written(target.bucket)
        block = Block(target.part, lines, len(answered) - len(errors), len(errors), run)
        self._writer.add_block(block)
        return block, errors

    def _written_anew(self, target: Target, lines: int, texts: Sequence[str] | None) -> tuple[Block, list[bytes]]:
        """The block of a part whose answers are not its rows, and its error entries."""
        combine = self._combined if self._family.shape == "topics" else self._placed
        entries = combine(target, lines, texts)
        target.bucket.pieces.clear()
        return self._writer.add(target.part, entries), list(filter(is_error, entries))

    def _placed(self, target: Target, lines: int, texts: Sequence[str] | None) -> list[bytes]:
        """The better of the rows of each line; copies are held against their text."""
        entries = [NO_ENTRY] * lines
        for rows in self._buckets.rows(target.bucket):
            _expect_lines(rows.lines, lines)
            found = rows.entries
            if self._copies:
                found = check_copies(target.part, texts or (), rows.lines, found, self._parameters)
            for line, entry in zip(rows.lines, found, strict=True):
                held = entries[line]
                entries[line] = better_row(held, entry) if held else entry
        return entries

    def _combined(self, target: Target, lines: int, _: Sequence[str] | None) -> list[bytes]:
        """The topics of each line, which have a row each."""
        shares: dict[int, list[bytes]] = {}
        for rows in self._buckets.rows(target.bucket):
            _expect_lines(rows.lines, lines)
            for line, entry in zip(rows.lines, rows.entries, strict=True):
                shares.setdefault(line, []).append(entry)
        entries = [NO_ENTRY] * lines
        for line, of_line in shares.items():
            entries[line] = combined(of_line)
        return entries


def _expect_lines(lines: Sequence[int], count: int) -> None:
    """Raises OutputError if one of the lines does not exist."""
    last = max(lines)
    if last >= count:
        raise foreign_line(last, count)
