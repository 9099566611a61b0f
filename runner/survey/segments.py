"""A finished segment: its documents sorted into parts, counted, and written with its ledger.

The ledger on disk is `runner.model.Ledger` in msgpack. It is encoded from columns, because making a value per document
only to encode it would take half of the time; a test holds the two to the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from heapq import merge
from pathlib import Path
from typing import Final

import msgspec

from runner.model import PartFacts, PartId, SegmentFacts, SegmentId, Tally
from runner.storage.atomic import Replacements
from runner.survey.columns import Columns
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.parts import Placed, Rows, build, place, take, units_of
from runner.survey.routes import Bin, Kind, Router

LEDGER_DIRECTORY: Final = "ledger"
PARTS_DIRECTORY: Final = "parts"

_encode: Final = msgspec.msgpack.Encoder().encode


def write_segment(
    segment: SegmentId, corpus: str, columns: Columns, router: Router, *, files: Replacements, directory: Path
) -> SegmentFacts:
    """Write the parts of a segment, then its ledger, below `directory`; `files` puts them in place later."""
    kinds = router.sort(columns.languages, columns.sizes, columns.fates)
    placed = place(_bins(kinds, router), columns.sizes, router)
    parts: list[PartFacts] = []
    for number, each in enumerate(placed):
        facts, text = build(segment, number, each, columns)
        parts.append(facts)
        with files.open(directory / PARTS_DIRECTORY / f"{facts.id}.txt") as file:
            file.write(text)
    ledger = _ledger(segment, corpus, columns, placed, tuple(part.id for part in parts))
    with files.open(directory / LEDGER_DIRECTORY / f"{segment}.msgpack") as file:
        file.write(ledger)
    return SegmentFacts(
        id=segment,
        corpus=corpus,
        documents=columns.documents,
        bytes=columns.size,
        ledger_digest=blake2b(ledger, digest_size=DIGEST_BYTES).hexdigest(),
        parts=tuple(parts),
        tallies=_tallies(kinds, columns, router),
    )


def _bins(kinds: Mapping[Kind, Rows], router: Router) -> dict[Bin, Rows]:
    """The rows whose lines go into each bin."""
    bins: dict[Bin, Rows] = {}
    for kind, rows in kinds.items():
        where = router.route(kind).bin
        if where is not None:
            bins[where] = list(merge(bins[where], rows)) if where in bins else rows
    return bins


def _ledger(
    segment: SegmentId, corpus: str, columns: Columns, placed: Sequence[Placed], parts: tuple[PartId, ...]
) -> bytes:
    part_of, line_of = _places(placed, columns.documents)
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
        columns.fates,
        columns.messages,
        [()] * columns.documents,
        columns.folds,
        columns.fields,
        strict=True,
    )
    return _encode({"segment": segment, "corpus": corpus, "parts": parts, "documents": list(rows)})


def _places(placed: Sequence[Placed], documents: int) -> tuple[Sequence[int], Sequence[int]]:
    """Per document its part and its line in it; -1 where it has none."""
    if len(placed) == 1 and len(placed[0].rows) == documents:
        return [0] * documents, range(documents)
    part_of, line_of = [-1] * documents, [-1] * documents
    for number, each in enumerate(placed):
        for line, row in enumerate(each.rows):
            part_of[row], line_of[row] = number, line
    return part_of, line_of


def _tallies(kinds: Mapping[Kind, Rows], columns: Columns, router: Router) -> tuple[Tally, ...]:
    """Counts by analysis in the manifest's order, then by language, outcome and code; only what is sent has units."""
    totals: dict[tuple[int, str, str, str], list[int]] = {}
    for kind, rows in kinds.items():
        counts = (len(rows), sum(take(columns.sizes, rows)), units_of(take(columns.characters, rows)))
        for place_of_analysis, closing in enumerate(router.route(kind).closings):
            outcome, code = ("sent", "") if closing is None else (closing.outcome, closing.code)
            total = totals.setdefault((place_of_analysis, kind.language or "", outcome, code), [0, 0, 0])
            for column, count in enumerate(counts if closing is None else (*counts[:2], 0)):
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
