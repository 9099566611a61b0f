"""Where a document's line goes, and how each analysis closes it: decided once for all documents alike.

Documents are alike if they agree in language, size class and fate. The size classes of a corpus are cut at the
distinct limits of its analyses, so that every analysis reads whole parts: those of the classes within its limit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from runner.corpus import Trouble
from runner.model import (
    POOL_REST,
    SEGMENT_BYTES_MAX,
    SEGMENT_DOCUMENTS_MAX,
    AnalysisSpec,
    PartFacts,
    PartId,
)
from runner.planning.fates import Closing, closing, overlaps, reads, size_class, split_limit
from runner.survey.cuts import overlap_of

WHOLE_TEXT: Final = frozenset({"sentiment", "dominant_language", "classification"})
"""Families that say one thing of a text: an overlap would cost them units, and add nothing."""


class Kind(NamedTuple):
    """What makes documents alike. `size_class` indexes the limits; past the last: longer than all of them."""

    language: str | None
    size_class: int
    fate: str | None = None


class Bin(NamedTuple):
    """Which parts a line may be in: a pool and the limit of its size class, or that at which pieces were cut.

    What no analysis reads, and is kept for the output's `text`, has a bin of its own.
    """

    pool: str
    line_bytes_max: int
    split_bytes: int | None = None
    kept: bool = False


class Split(NamedTuple):
    """How documents are cut into pieces: at most `limit` bytes each, `overlap` bytes of each neighbour with them."""

    limit: int
    overlap: int


KEPT: Final = Bin(POOL_REST, 0, None, kept=True)


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of documents of one kind.

    `bin` is None if no analysis sends them whole. `splits` has the ways in which they are cut, each with its bin.
    `closings` has one entry per analysis, None where it is sent; `split_at` likewise the limit at which it is cut for
    the analysis, None where it is sent whole or not at all.
    """

    bin: Bin | None
    splits: tuple[tuple[Split, Bin], ...]
    closings: tuple[Closing | None, ...]
    split_at: tuple[int | None, ...]


class Router:
    """The routes of one corpus.

    `job_bytes_max` and `job_documents_max` are the user's limits beside the service's. With `keep_text` what no
    analysis sends whole has a line all the same.
    """

    def __init__(
        self,
        analyses: Sequence[AnalysisSpec],
        *,
        job_bytes_max: int | None = None,
        job_documents_max: int | None = None,
        keep_text: bool = False,
    ) -> None:
        self.analyses = tuple(analyses)
        self.limits = tuple(sorted({analysis.document_bytes_max for analysis in analyses}))
        self._job_bytes_max = job_bytes_max
        self._job_documents_max = job_documents_max
        self._keep_text = keep_text
        self._splits = _splits(analyses)
        self.route = lru_cache(maxsize=None)(self._route)
        """The route of a kind; there are a few hundred kinds at the most."""

    def sort(
        self, languages: Sequence[str | None], sizes: Sequence[int], fates: Mapping[int, Trouble]
    ) -> dict[Kind, Sequence[int]]:
        """The documents of each kind, as ascending rows of these columns; `fates` are by row."""
        limits, documents = self.limits, len(sizes)
        kinds: defaultdict[tuple[str | None, int, str | None], list[int]] = defaultdict(list)
        left: Sequence[int] = range(documents)
        if languages.count(languages[0]) == documents and (not limits or max(sizes) <= limits[0]):
            # As nearly always: all alike, but for those few that no job will see.
            kinds[languages[0], 0, None] = [row for row in left if row not in fates] if fates else list(left)
            left = sorted(fates)
        for row in left:
            fate = fates[row].code if row in fates else None
            kinds[languages[row], bisect_left(limits, sizes[row]), fate].append(row)
        return {Kind(*kind): rows for kind, rows in kinds.items() if rows}

    def _route(self, kind: Kind) -> Route:
        # Any size of the class will do: limits lie between classes, never inside one.
        size = self.limits[kind.size_class] if kind.size_class < len(self.limits) else self._beyond
        closings = tuple(
            closing(analysis, fate=kind.fate, message=None, size=size, language=kind.language)
            for analysis in self.analyses
        )
        sent = [analysis for analysis, each in zip(self.analyses, closings, strict=True) if each is None]
        whole = any(size <= analysis.document_bytes_max for analysis in sent)
        split_at = tuple(
            split_limit(analysis) if each is None and size > analysis.document_bytes_max else None
            for analysis, each in zip(self.analyses, closings, strict=True)
        )
        pool = self._pool(kind.language)
        return Route(
            bin=self._bin(pool, size) if whole else KEPT if self._keep_text else None,
            splits=tuple(
                (split, Bin(pool, split.limit, split.limit)) for split in self._splits if split.limit in split_at
            ),
            closings=closings,
            split_at=split_at,
        )

    @property
    def _beyond(self) -> int:
        return self.limits[-1] + 1 if self.limits else 0

    def _bin(self, pool: str, size: int) -> Bin:
        limit = size_class(self.limits, size)
        assert limit is not None, "what is longer than every limit is sent whole by no analysis"
        return Bin(pool, limit)

    def _pool(self, language: str | None) -> str:
        taken = any(
            analysis.row.takes_language and (analysis.languages is None or language in analysis.languages)
            for analysis in self.analyses
        )
        return language if taken and language is not None else POOL_REST

    def job_limits(self, where: Bin) -> tuple[int, int]:
        """The bytes and lines that a part in a bin may hold: the smallest job of all families that could read it.

        Pieces of one document may be far more than a segment otherwise holds; their parts are kept to its size.
        """
        if where.kept:
            return SEGMENT_BYTES_MAX, SEGMENT_DOCUMENTS_MAX
        part = PartFacts(
            id=PartId(""),
            pool=where.pool,
            line_bytes_max=where.line_bytes_max,
            lines=0,
            bytes=0,
            units=0,
            digest="",
            split_bytes=where.split_bytes,
        )
        readers = [analysis.row for analysis in self.analyses if reads(analysis, part)]
        assert readers, "a bin has lines because some analysis sends them"
        sizes = [row.job_bytes_max for row in readers]
        lines = [row.job_lines_max for row in readers]
        if where.split_bytes is not None:
            sizes.append(SEGMENT_BYTES_MAX)
        return (
            min(sizes if self._job_bytes_max is None else [*sizes, self._job_bytes_max]),
            min(lines if self._job_documents_max is None else [*lines, self._job_documents_max]),
        )


def _splits(analyses: Sequence[AnalysisSpec]) -> tuple[Split, ...]:
    """One way of cutting per distinct limit; pieces overlap only if some analysis finds places in the text."""
    located: dict[int, bool] = {}
    for analysis in analyses:
        limit = split_limit(analysis)
        if limit is not None:
            located[limit] = located.get(limit, False) or (overlaps(analysis) and analysis.family not in WHOLE_TEXT)
    return tuple(Split(limit, overlap_of(limit) if located[limit] else 0) for limit in sorted(located))
