"""Builders of small manifests and surveys, by what a test cares for and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runner.catalogue import FAMILIES, units
from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    LaneSpec,
    Limit,
    Manifest,
    PartFacts,
    PolicySpec,
    Quotas,
    SegmentFacts,
    Tally,
    part_id,
    segment_id,
)


class Build:
    """Values with defaults; every method is a function of its arguments."""

    @staticmethod
    def lane(kind: str = "aws", *, slots: int | None = 10, pace: float | None = 1.0, reserve: int = 0) -> LaneSpec:
        quotas = Quotas(
            active_jobs=Limit(default=slots), start_per_s=Limit(default=pace), reserve_slots=Limit(default=reserve)
        )
        return LaneSpec(name="lane", kind=kind, quotas=quotas)

    @staticmethod
    def analysis(
        family: str, *, name: str | None = None, corpora: Sequence[str] = ("a",), **given: object
    ) -> AnalysisSpec:
        row = FAMILIES[family]
        defaults = {"document_bytes_max": row.document_bytes_max, "languages": row.languages}
        return AnalysisSpec(name=name or family, family=family, corpora=tuple(corpora), **{**defaults, **given})

    @staticmethod
    def manifest(
        analyses: Sequence[AnalysisSpec | str],
        *,
        corpora: Sequence[str] = ("a",),
        lane: LaneSpec | None = None,
        policy: PolicySpec | None = None,
        **given: object,
    ) -> Manifest:
        specs = [Build.analysis(a, corpora=corpora) if isinstance(a, str) else a for a in analyses]
        return Manifest(
            path="run.yaml",
            name="run",
            lanes=(lane or Build.lane(),),
            corpora=tuple(CorpusSpec(name=name, sources=(f"/{name}",), format="lines") for name in corpora),
            analyses=tuple(specs),
            policy=policy or PolicySpec(),
            **given,
        )

    @staticmethod
    def part(
        size: int = 100_000, *, lines: int = 100, pool: str = "en", cap: int = 5120, split: int | None = None
    ) -> dict[str, object]:
        """What a part holds; `segment` gives it an id."""
        return {
            "pool": pool,
            "line_bytes_max": cap,
            "lines": lines,
            "bytes": size,
            "units": lines * units(size // max(1, lines)),
            "digest": "",
            "split_bytes": split,
        }

    @staticmethod
    def segment(
        parts: Sequence[dict[str, object]],
        *,
        corpus: str = "a",
        corpus_index: int = 0,
        index: int = 0,
        tallies: Sequence[Tally] = (),
        foreign: Sequence[str] = (),
        documents: int | None = None,
    ) -> SegmentFacts:
        own = segment_id(corpus_index, 0, index)
        facts = tuple(PartFacts(id=part_id(own, number), **part) for number, part in enumerate(parts))
        return SegmentFacts(
            id=own,
            corpus=corpus,
            documents=sum(part.lines for part in facts) if documents is None else documents,
            bytes=sum(part.bytes for part in facts),
            ledger_digest="",
            parts=facts,
            foreign_parts=tuple(foreign),
            tallies=tuple(tallies),
        )

    @staticmethod
    def segments(sizes: Sequence[int], **given: object) -> list[SegmentFacts]:
        """One segment with one part for each size."""
        return [Build.segment([Build.part(size)], index=index, **given) for index, size in enumerate(sizes)]


@pytest.fixture(scope="session")
def build() -> type[Build]:
    return Build
