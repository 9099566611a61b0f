"""What people read: tables and summaries as renderables, and lines. Nothing is printed here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from runner.cli.tables import Fact, Table, Words
from runner.cli.terminal import nearby, visible
from runner.compose.finishing import Summary
from runner.compose.inspecting import JobTrail, Status, Verification, Why
from runner.compose.reporting import REPORT_NAME
from runner.compose.retrying import Retried
from runner.compose.running import Outcome
from runner.compose.stopping import Cancelled
from runner.core import events as e
from runner.planning.fates import FAMILY_CLOSED
from runner.planning.plan import Plan, usd_text
from runner.planning.rows import Row
from runner.planning.training import USD_PER_MONTH
from runner.results.resultlines import UNCHANGEABLE
from runner.telemetry.gauge import StationView
from runner.telemetry.panel import NUMBERS, station_rows
from runner.telemetry.words import byte_count, counted, duration

ENDINGS: Final = {
    "finished": ("Done", "green"),
    "parked": ("Waiting for you", "yellow"),
    "interrupted": ("Interrupted; nothing is lost", "yellow"),
    "deadline": ("Out of time; nothing is lost", "yellow"),
    "cancelled": ("Cancelled", "yellow"),
    "budget": ("Stopped at its budget; nothing is lost", "yellow"),
    "failed": ("Stopped at a failure, as the manifest says", "red"),
}
TOO_MANY_ERRORS: Final = ("Done, with more errors than tolerated", "red")
NONE: Final = "·"
"""A count of nothing, so that what there is stands out."""


# --- plan ---------------------------------------------------------------------------------------------------------


def plan_view(plan: Plan) -> RenderableType:
    """Corpus × analysis, what it costs, how long it takes, and what is worth knowing."""
    return Group(
        _plan_table(plan),
        Text(),
        Words(plan_sentence(plan)),
        *_trainings(plan),
        *_languages(plan),
        *_shared(plan),
        *_reused(plan),
        *_notes(plan),
    )


def gate_view(plan: Plan) -> RenderableType:
    """A plan as `run` shows it: all of it where it costs money, else in a sentence."""
    return plan_view(plan) if _priced(plan) else Words(f"Planned: {plan_sentence(plan)}")


def plan_sentence(plan: Plan) -> str:
    """A plan in a sentence."""
    documents = sum(count for _, count in plan.documents)
    return (
        f"{counted(documents, 'document')}, {counted(len(plan.work.jobs), 'job')} over "
        f"{counted(len(plan.work.batches), 'batch', 'batches')}, {counted(plan.units.upper, 'unit')}, {_price(plan)}; "
        f"predicted to take {duration(plan.finish_s)} ({plan.basis})"
    )


def _plan_table(plan: Plan) -> Table:
    priced = _priced(plan)
    table = Table("corpus", "analysis", ">sent", ">of", ">units", *([">USD"] if priced else []), "not sent")
    shown = None
    for row in plan.rows:
        usd = ["?" if row.usd is None else usd_text(row.usd)[1:]] if priced else []
        corpus = row.corpus if row.corpus != shown else ""
        shown = row.corpus
        sent = (f"{row.sent:,}", f"{row.documents:,}", f"{row.units.upper:,}")
        table.add(corpus, row.analysis, *sent, *usd, _not_sent(row))
    return table


def _not_sent(row: Row) -> str:
    """`11 TOO_LONG, 3 LANGUAGE_UNSUPPORTED (de)`."""
    skipped = []
    for language, code, count in row.skipped:
        of_language = f" ({language})" if language and code.startswith("LANGUAGE") else ""
        skipped.append(f"{count:,} {code}{of_language}")
    return ", ".join([*skipped, *(f"{count:,} {code} (error)" for code, count in row.errors)])


def _languages(plan: Plan) -> Iterator[RenderableType]:
    """What is sent by language, where a corpus has several: `tickets: 812 en, 90 de, 3 of unknown language`."""
    by_corpus: dict[str, dict[str | None, int]] = {}
    for row in plan.rows:
        counts = by_corpus.setdefault(row.corpus, {})
        for language, count in row.sent_by_language:
            counts[language] = max(count, counts.get(language, 0))
    for corpus, counts in by_corpus.items():
        if len(counts) > 1:
            ranked = sorted(counts, key=lambda language: (-counts[language], language or "~"))
            told = ", ".join(f"{counts[language]:,} {language or 'of unknown language'}" for language in ranked)
            yield Fact("sent", f"{corpus}: {told}")


def _trainings(plan: Plan) -> Iterator[RenderableType]:
    """Models to be trained: `genre: a classifier of 4,000 documents, on virginia and ireland; up to $4.00 …`."""
    for training in plan.trainings:
        told = f"{', '.join(training.analyses)}: a {training.kind} of {counted(training.documents, 'document')}"
        if training.usd:
            told += (
                f" on {', '.join(training.lanes)}, if it is not there already: up to {usd_text(training.usd)} in all, "
                f"{duration(training.seconds)} (assumed); keeping it costs {usd_text(USD_PER_MONTH)} a month and lane"
            )
        yield Fact("trains", told)


def _shared(plan: Plan) -> Iterator[RenderableType]:
    """What identical texts save."""
    saved = sum(row.shared_units for row in plan.rows)
    if saved:
        shared: dict[str, int] = {}
        for row in plan.rows:
            shared[row.corpus] = max(row.shared, shared.get(row.corpus, 0))
        documents = sum(shared.values())
        told = f" ({counted(documents, 'document')})" if documents else ""
        yield Fact("saved", f"{counted(saved, 'unit')}: texts that occur more than once are sent once{told}")


def _reused(plan: Plan) -> Iterator[RenderableType]:
    """What earlier runs have bought: `412 units, worth up to $0.04, …: sentiment 98 of 100 documents, …`."""
    if not any(row.reused or row.reused_units for row in plan.rows):
        return
    counts: dict[str, tuple[int, int]] = {}
    for row in plan.rows:
        reused, sent = counts.get(row.analysis, (0, 0))
        counts[row.analysis] = reused + row.reused, sent + row.sent
    told = ", ".join(f"{name} {reused:,} of {sent:,}" for name, (reused, sent) in counts.items() if reused)
    units = sum(row.reused_units for row in plan.rows)
    worth = f", worth up to {usd_text(plan.reused_usd)}" if plan.reused_usd else ""
    yield Fact("reused", f"{counted(units, 'unit')}{worth}, from earlier runs" + (f": {told}" if told else ""))


def _notes(plan: Plan) -> Iterator[RenderableType]:
    return (Fact("note", warning, style="yellow") for warning in plan.warnings)


def _priced(plan: Plan) -> bool:
    return any(cost.source != "embedded" for cost in plan.costs)


def _price(plan: Plan) -> str:
    if not _priced(plan):
        return "no cost (embedded)"
    unknown = f", {', '.join(plan.unpriced)} unpriced" if plan.unpriced else ""
    return f"up to {usd_text(plan.usd)}{unknown}"


# --- the end of a run ---------------------------------------------------------------------------------------------


def outcome_view(outcome: Outcome, manifest: str, *, worked: bool = True) -> RenderableType:
    """How a run ended, what is in its results, and what to do next; `worked`: whether there was anything to do."""
    summary = outcome.summary
    over = outcome.ended == "finished" and bool(outcome.exit_code)
    word, style = TOO_MANY_ERRORS if over else ENDINGS[outcome.ended]
    repairs = f" ({summary.repairs} of them repairs)" if summary.repairs else ""
    head = Words(
        (word, f"bold {style}"),
        f": {summary.written:,} of {counted(summary.documents, 'document')} written, {_spared(summary)}"
        f"{counted(summary.jobs, 'job')}{repairs}, {duration(summary.duration_s)}",
    )
    parts: list[RenderableType] = [head]
    if not worked:
        parts.append(Words("It was finished before, and nothing was left to do; `--again` begins anew."))
    if summary.pairs:
        parts += [Text(), summary_table(summary), Text()]
    parts += _budget_lines(outcome)
    parts += park_lines(outcome.parks)
    parts += _closed_lines(summary)
    if summary.written or outcome.ended == "finished":
        parts.append(Fact("results", _shown(outcome.results), whole=True))
        parts.append(Fact("report", _shown(outcome.directory / REPORT_NAME), whole=True))
    if outcome.published and outcome.ended == "finished":
        parts.append(Fact("copies", outcome.published, whole=True))
    parts += _left_lines(outcome)
    parts += [Fact("next", line, whole=True) for line in _next_steps(outcome, manifest)]
    return Group(*parts)


def _spared(summary: Summary) -> str:
    """What earlier runs have bought: `9,900 unchanged, 39,600 answers reused, `."""
    told = f"{summary.unchanged:,} unchanged, " if summary.unchanged else ""
    return told + (f"{counted(summary.reused, 'answer')} reused, " if summary.reused else "")


def summary_table(summary: Summary) -> Table:
    """Documents by outcome, per corpus and analysis."""
    table = Table("corpus", "analysis", ">ok", ">skipped", ">errors", "why")
    shown = None
    for row in summary.analyses:
        table.add(
            row.corpus if row.corpus != shown else "",
            row.analysis,
            f"{row.ok:,}" if row.ok else NONE,
            f"{row.skipped:,}" if row.skipped else NONE,
            Text(f"{row.errors:,}", style="red") if row.errors else NONE,
            ", ".join(f"{count:,} {code}" for code, count in row.codes.items()),
        )
        shown = row.corpus
    return table


def park_lines(parks: Iterable[e.WorkParked]) -> list[RenderableType]:
    """What waits for the user, each with what to do."""
    lines: list[RenderableType] = []
    for fault in {str(park.fault): park.fault for park in parks}.values():
        lines.append(Fact("parked", visible(nearby(str(fault))), style="yellow"))
        if fault.hint:
            lines.append(Fact("hint", visible(nearby(fault.hint)), style="cyan"))
    return lines


def _budget_lines(outcome: Outcome) -> list[RenderableType]:
    """What the budget forbade, and what is left."""
    stop = outcome.budget
    if stop is None:
        return []
    crossed = (
        f"{stop.what} {stop.job} could bring the cost to {usd_text(stop.usd)}, above the budget of "
        f"{usd_text(stop.budget_usd)}: it was not started; up to {usd_text(stop.committed_usd)} is spent"
    )
    documents = outcome.summary.documents - outcome.summary.written
    left = (
        f"{counted(stop.open_jobs, 'job')} and {counted(documents, 'document')} are open; to finish may come to "
        f"{usd_text(stop.finish_usd)} in all, as far as is known now"
    )
    return [Fact("budget", crossed, style="yellow"), Fact("left", left)]


def _closed_lines(summary: Summary) -> list[RenderableType]:
    """Which analyses the service refuses to the account for good, and what to do."""
    closed = dict.fromkeys(row.analysis for row in summary.analyses if FAMILY_CLOSED in row.codes)
    if not closed:
        return []
    told = f"{', '.join(closed)}: the service has closed this kind of analysis to the account"
    return [
        Fact("closed", told, style="yellow"),
        Fact("hint", "take it out of `analyses`, or use a lane of an account that may still use it", style="cyan"),
    ]


def _left_lines(outcome: Outcome) -> Iterator[RenderableType]:
    """What of the user's texts lies in S3, and what deletes it."""
    for left in outcome.summary.left:
        told = f"{byte_count(left.bytes)} of your text in {left.where}"
        how = f"; `runner clean {_shown(outcome.directory)}` deletes it" if outcome.ended == "finished" else ""
        yield Fact("left", told + how, whole=True)


