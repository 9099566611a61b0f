"""Progress: honest numbers, calm lines, and next to no cost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from rich.console import Console

from runner.core import events as e
from runner.telemetry import gauge
from runner.telemetry.gauge import AT_WORK_MAX, Snapshot
from runner.telemetry.panel import TABLE_FROM
from runner.telemetry.progress import PLAIN_EVERY_S, PLAIN_FIRST_S, PLAIN_SAME_EVERY_S, QUIET_S, Progress
from tests.telemetry.conftest import BEGAN, FAULT, Clock, Story, a_job


class Watched:
    """A progress over a story, and what it has written."""

    def __init__(self, story: Story, clock: Clock, *, terminal: bool = False, width: int = 80) -> None:
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, width=width, force_terminal=terminal, color_system=None, legacy_windows=False
        )
        self.story = story
        self.clock = clock
        self.progress = Progress(console=self.console, name="small", now=lambda: BEGAN + clock.seconds, monotonic=clock)
        self.progress.watch(story.run)
        story.watchers.append(self.progress.notice)

    @property
    def snapshot(self) -> Snapshot:
        assert self.progress._gauge is not None
        return self.progress._gauge.snapshot()

    @property
    def share(self) -> float:
        return self.snapshot.share

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()

    def drawn(self) -> list[str]:
        """What a terminal would show now."""
        with self.console.capture() as captured:
            self.console.print(self.progress._render())
        return [line.rstrip() for line in captured.get().splitlines()]

    def tick(self, seconds: float) -> None:
        """Time goes by, and something that does not matter happens."""
        self.clock.seconds += seconds
        self.story.at = BEGAN + self.clock.seconds
        self.story.tell(e.SlotsCounted(at=self.story.at, lane="near", operation=a_job(0).operation, strangers=0))


@pytest.fixture
def watched(story: Story, clock: Clock) -> Iterator[Watched]:
    made = Watched(story, clock)
    with made.progress:
        yield made


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_the_share_never_falls_on_the_way_and_is_whole_only_when_the_books_are_closed(watched: Watched) -> None:
    story = watched.story
    shares = []

    def note(_: e.Event) -> None:
        shares.append(watched.share)

    story.ready(3)
    story.watchers.append(note)
    for number in range(3):
        story.start(number)
        watched.tick(6.0)
        story.end(number)
        watched.tick(1.0)
        story.collect(number)
        assert watched.share < 1.0
    for number in range(3):
        assert not story.run.closed
        assert watched.share < 1.0
        story.merge(number)

    assert story.run.closed
    assert watched.share == 1.0
    assert shares == sorted(shares)


def test_everything_but_the_last_line_is_99_percent_at_most(watched: Watched) -> None:
    watched.story.ready(1)
    watched.story.start(0)
    watched.story.end(0)
    watched.story.collect(0)

    assert watched.share <= 0.99
    assert watched.snapshot.closed is False


def test_a_job_at_work_counts_in_part_and_never_in_whole(watched: Watched) -> None:
    watched.story.ready(2)
    watched.story.start(0)
    assert watched.share == 0.0

    watched.tick(5.0)
    assert watched.share == pytest.approx(0.9 * 5.0 / 20.0)

    watched.tick(1_000.0)
    assert watched.share == pytest.approx(0.9 * AT_WORK_MAX * 10.0 / 20.0)


def test_a_generation_that_came_to_nothing_counts_no_more(watched: Watched) -> None:
    watched.story.ready(1)
    watched.story.start(0)
    watched.story.end(0)
    assert watched.share > 0

    watched.story.tell(e.GenerationLost(at=watched.story.at, job=a_job(0).key, generation=0, fault=FAULT))

    assert watched.share == 0.0


def test_of_a_survey_the_ranges_are_counted(watched: Watched) -> None:
    watched.story.begin()
    assert watched.share == 0.0
    watched.story.list_sources(4)
    watched.story.survey(0)

    assert watched.share == 0.25
    assert watched.drawn()[1] == "  100 documents so far, 1 of 4 ranges read"


def test_what_an_earlier_session_did_is_no_evidence_for_the_time_left(story: Story, clock: Clock) -> None:
    """Nine of ten jobs were done before: the last one is not nearly done because they were."""
    story.ready(10)
    for number in range(9):
        story.start(number)
        story.end(number)
        story.collect(number)
        story.merge(number)
    story.open_session()
    watched = Watched(story, clock)
    assert watched.share == pytest.approx(0.9)
    assert "left" not in "".join(watched.drawn())

    story.start(9)
    watched.tick(5.0)

    assert "about 6 s left" in watched.drawn()[1]
    assert "documents/s" not in watched.drawn()[1]


# --- lines elsewhere than on a terminal -------------------------------------------------------------------------------


def test_a_run_of_a_few_seconds_says_nothing_on_the_way(watched: Watched) -> None:
    watched.story.ready(1)
    watched.tick(QUIET_S - 0.1)

    assert watched.lines == []


def test_a_line_is_written_after_ten_seconds_and_then_once_a_minute(watched: Watched) -> None:
    watched.story.ready(3)
    for number in range(3):
        watched.story.start(number)
    watched.tick(QUIET_S)
    watched.tick(PLAIN_FIRST_S)
    for _ in range(3):
        watched.tick(PLAIN_EVERY_S - 0.1)
        watched.tick(0.1)

    assert len(watched.lines) == 1, "nothing has changed"

    watched.story.end(0)
    watched.tick(PLAIN_EVERY_S)
    first, second = watched.lines
    assert first == "small: 0 of 300 documents written; jobs: 3 active; about 2 s left"
    assert second.startswith("small: 0 of 300 documents written; jobs: 2 active, 1 to collect; about ")


def test_that_somebody_is_there_is_said_every_few_minutes(watched: Watched) -> None:
    watched.story.ready(1)
    for _ in range(int(PLAIN_SAME_EVERY_S / PLAIN_EVERY_S) + 2):
        watched.tick(PLAIN_EVERY_S)

    assert len(watched.lines) == 2


def test_a_line_says_what_is_parked_and_why(watched: Watched) -> None:
    watched.story.ready(1)
    watched.story.park()
    watched.tick(QUIET_S)

    (line,) = watched.lines
    assert line.endswith("; jobs: 1 waiting; parked: near, sentiment_detection: AccessDenied: no")


# --- a terminal -------------------------------------------------------------------------------------------------------


def test_a_terminal_shows_documents_jobs_rate_time_left_and_what_is_parked(story: Story, clock: Clock) -> None:
    watched = Watched(story, clock)
    story.ready(4)
    for number in range(3):
        story.start(number)
    watched.tick(10.0)
    story.end(0)
    story.collect(0)
    story.merge(0)
    story.end(1)
    story.park("")

    slots = story.run.stations["near", a_job(0).operation].slots
    assert watched.drawn() == [
        "Running small ━━━━━━━━━━━━━━━━━━━╸            65 %  10 s",
        "  100 of 400 documents written · 10 documents/s · about 5 s left",
        "  jobs: 1 waiting, 1 active, 1 to collect, 1 done",
        "  operation           waiting  slots  done  failed",
        f"  SentimentDetection        1   1/{slots}     1       ·",
        "  parked: near: AccessDenied: no",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_longer_than_the_terminal(story: Story, clock: Clock, width: int) -> None:
    """A line that wraps would be left behind at the next refresh."""
    watched = Watched(story, clock, width=width)
    story.ready(4)
    for operation in "abcdefg":
        story.park(operation * 30)

    drawn = watched.drawn()

    assert max(len(line) for line in drawn) <= width
    table = 2 if width >= TABLE_FROM else 0
    assert len(drawn) == 6 + table, "three parks are enough to be told on the way"


def test_the_terminal_is_left_as_it_was_found(story: Story, clock: Clock) -> None:
    """Shown, hidden for a question, shown again, and gone: the cursor is back and no line of progress is left."""
    watched = Watched(story, clock, terminal=True)
    story.ready(1)

    with watched.progress:
        with watched.progress.hidden():
            watched.file.write("[asked]")
            before = watched.file.getvalue()
            assert before.count("\x1b[?25l") == before.count("\x1b[?25h") == 1
        watched.tick(20.0)

    after = watched.file.getvalue()
    assert after.count("\x1b[?25l") == after.count("\x1b[?25h") == 2
    assert "small: " not in after, "lines are for pipes"


def test_a_dumb_terminal_is_written_to_as_a_pipe(story: Story, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    watched = Watched(story, clock, terminal=True)
    story.ready(1)

    with watched.progress:
        watched.tick(QUIET_S)

    assert watched.file.getvalue().startswith("small: 0 of 100 documents written")


# --- cost ------------------------------------------------------------------------------------------------------------


def test_ten_thousand_events_in_one_moment_are_shown_at_most_once(watched: Watched) -> None:
    """Being told of an event is not looking at the run: no snapshot is taken until it is time to show one."""
    watched.story.ready(200)
    event = e.SlotsCounted(at=BEGAN, lane="near", operation=a_job(0).operation, strangers=0)

    with patch.object(gauge, "Snapshot", wraps=gauge.Snapshot) as snapshots:
        for _ in range(10_000):
            watched.progress.notice(event)

    assert snapshots.call_count <= 1
