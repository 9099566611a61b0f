"""What a person should know of a plan before it is carried out: one sentence each, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runner.model import Batch, Manifest
from runner.planning.fates import by_results
from runner.planning.feeds import limits
from runner.planning.packing import PlannedWork
from runner.planning.price import FamilyCost
from runner.planning.rows import Row

HELD_S_MIN = 2 * 3600.0
"""Holding every slot of an operation for longer than this is worth a word: slots are the whole account's."""

TOPICS_DOCUMENTS_MIN = 1_000
"""What the guide advises for topics (COMPREHEND.md section 2.1)."""


def warnings(
    manifest: Manifest,
    *,
    documents: Mapping[str, int],
    rows: Iterable[Row],
    costs: Iterable[FamilyCost],
    work: PlannedWork,
    held_s: Mapping[str, float],
) -> tuple[str, ...]:
    """Sentences, most pressing first; `held_s` says for how long each operation takes every slot."""
    return (
        *_empty(documents),
        *_unpriced(manifest, costs),
        *_undecided(manifest),
        *_idle(rows),
        *_few_for_topics(manifest, documents),
        *_oversized(manifest, work),
        *_held(manifest, held_s),
    )


def _empty(documents: Mapping[str, int]) -> Iterator[str]:
    for corpus, count in documents.items():
        if count == 0:
            yield f"corpus {corpus} has no documents"


def _unpriced(manifest: Manifest, costs: Iterable[FamilyCost]) -> Iterator[str]:
    for cost in costs:
        if cost.usd is None:
            refused = manifest.policy.budget_usd is not None and not manifest.policy.allow_unknown_price
            consequence = "a run with a budget is refused until it is given" if refused else "it is not in the totals"
            yield f"no price is known for {cost.family}: {consequence} (prices.{cost.family}.tiers)"


def _undecided(manifest: Manifest) -> Iterator[str]:
    for corpus in manifest.corpora:
        told_by = by_results(corpus)
        waiting = [analysis.name for analysis in manifest.analyses_of(corpus.name) if analysis.row.takes_language]
        if told_by is not None and waiting:
            yield (
                f"the results of {told_by} tell the languages of {corpus.name}: what {', '.join(waiting)} "
                f"send{'s' if len(waiting) == 1 else ''} of it, its jobs and its price are the most that there can be"
            )


def _idle(rows: Iterable[Row]) -> Iterator[str]:
    """Analyses that send nothing of a corpus that has documents: one sentence an analysis."""
    idle: dict[str, tuple[list[str], set[str]]] = {}
    for row in rows:
        if row.documents and not row.sent:
            corpora, codes = idle.setdefault(row.analysis, ([], set()))
            corpora.append(row.corpus)
            codes |= {code for _, code, _ in row.skipped} | {code for code, _ in row.errors}
    for analysis, (corpora, codes) in idle.items():
        yield f"{analysis} sends no document of {', '.join(corpora)} ({', '.join(sorted(codes))})"


def _few_for_topics(manifest: Manifest, documents: Mapping[str, int]) -> Iterator[str]:
    for analysis in manifest.analyses:
        if not analysis.row.whole_corpus:
            continue
        few = [corpus for corpus in analysis.corpora if 0 < documents.get(corpus, 0) < TOPICS_DOCUMENTS_MIN]
        if few:
            yield (
                f"{analysis.name} may find little in {', '.join(few)}: Amazon advises {TOPICS_DOCUMENTS_MIN:,} "
                "documents or more for topics, of three sentences or more"
            )


def _oversized(manifest: Manifest, work: PlannedWork) -> Iterator[str]:
    """Parts are never cut here, so that a limit below a part's size cannot be kept."""
    within = {analysis.name: limits(analysis.row, manifest) for analysis in manifest.analyses}
    batches = {batch.id: batch for batch in work.batches}
    broken: dict[str, Batch] = {}
    for job in work.jobs:
        batch = batches[job.batch]
        if batch.bytes > within[job.analysis].bytes or batch.lines > within[job.analysis].lines:
            largest = broken.get(job.analysis)
            if largest is None or (batch.bytes, batch.lines) > (largest.bytes, largest.lines):
                broken[job.analysis] = batch
    for analysis, batch in broken.items():
        yield (
            f"jobs of analysis {analysis} hold up to {batch.bytes} bytes and {batch.lines} lines, above "
            "policy.max_job_bytes or policy.max_job_documents: documents travel in groups of up to 5,000 or 8 MB"
        )


def _held(manifest: Manifest, held_s: Mapping[str, float]) -> Iterator[str]:
    if manifest.embedded:
        return
    for operation, seconds in held_s.items():
        if seconds >= HELD_S_MIN:
            yield (
                f"{operation} takes every slot that it may for about {seconds / 3600:.1f} hours, and nobody else in "
                "the account can start such jobs meanwhile (quotas.reserve_slots leaves some free)"
            )
