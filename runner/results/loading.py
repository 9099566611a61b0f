"""Loads what a segment's merge needs: of each spool file the blocks of parts the ledger names, and documents' texts.

Memory stays within one segment: of its own parts whole blocks are kept, of other segments' parts (identical texts
that were staged there) only the lines that it uses. Spool files stay open for the length of a task, a bounded number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, Self

from runner.errors import RunDirectoryError
from runner.model import AnalysisSpec, Document, Ledger, MergeSegment, PartId, segment_of
from runner.results.entries import NO_ENTRY, first_answer
from runner.results.merge import Answers
from runner.results.partfiles import part_path, read_lines
from runner.results.pieces import core_of
from runner.results.spool import SpoolReader

_OPEN_SPOOLS_MAX: Final = 64

Entries = Sequence[bytes] | Mapping[int, bytes]


class Spools:
    """Spool files kept open, the least recently used closed first. Use as a context manager."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, SpoolReader] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def __getitem__(self, path: str) -> SpoolReader:
        """The spool file at `path`. Raises RunDirectoryError if it is missing or damaged."""
        reader = self._open.get(path)
        if reader is None:
            while len(self._open) >= _OPEN_SPOOLS_MAX:
                self._open.popitem(last=False)[1].close()
            reader = self._open[path] = SpoolReader(path)
        self._open.move_to_end(path)
        return reader


def load_answers(
    ledger: Ledger, analyses: Sequence[AnalysisSpec], segment: MergeSegment, spools: Spools
) -> list[Answers]:
    """What the segment's spools say about the parts of its ledger, per analysis.

    Where several spools answer a line, the first ok in their order counts, else the first error.
    """
    foreign = _foreign_lines(ledger)
    return [_answers_of(analysis.name, ledger, segment, spools, foreign) for analysis in analyses]


def _answers_of(
    analysis: str, ledger: Ledger, segment: MergeSegment, spools: Spools, foreign: Mapping[int, Sequence[int]]
) -> Answers:
    paths = [ref.path for ref in segment.spools if ref.analysis == analysis]
    closings = {given.part: (given.code, given.message) for given in segment.given_up if given.analysis == analysis}
    entries: dict[int, Entries] = {}
    whole: set[int] = set()
    for index, part in enumerate(ledger.parts):
        loaded = _load_part(part, paths, spools, foreign.get(index))
        if loaded is None:
            continue
        entries[index], is_whole = loaded
        if is_whole:
            whole.add(index)
    given_up = {index: closings[part] for index, part in enumerate(ledger.parts) if part in closings}
    return Answers(entries, frozenset(whole), given_up)


def _load_part(
    part: PartId, paths: Sequence[str], spools: Spools, few: Sequence[int] | None
) -> tuple[Entries, bool] | None:
    """(entries, whether all are payloads) of a part, or None if no spool has it; `few`: only these lines."""
    held: list[Entries] = []
    for path in paths:
        spool = spools[path]
        if part not in spool:
            continue
        block = spool.entries(part)
        held.append(block if few is None else {line: block[line] for line in few})
        if spool.block(part).whole:
            if len(held) == 1:
                return held[0], True
            break
    if not held:
        return None
    if len(held) == 1:
        return held[0], False
    if few is not None:
        return {line: first_answer(entries[line] for entries in held) for line in few}, False
    combined = [first_answer(column) for column in zip(*held, strict=True)]
    return combined, NO_ENTRY not in combined and not any(entry.startswith(b"!") for entry in combined)


class Texts:
    """The folded texts of one segment's documents, from the parts that are still there."""

    def __init__(self, directory: str, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger
        self._foreign = _foreign_lines(ledger)
        self._parts: dict[int, Entries | None] = {}

    def of(self, document: Document) -> str | None:
        """A document's text, put together from the cores of its pieces where no line holds it whole.

        None if no line does, or its part is gone.
        """
        if document.part >= 0:
            return self._line(document.part, document.line)
        if not document.pieces:
            return None
        cores: list[str] = []
        for piece in document.pieces[0][1]:
            text = self._line(piece.part, piece.line)
            if text is None:
                return None
            cores.append(core_of(piece, text))
        return "".join(cores)

    def required(self, document: Document) -> str | None:
        """The same, and RunDirectoryError if a part is gone."""
        text = self.of(document)
        if text is None and (document.part >= 0 or document.pieces):
            raise RunDirectoryError(self._directory, "a part is missing whose texts stand in the results")
        return text

    def _line(self, part: int, line: int) -> str | None:
        if part not in self._parts:
            self._parts[part] = self._load(part)
        texts = self._parts[part]
        try:
            return None if texts is None else texts[line].decode()
        except LookupError:
            return None

    def _load(self, part: int) -> Entries | None:
        try:
            lines = read_lines(part_path(self._directory, self._ledger.parts[part]))
        except RunDirectoryError:
            return None
        few = self._foreign.get(part)
        return lines if few is None else {line: lines[line] for line in few if line < len(lines)}


def _foreign_lines(ledger: Ledger) -> dict[int, list[int]]:
    """The lines that documents of this segment have in parts of other segments, by the part's index."""
    lines: dict[int, set[int]] = {
        index: set() for index, part in enumerate(ledger.parts) if segment_of(part) != ledger.segment
    }
    if lines:
        for document in ledger.documents:
            if document.part in lines:
                lines[document.part].add(document.line)
            for _, pieces in document.pieces:
                for piece in pieces:
                    if piece.part in lines:
                        lines[piece.part].add(piece.line)
    return {index: sorted(used) for index, used in lines.items()}
