"""What people read, made from values written by hand: at 80 and at 200 columns, without colour."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import RenderableType
from rich.text import Text

from runner.cli.render import (
    cancelled_lines,
    outcome_view,
    park_lines,
    plan_view,
    retried_lines,
    status_view,
    verification_view,
    why_view,
)
from runner.cli.tables import Fact, Table
from runner.cli.terminal import Screen, nearby, visible
from runner.cli.values import seconds
from runner.compose.finishing import AnalysisSummary, LeftBehind, Summary
from runner.compose.inspecting import AnalysisTrail, JobTrail, Status, Verification, Why
from runner.compose.retrying import Retried
from runner.compose.running import Outcome
from runner.compose.stopping import Cancelled, GoingOn
from runner.core import events as e
from runner.core.states import State
from runner.model import Fault, FaultKind, JobKey, PartId, RemoteId, Scope, SegmentId
from runner.planning.packing import PlannedWork
from runner.planning.plan import Plan
from runner.planning.price import FamilyCost, Units
from runner.planning.rows import Row
from runner.telemetry.gauge import Snapshot, StationView
from runner.telemetry.words import counted, duration, roughly

ROOT = Path("/elsewhere/runs/tickets/20260701T093000-aaaaaaaaaaaaaaaa")
SUMMARY = Summary(
    documents=12_345,
    written=12_345,
    pairs=24_690,
    ok=24_600,
    skipped=80,
    errors=10,
    jobs=12,
    generations=13,
    repairs=2,
    duration_s=5_000.0,
    analyses=(
        AnalysisSummary(
            corpus="reviews", analysis="sentiment", ok=12_300, skipped=40, errors=5, codes={"TOO_LONG": 45}
        ),
        AnalysisSummary(
            corpus="reviews",
            analysis="entities",
            ok=12_300,
            skipped=40,
            errors=5,
            codes={"EMPTY": 11, "INTERNAL_SERVER_ERROR": 5, "LANGUAGE_UNSUPPORTED": 29},
        ),
        AnalysisSummary(corpus="tickets", analysis="sentiment", ok=0, skipped=0, errors=0, codes={}),
    ),
)
DENIED = Fault(
    kind=FaultKind.DENIED,
    scope=Scope.LANE,
    code="AccessDeniedException",
    message="User: arn:aws:iam::123456789012:user/ann is not authorized to perform: comprehend:StartSentiment",
    hint="allow comprehend:StartSentimentDetectionJob, then run again",
)
PARKED = e.WorkParked(at=0.0, lane="virginia", operation="sentiment_detection", fault=DENIED)


SNAPSHOT = Snapshot(
    phase="running",
    ranges=1,
    ranges_done=1,
    documents=12_345,
    lines=10,
    waiting=1_200,
    active=10,
    collecting=0,
    done=0,
    given_up=1,
    work_s=1.0,
    work_done_s=0.0,
    closed=False,
    parks=(),
    stations=(
        StationView(
            lane="virginia",
            operation="SentimentDetection",
            slots=10,
            used=8,
            strangers=2,
            waiting=1_200,
            done=0,
            failed=1,
            slowed=0.5,
        ),
        StationView(
            lane="oregon",
            operation="SentimentDetection",
            slots=10,
            used=2,
            strangers=0,
            waiting=1_200,
            done=3,
            failed=0,
            slowed=None,
        ),
    ),
    usd=1.25,
)


def drawn(view: RenderableType, width: int = 80) -> list[str]:
    """The lines of a view on a terminal without colour."""
    written = io.StringIO()
    Screen(file=written, width=width, color_system=None).print(view)
    lines = written.getvalue().splitlines()
    assert not any(line.endswith(" ") for line in lines)
    return lines


def an_outcome(**changes: object) -> Outcome:
    outcome = Outcome(
        exit_code=0,
        directory=ROOT,
        results=ROOT / "results",
        run_id=ROOT.name,
        ended="finished",
        summary=SUMMARY,
    )
    return replace(outcome, **changes)


# --- the end of a run -------------------------------------------------------------------------------------------------


def test_a_finished_run_at_80_columns() -> None:
    assert drawn(outcome_view(an_outcome(), "m.yaml")) == [
        "Done: 12,345 of 12,345 documents written, 12 jobs (2 of them repairs), 83 min",
        "",
        "corpus   analysis       ok  skipped  errors  why",
        "─" * 79,
        "reviews  sentiment  12,300       40       5  45 TOO_LONG",
        "         entities   12,300       40       5  11 EMPTY, 5 INTERNAL_SERVER_ERROR,",
        "                                             29 LANGUAGE_UNSUPPORTED",
        "tickets  sentiment       ·        ·       ·",
        "",
        f"results  {ROOT}/results",
        f"report   {ROOT}/report.html",
        f"next     runner verify {ROOT}",
    ]


def test_what_is_left_in_s3_is_told_with_what_deletes_it() -> None:
    left = LeftBehind(lane="virginia", where="s3://bucket/x/run/", batches=2, bytes=1_234_567)
    summary = replace(SUMMARY, left=(left,))

    lines = drawn(outcome_view(an_outcome(summary=summary, published="s3://bucket/results/"), "m.yaml"), 200)

    assert "copies   s3://bucket/results/" in lines
    assert f"left     1.2 MB of your text in s3://bucket/x/run/; `runner clean {ROOT}` deletes it" in lines
    # What is not finished still needs it.
    lines = drawn(outcome_view(an_outcome(summary=summary, ended="parked", published="s3://b/"), "m.yaml"), 200)
    assert "left     1.2 MB of your text in s3://bucket/x/run/" in lines
    assert "copies   s3://b/" not in lines


def test_a_wide_terminal_has_each_row_on_one_line() -> None:
    lines = drawn(outcome_view(an_outcome(), "m.yaml"), 200)

    assert (
        "         entities   12,300       40       5  11 EMPTY, 5 INTERNAL_SERVER_ERROR, 29 LANGUAGE_UNSUPPORTED"
        in lines
    )
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("ended", "code", "head", "steps"),
    [
        (
            "finished",
            3,
            "Done, with more errors than tolerated: ",
            [f"runner verify {ROOT}", f"runner retry {ROOT}, then runner run 'my m.yaml'"],
        ),
        ("parked", 2, "Waiting for you: ", ["mend what is said above, then runner run 'my m.yaml'"]),
        (
            "interrupted",
            130,
            "Interrupted; nothing is lost: ",
            ["runner run 'my m.yaml' goes on from here", f"runner status {ROOT}"],
        ),
        (
            "deadline",
            5,
            "Out of time; nothing is lost: ",
            ["runner run 'my m.yaml' goes on from here", f"runner status {ROOT}"],
        ),
        ("cancelled", 5, "Cancelled: ", ["runner run 'my m.yaml' goes on from here", f"runner status {ROOT}"]),
        (
            "failed",
            3,
            "Stopped at a failure, as the manifest says: ",
            ["runner run 'my m.yaml' goes on from here", f"runner status {ROOT}"],
        ),
    ],
)
def test_every_ending_has_its_words_and_what_to_do_next(ended: str, code: int, head: str, steps: list[str]) -> None:
    lines = drawn(outcome_view(an_outcome(ended=ended, exit_code=code), "my m.yaml"), 200)

    assert lines[0].startswith(head)
    assert [line.removeprefix("next     ") for line in lines if line.startswith("next")] == steps


def test_parked_work_says_why_and_what_to_do_once_for_each_cause() -> None:
    other = replace(PARKED, operation="entities_detection")

    lines = drawn(outcome_view(an_outcome(ended="parked", parks=(PARKED, other)), "m.yaml"))

    begin = lines.index("parked   AccessDeniedException: User: arn:aws:iam::123456789012:user/ann is not")
    assert lines[begin : begin + 4] == [
        "parked   AccessDeniedException: User: arn:aws:iam::123456789012:user/ann is not",
        "         authorized to perform: comprehend:StartSentiment",
        "hint     allow comprehend:StartSentimentDetectionJob, then run again",
        f"results  {ROOT}/results",
    ]
    assert len(park_lines((PARKED, other))) == 2


# --- plan -----------------------------------------------------------------------------------------------------------


def a_plan(*, priced: bool) -> Plan:
    units = Units(upper=18_000, lower=12_000)
    usd = 1.8 if priced else 0.0
    cost = FamilyCost(
        family="sentiment",
        units=units,
        usd=usd,
        usd_lower=usd,
        source="catalogue" if priced else "embedded",
        as_of=None,
    )
    row = Row(
        corpus="reviews",
        analysis="sentiment",
        family="sentiment",
        documents=6_000,
        bytes=1,
        sent=5_900,
        sent_bytes=1,
        sent_by_language=(("en", 5_900),),
        skipped=(("de", "LANGUAGE_UNSUPPORTED", 60), (None, "EMPTY", 30)),
        errors=(("UNDECODABLE", 10),),
        units=units,
        usd=usd,
        usd_lower=usd,
    )
    return Plan(
        name="tickets",
        documents=(("reviews", 6_000),),
        bytes=1,
        rows=(row,),
        costs=(cost,),
        usd=usd,
        usd_lower=usd,
        unpriced=("topics",) if priced else (),
        work=PlannedWork(batches=(), jobs=()),
        operations=(),
        finish_s=431.0,
        basis="assumed",
        warnings=("sentiment sends no document of letters, postcards, diaries and telegrams (LANGUAGE_UNSUPPORTED)",),
    )


def test_a_plan_that_costs_money_at_80_columns() -> None:
    assert drawn(plan_view(a_plan(priced=True))) == [
        "corpus   analysis    sent     of   units   USD  not sent",
        "─" * 80,
        "reviews  sentiment  5,900  6,000  18,000  1.80  60 LANGUAGE_UNSUPPORTED (de),",
        "                                                30 EMPTY, 10 UNDECODABLE (error)",
        "",
        "6,000 documents, 0 jobs over 0 batches, 18,000 units, up to $1.80, topics",
        "unpriced; predicted to take 7 min (assumed)",
        "note     sentiment sends no document of letters, postcards, diaries and",
        "         telegrams (LANGUAGE_UNSUPPORTED)",
    ]


def test_a_plan_without_a_price_has_no_column_for_it() -> None:
    lines = drawn(plan_view(a_plan(priced=False)), 200)

    assert "USD" not in lines[0]
    assert "no cost (embedded); predicted to take 7 min (assumed)" in lines[4]


# --- status, verify, why ----------------------------------------------------------------------------------------------


def test_a_status_on_the_way() -> None:
    status = Status(
        run_id=ROOT.name,
        name="tickets",
        directory=ROOT,
        began="2026-07-01T09:30:00+00:00",
        phase="running",
        runner="process 7 on host a since 2026-07-01 09:30:00+00:00",
        engines=(("virginia", "https://comprehend.us-east-1.amazonaws.com", "x", "123456789012"),),
        jobs={"waiting": 1_200, "active": 10, "given_up": 1},
        summary=replace(SUMMARY, written=10, pairs=0),
        usd=12.5,
        parks=(PARKED,),
        exit_code=None,
        snapshot=SNAPSHOT,
    )

    lines = drawn(status_view(status), 200)

    assert lines == [
        f"where    {ROOT}",
        "run      tickets, begun 2026-07-01 09:30:00 UTC",
        "phase    running",
        "runner   process 7 on host a since 2026-07-01 09:30:00+00:00",
        "lane     virginia: https://comprehend.us-east-1.amazonaws.com, account 123456789012",
        "written  10 of 12,345 documents",
        "jobs     10 active, 1 given up, 1,200 waiting",
        "price    $1.25 so far, up to $12.50 planned",
        f"parked   {DENIED}",
        f"hint     {DENIED.hint}",
        "",
        "operation           lane      waiting  slots  done  failed",
        "─" * 86,
        "SentimentDetection  virginia    1,200   8/10     ·       1  2 of others, slowed to 50%",
        "                    oregon          ·   2/10     3       ·",
    ]


def test_a_verification_that_fails_says_what_is_missing() -> None:
    failed = Verification(
        directory=ROOT,
        reports=(),
        documents=3,
        open_documents=1,
        complete=False,
        changed_files=("reviews/00000.jsonl",),
    )

    assert drawn(verification_view(failed)) == [
        "reviews/00000.jsonl: not as run.json says",
        "1 document is not in any line yet",
        "The run is not finished",
        "Not verified: 0 of 3 documents in their lines, offsets of 0 payloads checked",
    ]


def test_why_tells_the_way_of_a_document_and_obeys_no_id() -> None:
    trail = JobTrail(
        job=JobKey("sentiment-b000001"),
        state=State.GIVEN_UP,
        generation=2,
        lane="virginia",
        remote_id=RemoteId("0" * 32),
        part=PartId("000-000000-00000-000"),
        line=4,
        history=(("2026-07-01T09:30:00.000+00:00", f"accepted as {'0' * 32}"),),
    )
    why = Why(
        corpus="reviews",
        id="a\x1b[2Jb",
        segment=SegmentId("000-000000-00000"),
        index=4,
        source="/data/a.txt",
        position=0,
        size=1,
        language=None,
        result=None,
        analyses=(
            AnalysisTrail(analysis="entities", closed="skipped EMPTY: it is empty", jobs=()),
            AnalysisTrail(analysis="sentiment", closed=None, jobs=(trail,)),
        ),
    )

    assert drawn(why_view(why), 90) == [
        "reviews a\\x1b[2Jb",
        "source   /data/a.txt, position 0",
        "document 1 byte, language not known",
        "ledger   segment 000-000000-00000, entry 4",
        "result   not merged yet",
        "",
        "entities",
        "no job   skipped EMPTY: it is empty",
        "",
        "sentiment",
        "job      sentiment-b000001, generation 2 on lane virginia, remote id",
        f"         {'0' * 32}: given up",
        "line     4 of part 000-000000-00000-000",
        f"         2026-07-01 09:30:00.000 UTC  accepted as {'0' * 32}",
    ]


def test_a_cancel_names_what_goes_on_and_what_it_costs() -> None:
    going = GoingOn(job="a-b1", remote_id="r1", why="the service cannot stop x jobs", units=1, usd=0.5)
    found = Cancelled(
        directory=ROOT,
        by="us",
        stopped=2,
        collected=1_000,
        going_on=(going, replace(going, remote_id=None, units=2, usd=None)),
        open_jobs=1,
    )

    assert list(cancelled_lines(found)) == [
        "goes on: a-b1 (remote id r1): the service cannot stop x jobs; 1 unit, up to $0.5000",
        "goes on: a-b1: the service cannot stop x jobs; 2 units, at a price that is not known",
        "cancelled: 2 jobs stopped, 1,000 collected, 1 job stays open",
    ]


def test_a_retry_counts_what_is_open_again() -> None:
    found = Retried(
        directory=ROOT, documents=3, jobs=1, errors=(("a", "s", "JOB_FAILED", 2), ("b", "s", "NO_RESULT", 1))
    )

    assert list(retried_lines(found)) == [
        "a s: 2 documents with JOB_FAILED are open again",
        "b s: 1 document with NO_RESULT is open again",
        "3 documents, 1 job planned; the next `runner run` carries them out",
    ]
    nothing = replace(found, documents=0, jobs=0, errors=())
    assert list(retried_lines(nothing)) == ["no document closed with an error that another job could answer"]


# --- pieces ---------------------------------------------------------------------------------------------------------


def test_a_table_keeps_names_and_numbers_whole_however_narrow_the_terminal() -> None:
    table = Table("name", ">count", "why")
    table.add("a-rather-long-name", "1,000,000", "some words that wrap beneath one another")

    assert drawn(table, 30) == [
        "name                    count  why",
        "───────────────────────────────────────────────────",
        "a-rather-long-name  1,000,000  some words that wrap",
        "                               beneath one another",
    ]


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    table = Table("name", ">count", "why")
    table.add("日本", "1", "x")
    table.add("ab", "10", "y")

    assert drawn(table)[2:] == ["日本      1  x", "ab       10  y"]


def test_what_is_for_copying_is_never_cut() -> None:
    assert drawn(Fact("results", "/a b/" + "c" * 100, whole=True), 40) == ["results  /a b/" + "c" * 100]


@pytest.mark.parametrize(
    ("seconds_", "told"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5_399, "1 h 30 min"),
        (5_300, "88 min"),
        (7_500, "2 h 05 min"),
        (86_400, "24 h 00 min"),
        (200_000, "2 days 8 h"),
    ],
)
def test_durations_are_as_people_say_them(seconds_: float, told: str) -> None:
    assert duration(seconds_) == told


@pytest.mark.parametrize(("terminal", "lines"), [(True, ["some words", "that do not", "fit"]), (False, None)])
def test_a_message_is_wrapped_between_words_at_a_terminal_and_whole_elsewhere(
    terminal: bool, lines: list[str] | None
) -> None:
    written = io.StringIO()

    Screen(file=written, width=11, color_system=None, force_terminal=terminal).say(Text("some words that do not fit"))

    assert [line.rstrip() for line in written.getvalue().splitlines()] == (lines or ["some words that do not fit"])


@pytest.mark.parametrize(("guess", "told"), [(0.2, "1 s"), (2.4, "2 s"), (89, "89 s"), (7_500, "2 h 05 min")])
def test_guesses_have_no_tenths(guess: float, told: str) -> None:
    assert roughly(guess) == told


def test_counts_have_their_noun() -> None:
    assert [counted(n, "batch", "batches") for n in (0, 1, 1_200)] == ["0 batches", "1 batch", "1,200 batches"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("2d", 172_800), ("3", 3), ("250ms", 0.25), ("1 h", 3600)],
)
def test_durations_are_understood(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_nothing_is_shortened_at_the_root_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    assert nearby("/a/b and c/d") == "/a/b and c/d"


def test_text_of_others_is_shown_and_not_obeyed() -> None:
    assert visible("é 日本\ta\x07\x9b\u202e") == "é 日本\ta\\x07\\x9b\\u202e"
