"""The rows of a plan: corpus × analysis, what is sent, what is not and why, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.model import AnalysisSpec, Batch, Manifest, PartFacts, PartId, SegmentFacts, Tally
from runner.planning.fates import SHARED
from runner.planning.packing import PlannedWork, pad_units
from runner.planning.price import FamilyCost, Units, units_of

_NOTHING = Units(upper=0, lower=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One analysis of one corpus.

    `documents`, `bytes`: all of the corpus under this analysis; `sent`, `sent_bytes`: those for the service. `units`
    count the lines that jobs read: a text that several documents share is read, and paid, once, in the corpus that
    holds its line. `usd` is the upper end; both ends are None if the family's price is not known. `shared` of those
    sent are answered by the lines of other documents with the same text, which saves `shared_units`; `reused` of
    them are not sent at all, because earlier runs have bought their answers, which saves `reused_units`.
    """

    corpus: str
    analysis: str
    family: str
    documents: int
    bytes: int
    sent: int
    sent_bytes: int
    sent_by_language: tuple[tuple[str | None, int], ...]
    skipped: tuple[tuple[str | None, str, int], ...]
    """(language, code, documents)"""
    errors: tuple[tuple[str, int], ...]
    """(code, documents)"""
    units: Units
    usd: float | None
    usd_lower: float | None
    shared: int = 0
    shared_units: int = 0
    reused: int = 0
    reused_units: int = 0


def job_units(manifest: Manifest, work: PlannedWork) -> dict[str, Units]:
    """Units of all jobs by family, in the order in which the manifest first names them; pads included."""
    family_of = {analysis.name: analysis.family for analysis in manifest.analyses}
    lines = {batch.id: batch.lines + batch.padded for batch in work.batches}
    totals = dict.fromkeys(family_of.values(), _NOTHING)
    for job in work.jobs:
        family = family_of[job.analysis]
        totals[family] += units_of(job.units, lines[job.batch])
    return totals


def make_rows(
    manifest: Manifest, segments: Iterable[SegmentFacts], work: PlannedWork, costs: Iterable[FamilyCost]
) -> tuple[Row, ...]:
    """A row for each analysis of each corpus, in the manifest's order; their prices add up to the families'."""
    surveyed = tuple(segments)
    tallies: dict[tuple[str, str], list[Tally]] = {}
    for segment in surveyed:
        for tally in segment.tallies:
            tallies.setdefault((segment.corpus, tally.analysis), []).append(tally)
    reused: dict[tuple[str, str], list[Tally]] = {}
    for segment in surveyed:
        for tally in segment.reused:
            reused.setdefault((segment.corpus, tally.analysis), []).append(tally)
    units = _units(manifest, surveyed, work)
    cost_of = {cost.family: cost for cost in costs}
    return tuple(
        _row(
            corpus.name,
            analysis,
            tallies.get((corpus.name, analysis.name), []),
            units.get((corpus.name, analysis.name), _NOTHING),
            cost_of[analysis.family],
            reused=reused.get((corpus.name, analysis.name), []),
        )
        for corpus in manifest.corpora
        for analysis in manifest.analyses_of(corpus.name)
    )


def _row(
    corpus: str, analysis: AnalysisSpec, tallies: list[Tally], units: Units, cost: FamilyCost, *, reused: list[Tally]
) -> Row:
    sent: Counter[str | None] = Counter()
    skipped: Counter[tuple[str | None, str]] = Counter()
    errors: Counter[str] = Counter()
    shared = [tally for tally in tallies if tally.code == SHARED]
    for tally in tallies:
        if tally.outcome == "sent":
            sent[tally.language] += tally.documents
        elif tally.outcome == "skipped":
            skipped[tally.language, tally.code] += tally.documents
        else:
            errors[tally.code] += tally.documents
    return Row(
        corpus=corpus,
        analysis=analysis.name,
        family=analysis.family,
        documents=sum(tally.documents for tally in tallies),
        bytes=sum(tally.bytes for tally in tallies),
        sent=sent.total(),
        sent_bytes=sum(tally.bytes for tally in tallies if tally.outcome == "sent"),
        sent_by_language=tuple((language, sent[language]) for language in sorted(sent, key=_language_key)),
        skipped=tuple(
            (language, code, skipped[language, code])
            for language, code in sorted(skipped, key=lambda key: (_language_key(key[0]), key[1]))
        ),
        errors=tuple(sorted(errors.items())),
        units=units,
        usd=_share(cost.usd, units.upper, cost.units.upper),
        usd_lower=_share(cost.usd_lower, units.lower, cost.units.lower),
        shared=sum(tally.documents for tally in shared),
        shared_units=sum(tally.units for tally in shared),
        reused=sum(tally.documents for tally in reused),
        reused_units=sum(tally.units for tally in reused),
    )


def _language_key(language: str | None) -> tuple[bool, str]:
    """Languages by code, the unknown one last."""
    return (language is None, language or "")


def _share(usd: float | None, part: int, whole: int) -> float | None:
    """The part of a family's cost that falls on some of its units: every unit of a run costs the same."""
    if usd is None:
        return None
    return usd * part / whole if whole else 0.0


def _units(manifest: Manifest, segments: tuple[SegmentFacts, ...], work: PlannedWork) -> dict[tuple[str, str], Units]:
    """Units by (corpus, analysis); a pad counts for the corpus of its batch's first line."""
    owner = {part.id: (segment.corpus, part) for segment in segments for part in segment.parts}
    referring: dict[PartId, list[str]] = {}
    for segment in segments:
        for part in segment.foreign_parts:
            referring.setdefault(part, []).append(segment.corpus)
    batches = {batch.id: batch for batch in work.batches}
    specs = {analysis.name: analysis for analysis in manifest.analyses}
    shares: dict[tuple[object, ...], dict[str, Units]] = {}
    totals: dict[tuple[str, str], Units] = {}
    for job in work.jobs:
        wanted = specs[job.analysis].corpora
        key = (job.batch, wanted)
        if key not in shares:
            shares[key] = _batch_units(batches[job.batch], wanted, owner, referring)
        for corpus, units in shares[key].items():
            totals[corpus, job.analysis] = totals.get((corpus, job.analysis), _NOTHING) + units
    return totals


def _batch_units(
    batch: Batch,
    wanted: tuple[str, ...],
    owner: Mapping[PartId, tuple[str, PartFacts]],
    referring: Mapping[PartId, list[str]],
) -> dict[str, Units]:
    counted: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for index, part_id in enumerate(batch.parts):
        corpus, part = owner[part_id]
        if corpus not in wanted:
            # Its lines are read only for documents of another corpus with the same text.
            corpus = next(other for other in referring[part_id] if other in wanted)
        padded = batch.padded and index == 0
        counted[corpus] += part.units + (pad_units(batch) if padded else 0)
        lines[corpus] += part.lines + padded
    return {corpus: units_of(counted[corpus], lines[corpus]) for corpus in counted}
