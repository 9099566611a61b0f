"""Reading a run without touching it: `status`, `verify` and `why`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runner.compose import finishing, publishing
from runner.compose.forms import changed_only, line_form
from runner.compose.opening import OpenRun, read_run
from runner.core import events as e
from runner.core.states import State
from runner.errors import UserError
from runner.journal import RunDirectory, holder_of
from runner.model import Batch, Document, JobKey, Ledger, PartId, SegmentId
from runner.planning.fates import closing
from runner.results import VerifyReport, VerifyTask, result_path, verify_corpus
from runner.results.linemaps import read_line_map
from runner.results.partfiles import read_ledger
from runner.results.pieces import lines_of
from runner.results.reuse import written
from runner.telemetry.gauge import Gauge, Snapshot

STATUS_VERSION = 1


# --- status -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a run stands, from its journal alone."""

    run_id: str
    name: str
    directory: Path
    began: str
    """UTC, ISO 8601."""
    phase: Literal["surveying", "planned", "running", "finished"]
    runner: str | None
    """Who drives it now."""
    engines: tuple[tuple[str, str, str, str], ...]
    jobs: dict[str, int]
    """By state."""
    summary: finishing.Summary
    usd: float | None
    parks: tuple[e.WorkParked, ...]
    exit_code: int | None
    snapshot: Snapshot
    """How far it is: slots, rates and cost of what was started."""


def status(directory: RunDirectory) -> Status:
    """The status of a run, also while another process drives it."""
    with read_run(directory) as opened:
        return status_of(opened)


def status_of(opened: OpenRun) -> Status:
    """The status of an open run."""
    run = opened.run
    began = run.began
    assert began is not None, "a journal begins with RunBegan"
    holder = holder_of(opened.directory.root)
    return Status(
        run_id=run.run_id,
        name=opened.manifest.name,
        directory=opened.directory.root,
        began=datetime.fromtimestamp(began.at, UTC).isoformat(timespec="seconds"),
        phase=phase_of(opened),
        runner=str(holder) if holder else None,
        engines=run.session.engines if run.session else (),
        jobs=dict(Counter(str(record.state) for record in run.jobs.values())),
        summary=finishing.summarise(opened),
        usd=run.planned_usd,
        parks=tuple(run.parks.values()),
        exit_code=run.finished.exit_code if run.finished and opened.complete else None,
        snapshot=Gauge(run, manifest=opened.manifest, now=opened.clock.now).snapshot(),
    )


def phase_of(opened: OpenRun) -> Literal["surveying", "planned", "running", "finished"]:
    """How far a run is."""
    run = opened.run
    if run.finished is not None and opened.complete:
        return "finished"
    if run.books.complete:
        return "running"
    return "planned" if run.survey_finished else "surveying"


# --- verify -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` found. `open_documents`: surveyed, and not in any line yet."""

    directory: Path
    reports: tuple[VerifyReport, ...]
    documents: int
    open_documents: int
    complete: bool
    changed_files: tuple[str, ...]
    """Result files that are not as `run.json` says."""
    published: publishing.Published | None = None
    """What is found of the copies in S3, where results go there."""

    @property
    def accounted_for(self) -> bool:
        """Whether every document is accounted for and every check passed."""
        findings = sum(report.findings_total for report in self.reports)
        copies_missing = self.published is not None and bool(self.published.wrong)
        books = self.complete and not self.open_documents and not findings and not self.changed_files
        return books and not copies_missing


def verify(directory: RunDirectory) -> Verification:
    """Re-check a run's books and files, offline; and look for the copies of files that should be in S3."""
    with read_run(directory) as opened:
        reports = tuple(verify_corpus(_verify_task(opened, corpus.name)) for corpus in opened.manifest.corpora)
        documents = sum(segment.documents for segment in opened.run.books.surveyed())
        return Verification(
            directory=directory.root,
            reports=reports,
            documents=documents,
            open_documents=documents - sum(report.documents for report in reports),
            complete=opened.complete and opened.run.closed,
            changed_files=tuple(finishing.changed_files(opened, reports)) if opened.complete else (),
            published=_copies(opened) if opened.complete else None,
        )


def _copies(opened: OpenRun) -> publishing.Published | None:
    manifest = opened.manifest
    return publishing.look_at_copies(manifest, opened.directory.results(manifest.output))


def _verify_task(opened: OpenRun, corpus: str) -> VerifyTask:
    return VerifyTask(
        corpus=corpus,
        analyses=opened.manifest.analyses_of(corpus),
        segments=tuple(merged_segments(opened, corpus)),
        directory=str(opened.directory.root),
        results_directory=str(opened.directory.results(opened.manifest.output)),
        form=line_form(opened.manifest, corpus),
        compression=opened.manifest.output.compression,
    )


def merged_segments(opened: OpenRun, corpus: str) -> Iterator[tuple[SegmentId, int, int]]:
    """(segment, result file, end) of a corpus's merged segments, in order."""
    book = opened.run.books.corpora.get(corpus)
    for record in book.segments if book else ():
        if record.merged is not None:
            yield record.facts.id, record.merged.file, record.merged.end


# --- why ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTrail:
    """One job that a document's line went through."""

    job: JobKey
    state: State
    generation: int
    lane: str
    remote_id: str | None
    part: PartId
    line: int
    history: tuple[tuple[str, str], ...]
    """(UTC time, what happened), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisTrail:
    """How one analysis of a document came out, or why no job saw it."""

    analysis: str
    closed: str | None
    jobs: tuple[JobTrail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Where the results of one document came from."""

    corpus: str
    id: str
    segment: SegmentId
    index: int
    source: str
    position: int
    size: int
    language: str | None
    result: tuple[str, int] | None
    """Result file and line (from one), once merged."""
    analyses: tuple[AnalysisTrail, ...]