def _next_steps(outcome: Outcome, manifest: str) -> Iterator[str]:
    directory, again = _shown(outcome.directory), f"runner run {shlex.quote(manifest)}"
    if outcome.ended == "finished":
        yield f"runner verify {directory}"
        codes = {code for row in outcome.summary.analyses if row.errors for code in row.codes}
        if outcome.exit_code and codes <= UNCHANGEABLE:
            yield f"mend the inputs (`problems` in the results say where), then {again}"
        elif outcome.exit_code:
            yield f"runner retry {directory}, then {again}"
    elif outcome.ended == "parked":
        yield f"mend what is said above, then {again}"
    elif outcome.budget is not None:
        yield f"{again} --budget {outcome.budget.enough_usd:.2f}"
    else:
        yield f"{again} goes on from here"
        yield f"runner status {directory}"


def _shown(path: Path) -> str:
    """A path for people to copy: relative where it can be, quoted where it must be."""
    return shlex.quote(nearby(str(path)))


def _utc(at: str) -> str:
    """A UTC time as ISO 8601 has it, as people read it."""
    return at.replace("T", " ").replace("+00:00", " UTC")


# --- status, verify, why --------------------------------------------------------------------------------------------


def status_view(status: Status) -> RenderableType:
    """Where a run stands."""
    jobs = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in sorted(status.jobs.items()))
    summary = status.summary
    phase = status.phase + (f", exit code {status.exit_code}" if status.exit_code is not None else "")
    rows = [
        ("run", f"{status.name}, begun {_utc(status.began)}"),
        ("phase", phase),
        ("runner", status.runner or "nobody drives it now"),
        *(("lane", f"{lane}: {engine}, account {account}") for lane, engine, _, account in status.engines),
        ("written", f"{summary.written:,} of {counted(summary.documents, 'document')}"),
        ("jobs", jobs or "none yet"),
    ]
    if status.usd:
        so_far = status.snapshot.usd
        bought = f"{usd_text(so_far)} so far, " if so_far is not None else ""
        rows.append(("price", f"{bought}up to {usd_text(status.usd)} planned"))
    lines: list[RenderableType] = [Fact("where", _shown(status.directory), whole=True)]
    lines += [Fact(key, value) for key, value in rows]
    lines += park_lines(status.parks)
    if status.snapshot.stations and status.phase == "running":
        lines += [Text(), _operations(status.snapshot.stations)]
    if summary.pairs:
        lines += [Text(), summary_table(summary)]
    return Group(*lines)


