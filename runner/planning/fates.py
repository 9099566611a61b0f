"""What becomes of a document under one analysis: sent to the service, skipped, or an error (DESIGN 5.5).

The one place that knows these rules. The survey counts by them, the plan prices by them, the merge writes by them;
so they are a pure function of what the ledger keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from runner.model import UNDECIDED, AnalysisSpec, CorpusSpec, PartFacts

EMPTY: Final = "EMPTY"
UNDECODABLE: Final = "UNDECODABLE"
BAD_ROW: Final = "BAD_ROW"
INPUT_CHANGED: Final = "INPUT_CHANGED"
TOO_LONG: Final = "TOO_LONG"
LANGUAGE_UNSUPPORTED: Final = "LANGUAGE_UNSUPPORTED"
LANGUAGE_UNKNOWN: Final = "LANGUAGE_UNKNOWN"
NO_RESULT: Final = "NO_RESULT"
JOB_FAILED: Final = "JOB_FAILED"
FAMILY_CLOSED: Final = "FAMILY_CLOSED"
SHARED: Final = "SHARED"
"""No fate: the code under which the survey counts what is sent, and answered by the line of another document."""
REUSED: Final = "REUSED"
"""No fate: the code under which is counted what need not be sent, since an earlier run has bought the answer."""

_SKIPS: Final = frozenset({EMPTY})


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a (document, analysis) pair needs no job: its outcome, code, and a message without ids, times or paths."""

    outcome: Literal["skipped", "error"]
    code: str
    message: str


def closing(
    analysis: AnalysisSpec, *, fate: str | None, message: str | None, size: int, language: str | None
) -> Closing | None:
    """The closing of a document under an analysis, or None if it is sent to the service.

    `fate` and `message` are the ledger's; `size` is in bytes of UTF-8 after folding.
    """
    if fate is not None:
        return Closing("skipped" if fate in _SKIPS else "error", fate, message or "")
    if analysis.languages is not None and analysis.row.takes_language:
        if language is None:
            return Closing("skipped", LANGUAGE_UNKNOWN, "the language of the document is not known")
        if language not in analysis.languages:
            return Closing("skipped", LANGUAGE_UNSUPPORTED, f"{analysis.family} does not take {language} here")
    if size > analysis.document_bytes_max and analysis.oversize != "split":
        text = f"{size} bytes, and {analysis.family} takes {analysis.document_bytes_max}"
        return Closing("error" if analysis.oversize == "error" else "skipped", TOO_LONG, text)
    return None


def by_results(corpus: CorpusSpec) -> str | None:
    """The analysis whose results tell the languages of a corpus; None if they are known otherwise."""
    return corpus.language.path if corpus.language is not None and corpus.language.kind == "from" else None


def hopeful(analyses: Iterable[AnalysisSpec]) -> tuple[AnalysisSpec, ...]:
    """The analyses as if each took what has no language yet: for the survey, and for what a run may cost at most."""
    return tuple(
        analysis
        if analysis.languages is None or not analysis.row.takes_language
        else replace(analysis, languages=analysis.languages | {UNDECIDED})
        for analysis in analyses
    )


def share_group(corpus: CorpusSpec, analyses: Sequence[AnalysisSpec]) -> str | None:
    """What corpora must agree on to share lines: who reads them, and in which lanes. None: every document has its own.

    An analysis that reads corpora as wholes (topics) must see each document as often as it occurs.
    """
    if not analyses or any(analysis.row.whole_corpus for analysis in analyses):
        return None
    named = ",".join(sorted(analysis.name for analysis in analyses)) + "@" + ",".join(sorted(corpus.lanes))
    told_by = by_results(corpus)
    return named if told_by is None else f"{named}?{told_by}"


def split_limit(analysis: AnalysisSpec) -> int | None:
    """The bytes of the pieces in which an analysis reads what is too long for it; None if it does not split.

    Analyses with one limit read the same pieces. Redacted texts are put together from pieces that do not overlap, so
    these are cut apart from all others: at one byte less, which tells them from the others' everywhere.
    """
    if analysis.oversize != "split":
        return None
    return analysis.document_bytes_max - (not overlaps(analysis))


def overlaps(analysis: AnalysisSpec) -> bool:
    """Whether the pieces that an analysis reads may overlap: all but those whose answers are texts."""
    return dict(analysis.parameters).get("mode") != "redaction"


def redacts(analysis: AnalysisSpec) -> bool:
    """Whether results of an analysis hold the document's text, masked."""
    return dict(analysis.parameters).get("mode") in {"redaction", "both"} and analysis.family == "pii_entities"


def size_class(limits: tuple[int, ...], size: int) -> int | None:
    """The smallest of the ascending byte `limits` that holds `size`; None above all of them."""
    return next((limit for limit in limits if size <= limit), None)


def reads(analysis: AnalysisSpec, part: PartFacts) -> bool:
    """Whether an analysis (of the part's corpus) reads the lines of a part."""
    if analysis.name in part.answered:
        return False
    if analysis.languages is not None and analysis.row.takes_language and part.pool not in analysis.languages:
        return False
    if part.split_bytes is not None:
        return part.split_bytes == split_limit(analysis)
    return part.line_bytes_max <= analysis.document_bytes_max
