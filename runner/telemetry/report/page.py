"""The page itself: sections in the order in which a reader asks. One file, no script, nothing fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from statistics import median, quantiles
from typing import Any, Final

from runner.telemetry.report import charts
from runner.telemetry.report.history import Attempt, History, in_use
from runner.telemetry.report.scales import clock
from runner.telemetry.report.tables import Cell, Share, behind, facts, table
from runner.telemetry.words import counted, duration

SLOWEST: Final = 20
RETRIED: Final = 50
TROUBLES: Final = 100
BUCKETS: Final = 12
_KEYS: Final = (
    ("done", "done"),
    ("repair", "done (repair)"),
    ("failed", "failed"),
    ("stopped", "stopped"),
    ("open", "under way"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What one analysis found in one corpus: `counts` by label, of the first `documents` lines."""

    corpus: str
    analysis: str
    what: str
    """What is counted: `sentiment`, `language`, `entity type`, …"""
    counts: Sequence[tuple[str, int]]
    documents: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A line of the results with its text, for those who asked for texts."""

    corpus: str
    id: str
    text: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """How one analysis went over one corpus."""

    corpus: str
    analysis: str
    ok: int
    skipped: int
    errors: int
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """All that the page shows. `allowed` is the slots that each (lane, operation) may use; `plan` is plan.json."""

    run: str
    name: str
    version: str
    phase: str
    engines: Sequence[tuple[str, str, str]]
    """(lane, engine, account)."""
    models: Mapping[str, str]
    documents: int
    written: int
    books: Sequence[Books]
    history: History
    allowed: Mapping[tuple[str, str], int]
    plan: Mapping[str, Any] | None
    budget_usd: float | None
    overviews: Sequence[Overview] = ()
    manifest: str | None = None
    samples: Sequence[Sample] = field(default=())
    trained: Sequence[tuple[str, str, str, int | None, int | None, Sequence[tuple[str, float]]]] = ()
    """(analysis, lane, model, documents trained with, documents held out, the service's figures on those)."""


def render_report(report: ReportFacts) -> str:
    """The page, as HTML5."""
    title = f"{report.name} · {report.run}"
    sections = [
        ("summary", "Summary", _summary(report)),
        ("outcomes", "Documents by outcome", _outcomes(report)),
        ("timeline", "Timeline", _timeline(report)),
        ("progress", "Progress", _progress(report)),
        ("calls", "Starts and troubles", _calls(report.history)),
        ("cost", "Cost", _cost(report)),
        ("durations", "Durations", _durations(report.history)),
        ("results", "What was found", _results(report)),
        ("manifest", "Manifest", _manifest(report)),
    ]
    links = "".join(f'<a href="#{key}">{escape(head)}</a>' for key, head, _ in sections)
    body = "".join(
        f'<section id="{key}" aria-labelledby="{key}-h"><h2 id="{key}-h">{escape(head)}</h2>{content}</section>'
        for key, head, content in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head><body>"
        f'<a class="skip" href="#summary">Skip to the summary</a><header><h1>{escape(report.name)}'
        f'<small>{escape(_headline(report))}</small></h1><nav aria-label="Sections">{links}</nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


@cache
def _style() -> str:
    return files("runner.telemetry.report").joinpath("page.css").read_text("utf-8").replace("\n", "")


def _headline(report: ReportFacts) -> str:
    pairs = sum(row.ok + row.skipped + row.errors for row in report.books)
    errors = sum(row.errors for row in report.books)
    state = "finished" if report.phase == "finished" else f"not finished ({report.phase})"
    return (
        f"{state} · {report.written:,} of {counted(report.documents, 'document')} written · "
        f"{counted(errors, 'error')} in {pairs:,} pairs of document and analysis"
    )


def _summary(report: ReportFacts) -> str:
    history = report.history
    jobs = Counter(attempt.ending for attempt in history.attempts)
    pairs = [
        ("Run", report.run),
        ("Began", datetime.fromtimestamp(history.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("Took", duration(history.end - history.began)),
        ("Sessions", str(len(history.sessions))),
        ("Jobs done", f"{jobs['done']:,}"),
        ("Jobs failed, stopped", f"{jobs['failed']:,}, {jobs['stopped']:,}"),
        ("Repair jobs", f"{history.repairs:,}"),
        ("Runner", report.version),
    ]
    engines = table("Where it ran", ("lane", "engine", "account"), [tuple(row) for row in report.engines])
    models = table("Analyzers of the embedded lane", ("family", "version"), sorted(report.models.items()))
    found = (engines if report.engines else "") + (models if report.models else "")
    return facts(pairs) + found + (_trained(report) if report.trained else "")


def _trained(report: ReportFacts) -> str:
    rows: list[list[Cell]] = [
        [analysis, lane, model, documents, tested, ", ".join(f"{name} {value:g}" for name, value in figures) or None]
        for analysis, lane, model, documents, tested, figures in report.trained
    ]
    return table("Models of your own", ("analysis", "lane", "model", "documents", "held out", "figures"), rows)


def _outcomes(report: ReportFacts) -> str:
    rows: list[list[Cell]] = []
    for row in report.books:
        total = row.ok + row.skipped + row.errors
        codes = ", ".join(f"{count:,} {code}" for code, count in row.codes.items())
        rows.append(
            [row.corpus, row.analysis, Share(row.ok, total, f"{row.ok:,}"), row.skipped, row.errors, codes or None]
        )
    return table("Documents per corpus and analysis", ("corpus", "analysis", "ok", "skipped", "errors", "why"), rows)


# --- time -------------------------------------------------------------------------------------------------------------


def _timeline(report: ReportFacts) -> str:
    history = report.history
    if not history.attempts:
        return '<p class="none">No job was started.</p>'
    keys = "".join(f'<li><i style="--c:var(--{name})"></i>{escape(word)}</li>' for name, word in _KEYS)
    rows = [_station_row(station, attempts, report) for station, attempts in history.by_station().items()]
    columns = ("lane", "operation", "jobs", "done", "failed", "stopped", "slots used", "quota", "busy", "from", "to")
    return (
        "<p>One row per slot; a bar is one job, from its Start to the sight of its end. Times count from the beginning "
        f'of the run.</p>{charts.timeline(history)}<ul class="key">{keys}</ul>'
        f"<h3>Slots in use</h3>{charts.slots(history, report.allowed)}"
        + behind("Jobs and slots per lane and operation", columns, rows)
    )


def _station_row(station: tuple[str, str], attempts: Sequence[Attempt], report: ReportFacts) -> list[Cell]:
    history = report.history
    endings = Counter(attempt.ending for attempt in attempts)
    ends = [history.end if attempt.ended is None else attempt.ended for attempt in attempts]
    busy = sum(end - attempt.begun for attempt, end in zip(attempts, ends, strict=True))
    first, last = min(attempt.begun for attempt in attempts), max(ends)
    most = max(count for _, count in in_use(attempts, history.end))
    quota = report.allowed.get(station)
    share = busy / ((last - first) * (quota or most)) if last > first else 1.0
    return [
        *station,
        len(attempts),
        endings["done"],
        endings["failed"],
        endings["stopped"],
        most,
        quota,
        Share(min(1.0, share), 1.0, f"{share:.0%}"),
        clock(round(first - history.began, 1)),
        clock(round(last - history.began, 1)),
    ]


def _progress(report: ReportFacts) -> str:
    history = report.history
    if not history.written:
        return '<p class="none">Nothing was written yet.</p>'
    lines = "".join(
        f'<li><i style="--c:var(--{name})"></i>{word}</li>'
        for name, word in (("done", "documents written"), ("soft", "answers collected (dotted), of all that jobs read"))
    )
    return (
        charts.progress(history, report.documents)
        + f'<ul class="key">{lines}</ul>'
        + behind(
            "Documents written over time",
            ("until", "documents", "per second", "all so far", "answers collected"),
            _buckets(history),
        )
    )


def _buckets(history: History) -> Iterator[list[Cell]]:
    """The span of the run in equal stretches."""
    length = (history.end - history.began) / BUCKETS
    total = 0
    for number in range(BUCKETS):
        begin, end = history.began + number * length, history.began + (number + 1) * length
        last = number == BUCKETS - 1
        written, answered = (
            sum(count for at, count in changes if begin <= at < end or (last and at >= end))
            for changes in (history.written, history.answered)
        )
        total += written
        yield [clock(round(end - history.began, 1)), written, round(written / length, 2), total, answered]


# --- calls, money, durations ------------------------------------------------------------------------------------------


def _calls(history: History) -> str:
    starts = history.starts
    rows: list[list[Cell]] = [["made", starts.made]]
    rows += [[f"accepted, known by {how}", count] for how, count in sorted(starts.accepted.items())]
    rows += [[f"refused: {code}", count] for code, count in starts.refused.most_common()]
    rows += [["unanswered", starts.unanswered], ["jobs bought twice", starts.duplicates]]
    rows += [["failed jobs started anew", history.renewals]]
    troubles = [
        [clock(round(at - history.began, 1)), where or "here", what] for at, where, what in history.troubles[-TROUBLES:]
    ]
    return table("Start calls", ("outcome", "calls"), rows) + table(
        f"Troubles{f', the last {TROUBLES} of {len(history.troubles)}' if len(history.troubles) > TROUBLES else ''}",
        ("when", "where", "what"),
        troubles,
    )


def _cost(report: ReportFacts) -> str:
    plan = report.plan
    if plan is None:
        return '<p class="none">There is no plan yet.</p>'
    if report.engines and all(engine == "embedded" for _, engine, _ in report.engines):
        return "<p>It ran on the embedded lane: nothing was bought.</p>" + table(
            "Units per corpus and analysis",
            ("corpus", "analysis", "documents sent", "units of 100 characters"),
            [[row["corpus"], row["analysis"], row["sent"], row["units"]] for row in plan["rows"]],
        )
    rows = [
        [row["corpus"], row["analysis"], row["sent"], row["units"], _usd(row["usd_lower"]), _usd(row["usd"])]
        for row in plan["rows"]
    ]
    budget = "no budget" if report.budget_usd is None else f"a budget of {report.budget_usd:,.2f} USD"
    note = (
        f"<p>Planned: up to {_usd(plan['totals']['usd'])} USD, with {budget}. Repairs and further generations come on "
        "top; what the account is billed, AWS says.</p>"
    )
    columns = ("corpus", "analysis", "documents sent", "units of 100 characters", "USD at least", "USD at most")
    return note + table("Cost per corpus and analysis", columns, rows)


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:,.4f}" if 0 < usd < 1 else f"{usd:,.2f}"


def _durations(history: History) -> str:
    timed = [attempt for attempt in history.attempts if attempt.ending == "done" and attempt.service_s is not None]
    if not timed:
        return '<p class="none">No job has ended well yet.</p>'
    slowest = sorted(timed, key=lambda attempt: -(attempt.service_s or 0.0))[:SLOWEST]
    return (
        "<p>From submission to end, by the service's clock, against what was predicted when the job was planned.</p>"
        + charts.accuracy(timed)
        + behind(
            "Predicted and actual seconds per operation",
            ("operation", "jobs", "predicted, median", "actual, median", "actual ÷ predicted", "middle 80 %"),
            _accuracy_rows(timed),
        )
        + table("Slowest jobs", _JOB_COLUMNS, map(_job_row, slowest))
        + _retried(history)
    )


def _retried(history: History) -> str:
    retried = [attempt for attempt in history.attempts if attempt.generation or attempt.ending == "failed"]
    if not retried:
        return '<p class="none">No job failed, none was retried.</p>'
    some = f", the first {RETRIED} of {len(retried)}" if len(retried) > RETRIED else ""
    return table(f"Failed and retried jobs{some}", _JOB_COLUMNS, map(_job_row, retried[:RETRIED]))


_JOB_COLUMNS: Final = ("job", "lane", "generation", "ended as", "predicted", "took", "remote id", "code")


def _job_row(attempt: Attempt) -> list[Cell]:
    took = attempt.service_s
    return [
        attempt.job.key,
        attempt.lane,
        attempt.generation,
        attempt.ending,
        clock(round(attempt.job.predicted_s, 1)),
        None if took is None else clock(round(took, 1)),
        attempt.remote_id,
        attempt.code or None,
    ]


def _accuracy_rows(timed: Sequence[Attempt]) -> Iterator[list[Cell]]:
    for operation in sorted({attempt.job.operation for attempt in timed}):
        of_operation = [attempt for attempt in timed if attempt.job.operation == operation]
        predicted = [attempt.job.predicted_s for attempt in of_operation]
        actual = [attempt.service_s or 0.0 for attempt in of_operation]
        ratios = sorted(a / p for a, p in zip(actual, predicted, strict=True) if p)
        spread = quantiles(ratios, n=10) if len(ratios) > 1 else None
        yield [
            operation,
            len(of_operation),
            round(median(predicted), 2),
            round(median(actual), 2),
            round(median(ratios), 2) if ratios else None,
            f"{spread[0]:.2f} to {spread[-1]:.2f}" if spread else None,
        ]


# --- what was found, and what was asked -------------------------------------------------------------------------------


def _results(report: ReportFacts) -> str:
    parts = []
    for view in report.overviews:
        total = sum(count for _, count in view.counts)
        rows: list[list[Cell]] = [
            [label, Share(count, total, f"{count:,}"), f"{count / total:.1%}"] for label, count in view.counts
        ]
        some = f", of the first {view.documents:,} of {view.of:,} documents" if view.documents < view.of else ""
        parts.append(table(f"{view.corpus}, {view.analysis}{some}", (view.what, "count", "share"), rows))
    if not parts:
        parts.append('<p class="none">Nothing is written yet.</p>')
    parts += [
        f"<details><summary>{escape(sample.corpus)}: {escape(sample.id)}</summary>"
        f"<pre>{escape(sample.text)}</pre><pre>{escape(sample.result)}</pre></details>"
        for sample in report.samples
    ]
    return "".join(parts)


def _manifest(report: ReportFacts) -> str:
    if report.manifest is None:
        return '<p class="none">The file has changed since, or is gone: it is not shown.</p>'
    return f"<p>As written: nothing in it is expanded.</p><pre>{escape(report.manifest)}</pre>"
