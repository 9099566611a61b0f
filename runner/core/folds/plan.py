"""Facts about the run as a whole: its beginning, its sessions, its survey and its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.core import events as e
from runner.core.folds.looking import expect
from runner.core.folds.starting import begin_checks
from runner.core.records import JobRecord
from runner.core.states import TERMINAL, State, next_state
from runner.model import Job

if TYPE_CHECKING:
    from runner.core.run import Run


_AT_REST: Final = TERMINAL | {State.WAITING}
"""States of a job of which no process had anything in hand."""


def run_began(run: Run, event: e.RunBegan) -> None:
    """The journal's first fact."""
    run.run_id = event.run
    run.began = event
    for station in run.stations.values():
        for pace in (station.start, station.read, station.stop):
            pace.seed = f"{event.run}/{pace.seed}"


def session_opened(run: Run, event: e.SessionOpened) -> None:
    """A new process: nothing is in flight, nothing is parked, and a Start under way has become unknown."""
    run.session = event
    run.sessions += 1
    run.cancelling = event.purpose == "cancel"
    run.finished = None if event.purpose == "run" else run.finished
    for record in run.jobs.values():
        if record.state not in _AT_REST:
            _take_up(run, record, event)
    for station in run.stations.values():
        station.begin(event.at)
    for kinds in (run.parks, run.parked_until, run.troubles):
        kinds.clear()
    run.exhausted.clear()
    run.closed_to.clear()
    run.awaited.clear()
    run.budget_reached = None
    run.in_flight.clear()
    run.staging.clear()
    run.sweeping.clear()
    run.to_release.clear()


def _take_up(run: Run, record: JobRecord, event: e.SessionOpened) -> None:
    before = record.state
    run.move(record, next_state(record.job.key, before, event))
    if record.state is State.UNSURE:
        begin_checks(run, record, event, crashed_in=before)
    elif record.state is State.FAILED:
        run.undecided[record.job.key] = record
    record.stop_asked = False
    record.collect_at = 0.0
    record.looked_at, record.missing = float("-inf"), 0
    if record.state is State.ACTIVE:
        expect(run, record)


def listing_taken(run: Run, event: e.ListingTaken) -> None:
    """A corpus exists, even if it turns out to be empty."""
    run.listings[event.corpus] = event
    run.surveyed.setdefault(event.corpus, set())
    run.books.begin_corpus(event.corpus)


def range_surveyed(run: Run, event: e.RangeSurveyed) -> None:
    """Segments are known, in any order."""
    run.surveyed.setdefault(event.corpus, set()).add(event.index)
    run.books.add(event.segments)


def survey_finished(run: Run, _: e.SurveyFinished) -> None:
    """All segments are known."""
    run.survey_finished = True
    run.books.close_survey()


def plan_finished(run: Run, event: e.PlanFinished) -> None:
    """All jobs of the plan are known: a segment that none covers can be merged."""
    run.planned_usd = event.usd
    run.books.complete = True


def gate_passed(run: Run, _: e.GatePassed) -> None:
    """The user's limits allow the plan."""
    run.gate_passed = True


def run_finished(run: Run, event: e.RunFinished) -> None:
    """The results are whole."""
    run.finished = event


def reopened(run: Run, _: e.Reopened) -> None:
    """The user looked at what was given up, and wants it tried again: `on_failure: stop` begins anew."""
    run.given_up = 0


def cancel_asked(run: Run, _: e.CancelAsked) -> None:
    """Nothing more is started in this session, and what runs is stopped."""
    run.cancelling = True


def budget_reached(run: Run, event: e.BudgetReached) -> None:
    """Nothing more is started in this session; what runs is seen through."""
    run.budget_reached = event


def training_intended(run: Run, event: e.TrainingIntended) -> None:
    """This run has asked for a model, or was about to when it was cut off."""
    run.trainings[event.lane, event.analysis] = event


def model_awaited(run: Run, event: e.ModelAwaited) -> None:
    """Jobs of an analysis wait for its model in a lane."""
    run.awaited.add((event.lane, event.analysis))


def model_ready(run: Run, event: e.ModelReady) -> None:
    """Jobs of an analysis can be started in a lane."""
    run.models[event.lane, event.analysis] = event
    run.awaited.discard((event.lane, event.analysis))


def noted(_: Run, __: e.Event) -> None:
    """A fact kept for the record; what follows from it came as facts of its own."""


def languages_routed(run: Run, event: e.LanguagesRouted) -> None:
    """What waited for the languages of some corpora is planned: their segments can close."""
    run.routed.update((facts.id, (original, facts)) for original, facts in event.parts)
    run.books.held -= {corpus for corpus, analysis in run.config.routed if analysis == event.analysis}


def batch_planned(run: Run, event: e.BatchPlanned) -> None:
    """A batch exists; it is staged once a job wants it."""
    run.batches[event.batch.id] = event.batch
    run.batches_planned += 1


def job_planned(run: Run, event: e.JobPlanned) -> None:
    """A job exists: the segments it covers are open, its batch is wanted, and it waits for its turn."""
    job = event.job
    record = JobRecord(job, predicted_s=job.predicted_s)
    run.plan(record)
    run.by_state[record.state] += 1
    run.unsettled[job.analysis] = run.unsettled.get(job.analysis, 0) + 1
    run.books.open(job.key, run.batches[job.batch])
    pending = {key for key in job.waits_for if not run.jobs[key].settled}
    if pending:
        run.waiting_for[job.key] = pending
        for key in pending:
            run.dependents.setdefault(key, []).append(job.key)
    else:
        run.enqueue(record)
    _close_repaired(run, job)


def _close_repaired(run: Run, job: Job) -> None:
    """What a repair answers is open until the repair covers it, so that no segment closes in between."""
    run.repairs_planned += bool(job.repairs)
    for key in job.repairs:
        repaired = run.jobs[key]
        if repaired.state is State.COLLECTED:
            run.repair_list(repaired).remove(key)
            run.settle(repaired)
        else:
            _count_piece(run, run.jobs[job.key], repaired)


def _count_piece(run: Run, piece: JobRecord, cut: JobRecord) -> None:
    """A job that reads a piece of what another read, which came to nothing and says so in the same breath."""
    first = run.jobs[cut.piece_of] if cut.piece_of is not None else cut
    piece.piece_of = first.job.key
    first.pieces += 1