def _operations(stations: Sequence[StationView]) -> Table:
    head, rows = station_rows(stations)
    table = Table(*(f">{name}" if name in NUMBERS else name for name in head))
    for row in rows:
        table.add(*row)
    return table


def verification_view(verification: Verification) -> RenderableType:
    """What `verify` found."""
    lines: list[RenderableType] = []
    for report in verification.reports:
        lines += [
            Text(visible(nearby(f"{finding.file}:{finding.line}: {finding.sentence}")), style="red")
            for finding in report.findings
        ]
        more = report.findings_total - len(report.findings)
        if more > 0:
            lines.append(Text(f"{report.corpus}: {counted(more, 'more finding', 'more findings')}", style="red"))
    lines += [Text(f"{name}: not as run.json says", style="red") for name in verification.changed_files]
    checked = sum(report.payloads_checked for report in verification.reports)
    total = sum(report.documents for report in verification.reports)
    if verification.open_documents:
        count = counted(verification.open_documents, "document is", "documents are")
        lines.append(Text(f"{count} not in any line yet", style="yellow"))
    if not verification.complete:
        lines.append(Text("The run is not finished", style="yellow"))
    lines += _copies_lines(verification)
    word = ("Verified", "bold green") if verification.accounted_for else ("Not verified", "bold red")
    documents = counted(verification.documents, "document")
    told = f": {total:,} of {documents} in their lines, offsets of {counted(checked, 'payload')} checked"
    return Group(*lines, Words(word, told))


