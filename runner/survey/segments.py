"""A finished segment: its documents sorted into parts, counted, and written with its ledger.

The ledger on disk is `runner.model.Ledger` in msgpack. It is encoded from columns, because making a value per document
only to encode it would take half of the time; a test holds the two to the same bytes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from runner.catalogue import units as units_of_one
from runner.errors import SourceError
from runner.model import PARTS_MAX, PartFacts, PartId, SegmentFacts, SegmentId, Tally
from runner.storage.atomic import Replacements
from runner.survey.columns import Columns
from runner.survey.digests import SegmentDigests, digests_of
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.parts import Placed, Rows, facts_of, lines_of_bins, place, take, units_of
from runner.survey.routes import Kind, Router

LEDGER_DIRECTORY: Final = "ledger"
PARTS_DIRECTORY: Final = "parts"

PLACED_MAX: Final = PARTS_MAX // 2
"""Half of the numbers are left for parts that hold what other segments refer to (`runner.survey.rewriting`)."""

T = TypeVar("T")

_encode: Final = msgspec.msgpack.Encoder().encode


def write_segment(
    segment: SegmentId, corpus: str, columns: Columns, router: Router, *, files: Replacements, directory: Path
) -> tuple[SegmentFacts, SegmentDigests]:
    """Write the parts of a segment, then its ledger, below `directory`; `files` puts them in place later.

    Returns what is to be known of the segment, and what its lines hold.
    Raises SourceError if the user's limits of jobs leave it more parts than there are numbers.
    """
    kinds = router.sort(columns.languages, columns.sizes, columns.fates)
    placed = place(lines_of_bins(kinds, columns, router), router)
    if len(placed) > PLACED_MAX:
        raise SourceError(
            corpus,
            f"its documents fill {len(placed)} jobs in a stretch that may have {PLACED_MAX}",
            hint="raise `policy.max_job_bytes` or `policy.max_job_documents`",
        )
    parts: list[PartFacts] = []
    for number, each in enumerate(placed):
        facts = facts_of(segment, number, each, router)
        parts.append(facts)
        with files.open(directory / PARTS_DIRECTORY / f"{facts.id}.txt") as file:
            file.writelines(each.lines.closed())
    ledger_parts = tuple(part.id for part in parts)
    ledger = _ledger(segment, corpus, columns, placed, ledger_parts)
    with files.open(directory / LEDGER_DIRECTORY / f"{segment}.msgpack") as file:
        file.write(ledger)
    facts_of_segment = SegmentFacts(
        id=segment,
        corpus=corpus,
        documents=columns.documents,
        bytes=columns.size,
        ledger_digest=blake2b(ledger, digest_size=DIGEST_BYTES).hexdigest(),
        parts=tuple(parts),
        tallies=_tallies(kinds, columns, router, placed),
    )
    return facts_of_segment, digests_of(segment, placed, ledger_parts)


def _ledger(
    segment: SegmentId, corpus: str, columns: Columns, placed: Sequence[Placed], parts: tuple[PartId, ...]
) -> bytes:
    part_of, line_of = _places(placed, columns.documents)
    documents = columns.documents
    rows = zip(
        columns.ids,
        columns.sources,
        columns.positions,
        columns.sizes,
        columns.characters,
        columns.languages,
        columns.digests,
        part_of,
        line_of,
        _column({row: fate.code for row, fate in columns.fates.items()}, None, documents),
        _column({row: fate.message for row, fate in columns.fates.items()}, None, documents),
        _column(_pieces(placed), (), documents),
        _column(columns.folds, (), documents),
        [each or None for each in columns.fields] if columns.fields else repeat(None, documents),
        strict=True,
    )
    return _encode({"segment": segment, "corpus": corpus, "parts": parts, "documents": list(rows)})


def _column(some: Mapping[int, T], other: T, documents: int) -> Iterable[T]:
    """A value per document: those that some have, another for the rest."""
    if not some:
        return repeat(other, documents)
    column = [other] * documents
    for row, value in some.items():
        column[row] = value
    return column


def _places(placed: Sequence[Placed], documents: int) -> tuple[Sequence[int], Sequence[int]]:
    """Per document its part and its line in it; -1 where it has none as a whole."""
    if len(placed) == 1 and len(placed[0].lines.rows) == documents and placed[0].lines.cuts is None:
        return [0] * documents, range(documents)
    part_of, line_of = [-1] * documents, [-1] * documents
    for number, each in enumerate(placed):
        if each.lines.cuts is None:
            for line, row in enumerate(each.lines.rows):
                part_of[row], line_of[row] = number, line
    return part_of, line_of


_Pieces = tuple[tuple[int, tuple[tuple[int, ...], ...]], ...]


def _pieces(placed: Sequence[Placed]) -> dict[int, _Pieces]:
    """By row the pieces of a document, by ascending limit, in the members' order of `runner.model.Piece`."""
    found: defaultdict[int, defaultdict[int, list[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(list))
    for number, each in enumerate(placed):
        if each.lines.cuts is not None and each.bin.split_bytes is not None:
            for line, (row, cut) in enumerate(zip(each.lines.rows, each.lines.cuts, strict=True)):
                found[row][each.bin.split_bytes].append((number, line, *cut))
    return {
        row: tuple((limit, tuple(by_limit[limit])) for limit in sorted(by_limit)) for row, by_limit in found.items()
    }


def _tallies(
    kinds: Mapping[Kind, Rows], columns: Columns, router: Router, placed: Sequence[Placed]
) -> tuple[Tally, ...]:
    """Counts by analysis in the manifest's order, then by language, outcome and code; only what is sent has units.

    What is sent in pieces has the units of its pieces, overlaps included.
    """
    in_pieces = _units_in_pieces(placed)
    totals: dict[tuple[int, str, str, str], list[int]] = {}
    for kind, rows in kinds.items():
        route = router.route(kind)
        documents, size = len(rows), sum(take(columns.sizes, rows))
        whole = units_of(take(columns.characters, rows))
        for place_of_analysis, (closing, limit) in enumerate(zip(route.closings, route.split_at, strict=True)):
            outcome, code = ("sent", "") if closing is None else (closing.outcome, closing.code)
            units = 0
            if closing is None:
                units = whole if limit is None else sum(in_pieces[limit][row] for row in rows)
            total = totals.setdefault((place_of_analysis, kind.language or "", outcome, code), [0, 0, 0])
            for column, count in enumerate((documents, size, units)):
                total[column] += count
    return tuple(
        Tally(
            analysis=router.analyses[place_of_analysis].name,
            language=language or None,
            outcome=outcome,
            code=code,
            documents=documents,
            bytes=size,
            units=units,
        )
        for (place_of_analysis, language, outcome, code), (documents, size, units) in sorted(totals.items())
    )


def _units_in_pieces(placed: Sequence[Placed]) -> dict[int, Counter[int]]:
    """By limit, the billing units of each document's pieces, by its row."""
    counted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for each in placed:
        if each.bin.split_bytes is not None:
            for row, characters in zip(each.lines.rows, each.lines.characters, strict=True):
                counted[each.bin.split_bytes][row] += units_of_one(characters)
    return counted
