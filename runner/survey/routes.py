"""Where a document's line goes, and how each analysis closes it: decided once for all documents alike.

Documents are alike if they agree in language, size class and fate. The size classes of a corpus are cut at the
distinct limits of its analyses, so that every analysis reads whole parts: those of the classes within its limit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from runner.errors import InternalError
from runner.model import POOL_REST, AnalysisSpec, PartFacts, PartId
from runner.planning.fates import Closing, closing, reads, size_class


class Kind(NamedTuple):
    """What makes documents alike. `size_class` indexes the limits; past the last: longer than all of them."""

    language: str | None
    size_class: int
    fate: str | None = None


class Bin(NamedTuple):
    """Which parts a line may be in: a pool and the limit of its size class."""

    pool: str
    line_bytes_max: int


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of documents of one kind. `bin` is None if no analysis sends them.

    `closings` has one entry per analysis, None where it is sent.
    """

    bin: Bin | None
    closings: tuple[Closing | None, ...]


class Router:
    """The routes of one corpus. Raises InternalError for analyses that this version cannot survey for."""

    def __init__(self, analyses: Sequence[AnalysisSpec]) -> None:
        for analysis in analyses:
            if analysis.oversize == "split":
                raise InternalError(f"analysis {analysis.name}: documents cannot be split yet, the manifest refuses it")
        self.analyses = tuple(analyses)
        self.limits = tuple(sorted({analysis.document_bytes_max for analysis in analyses}))
        self.route = lru_cache(maxsize=None)(self._route)
        """The route of a kind; there are a few hundred kinds at the most."""

    def sort(
        self, languages: Sequence[str | None], sizes: Sequence[int], fates: Sequence[str | None]
    ) -> dict[Kind, Sequence[int]]:
        """The documents of each kind, as ascending rows of these columns."""
        limits = self.limits
        classes = [bisect_left(limits, size) for size in sizes]
        kinds = list(zip(languages, classes, fates, strict=True))
        if len(set(kinds)) == 1:
            return {Kind(*kinds[0]): range(len(kinds))}
        sorted_rows: defaultdict[tuple[str | None, int, str | None], list[int]] = defaultdict(list)
        for row, kind in enumerate(kinds):
            sorted_rows[kind].append(row)
        return {Kind(*kind): rows for kind, rows in sorted_rows.items()}

    def _route(self, kind: Kind) -> Route:
        # Any size of the class will do: limits lie between classes, never inside one.
        size = self.limits[kind.size_class] if kind.size_class < len(self.limits) else self._beyond
        closings = tuple(
            closing(analysis, fate=kind.fate, message=None, size=size, language=kind.language)
            for analysis in self.analyses
        )
        sent = any(each is None for each in closings)
        return Route(self._bin(kind.language, size) if sent else None, closings)

    @property
    def _beyond(self) -> int:
        return self.limits[-1] + 1 if self.limits else 0

    def _bin(self, language: str | None, size: int) -> Bin:
        limit = size_class(self.limits, size)
        assert limit is not None, "what is longer than every limit is sent by no analysis"
        return Bin(self._pool(language), limit)

    def _pool(self, language: str | None) -> str:
        taken = any(
            analysis.row.takes_language and (analysis.languages is None or language in analysis.languages)
            for analysis in self.analyses
        )
        return language if taken and language is not None else POOL_REST

    def job_limits(self, where: Bin) -> tuple[int, int]:
        """The bytes and lines that a part in a bin may hold: the smallest job of all families that could read it."""
        part = PartFacts(
            id=PartId(""), pool=where.pool, line_bytes_max=where.line_bytes_max, lines=0, bytes=0, units=0, digest=""
        )
        readers = [analysis.row for analysis in self.analyses if reads(analysis, part)]
        assert readers, "a bin has lines because some analysis sends them"
        return min(row.job_bytes_max for row in readers), min(row.job_lines_max for row in readers)
