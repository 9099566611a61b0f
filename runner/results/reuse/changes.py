"""Which documents have a line under `output.emit: changed`. Pure.

A document is left out if everything that was to be asked about it is answered by earlier runs: at least one analysis
reads it, and every line of it, under every analysis that reads it, came from the store. So there is a line for a new or
changed text, for one that an analysis has not seen, for one whose answer was an error, for every document of a corpus
with topics (which are found anew each time), and for documents that no analysis reads: whether such a document
is new, nobody knows, and why it is not read should be seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import AnalysisSpec, Document, Ledger
from runner.planning.fates import Closing, closing
from runner.results.pieces import lines_of
from runner.results.tallies import TallyBook


def written(ledger: Ledger, analyses: Sequence[AnalysisSpec], *, changed: bool) -> tuple[Document, ...]:
    """The documents of a segment that have a line, in order; all of them unless only the changed ones have."""
    if not changed or not any(ledger.reused):
        return ledger.documents
    return tuple(document for document in ledger.documents if not _is_reused(ledger, document, analyses))


def _is_reused(ledger: Ledger, document: Document, analyses: Sequence[AnalysisSpec]) -> bool:
    asked = False
    for analysis in analyses:
        if _closed(document, analysis) is None:
            asked = True
            if not all(analysis.name in ledger.reused[part] for part, _ in lines_of(document, analysis)):
                return False
    return asked


def count_unwritten(
    book: TallyBook, ledger: Ledger, documents: Sequence[Document], analyses: Sequence[AnalysisSpec]
) -> None:
    """Count the documents of a segment that have no line; `documents` are the others. All that was asked is ok."""
    if len(documents) == len(ledger.documents):
        return
    there = set(map(id, documents))
    for document in ledger.documents:
        if id(document) not in there:
            for analysis in analyses:
                closed = _closed(document, analysis)
                ending = ("ok", "") if closed is None else (closed.outcome, closed.code)
                book.add(document, analysis.name, *ending)


def _closed(document: Document, analysis: AnalysisSpec) -> Closing | None:
    return closing(
        analysis, fate=document.fate, message=document.message, size=document.size, language=document.language
    )