def why(directory: RunDirectory, corpus: str, document_id: str) -> tuple[Why, ...]:
    """Every document of that id in a corpus (ids need not be unique). Raises UserError if there is none."""
    with read_run(directory) as opened:
        if corpus not in {spec.name for spec in opened.manifest.corpora}:
            names = ", ".join(spec.name for spec in opened.manifest.corpora)
            raise UserError(f"the run has no corpus {corpus!r}", hint=f"there are: {names}")
        found = [
            _explain(opened, ledger, index)
            for ledger in _ledgers(opened, corpus)
            for index, document in enumerate(ledger.documents)
            if document.id == document_id
        ]
        if not found:
            raise UserError(
                f"corpus {corpus} has no document {document_id!r}",
                hint="ids are as in the results: a path below the source, or path:position for lines and rows",
            )
        return tuple(found)


def _ledgers(opened: OpenRun, corpus: str) -> Iterator[Ledger]:
    for facts in sorted(opened.run.books.surveyed(), key=lambda facts: facts.id):
        if facts.corpus == corpus:
            yield read_ledger(str(opened.directory.root), facts.id)


def _explain(opened: OpenRun, ledger: Ledger, index: int) -> Why:
    document = ledger.documents[index]
    listing = finishing.listing_row(opened, ledger.corpus, document.source)
    analyses = opened.manifest.analyses_of(ledger.corpus)
    return Why(
        corpus=ledger.corpus,
        id=document.id,
        segment=ledger.segment,
        index=index,
        source=listing,
        position=document.position,
        size=document.size,
        language=document.language,
        result=_result(opened, ledger, index),
        analyses=tuple(_analysis_trail(opened, ledger, document, analysis.name) for analysis in analyses),
    )


def _result(opened: OpenRun, ledger: Ledger, index: int) -> tuple[str, int] | None:
    lines = 0
    for record in opened.run.books.corpora[ledger.corpus].segments:
        if record.merged is None:
            return None
        if record.facts.id == ledger.segment:
            file = record.merged.file
            before = opened.run.books.file_segments(ledger.corpus, file)
            lines = sum(r.merged.lines for r in before if r.merged is not None and r.facts.id < ledger.segment)
            place = _line_of(opened, ledger, index)
            if place is None:
                return None
            results = opened.directory.results(opened.manifest.output)
            path = result_path(str(results), ledger.corpus, file, opened.manifest.output.compression)
            return str(path), lines + place + 1
    return None


def _line_of(opened: OpenRun, ledger: Ledger, index: int) -> int | None:
    """The place of a document among the lines of its segment; None if it has none, since it is unchanged."""
    analyses = opened.manifest.analyses_of(ledger.corpus)
    documents = written(ledger, analyses, changed=changed_only(opened.manifest))
    return next((place for place, each in enumerate(documents) if each is ledger.documents[index]), None)


def _analysis_trail(opened: OpenRun, ledger: Ledger, document: Document, name: str) -> AnalysisTrail:
    analysis = next(spec for spec in opened.manifest.analyses if spec.name == name)
    closed = closing(
        analysis,
        fate=document.fate,
        message=document.message,
        size=document.size,
        language=document.language,
    )
    if closed is not None:
        return AnalysisTrail(analysis=name, closed=f"{closed.outcome} {closed.code}: {closed.message}", jobs=())
    lines = lines_of(document, analysis)
    if ledger.reused and all(name in ledger.reused[part] for part, _ in lines):
        return AnalysisTrail(analysis=name, closed=f"ok: reused from {opened.manifest.policy.reuse}", jobs=())
    jobs = tuple(
        _job_trail(opened, record.job.key, ledger.parts[part], line)
        for part, line in lines
        for record in opened.run.jobs.values()
        if record.job.analysis == name
        and _reads(opened, opened.run.batches[record.job.batch], ledger.parts[part], line)
    )
    return AnalysisTrail(analysis=name, closed=None, jobs=jobs)


def _reads(opened: OpenRun, batch: Batch, part: PartId, line: int) -> bool:
    """Whether a line is among those of a batch, of which a repair has some of a part's."""
    if part not in batch.covers or part in batch.parts:
        return part in batch.covers
    maps = (read_line_map(str(opened.directory.part_map(own))) for own in batch.parts)
    return any(line in line_map.lines_by_part().get(part, ()) for line_map in maps)


def _job_trail(opened: OpenRun, key: JobKey, part: PartId, line: int) -> JobTrail:
    record = opened.run.jobs[key]
    history = tuple(
        (datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds"), _told(event))
        for _, event in opened.journal.read()
        if getattr(event, "job", None) == key
    )
    return JobTrail(
        job=key,
        state=record.state,
        generation=record.generation,
        lane=record.lane,
        remote_id=record.remote_id,
        part=part,
        line=line,
        history=history,
    )


def _told(event: e.Event) -> str:
    """An event in a few words."""
    match event:
        case e.StatusSeen(status=status, fault=fault):
            return f"{status}" + (f" ({fault})" if fault else "")
        case e.StartAccepted(remote_id=remote_id, by=by):
            return f"accepted as {remote_id}" + ("" if by == "answer" else f", found by {by}")
        case e.Collected(report=report):
            errors = sum(count for _, count in report.errors)
            return f"collected: {report.ok} ok, {errors} errors, {report.missing} missing"
        case _:
            fault = getattr(event, "fault", None)
            words = "".join(f" {c.lower()}" if c.isupper() else c for c in type(event).__name__).strip()
            return words + (f" ({fault})" if fault else "")
