"""`retry`: documents that a run closed as errors are opened again, as new jobs for the next `run` to carry out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runner.compose.forms import changed_only
from runner.compose.inspecting import merged_segments
from runner.compose.opening import OpenRun, open_existing
from runner.compose.upkeep import tidy
from runner.core import events as e
from runner.errors import UserError
from runner.journal import RunDirectory
from runner.model import ReopenReport, ReopenTask
from runner.planning.durations import DurationModel
from runner.planning.repair import repair_batch
from runner.results import remove_summary, reopen
from runner.telemetry.log import EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What was opened again: documents, jobs planned for them, and (corpus, analysis, code, documents)."""

    directory: Path
    documents: int
    jobs: int
    errors: tuple[tuple[str, str, str, int], ...]


def retry(directory: RunDirectory, *, analyses: Sequence[str] = (), codes: Sequence[str] = ()) -> Retried:
    """Reopen documents closed as errors; all that another job could answer, or those named.

    `run.json` goes first, so that the results do not call themselves whole while they are not. Raises UserError for an
    analysis that the run does not have, and where documents are open again already.
    """
    with open_existing(directory) as opened, closing(EventLog(directory.log_path, run=opened.run)) as log:
        names = _named(opened, analyses)
        if any(book.dirty for book in opened.run.books.corpora.values()):
            raise UserError("documents of this run are open again already", hint="`runner run` carries them out")
        tidy(directory, opened.run, opened.manifest)
        errors = []
        documents = jobs = 0
        for corpus in opened.manifest.corpora:
            report = reopen(_task(opened, corpus.name, names, codes))
            if not report.documents:
                continue
            remove_summary(directory.results(opened.manifest.output) / "run.json")
            jobs += _plan(opened, corpus.name, report, log)
            documents += report.documents
            errors += [(corpus.name, *row) for row in report.errors]
        return Retried(directory=directory.root, documents=documents, jobs=jobs, errors=tuple(errors))


def _named(opened: OpenRun, analyses: Sequence[str]) -> tuple[str, ...]:
    known = tuple(analysis.name for analysis in opened.manifest.analyses)
    for name in analyses:
        if name not in known:
            raise UserError(f"the run has no analysis {name!r}", hint=f"there are: {', '.join(known)}")
    return tuple(analyses) or known


def _task(opened: OpenRun, corpus: str, names: tuple[str, ...], codes: Sequence[str]) -> ReopenTask:
    return ReopenTask(
        corpus=corpus,
        analyses=opened.manifest.analyses_of(corpus),
        reopen=names,
        codes=tuple(codes),
        segments=tuple(merged_segments(opened, corpus)),
        directory=str(opened.directory.root),
        results_directory=str(opened.directory.results(opened.manifest.output)),
        serial=opened.run.batches_planned + 1,
        compression=opened.manifest.output.compression,
        changed=changed_only(opened.manifest),
    )


def _plan(opened: OpenRun, corpus: str, report: ReopenReport, log: EventLog) -> int:
    """Plan a job for each new part, by the door that every job comes through."""
    now = opened.clock.now()
    specs = {analysis.name: analysis for analysis in opened.manifest.analyses}
    for analysis, language, part in report.parts:
        batch, job = repair_batch(
            opened.run.batches_planned + 1,
            part,
            analysis=specs[analysis],
            language=language,
            repaired=(),
            kind=opened.manifest.lanes[0].kind,
            durations=DurationModel(),
            repair_round=0,
            order=0,
        )
        reopened = e.Reopened(at=now, corpus=corpus, analysis=analysis, jobs=(job.key,), documents=part.lines)
        planned = (reopened, e.BatchPlanned(at=now, batch=batch), e.JobPlanned(at=now, job=job))
        opened.record_and_tell(planned, [log])
    return len(report.parts)