def _copies_lines(verification: Verification) -> Iterator[RenderableType]:
    """What was found of the copies in S3."""
    found = verification.published
    if found is None:
        return
    if found.unknown is not None:
        yield Text(visible(f"The copies in {found.uri} could not be looked at: {found.unknown}"), style="yellow")
        return
    for name in found.wrong:
        yield Text(visible(f"{found.uri}{name}: missing, or of another size"), style="red")
    if not found.wrong:
        copies = counted(found.files, "copy", "copies")
        yield Text(visible(f"{copies} in {found.uri}, with the sizes of the files here"))


def why_view(why: Why) -> RenderableType:
    """Where a document's results came from."""
    place = "not merged yet" if why.result is None else f"{nearby(why.result[0])} line {why.result[1]}"
    lines: list[RenderableType] = [
        Text(visible(f"{why.corpus} {why.id}"), style="bold"),
        Fact("source", visible(f"{nearby(why.source)}, position {why.position}"), whole=True),
        Fact("document", f"{counted(why.size, 'byte')}, language {why.language or 'not known'}"),
        Fact("ledger", f"segment {why.segment}, entry {why.index}"),
        Fact("result", visible(place), whole=True),
    ]
    for trail in why.analyses:
        lines += [Text(), Text(trail.analysis, style="bold")]
        if trail.closed is not None:
            lines.append(Fact("no job", trail.closed))
        for job in trail.jobs:
            lines += _job_trail(job)
    return Group(*lines)


def _job_trail(job: JobTrail) -> Iterator[RenderableType]:
    remote = f", remote id {job.remote_id}" if job.remote_id else ""
    lane = f" on lane {job.lane}" if job.lane else ""
    state = str(job.state).replace("_", " ")
    yield Fact("job", f"{job.job}, generation {job.generation}{lane}{remote}: {state}")
    yield Fact("line", f"{job.line} of part {job.part}")
    for at, what in job.history:
        yield Fact("", Text(visible(f"{_utc(at)}  {what}"), style="dim"))


# --- cancel, retry --------------------------------------------------------------------------------------------------


def cancelled_lines(found: Cancelled) -> Iterator[str]:
    """What a cancel did, and what it could not do and what that costs."""
    for going in found.going_on:
        cost = "at a price that is not known" if going.usd is None else f"up to {usd_text(going.usd)}"
        remote = f" (remote id {going.remote_id})" if going.remote_id else ""
        yield f"goes on: {going.job}{remote}: {going.why}; {counted(going.units, 'unit')}, {cost}"
    stopped, left = counted(found.stopped, "job"), counted(found.open_jobs, "job stays", "jobs stay")
    yield f"cancelled: {stopped} stopped, {found.collected:,} collected, {left} open"


def retried_lines(found: Retried) -> Iterator[str]:
    """What was opened again."""
    for corpus, name, error, count in found.errors:
        verb = "is" if count == 1 else "are"
        yield f"{corpus} {name}: {counted(count, 'document')} with {error} {verb} open again"
    if found.documents:
        planned = f"{counted(found.documents, 'document')}, {counted(found.jobs, 'job')} planned"
        yield f"{planned}; the next `runner run` carries them out"
    else:
        yield "no document closed with an error that another job could answer"
