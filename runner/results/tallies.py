"""Counting how (document, analysis) pairs end. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runner.catalogue import units
from runner.model import AnalysisSpec, Document, Tally


class TallyBook:
    """Counts (document, analysis) pairs by analysis, language, outcome and code."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str | None, str, str], list[int]] = {}

    def add(self, document: Document, analysis: str, outcome: str, code: str) -> None:
        """Count one pair."""
        self.add_many(analysis, document.language, outcome, code, (1, document.size, units(document.characters)))

    def add_many(
        self, analysis: str, language: str | None, outcome: str, code: str, count: tuple[int, int, int]
    ) -> None:
        """Count pairs of one kind: (documents, bytes, units)."""
        held = self._counts.setdefault((analysis, language, outcome, code), [0, 0, 0])
        for place, number in enumerate(count):
            held[place] += number

    def tallies(self, analyses: Sequence[AnalysisSpec]) -> tuple[Tally, ...]:
        """The counts, by manifest order of analyses, then language, outcome, code."""
        order = {analysis.name: place for place, analysis in enumerate(analyses)}
        keys = sorted(self._counts, key=lambda key: (order[key[0]], key[1] or "", key[2], key[3]))
        return tuple(
            Tally(analysis=name, language=language, outcome=outcome, code=code, documents=n, bytes=size, units=unit)
            for name, language, outcome, code in keys
            for n, size, unit in (self._counts[name, language, outcome, code],)
        )
