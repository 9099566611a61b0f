"""Closing the books: the summary of a run, its `run.json`, the schemas of its results, and the exit code."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from runner import __version__
from runner.compose.forms import line_form
from runner.compose.opening import OpenRun
from runner.compose.places import recall, with_places
from runner.core import events as e
from runner.corpus import read_listing
from runner.errors import EXIT_DONE, EXIT_ERRORS
from runner.planning.plan import Plan
from runner.results import FORMAT_VERSION, VerifyReport, result_files, schema_of, write_summary


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSummary:
    """How one analysis went over one corpus: documents by outcome, and by code where it is not ok."""

    corpus: str
    analysis: str
    ok: int
    skipped: int
    errors: int
    codes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """Inputs that a run has staged on a remote lane, and that nobody has deleted: texts, below `where`."""

    lane: str
    where: str
    batches: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in numbers. `documents` counts those surveyed, `written` lines of results, `pairs` (document, analysis).

    `unchanged` documents have no line, since earlier runs have bought all that is asked about them; `reused` pairs are
    those that earlier runs have bought, whether they are written or not.
    """

    documents: int
    written: int
    pairs: int
    ok: int
    skipped: int
    errors: int
    jobs: int
    generations: int
    repairs: int
    duration_s: float
    analyses: tuple[AnalysisSummary, ...]
    left: tuple[LeftBehind, ...] = ()
    """What of the user's texts lies in the lanes' buckets."""
    unchanged: int = 0
    reused: int = 0


def summarise(opened: OpenRun) -> Summary:
    """The numbers of a run as far as it is merged."""
    run = opened.run
    rows: dict[tuple[str, str], Counter[tuple[str, str]]] = {
        (corpus.name, analysis.name): Counter()
        for corpus in opened.manifest.corpora
        for analysis in opened.manifest.analyses_of(corpus.name)
    }
    written = unchanged = reused = 0
    for record in run.books.segments():
        if record.merged is None:
            continue
        written += record.merged.lines
        unchanged += record.merged.unchanged
        reused += sum(tally.documents for tally in record.facts.reused)
        for tally in record.merged.tallies:
            rows[record.facts.corpus, tally.analysis][tally.outcome, tally.code] += tally.documents
    analyses = tuple(_row(corpus, analysis, counts) for (corpus, analysis), counts in rows.items())
    return Summary(
        documents=sum(segment.documents for segment in run.books.surveyed()),
        written=written,
        pairs=sum(row.ok + row.skipped + row.errors for row in analyses),
        ok=sum(row.ok for row in analyses),
        skipped=sum(row.skipped for row in analyses),
        errors=sum(row.errors for row in analyses),
        jobs=len(run.jobs),
        generations=sum(record.starts > 0 for record in run.jobs.values())
        + sum(record.generation for record in run.jobs.values()),
        repairs=sum(1 for record in run.jobs.values() if record.job.repairs),
        duration_s=_duration_s(opened),
        analyses=analyses,
        left=tuple(_left(opened)),
        unchanged=unchanged,
        reused=reused,
    )


def _left(opened: OpenRun) -> Iterator[LeftBehind]:
    """What is staged on each remote lane, by the journal: nothing deletes it but `clean`, and rules of the bucket."""
    run = opened.run
    staged: dict[str, list[int]] = {}
    for batch, lanes in run.staged.items():
        for lane in lanes:
            staged.setdefault(lane, []).append(run.batches[batch].bytes)
    for spec in with_places(opened.manifest, recall(opened.directory)).lanes:
        sizes = staged.get(spec.name)
        if spec.remote and sizes:
            where = f"{spec.staging}{run.run_id}/"
            yield LeftBehind(lane=spec.name, where=where, batches=len(sizes), bytes=sum(sizes))


def _duration_s(opened: OpenRun) -> float:
    """From the run's first event to its last, or to now while it is not finished; over all sessions."""
    run = opened.run
    if run.began is None:
        return 0.0
    end = run.finished.at if run.finished is not None else opened.clock.now()
    return end - run.began.at


