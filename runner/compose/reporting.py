"""`report`: a run's journal, plan and results, read into the facts of its page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from runner import __version__
from runner.compose.finishing import summarise
from runner.compose.inspecting import merged_segments, phase_of
from runner.compose.opening import OpenRun, read_run
from runner.errors import UserError
from runner.journal import RunDirectory
from runner.manifest.original import manifest_text
from runner.results import lines_between, result_path
from runner.results.overview import overview
from runner.storage.atomic import replacing
from runner.telemetry.report import Overview, ReportFacts, Sample, fold_history, render_report
from runner.telemetry.report.page import Books

REPORT_NAME: Final = "report.html"
OVERVIEW_BYTES_MAX: Final = 512_000_000
"""Of results that are read to count what was found: seconds, whatever the size of the run."""
OVERVIEW_AT_END_BYTES_MAX: Final = 32_000_000
"""The same at the end of a run, which nobody wants to wait for."""
SAMPLES: Final = 5
"""Documents of a corpus whose text is shown to those who ask for texts."""


def report(directory: RunDirectory, *, out: Path | None = None, with_text: bool = False) -> Path:
    """Write the page of a run, also while another process drives it; returns where it is.

    Raises UserError for texts that are asked for and not in the results.
    """
    with read_run(directory) as opened:
        return write_report(opened, out=out, with_text=with_text, overview_bytes_max=OVERVIEW_BYTES_MAX)


def write_report(
    opened: OpenRun,
    *,
    out: Path | None = None,
    with_text: bool = False,
    overview_bytes_max: int = OVERVIEW_AT_END_BYTES_MAX,
) -> Path:
    """Write the page of an open run; at most so many bytes of results are read for it."""
    path = out or opened.directory.root / REPORT_NAME
    page = render_report(_facts(opened, with_text=with_text, overview_bytes_max=overview_bytes_max))
    with replacing(path) as file:
        file.write(page.encode())
    return path


def lines_of_run(directory: RunDirectory, corpus: str) -> Iterator[bytes]:
    """The result lines of a corpus that are written so far. Raises UserError if the run has no such corpus."""
    with read_run(directory) as opened:
        names = [spec.name for spec in opened.manifest.corpora]
        if corpus not in names:
            raise UserError(f"the run has no corpus {corpus!r}", hint=f"there are: {', '.join(names)}")
        yield from _lines(opened, corpus)


def _facts(opened: OpenRun, *, with_text: bool, overview_bytes_max: int) -> ReportFacts:
    run, manifest = opened.run, opened.manifest
    summary = summarise(opened)
    session = run.session
    return ReportFacts(
        run=run.run_id,
        name=manifest.name,
        version=__version__,
        phase=phase_of(opened),
        engines=[(lane, engine, account) for lane, engine, _, account in (session.engines if session else ())],
        models=dict(session.analyzers) if session else {},
        trained=[
            (ready.analysis, ready.lane, ready.arn.rpartition("/")[2], ready.documents, ready.tested, ready.metrics)
            for ready in run.models.values()
        ],
        documents=summary.documents,
        written=summary.written,
        books=[
            Books(
                corpus=row.corpus,
                analysis=row.analysis,
                ok=row.ok,
                skipped=row.skipped,
                errors=row.errors,
                codes=row.codes,
            )
            for row in summary.analyses
        ],
        history=fold_history(event for _, event in opened.journal.read()),
        allowed={
            (lane.name, operation): int(slots)
            for lane in manifest.lanes
            for operation in run.stoppable
            if (slots := lane.quotas.active_jobs.of(operation)) is not None
        },
        plan=_plan(opened),
        budget_usd=manifest.policy.budget_usd,
        overviews=list(_overviews(opened, overview_bytes_max)),
        manifest=manifest_text(manifest, os.environ),
        samples=list(_samples(opened)) if with_text else (),
    )


def _plan(opened: OpenRun) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(opened.directory.plan_path.read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _overviews(opened: OpenRun, left: int) -> Iterator[Overview]:
    for corpus in opened.manifest.corpora:
        read = _Bounded(left)
        total = _written(opened, corpus.name)
        if not total:
            continue
        for found in overview(read(_lines(opened, corpus.name)), opened.manifest.analyses_of(corpus.name)):
            if found.counts:
                yield Overview(
                    corpus=corpus.name,
                    analysis=found.analysis,
                    what=found.what,
                    counts=found.counts,
                    documents=found.documents,
                    of=total,
                )
        left = read.left


def _written(opened: OpenRun, corpus: str) -> int:
    book = opened.run.books.corpora.get(corpus)
    return sum(record.merged.lines for record in book.segments if record.merged is not None) if book else 0


class _Bounded:
    """Lets lines through until so many bytes have gone by."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            if self.left <= 0:
                return
            self.left -= len(line)
            yield line


def _lines(opened: OpenRun, corpus: str) -> Iterator[bytes]:
    """The lines of the merged segments: what a crash may have left behind them is not looked at."""
    results = str(opened.directory.results(opened.manifest.output))
    compression = opened.manifest.output.compression
    ends = {file: end for _, file, end in merged_segments(opened, corpus)}
    for number, end in sorted(ends.items()):
        path = result_path(results, corpus, number, compression)
        with path.open("rb") as file:
            yield from lines_between(file, path, 0, end, compression)


def _samples(opened: OpenRun) -> Iterator[Sample]:
    if not opened.manifest.output.text:
        raise UserError(
            "the results of this run hold no texts to show", hint="set `output: {text: true}` when the run begins"
        )
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.decode
    for corpus in opened.manifest.corpora:
        if corpus.name not in opened.run.books.corpora:
            continue
        for line in islice(_lines(opened, corpus.name), SAMPLES):
            members = decode(line)
            text = members.pop("text", None) or ""
            result = json.dumps(members, ensure_ascii=False, indent=1)
            yield Sample(corpus=corpus.name, id=members["id"], text=text, result=result)
