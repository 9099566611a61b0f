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
from runner.survey.measuring import DIGEST_BYTES, digests_of
from runner.survey.routes import KEPT, Bin, Kind, Router, Split

T = TypeVar("T")

Rows = Sequence[int]
"""Places of documents in their segment, ascending."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one bin, or of one part, in input order; columns of one length, and the text.

    The text is in stretches of lines, with a line feed between each two of them. `rows` are the lines' documents, of
    pieces several times the same; `cuts` says where each piece lies in its document, and is None for whole documents.
    """

    rows: Rows
    text: Sequence[bytes | memoryview]
    sizes: Sequence[int]
    characters: Sequence[int]
    digests: Sequence[bytes]
    cuts: Sequence[Cut] | None = None

    def closed(self) -> Iterator[bytes | memoryview]:
        """The text, each line closed by a line feed."""
        for stretch in self.text:
            yield stretch
            yield b"\n"

    def slices(self, ends: Sequence[int]) -> Iterator[Lines]:
        """The lines up to each end, from the end before it."""
        if len(ends) == 1:
            yield self
            return
        text = memoryview(b"\n".join(self.text))
        begin = first = 0
        for end in ends:
            sizes = self.sizes[begin:end]
            last = first + sum(sizes) + len(sizes)
            cuts = None if self.cuts is None else self.cuts[begin:end]
            yield Lines(
                self.rows[begin:end],
                (text[first : last - 1],),
                sizes,
                self.characters[begin:end],
                self.digests[begin:end],
                cuts,
            )
            begin, first = end, last


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
    bins = {where: _whole(rows, columns) for where, rows in whole.items()}
    return bins | {where: _pieces(how, rows, columns) for (how, where), rows in split.items()}


def _gather(into: dict[T, Rows], key: T, rows: Rows) -> None:
    if rows:
        into[key] = list(merge(into[key], rows)) if key in into else rows


def _whole(rows: Rows, columns: Columns) -> Lines:
    """The lines of some documents."""
    return Lines(
        rows,
        columns.text.of(rows, columns.sizes),
        take(columns.sizes, rows),
        take(columns.characters, rows),
        take(columns.digests, rows),
    )


def _pieces(how: Split, rows: Rows, columns: Columns) -> Lines:
    """The pieces of some documents, one after the other."""
    from runner.survey.pieces import cut  # with a library that most workers do not need

    of_rows: list[int] = []
    texts: list[bytes] = []
    characters: list[int] = []
    cuts: list[Cut] = []
    for row in rows:
        text = columns.text.lines[row].decode()
        for piece in cut(text, how.limit, how.overlap):
            of_rows.append(row)
            texts.append(text[piece.begin : piece.end].encode())
            characters.append(piece.end - piece.begin)
            cuts.append(piece)
    return Lines(of_rows, [b"\n".join(texts)], list(map(len, texts)), characters, digests_of(texts), cuts)


def place(bins: Mapping[Bin, Lines], router: Router) -> list[Placed]:
    """The parts of a segment, in the order of their numbers, from the lines of each bin."""
    placed: list[Placed] = []
    for where, lines in sorted(bins.items(), key=lambda item: (item[1].rows[0], item[0].split_bytes or 0)):
        bytes_max, lines_max = router.job_limits(where)
        ends = list(_ends(lines.sizes, bytes_max, lines_max))
        placed += [Placed(where, each) for each in lines.slices(ends)]
    return placed


def _ends(sizes: Sequence[int], bytes_max: int, lines_max: int) -> Iterator[int]:
    """Where each part ends that is as full as the limits allow; one line at least."""
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


def facts_of(segment: SegmentId, number: int, placed: Placed, router: Router) -> PartFacts:
    """What is to be known of a part. `bytes` counts line ends too: it is the size of the object."""
    where, lines = placed.bin, placed.lines
    digest = blake2b(digest_size=DIGEST_BYTES)
    for stretch in lines.closed():
        digest.update(stretch)
    return PartFacts(
        id=part_id(segment, number),
        pool=where.pool,
        line_bytes_max=max(lines.sizes) if where.kept else where.line_bytes_max,
        lines=len(lines.rows),
        bytes=sum(lines.sizes) + len(lines.sizes),
        units=units_of(lines.characters),
        digest=digest.hexdigest(),
        split_bytes=where.split_bytes,
        answered=tuple(analysis.name for analysis in router.analyses) if where.kept else (),
    )
