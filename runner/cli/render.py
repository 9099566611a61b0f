"""What people read: tables and summaries as renderables. Nothing is printed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runner.compose.finishing import Summary
from runner.compose.inspecting import JobTrail, Status, Verification, Why
from runner.compose.running import Outcome
from runner.core import events as e
from runner.planning.plan import Plan
from runner.planning.rows import Row

ENDINGS = {
    "finished": ("Done", "green"),
    "parked": ("Waiting for you", "yellow"),
    "interrupted": ("Interrupted; nothing is lost", "yellow"),
    "deadline": ("Out of time; nothing is lost", "yellow"),
    "cancelled": ("Cancelled", "yellow"),
    "failed": ("Stopped at a failure, as the manifest says", "red"),
}


# --- plan ---------------------------------------------------------------------------------------------------------


def plan_table(plan: Plan) -> RenderableType:
    """Corpus × analysis, what it costs, and how long it takes."""
    priced = _priced(plan)
    table = _table("corpus", "analysis", ">sent", ">of", ">units", *([">USD"] if priced else []), "not sent")
    shown = None
    for row in plan.rows:
        usd = ["?" if row.usd is None else f"{row.usd:,.2f}"] if priced else []
        corpus = row.corpus if row.corpus != shown else ""
        shown = row.corpus
        sent = (f"{row.sent:,}", f"{row.documents:,}", f"{row.units.upper:,}")
        table.add_row(corpus, row.analysis, *sent, *usd, _not_sent(row))
    jobs, batches = len(plan.work.jobs), len(plan.work.batches)
    total = Text(
        f"{_count(jobs, 'job')} over {_count(batches, 'batch', 'batches')}, {plan.units.upper:,} units, "
        f"{_price(plan)}; predicted to take {duration(plan.finish_s)} ({plan.basis})"
    )
    notes = [Text.assemble(("note     ", "yellow"), warning) for warning in plan.warnings]
    return Group(table, total, *notes)


def _not_sent(row: Row) -> str:
    """`11 TOO_LONG, 3 LANGUAGE_UNSUPPORTED (de)`."""
    skipped = []
    for language, code, count in row.skipped:
        of_language = f" ({language})" if language and code.startswith("LANGUAGE") else ""
        skipped.append(f"{count:,} {code}{of_language}")
    return ", ".join([*skipped, *(f"{count:,} {code} (error)" for code, count in row.errors)])


def _priced(plan: Plan) -> bool:
    return any(cost.source != "embedded" for cost in plan.costs)


def _price(plan: Plan) -> str:
    if not _priced(plan):
        return "no cost (embedded)"
    unknown = f", {', '.join(plan.unpriced)} unpriced" if plan.unpriced else ""
    return f"about {plan.usd:,.2f} USD{unknown}"


# --- the end of a run ---------------------------------------------------------------------------------------------


def outcome_view(outcome: Outcome, manifest: str) -> RenderableType:
    """How a run ended, what is in its results, and what to do next."""
    word, style = ENDINGS[outcome.ended]
    if outcome.ended == "finished" and outcome.exit_code:
        word, style = "Done, with more errors than tolerated", "red"
    summary = outcome.summary
    head = Text.assemble(
        (word, f"bold {style}"),
        f": {summary.written:,} of {_count(summary.documents, 'document')} written, {_count(summary.jobs, 'job')}"
        + (f" ({summary.repairs} of them repairs)" if summary.repairs else "")
        + f", {duration(summary.duration_s)}",
    )
    parts: list[RenderableType] = [head]
    if outcome.resumed and outcome.ended == "finished" and not summary.pairs:
        parts.append(Text("This run was finished already."))
    if summary.pairs:
        parts.append(summary_table(summary))
    parts += park_lines(outcome.parks)
    parts.append(_fact("results", str(outcome.results)))
    parts += [_fact("next", line) for line in _next_steps(outcome, manifest)]
    return Group(*parts)


def _fact(key: str, value: str) -> Text:
    """A line that is never cut: paths and commands are for copying."""
    return Text.assemble((f"{key:<9}", "dim"), value, overflow="ignore", no_wrap=True)


def summary_table(summary: Summary) -> Table:
    """Documents by outcome, per corpus and analysis."""
    table = _table("corpus", "analysis", *(">ok", ">skipped", ">errors"), "codes")
    shown = None
    for row in summary.analyses:
        codes = ", ".join(f"{count:,} {code}" for code, count in row.codes.items())
        table.add_row(
            row.corpus if row.corpus != shown else "",
            row.analysis,
            f"{row.ok:,}",
            f"{row.skipped:,}" if row.skipped else "·",
            Text(f"{row.errors:,}", style="red") if row.errors else "·",
            codes,
        )
        shown = row.corpus
    return table


def park_lines(parks: Iterable[e.WorkParked]) -> list[RenderableType]:
    """What waits for the user, each with what to do."""
    lines: list[RenderableType] = []
    for fault in {str(park.fault): park.fault for park in parks}.values():
        lines.append(Text.assemble(("parked   ", "yellow"), str(fault)))
        if fault.hint:
            lines.append(Text.assemble(("hint     ", "yellow"), fault.hint))
    return lines


def _next_steps(outcome: Outcome, manifest: str) -> Iterator[str]:
    directory = outcome.directory
    if outcome.ended == "finished":
        yield f"runner verify {directory}"
        if outcome.exit_code:
            yield f"runner retry {directory}, then runner run {manifest}"
    elif outcome.ended == "parked":
        yield f"mend what is said above, then runner run {manifest}"
    else:
        yield f"runner run {manifest} goes on from here; runner status {directory}"


# --- status, verify, why --------------------------------------------------------------------------------------------


def status_view(status: Status) -> RenderableType:
    """Where a run stands."""
    jobs = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(status.jobs.items()))
    rows = [
        ("run", f"{status.name} {status.run_id}, begun {status.began}"),
        ("phase", status.phase + (f", exit code {status.exit_code}" if status.exit_code is not None else "")),
        ("runner", status.runner or "nobody drives it now"),
        *(("lane", f"{lane}: {engine}, account {account}") for lane, engine, _, account in status.engines),
        ("written", f"{status.summary.written:,} of {_count(status.summary.documents, 'document')}"),
        ("jobs", jobs or "none yet"),
    ]
    if status.usd:
        rows.append(("price", f"about {status.usd:,.2f} USD"))
    lines: list[RenderableType] = [_fact(key, value) for key, value in rows]
    if status.summary.pairs:
        lines.append(summary_table(status.summary))
    return Group(*lines, *park_lines(status.parks))


def verification_view(verification: Verification) -> RenderableType:
    """What `verify` found."""
    lines: list[RenderableType] = []
    for report in verification.reports:
        lines += [
            Text(f"{finding.file}:{finding.line}: {finding.sentence}", style="red") for finding in report.findings
        ]
        more = report.findings_total - len(report.findings)
        if more > 0:
            lines.append(Text(f"{report.corpus}: {more:,} more findings", style="red"))
    lines += [Text(f"{name}: not as run.json says", style="red") for name in verification.changed_files]
    checked = sum(report.payloads_checked for report in verification.reports)
    total = sum(report.documents for report in verification.reports)
    if verification.open_documents:
        lines.append(Text(f"{verification.open_documents:,} documents are not in any line yet", style="yellow"))
    if not verification.complete:
        lines.append(Text("the run is not finished", style="yellow"))
    word = (
        Text("verified", style="bold green") if verification.accounted_for else Text("not verified", style="bold red")
    )
    documents = _count(verification.documents, "document")
    told = f": {total:,} of {documents} in their lines, offsets of {checked:,} payloads checked"
    lines.append(Text.assemble(word, told))
    return Group(*lines)


def why_view(why: Why) -> RenderableType:
    """Where a document's results came from."""
    place = "not merged yet" if why.result is None else f"{why.result[0]} line {why.result[1]}"
    lines: list[RenderableType] = [
        Text(f"{why.corpus} {why.id}", style="bold"),
        Text(f"  source    {why.source}, position {why.position}"),
        Text(f"  document  {why.size:,} bytes, language {why.language or 'not known'}"),
        Text(f"  ledger    segment {why.segment}, entry {why.index}"),
        Text(f"  result    {place}"),
    ]
    for trail in why.analyses:
        lines.append(Text(f"  {trail.analysis}", style="bold"))
        if trail.closed is not None:
            lines.append(Text(f"    no job: {trail.closed}"))
        for job in trail.jobs:
            lines += _job_trail(job)
    return Group(*lines)


def _job_trail(job: JobTrail) -> Iterator[RenderableType]:
    remote = f", remote id {job.remote_id}" if job.remote_id else ""
    yield Text(f"    job {job.job} generation {job.generation} on lane {job.lane or 'none yet'}{remote}: {job.state}")
    yield Text(f"    line {job.line} of part {job.part}", style="dim")
    for at, what in job.history:
        yield Text(f"      {at}  {what}", style="dim")


# --- words ------------------------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _count(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _table(*columns: str) -> Table:
    """A table without lines but one; columns that begin with `>` are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        numeric = column.startswith(">")
        # What wraps is the last column; names and numbers stay whole.
        whole = numeric or place < len(columns) - 1
        table.add_column(column.lstrip(">"), justify="right" if numeric else "left", no_wrap=whole)
    return table
