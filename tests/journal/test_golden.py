"""Journals that earlier versions wrote are still read, and still mean what they meant. See golden/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.core.events import DURABLE_EVENTS, Event, RunBegan, StartIntended
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.core.states import State
from runner.journal import Journal, decode
from runner.model import AnalysisSpec, JobKey, LaneSpec, PartId, job_name, token

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.jsonl"))


def events_of(path: Path) -> Sequence[Event]:
    # Cut, not parsed: a payload is to be decoded from the very characters that were written.
    rows = [line[2:-1].partition('",') for line in path.read_text("utf-8").splitlines()]
    return [decode(kind, payload, directory=str(path)) for kind, _, payload in rows]


def folded(events: Sequence[Event]) -> Run:
    """A run of two analyses on one lane, as all stories here are."""
    analyses = tuple(
        AnalysisSpec(name=name, family=name, corpora=("reviews",), document_bytes_max=5000, languages=None)
        for name in ("sentiment", "entities")
    )
    run = Run(CoreConfig(lanes=(LaneSpec(name="virginia", kind="aws"),), analyses=analyses))
    for event in events:
        run.apply(event)
    return run


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_journal_of_an_earlier_version_is_decoded_and_can_be_written_again(path: Path, tmp_path: Path):
    events = events_of(path)
    with Journal.create(tmp_path / "journal.db") as journal:
        journal.append(events)

        assert [event for _number, event in journal.read()] == events
        assert len(events) == len(path.read_text().splitlines()) > 0


def test_every_kind_of_fact_occurs_in_one_of_them():
    """A kind that is in none could be bent without a test noticing: tell its story in a new file."""
    told = {type(event) for path in GOLDEN for event in events_of(path)}

    assert {cls.__name__ for cls in set(DURABLE_EVENTS) - told} == set()


def test_the_first_journal_still_means_what_it_meant():
    run = folded(events_of(GOLDEN[0]))

    assert run.closed
    assert run.finished is not None
    assert run.finished.exit_code == 0
    assert {key: record.state for key, record in run.jobs.items()} == {
        "sentiment-b00000": State.COLLECTED,
        "entities-b00000": State.COLLECTED,
        "sentiment-r00000": State.GIVEN_UP,
        "sentiment-r00001": State.COLLECTED,
    }
    assert {key: record.starts for key, record in run.jobs.items()} == {
        "sentiment-b00000": 2,
        "entities-b00000": 3,
        "sentiment-r00000": 1,
        "sentiment-r00001": 1,
    }
    assert run.books.tail("reviews") == (0, 2020)


def test_the_first_journal_is_a_legal_story_at_every_fact():
    """Cut anywhere, as a crash cuts it, it folds, and a session can be opened on it."""
    events = events_of(GOLDEN[0])
    opened = events[1]
    for end in range(2, len(events)):
        folded([*events[:end], opened])


def test_tokens_and_names_are_still_made_as_they_were():
    """A token that came out otherwise would buy again what an unanswered Start may have bought."""
    events = events_of(GOLDEN[0])
    run = next(event.run for event in events if isinstance(event, RunBegan))
    intents = [event for event in events if isinstance(event, StartIntended)]

    assert len(intents) == 7
    for event in intents:
        assert event.token == token(run, event.job, event.generation)
        assert event.name == job_name("", run, event.job, event.generation)


def test_a_job_that_was_cut_is_still_answered_for_by_its_pieces():
    run = folded(events_of(Path(__file__).with_name("golden") / "4.jsonl"))

    assert {key: (record.state, record.piece_of) for key, record in run.jobs.items()} == {
        "sentiment-b000001": (State.CUT, None),
        "sentiment-r000002": (State.WAITING, "sentiment-b000001"),
        "sentiment-r000003": (State.WAITING, "sentiment-b000001"),
    }


def test_a_journal_with_languages_told_by_an_analysis_still_means_that():
    run = folded(events_of(Path(__file__).with_name("golden") / "5.jsonl"))

    (original, facts) = run.routed[PartId("d00-000000-00000-000")]
    assert (original, facts.pool, facts.lines) == ("000-000000-00000-000", "en", 2)
    assert run.jobs[JobKey("entities-l00000001")].job.batch == "l00000001"
