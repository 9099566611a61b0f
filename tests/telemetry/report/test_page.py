"""The page: one file, well formed, small at any size, readable without eyes, and true to its facts."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runner.model import BatchId, Job, JobKey
from runner.telemetry.report import Attempt, History, Overview, ReportFacts, Sample, render_report
from runner.telemetry.report.page import Books

VOID = frozenset({"meta", "br", "link", "img"})
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def history_of(jobs: int, *, slots: int = 10) -> History:
    """`jobs` attempts on two lanes and three operations; a tenth of them fail."""
    draw = random.Random(7)
    history = History(began=1_000.0, sessions=[(1_000.0, "run")])
    for number in range(jobs):
        operation = ("SentimentDetection", "EntitiesDetection", "KeyPhrasesDetection")[number % 3]
        begun = 1_000.0 + number // (6 * slots) * 400.0 + draw.random() * 30
        took = 367.0 + 120.0 * draw.randrange(3)
        job = Job(
            key=JobKey(f"{operation}-b{number:06d}"),
            analysis=operation,
            operation=operation,
            batch=BatchId(f"b{number:06d}"),
            order=number,
            units=100,
            predicted_s=487.0,
        )
        failed = number % 10 == 9
        history.attempts.append(
            Attempt(
                job=job,
                generation=0,
                lane=("virginia", "oregon")[number % 2],
                begun=begun,
                ended=begun + took,
                ending="failed" if failed else "done",
                service_s=None if failed else took,
                remote_id=f"{number:032x}",
                code="INTERNAL_SERVER_ERROR" if failed else "",
            )
        )
        history.written.append((begun + took, 1_000))
        history.answered.append((begun + took, 3_000))
        history.last = max(history.last, begun + took)
    history.written.sort()
    history.answered.sort()
    return history


def facts_of(jobs: int) -> ReportFacts:
    return ReportFacts(
        run="20260701T093000-aaaaaaaaaaaaaaaa",
        name="small",
        version="1",
        phase="finished",
        engines=[("virginia", "aws", "123456789012")],
        models={},
        documents=1_000 * jobs,
        written=1_000 * jobs,
        books=[Books(corpus="c", analysis="sentiment", ok=990, skipped=4, errors=6, codes={"TOO_LONG": 4, "X": 6})],
        history=history_of(jobs),
        allowed={("virginia", "SentimentDetection"): 10},
        plan=None,
        budget_usd=None,
        overviews=[
            Overview(
                corpus="c",
                analysis="sentiment",
                what="sentiment",
                counts=[("POSITIVE", 3), ("NEGATIVE", 1)],
                documents=4,
                of=10,
            )
        ],
        manifest="version: 1\nname: small # <b>not bold</b>\n",
    )


class Outline(HTMLParser):
    """Checks that tags nest, and keeps what a reader without eyes would get."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.unlabelled: list[str] = []
        self.plots = self.tables = 0
        self.feed(page)
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "svg":
            self.plots += 1
            if given.get("role") != "img" or not given.get("aria-label"):
                self.unlabelled.append(tag)
        self.tables += tag == "table"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    outline = Outline(render_report(facts_of(40)))
    assert all(link.removeprefix("#") in outline.ids for link in outline.links)
    assert len(outline.ids) == len(set(outline.ids))


def test_every_plot_is_labelled_and_has_tables_behind_it() -> None:
    outline = Outline(render_report(facts_of(40)))
    assert (outline.plots, outline.unlabelled) == (4, [])
    assert outline.tables >= outline.plots


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = render_report(facts_of(40))
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert not re.search(r"url\(|@import|https?://", page)


def test_what_others_wrote_is_shown_and_not_obeyed() -> None:
    evil = '<script>alert(1)</script>"'
    facts = replace(
        facts_of(1),
        name=evil,
        books=[Books(corpus=evil, analysis="a", ok=1, skipped=0, errors=0, codes={evil: 1})],
        samples=[Sample(corpus="c", id=evil, text=evil, result=evil)],
    )
    page = render_report(facts)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    Outline(page)


def test_ten_thousand_jobs_stay_below_a_megabyte() -> None:
    page = render_report(facts_of(10_000))
    assert len(page.encode()) < 1_000_000
    Outline(page)


def test_a_run_that_has_only_begun_has_a_page() -> None:
    facts = replace(facts_of(0), documents=0, written=0, books=[], overviews=[], manifest=None, phase="surveying")
    page = render_report(facts)
    Outline(page)
    assert "not finished (surveying)" in page


def test_a_part_of_the_results_is_not_passed_off_as_the_whole() -> None:
    assert "of the first 4 of 10 documents" in render_report(facts_of(1))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: chromium, chromium-browser or google-chrome")
def test_a_browser_shows_it_and_has_nothing_to_complain_of(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report(facts_of(200)), "utf-8")
    assert CHROMIUM is not None
    shown = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--window-size=800,900",
            f"--screenshot={tmp_path / 'page.png'}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert "CONSOLE" not in shown.stderr
