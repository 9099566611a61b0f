"""Parts: the lines of one segment, gathered by bin, and cut where a job of some reader would be full.

A part's text is its lines, each closed by one LF: the object that a job reads, byte for byte. Lines keep the input's
order; parts are numbered by the order in which their bins first occur, so that both follow from the documents alone.
Pieces of long documents are lines like any other, in bins of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import merge
from typing import TypeVar

from runner.catalogue import UNIT_CHARACTERS, UNITS_PER_DOCUMENT_MIN
from runner.model import PartFacts, SegmentId, part_id
from runner.survey.columns import Columns
from runner.survey.cuts import Cut
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.routes import KEPT, Bin, Kind, Router, Split

T = TypeVar("T")

Rows = Sequence[int]
"""Places of documents in their segment, ascending."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one bin, or of one part, in input order; columns of one length.

    `rows` are their documents, of pieces several times the same; `cuts` says where each piece lies in its document,
    and is None for whole documents.
    """

    rows: Rows
    texts: Sequence[bytes]
    characters: Sequence[int]
    digests: Sequence[bytes]
    cuts: Sequence[Cut] | None = None

    def slice(self, begin: int, end: int) -> Lines:
        """The lines [begin, end)."""
        if end - begin == len(self.rows):
            return self
        cuts = None if self.cuts is None else self.cuts[begin:end]
        return Lines(
            self.rows[begin:end], self.texts[begin:end], self.characters[begin:end], self.digests[begin:end], cuts
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """What is in one part."""

    bin: Bin
    lines: Lines


def units_of(characters: Sequence[int]) -> int:
    """Billing units of documents of these lengths, together (`runner.catalogue.units` for a whole column)."""
    least = UNIT_CHARACTERS * UNITS_PER_DOCUMENT_MIN
    if max(characters, default=0) <= least:
        return UNITS_PER_DOCUMENT_MIN * len(characters)  # short texts are the many ones
    return UNITS_PER_DOCUMENT_MIN * len(characters) + sum(
        [-(-(each - least) // UNIT_CHARACTERS) for each in characters if each > least]
    )


def take(column: Sequence[T], rows: Rows) -> Sequence[T]:
    """The values of some rows; of all rows, the column itself."""
    return column if len(rows) == len(column) else [column[row] for row in rows]


def lines_of_bins(kinds: Mapping[Kind, Rows], columns: Columns, router: Router) -> dict[Bin, Lines]:
    """The lines of each bin, from the documents of each kind."""
    whole: dict[Bin, Rows] = {}
    split: dict[tuple[Split, Bin], Rows] = {}
    for kind, rows in kinds.items():
        route = router.route(kind)
        if route.bin == KEPT:
            _gather(whole, KEPT, [row for row in rows if columns.sizes[row]])
        elif route.bin is not None:
            _gather(whole, route.bin, rows)
        for how in route.splits:
            _gather(split, how, rows)
    bins = {
        where: Lines(rows, take(columns.lines, rows), take(columns.characters, rows), take(columns.digests, rows))
        for where, rows in whole.items()
    }
    return bins | {where: _pieces(how, rows, columns) for (how, where), rows in split.items()}


def _gather(into: dict[T, Rows], key: T, rows: Rows) -> None:
    if rows:
        into[key] = list(merge(into[key], rows)) if key in into else rows


def _pieces(how: Split, rows: Rows, columns: Columns) -> Lines:
    """The pieces of some documents, one after the other."""
    from runner.survey.pieces import cut  # with a library that most workers do not need

    of_rows: list[int] = []
    texts: list[bytes] = []
    characters: list[int] = []
    cuts: list[Cut] = []
    for row in rows:
        text = columns.lines[row].decode()
        for piece in cut(text, how.limit, how.overlap):
            of_rows.append(row)
            texts.append(text[piece.begin : piece.end].encode())
            characters.append(piece.end - piece.begin)
            cuts.append(piece)
    digests = [blake2b(text, digest_size=DIGEST_BYTES).digest() for text in texts]
    return Lines(of_rows, texts, characters, digests, cuts)


def place(bins: Mapping[Bin, Lines], router: Router) -> list[Placed]:
    """The parts of a segment, in the order of their numbers, from the lines of each bin."""
    placed: list[Placed] = []
    for where, lines in sorted(bins.items(), key=lambda item: (item[1].rows[0], item[0].split_bytes or 0)):
        bytes_max, lines_max = router.job_limits(where)
        begin = 0
        for end in _cuts(lines.texts, bytes_max, lines_max):
            placed.append(Placed(where, lines.slice(begin, end)))
            begin = end
    return placed


def _cuts(texts: Sequence[bytes], bytes_max: int, lines_max: int) -> Iterator[int]:
    """Where each part ends that is as full as the limits allow; one line at least."""
    sizes = list(map(len, texts))
    if len(sizes) <= lines_max and sum(sizes) + len(sizes) <= bytes_max:
        yield len(sizes)
        return
    first = filled = 0
    for row, size in enumerate(sizes):
        if row > first and (row - first == lines_max or filled + size + 1 > bytes_max):
            yield row
            first, filled = row, 0
        filled += size + 1
    yield len(sizes)


def build(segment: SegmentId, number: int, placed: Placed, router: Router) -> tuple[PartFacts, bytes]:
    """A part's facts and its text. `bytes` counts line ends too: it is the size of the object."""
    where, lines = placed.bin, placed.lines
    text = b"\n".join(lines.texts) + b"\n"
    facts = PartFacts(
        id=part_id(segment, number),
        pool=where.pool,
        line_bytes_max=max(map(len, lines.texts)) if where.kept else where.line_bytes_max,
        lines=len(lines.rows),
        bytes=len(text),
        units=units_of(lines.characters),
        digest=blake2b(text, digest_size=DIGEST_BYTES).hexdigest(),
        split_bytes=where.split_bytes,
        answered=tuple(analysis.name for analysis in router.analyses) if where.kept else (),
    )
    return facts, text
