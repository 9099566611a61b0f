"""What is handed to worker processes and what comes back: plain functions of (paths, settings) -> (paths, counts).

Each task can be pickled and repeated: done twice, it leaves the same files. A worker writes aside, fsyncs and
renames; it never touches the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model.data import PartFacts, PartId, SegmentFacts, SegmentId, SourceRange, Tally
from runner.model.spec import AnalysisSpec, Compression, CorpusSpec, LaneSpec
from runner.model.work import Fault, JobKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyTask:
    """Survey one range of a corpus: write its ledgers and parts below `directory`."""

    corpus: CorpusSpec
    corpus_index: int
    source_range: SourceRange
    analyses: tuple[AnalysisSpec, ...]
    """Those that read the corpus."""
    undecodable: str
    directory: str
    """The run directory; ledgers go to `ledger/<segment>.msgpack`, parts to `parts/<part>.txt`."""
    documents_max: int | None = None
    """What is left of the corpus's `limit`."""
    job_bytes_max: int | None = None
    """`policy.max_job_bytes`: no part is larger, unless it is one line."""
    job_documents_max: int | None = None
    """`policy.max_job_documents`: no part has more lines."""
    keep_folds: bool = False
    """Whether ledgers keep what folding replaced: redacted texts and `output.text` are written as they were read."""
    keep_text: bool = False
    """Whether every document that could be read has a line: those that no job reads get theirs in parts that no
    analysis reads (`PartFacts.answered` names all of them). For `output.text`."""
    share_group: str | None = None
    """Lines of corpora with the same group may be shared between documents: the corpora are read by the same analyses,
    in the same lanes. None: every document of this corpus keeps its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What a range held, in input order."""

    corpus: str
    index: int
    segments: tuple[SegmentFacts, ...]
    notices: tuple[str, ...] = ()
    """Sentences for the user: files that changed, are unreadable, and so on; without document text."""

    @property
    def documents(self) -> int:
        """How many documents the range held."""
        return sum(segment.documents for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTask:
    """Find identical lines in a finished survey; write ledgers and parts that hold each of them once.

    They are written below `<directory>/shared`, and replace the old ones once their facts are recorded.
    """

    directory: str
    """The run directory."""
    ranges: tuple[str, ...]
    """Paths of the ranges' digests, in input order."""
    analyses: tuple[tuple[str, tuple[AnalysisSpec, ...]], ...]
    """The analyses of each corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSegment:
    """What changes for a segment that shares lines: its ledger, some of its parts, and what of it is not sent."""

    id: SegmentId
    corpus: str
    ledger_digest: str
    parts: tuple[PartFacts, ...]
    """Parts that are new, or have other lines now."""
    dropped: tuple[PartId, ...]
    """Parts that have no line left."""
    foreign_parts: tuple[PartId, ...]
    tallies: tuple[Tally, ...]
    """What is answered by lines of other documents: outcome `sent`, code `SHARED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareReport:
    """The segments that share lines, in input order."""

    segments: tuple[SharedSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectPart:
    """A part that a job read: its object's base name is `<id>.txt`, its text lies at `path`.

    For a repair part, `map_path` names the file that gives, per line, the (part, line) it was taken from.
    """

    id: PartId
    path: str
    lines: int
    map_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectTask:
    """Fetch one generation's output from S3, check every row, and write it to a spool file in blocks by part."""

    job: JobKey
    generation: int
    family: str
    lane: LaneSpec
    output_uri: str
    """Where the service says that the output is (an archive, or a folder closed by `/`)."""
    parts: tuple[CollectPart, ...]
    spool_path: str
    pad_name: str | None = None
    """Base name of the pad object, whose rows are dropped."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Those of the analysis: they decide what PII jobs write."""
    terms_path: str | None = None
    """Where the terms of topics go."""
    partial: bool = False
    """Whether the job was stopped, so that missing rows are expected and an absent output is an empty one."""
    memory_bytes_max: int = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectReport:
    """What an output held, counted in lines of the parts; `ok + errors + missing` is all of them."""

    ok: int
    errors: tuple[tuple[str, int], ...]
    """Error rows by the service's code."""
    missing: int
    repairable: int
    """Lines worth sending again: missing, or failed for a passing reason."""
    rows: int
    bytes: int
    """Inflated bytes of the output."""
    spool_bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTask:
    """Gather the repairable lines of some collected outputs of one analysis into one new part."""

    serial: int
    """Numbers repair parts within the run."""
    spools: tuple[tuple[str, tuple[CollectPart, ...]], ...]
    """(spool path, the parts that its job read)."""
    directory: str
    """The run directory; the part goes to `parts/<id>.txt`, its map beside it with the suffix `.map`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """The part that a repair job will read."""

    part: PartId
    covers: tuple[PartId, ...]
    lines: int
    bytes: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTask:
    """Cut a part that a failed job read into two new ones, `serial` and the next, with half of its lines each."""

    serial: int
    part: CollectPart
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRef:
    """A spool file that may answer lines of a segment under one analysis; earlier in the list wins a tie."""

    analysis: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Work that was given up: the lines of `part` under `analysis` that no spool answers close as `code`."""

    analysis: str
    part: PartId
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSegment:
    """One segment to be merged, with everything that may answer it."""

    id: SegmentId
    spools: tuple[SpoolRef, ...]
    given_up: tuple[GivenUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineForm:
    """Which of the keys that not every corpus has stand on its lines (`fields`, `text`), and which documents have one.

    `changed`: those whose answers do not all come from earlier runs (`runner.results.reuse.changes`).
    """

    fields: bool = False
    text: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTask:
    """Append segments of one corpus, in order, to its result files.

    `file` and `end` are where the last merged segment ended: the file is cut back to `end` first, so that a repeated
    task leaves the same bytes. Ledgers are read from `directory`, results written below `results_directory`.
    """

    corpus: str
    analyses: tuple[AnalysisSpec, ...]
    segments: tuple[MergeSegment, ...]
    directory: str
    results_directory: str
    file: int
    end: int
    file_bytes_max: int
    form: LineForm = LineForm()
    compression: Compression = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedSegment:
    """Where a segment's lines ended, after fsync, and what they hold.

    `unchanged` counts its documents that have no line, because only changed ones are to have one; the tallies have
    these too.
    """

    id: SegmentId
    file: int
    end: int
    lines: int
    tallies: tuple[Tally, ...]
    """Outcomes `ok`, `skipped`, `error` with their codes."""
    unchanged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReport:
    """The segments of a merge task, in order."""

    corpus: str
    segments: tuple[MergedSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenTask:
    """Find the documents of one corpus closed as errors, and gather their lines per analysis and pool for new jobs."""

    corpus: str
    analyses: tuple[AnalysisSpec, ...]
    """All analyses of the corpus; those to reopen are named in `reopen`."""
    reopen: tuple[str, ...]
    codes: tuple[str, ...]
    """Codes to reopen; empty: every code that a new job could change."""
    segments: tuple[tuple[SegmentId, int, int], ...]
    """(segment, result file, end offset), in order."""
    directory: str
    results_directory: str
    serial: int
    compression: Compression = "none"
    changed: bool = False
    """Whether only changed documents have lines (`LineForm.changed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenReport:
    """New repair parts, each with the analysis that reads it and its language, and how many documents they hold."""

    parts: tuple[tuple[str, str | None, RepairReport], ...]
    documents: int
    errors: tuple[tuple[str, str, int], ...] = field(default=())
    """(analysis, code, documents) reopened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchTask:
    """Write one result file anew, with new answers for documents closed as errors; renamed over the old one."""

    corpus: str
    analyses: tuple[AnalysisSpec, ...]
    file: int
    segments: tuple[MergeSegment, ...]
    """All segments of the file, in order; those without spools are copied as they are."""
    directory: str
    results_directory: str
    compression: Compression = "none"
    changed: bool = False
    """Whether only changed documents have lines (`LineForm.changed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTask:
    """Decide the languages of documents by the answers of an analysis, and gather their lines by language.

    `segments` come with the spools that `analysis` filled, `parts` with the facts of all their parts.
    """

    analysis: AnalysisSpec
    analyses: tuple[tuple[str, tuple[AnalysisSpec, ...]], ...]
    """The analyses of each corpus."""
    segments: tuple[MergeSegment, ...]
    parts: tuple[PartFacts, ...]
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteReport:
    """Each new part with the one whose lines it has, in input order."""

    parts: tuple[tuple[PartId, PartFacts], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A task that could not be done, and why; nothing was left behind."""

    fault: Fault