def _row(corpus: str, analysis: str, counts: Counter[tuple[str, str]]) -> AnalysisSummary:
    def total(outcome: str) -> int:
        return sum(count for (kind, _), count in counts.items() if kind == outcome)

    codes: Counter[str] = Counter()
    for (outcome, code), count in counts.items():
        if outcome != "ok":
            codes[code] += count
    return AnalysisSummary(
        corpus=corpus,
        analysis=analysis,
        ok=total("ok"),
        skipped=total("skipped"),
        errors=total("error"),
        codes=dict(sorted(codes.items())),
    )


def prepare_books(opened: OpenRun, plan: Plan) -> tuple[int, dict[str, object]]:
    """Write the schemas; the exit code (0, or 3 for more errors than tolerated), and what `run.json` will hold."""
    results = opened.directory.results(opened.manifest.output)
    results.mkdir(parents=True, exist_ok=True)
    for corpus in opened.manifest.corpora:
        form = line_form(opened.manifest, corpus.name)
        schema = schema_of(corpus.name, opened.manifest.analyses_of(corpus.name), form)
        write_summary(results / f"{corpus.name}.schema.json", schema)
    summary = summarise(opened)
    tolerated = opened.manifest.policy.tolerate.allows(summary.errors, summary.pairs)
    code = EXIT_DONE if tolerated else EXIT_ERRORS
    return code, _run_json(opened, plan, summary, code)


def close_books(opened: OpenRun, document: dict[str, object]) -> None:
    """Write `run.json`, last of all: it says that the results are whole."""
    write_summary(opened.directory.results(opened.manifest.output) / "run.json", document)


def _run_json(opened: OpenRun, plan: Plan, summary: Summary, code: int) -> dict[str, object]:
    run, manifest = opened.run, opened.manifest
    session = run.session
    results = opened.directory.results(manifest.output)
    return {
        "format": FORMAT_VERSION,
        "run": run.run_id,
        "name": manifest.name,
        "runner": __version__,
        "exit_code": code,
        "lanes": [
            {"lane": lane, "engine": engine, "account": account}
            for lane, engine, _, account in (session.engines if session else ())
        ],
        "models": {
            **(dict(session.analyzers) if session else {}),
            **{spec.name: spec.model.arn for spec in manifest.analyses if spec.model and spec.model.arn},
        },
        "trained": [_trained(ready) for ready in run.models.values()],
        "summary": asdict(summary),
        "units": plan.units.upper,
        "usd": 0.0 if manifest.embedded else plan.usd - plan.training_usd + run.training_usd,
        "published": manifest.output.published,
        "files": [facts for corpus in manifest.corpora for facts in _files(results, corpus.name)],
    }


def _trained(ready: e.ModelReady) -> dict[str, object]:
    """A model that the run has trained, or found trained by an earlier one: `usd` is what it cost this run."""
    return {
        "analysis": ready.analysis,
        "lane": ready.lane,
        "model": ready.arn,
        "documents": ready.documents,
        "held_out": ready.tested,
        "metrics": dict(ready.metrics),
        "trained_s": ready.trained_s,
        "usd": ready.usd,
        **({"message": ready.message} if ready.message else {}),
    }


def _files(results: Path, corpus: str) -> list[dict[str, object]]:
    """Name, size and sha256 of a corpus's result files."""
    found: list[dict[str, object]] = []
    for path in result_files(str(results), corpus):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.append({"name": f"{corpus}/{path.name}", "bytes": path.stat().st_size, "sha256": digest})
    return found


def changed_files(opened: OpenRun, reports: Iterable[VerifyReport]) -> Iterator[str]:
    """Result files that are not as `run.json` says."""
    path = opened.directory.results(opened.manifest.output) / "run.json"
    said = {entry["name"]: entry["sha256"] for entry in json.loads(path.read_bytes()).get("files", ())}
    found = {facts.name: facts.sha256 for report in reports for facts in report.files}
    for name in sorted(said.keys() | found.keys()):
        if said.get(name) != found.get(name):
            yield name


def listing_row(opened: OpenRun, corpus: str, index: int) -> str:
    """The path of a listed source."""
    rows = read_listing(opened.directory.listing(corpus))
    return next(itertools.islice(rows, index, None)).path
