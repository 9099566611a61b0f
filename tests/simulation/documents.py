"""The documents of a simulated world, from its seed: ledgers and parts with everything that makes merging hard."""

from __future__ import annotations

from dataclasses import replace

from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    Document,
    LaneSpec,
    Ledger,
    Limit,
    Manifest,
    PartFacts,
    PartId,
    Quotas,
    SegmentFacts,
    SegmentId,
    part_id,
    segment_id,
    unit_interval,
)
from runner.simulation.behaviour import Behaviour
from tests.simulation.setting import Setting

LANGUAGES = ("en", "de", "ja")


def manifest_of(setting: Setting) -> Manifest:
    lanes = tuple(lane_of(number, behaviour) for number, behaviour in enumerate((setting.behaviour, *setting.others)))
    corpora = tuple(
        CorpusSpec(
            name=f"c{number}",
            sources=("x",),
            format="lines",
            lanes=(lanes[number % len(lanes)].name,) if setting.bound and number else (),
        )
        for number in range(setting.corpora)
    )
    names = tuple(corpus.name for corpus in corpora)
    latin = frozenset({"en", "de"})
    analyses = (
        AnalysisSpec(
            name="language", family="dominant_language", corpora=names, document_bytes_max=1_000_000, languages=None
        ),
        AnalysisSpec(name="entities", family="entities", corpora=names, document_bytes_max=1_000_000, languages=latin),
        AnalysisSpec(name="sentiment", family="sentiment", corpora=names[:1], document_bytes_max=50, languages=latin),
    )
    manifest = Manifest(path="sim.yaml", name="sim", lanes=lanes, corpora=corpora, analyses=analyses)
    # Small batches, so that small worlds have many jobs.
    return replace(manifest, policy=replace(manifest.policy, max_job_documents=max(4, setting.documents // 2)))


def lane_of(number: int, behaviour: Behaviour) -> LaneSpec:
    """A lane whose quotas are what the service there allows."""
    quotas = Quotas(
        active_jobs=Limit(default=behaviour.slots),
        start_per_s=Limit(default=behaviour.start_per_s),
        read_per_s=Limit(default=behaviour.read_per_s),
    )
    name = f"sim{number or ''}"
    return LaneSpec(name=name, kind="aws", staging=f"s3://{name}/", data_access_role="role", quotas=quotas)


def documents_of(setting: Setting, manifest: Manifest) -> tuple[dict[SegmentId, Ledger], list[SegmentFacts]]:
    ledgers: dict[SegmentId, Ledger] = {}
    segments = []
    lines: dict[tuple[str, bool], tuple[PartId, int]] = {}
    for index, corpus in enumerate(manifest.corpora):
        for number in range(setting.segments):
            segment = segment_id(index, 0, number)
            ledger, facts = _segment(setting, corpus.name, segment, lines)
            ledgers[segment] = ledger
            segments.append(facts)
    return ledgers, segments


def _segment(
    setting: Setting, corpus: str, segment: SegmentId, shared: dict[tuple[str, bool], tuple[PartId, int]]
) -> tuple[Ledger, SegmentFacts]:
    """A segment with three pools, two size classes, skipped documents, and lines shared with earlier segments."""
    parts: list[PartId] = []
    counts: dict[PartId, int] = {}
    kinds: dict[tuple[str, bool], PartId] = {}
    foreign: list[PartId] = []
    documents = []
    for ordinal in range(setting.documents):
        draw = lambda *what: unit_interval("document", setting.seed, segment, ordinal, *what)  # noqa: B023, E731
        language = LANGUAGES[int(draw("language") * 3)]
        small = draw("size") < 0.7
        size = 40 if small else 400
        name = f"{segment}:{ordinal}"
        common = {"id": name, "source": 0, "position": ordinal, "size": size, "characters": size}
        if draw("fate") < 0.1:
            documents.append(Document(**common, language=language, fate="EMPTY", message="the text is blank"))
            continue
        pool = language if language != "ja" else "rest"
        key = (pool, small)
        if draw("shared") < 0.15 and key in shared and shared[key][0].rpartition("-")[0] != segment:
            part, line = shared[key]
            if part not in parts:
                parts.append(part)
                foreign.append(part)
        else:
            part = kinds.get(key)  # type: ignore[assignment]
            if part is None:
                part = kinds[key] = part_id(segment, len(kinds))
                parts.append(part)
            line = counts.get(part, 0)
            counts[part] = line + 1
            shared[key] = (part, line)
        documents.append(Document(**common, language=language, part=parts.index(part), line=line))
    facts = SegmentFacts(
        id=segment,
        corpus=corpus,
        documents=len(documents),
        bytes=sum(document.size for document in documents),
        ledger_digest="",
        parts=tuple(
            PartFacts(
                id=part,
                pool=pool,
                line_bytes_max=50 if small else 1_000_000,
                lines=counts[part],
                bytes=counts[part] * (40 if small else 400),
                units=counts[part] * 3,
                digest="",
            )
            for (pool, small), part in kinds.items()
        ),
        foreign_parts=tuple(foreign),
    )
    ledger = Ledger(segment=segment, corpus=corpus, parts=tuple(parts), documents=tuple(documents))
    return ledger, facts
