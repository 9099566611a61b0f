"""A segment in the making: its ledger as columns, its parts, its counts; and how it is written.

The ledger on disk is `runner.model.Ledger` in msgpack. It is encoded from columns, because making a value per document
only to encode it would take half of the time; a test holds the two to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from runner.model import PartFacts, SegmentFacts, SegmentId, Tally
from runner.storage.atomic import Replacements
from runner.survey.measuring import DIGEST_BYTES, Measured
from runner.survey.parts import Parts, units_of
from runner.survey.routes import Kind, Router

LEDGER_DIRECTORY: Final = "ledger"
PARTS_DIRECTORY: Final = "parts"

_encode: Final = msgspec.msgpack.Encoder().encode


class Segment:
    """Documents being gathered; `documents` and `bytes` say how many and how much text so far."""

    def __init__(self, segment_id: SegmentId, corpus: str, router: Router) -> None:
        self.id = segment_id
        self.documents = 0
        self.bytes = 0
        self._corpus = corpus
        self._router = router
        self._parts = Parts(segment_id, router)
        self._tallies = _Tallies(router)
        # Columns of `runner.model.Document`, in its order.
        self._ids: list[str] = []
        self._sources: list[int] = []
        self._positions: list[int] = []
        self._sizes: list[int] = []
        self._characters: list[int] = []
        self._languages: list[str | None] = []
        self._digests: list[bytes] = []
        self._part_of: list[int] = []
        self._line_of: list[int] = []
        self._fates: list[str | None] = []
        self._messages: list[str | None] = []

    def add(self, measured: Measured, begin: int, end: int) -> None:
        """Append the documents [begin, end) of a measured block."""
        sizes, characters = measured.sizes[begin:end], measured.characters[begin:end]
        languages = measured.languages[begin:end]
        fates = {row - begin: fate for row, fate in measured.fates.items() if begin <= row < end}
        self._ids.extend(measured.ids[begin:end])
        self._sources.extend(measured.sources[begin:end])
        self._positions.extend(measured.positions[begin:end])
        self._sizes.extend(sizes)
        self._characters.extend(characters)
        self._languages.extend(languages)
        self._digests.extend(measured.digests[begin:end])
        self._fates.extend([None] * len(sizes))
        self._messages.extend([None] * len(sizes))
        for row, fate in fates.items():
            place = self.documents + row
            self._fates[place], self._messages[place] = fate
        lines = measured.lines[begin:end]
        for kind, first, last in _runs(self._router.kinds(languages, sizes, fates), len(sizes)):
            self._place(kind, lines[first:last], sizes[first:last], characters[first:last])
        self.documents += len(sizes)
        self.bytes += sum(sizes)

    def _place(self, kind: Kind, lines: Sequence[bytes], sizes: Sequence[int], characters: Sequence[int]) -> None:
        route = self._router.route(kind)
        self._tallies.add(kind, len(sizes), sum(sizes), units_of(characters))
        if route.bin is None:
            self._part_of.extend([-1] * len(sizes))
            self._line_of.extend([-1] * len(sizes))
            return
        for part, first, count in self._parts.add(route.bin, lines, sizes, characters):
            self._part_of.extend([part] * count)
            self._line_of.extend(range(first, first + count))

    def write(self, files: Replacements, directory: Path) -> SegmentFacts:
        """Write the parts, then the ledger, below `directory`; `files` puts them in place later."""
        part_facts: list[PartFacts] = []
        for facts, text in self._parts.finished():
            part_facts.append(facts)
            with files.open(directory / PARTS_DIRECTORY / f"{facts.id}.txt") as file:
                file.write(text)
        ledger = self._ledger()
        with files.open(directory / LEDGER_DIRECTORY / f"{self.id}.msgpack") as file:
            file.write(ledger)
        return SegmentFacts(
            id=self.id,
            corpus=self._corpus,
            documents=self.documents,
            bytes=self.bytes,
            ledger_digest=blake2b(ledger, digest_size=DIGEST_BYTES).hexdigest(),
            parts=tuple(part_facts),
            tallies=self._tallies.tallies(),
        )

    def _ledger(self) -> bytes:
        rows = zip(
            self._ids,
            self._sources,
            self._positions,
            self._sizes,
            self._characters,
            self._languages,
            self._digests,
            self._part_of,
            self._line_of,
            self._fates,
            self._messages,
            [()] * self.documents,
            strict=True,
        )
        ledger = {"segment": self.id, "corpus": self._corpus, "parts": self._parts.ids(), "documents": list(rows)}
        return _encode(ledger)


class _Tallies:
    """Counts of (document, analysis) pairs by analysis, language and outcome."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._counts: dict[Kind, tuple[int, int, int]] = {}

    def add(self, kind: Kind, documents: int, size: int, units: int) -> None:
        held = self._counts.get(kind, (0, 0, 0))
        self._counts[kind] = (held[0] + documents, held[1] + size, held[2] + units)

    def tallies(self) -> tuple[Tally, ...]:
        """By analysis in the manifest's order, then by language, outcome and code; only what was sent has units."""
        totals: dict[tuple[int, str, str, str], list[int]] = {}
        for kind, counts in self._counts.items():
            for place, closing in enumerate(self._router.route(kind).closings):
                outcome, code = ("sent", "") if closing is None else (closing.outcome, closing.code)
                total = totals.setdefault((place, kind.language or "", outcome, code), [0, 0, 0])
                for column, count in enumerate(counts if closing is None else (*counts[:2], 0)):
                    total[column] += count
        return tuple(
            Tally(
                analysis=self._router.analyses[place].name,
                language=language or None,
                outcome=outcome,
                code=code,
                documents=documents,
                bytes=size,
                units=units,
            )
            for (place, language, outcome, code), (documents, size, units) in sorted(totals.items())
        )


def _runs(kinds: list[Kind] | Kind, count: int) -> Iterator[tuple[Kind, int, int]]:
    """Stretches of documents of one kind: (kind, begin, end)."""
    if isinstance(kinds, Kind):
        yield kinds, 0, count
        return
    begin = 0
    for kind, stretch in groupby(kinds):
        end = begin + sum(1 for _ in stretch)
        yield kind, begin, end
        begin = end
