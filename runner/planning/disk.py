"""How much disk a run will need, roughly; pure.

Answers are predicted as so many bytes a document and so many a byte of text, per family. The figures were measured with
the local analyzers over speeches and sentences of reviews (key phrases 2.8 bytes a byte, targeted sentiment 9, PII in
both modes 1.3, sentiment 114 bytes a document, topics 133), then rounded up: the service's scores have more digits, and
it finds entities of more kinds. Compressed results came to 0.11 of plain ones. A prediction may well be wrong by half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.model import AnalysisSpec, Manifest

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.planning.rows import Row

ANSWERS: Final[Mapping[str, tuple[float, float]]] = {
    "dominant_language": (60, 0.0),
    "entities": (30, 1.0),
    "key_phrases": (30, 4.0),
    "sentiment": (200, 0.0),
    "targeted_sentiment": (60, 10.0),
    "pii_entities": (30, 0.5),
    "events": (80, 2.0),
    "topics": (200, 0.0),
    "classification": (250, 0.0),
    "custom_entities": (30, 1.0),
}
"""(Bytes a document, bytes a byte of its text) of an answer."""
REDACTED: Final = 1.0
"""Bytes a byte of text that a redacted copy takes besides the offsets, or instead of them."""
LINE_BYTES: Final = 100
OUTCOME_BYTES: Final = 25
FIELDS_BYTES: Final = 100
"""Of a result line: its frame, each analysis's outcome, and what `keep` may carry."""
COMPRESSED: Final = 0.15
ARCHIVED: Final = 0.3
"""Of an answer in the embedded endpoint's output, most of which are archives."""
JOB_BYTES: Final = 5_000
"""Of a job in journal and log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Bytes that a run comes to need beside its survey; `spool` and `endpoint` can be freed once it is finished."""

    spool: int
    results: int
    endpoint: int
    books: int

    @property
    def run_directory(self) -> int:
        """What lies in the run directory for sure: all but the results, which may go elsewhere."""
        return self.spool + self.endpoint + self.books

    @property
    def total(self) -> int:
        """All of it."""
        return self.run_directory + self.results


def disk_use(manifest: Manifest, plan: Plan) -> DiskUse:
    """What carrying out a plan takes on disk. Answers wait in the spool as far as its budget lets them."""
    specs = {analysis.name: analysis for analysis in manifest.analyses}
    answers = sum(_answers(specs[row.analysis], row) for row in plan.rows)
    staged = sum(batch.bytes for batch in plan.work.batches)
    lines = answers + _frames(manifest, plan.rows)
    return DiskUse(
        spool=min(int(answers), manifest.policy.spool_budget_bytes),
        results=int(lines if manifest.output.compression == "none" else lines * COMPRESSED),
        endpoint=int(staged + answers * ARCHIVED) if manifest.embedded else 0,
        books=JOB_BYTES * len(plan.work.jobs),
    )


def _answers(analysis: AnalysisSpec, row: Row) -> float:
    """Bytes of what the service will say of a corpus under one analysis."""
    a_document, a_byte = ANSWERS[analysis.family]
    mode = dict(analysis.parameters).get("mode")
    if analysis.family == "pii_entities" and mode != "offsets":
        a_byte = REDACTED + (a_byte if mode == "both" else 0.0)
    return row.sent * a_document + row.sent_bytes * a_byte


def _frames(manifest: Manifest, rows: Iterable[Row]) -> float:
    """Bytes of result lines beside the answers."""
    documents: dict[str, int] = {}
    texts: dict[str, int] = {}
    for row in rows:
        documents[row.corpus] = max(row.documents, documents.get(row.corpus, 0))
        texts[row.corpus] = max(row.bytes, texts.get(row.corpus, 0))
    total = 0.0
    for corpus in manifest.corpora:
        frame = LINE_BYTES + OUTCOME_BYTES * len(manifest.analyses_of(corpus.name))
        frame += FIELDS_BYTES if corpus.keep else 0
        total += frame * documents.get(corpus.name, 0)
        total += texts.get(corpus.name, 0) if manifest.output.text else 0
    return total
