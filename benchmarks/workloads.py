"""Seeded workloads for benchmarks in virtual time: manifests, and what a survey of their corpora would say."""

from __future__ import annotations

import random
from collections.abc import Sequence

from runner.catalogue import FAMILIES
from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    LaneSpec,
    Limit,
    Manifest,
    PartFacts,
    Quotas,
    SegmentFacts,
    part_id,
    segment_id,
)

MB = 1_000_000
SEGMENT_BYTES = 8 * MB
SEGMENT_DOCUMENTS = 5_000


def lane(number: int, *, slots: int = 10, start_per_s: float | None = 1.0) -> LaneSpec:
    """A remote lane with the service's quotas, or others."""
    quotas = Quotas(active_jobs=Limit(default=slots), start_per_s=Limit(default=start_per_s))
    return LaneSpec(name=f"lane{number}", kind="aws", staging=f"s3://lane{number}/", quotas=quotas)


def manifest(
    lanes: Sequence[LaneSpec], corpora: Sequence[CorpusSpec], families: Sequence[str], name: str = "workload"
) -> Manifest:
    """A manifest whose analyses read every corpus."""
    names = tuple(corpus.name for corpus in corpora)
    analyses = tuple(
        AnalysisSpec(
            name=family,
            family=family,
            corpora=names,
            document_bytes_max=FAMILIES[family].document_bytes_max,
            languages=FAMILIES[family].languages,
        )
        for family in families
    )
    return Manifest(path="workload.yaml", name=name, lanes=tuple(lanes), corpora=tuple(corpora), analyses=analyses)


def corpus(name: str, lanes: Sequence[str] = ()) -> CorpusSpec:
    """A corpus of lines."""
    return CorpusSpec(name=name, sources=(name,), format="lines", lanes=tuple(lanes))


def survey(index: int, name: str, documents: int, size: int, pools: Sequence[str] = ("en",)) -> list[SegmentFacts]:
    """Segments of a corpus of so many documents of `size` bytes, its languages taking turns by segment."""
    per_segment = max(1, min(SEGMENT_DOCUMENTS, SEGMENT_BYTES // max(1, size)))
    found = []
    for number, begin in enumerate(range(0, documents, per_segment)):
        lines = min(per_segment, documents - begin)
        own = segment_id(index, 0, number)
        part = PartFacts(
            id=part_id(own, 0),
            pool=pools[number % len(pools)],
            line_bytes_max=5_120,
            lines=lines,
            bytes=lines * (size + 1),
            units=lines * max(3, -(-size // 100)),
            digest="",
        )
        found.append(
            SegmentFacts(id=own, corpus=name, documents=lines, bytes=lines * size, ledger_digest="", parts=(part,))
        )
    return found


FAMILY_CHOICES = ("dominant_language", "entities", "key_phrases", "sentiment", "pii_entities")


def workload(seed: int, *, bound_share: float = 0.0) -> tuple[Manifest, list[SegmentFacts]]:
    """One to four lanes, one to six corpora of 100 KB to 20 GB in one to three languages, one to five analyses.

    `bound_share` of the corpora are bound to one lane. A workload has jobs in any case: one corpus at least is English.
    """
    draw = random.Random(seed)
    lanes = [lane(number, slots=draw.choice([5, 10, 10, 10, 25])) for number in range(draw.randint(1, 4))]
    families = sorted(draw.sample(FAMILY_CHOICES, draw.randint(1, 5)))
    corpora, segments = [], []
    for index in range(draw.randint(1, 6)):
        size = draw.choice([120, 500, 1_500, 4_000])
        total = 10 ** draw.uniform(5, 10.3)
        name = f"c{index}"
        bound = [draw.choice(lanes).name] if draw.random() < bound_share else []
        corpora.append(corpus(name, bound))
        pools = draw.sample(["en", "de", "es"], draw.randint(1, 3)) if index else ["en"]
        segments += survey(index, name, max(1, int(total / size)), size, pools)
    return manifest(lanes, corpora, families, name=f"w{seed}"), segments
