"""Famous stories, told on the same harness as the seeds. Each ends with closed books and every promise kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.core import events as e
from runner.core.states import State
from runner.model import FaultKind, JobStatus
from runner.simulation.behaviour import Behaviour
from tests.simulation.boxes import BucketKeeper
from tests.simulation.checkers import check_everything
from tests.simulation.setting import EPOCH, Ending, Setting
from tests.simulation.world import World, run_through, simulate

HOUR = 3_600.0
SMALL: dict[str, Any] = {"corpora": 1, "segments": 1, "documents": 6}
CALM = simulate(Setting(seed=3))


def lived(behaviour: Behaviour, **more: Any) -> World:
    world = simulate(Setting(**{"seed": 3, **more}, behaviour=behaviour))
    check_everything(world)
    return world


def of(world: World, kind: type[e.Event]) -> list[Any]:
    return [event for event in world.events() if isinstance(event, kind)]


def bought(world: World) -> int:
    return sum(len(service.jobs) for service in world.services.values())


# --- start once -----------------------------------------------------------------------------------------------------


def test_start__answer_lost_then_throttled__buys_one_job():
    """Once, a throttle after a lost answer made a new token."""
    world = lived(Behaviour(lost_answers=0.7, throttles=0.6))

    assert bought(world) == len(world.run.jobs)
    assert of(world, e.StartUnanswered)


@pytest.mark.parametrize("tokens", ["honoured", "ignored", "expiring"])
@pytest.mark.parametrize("lag_s", [0.0, 40.0])
def test_start__answers_lost_and_the_list_lags_within_the_grace__buys_one_job_whatever_tokens_do(tokens, lag_s):
    world = lived(Behaviour(tokens=tokens, token_life_s=30.0, list_lag_s=lag_s, lost_answers=0.6, write_checks=False))

    assert bought(world) == len(world.run.jobs)


@pytest.mark.parametrize("tokens", ["honoured", "ignored"])
def test_start__call_lost_before_it_was_carried_out__is_made_again_after_the_checks(tokens):
    world = lived(Behaviour(tokens=tokens, lost_calls=0.6))

    assert bought(world) == len(world.run.jobs)
    assert {event.by for event in of(world, e.StartAccepted)} == {"answer", "replay"}


def test_start__tokens_ignored_and_jobs_hidden_beyond_the_grace__is_bought_twice_reported_and_stopped():
    """Outside the promise; but it is found, said, and the newer job is stopped."""
    world = lived(Behaviour(tokens="ignored", list_lag_s=90.0, lost_answers=0.5, write_checks=False))

    duplicates = of(world, e.DuplicateFound)
    assert duplicates
    assert bought(world) == len(world.run.jobs) + sum(len(event.extra) for event in duplicates)
    for event in duplicates:
        kept, *extra = (world.service.jobs[remote] for remote in (event.kept, *event.extra))
        assert all(kept.submitted_at <= job.submitted_at for job in extra)
        assert all(job.stopped_at is not None for job in extra)


def test_start__accepted_after_its_caller_had_given_up__is_found_and_not_bought_again():
    world = lived(Behaviour(late_calls=0.6, late_s=20.0, list_lag_s=20.0))

    assert world.service.accounts.late > 0
    assert bought(world) == len(world.run.jobs)


@pytest.mark.parametrize("when", ["crash_before", "crash_after"])
def test_resume__crash_at_every_commit_of_a_small_run__buys_every_job_once_and_writes_the_same_bytes(when):
    commits = calm_commits()
    for at in range(1, commits + 1, 3 if when == "crash_after" else 2):
        world = lived(Behaviour(slots=2), **SMALL, endings=(Ending(kind=when, at=at),))

        assert bought(world) == len(world.run.jobs)


def calm_commits() -> int:
    world = simulate(Setting(seed=3, behaviour=Behaviour(slots=2), **SMALL))
    assert world.sessions == 1
    return world.commits


def test_resume__crash_with_an_intent_and_no_call__checks_and_then_starts_it():
    first_intent = next(n for n in range(1, 60) if _dies_with_an_intent(n))
    world = lived(Behaviour(), **SMALL, endings=(Ending(kind="crash_after", at=first_intent),))

    story = [type(event).__name__ for event in world.events() if getattr(event, "job", None) == _intended(world)]
    assert story[:6] == ["StartIntended", *["StartNotFound"] * 4, "StartAccepted"]


def _dies_with_an_intent(commit: int) -> bool:
    world = simulate(Setting(seed=3, **SMALL, endings=(Ending(kind="crash_after", at=commit),)))
    return any(event.step == 4 for event in world.events() if isinstance(event, e.StartNotFound))


def _intended(world: World) -> str:
    return str(of(world, e.StartNotFound)[0].job)


def test_resume__killed_again_while_it_checks_replays__still_buys_once():
    endings = tuple(Ending(kind="kill", at=at) for at in (30, 40, 45, 62, 63, 64, 65, 66, 200))
    world = lived(Behaviour(lost_answers=0.5, lost_calls=0.3, list_lag_s=40.0), endings=endings)

    assert bought(world) == len(world.run.jobs)
    assert world.sessions > len(endings)


def test_resume__restarted_at_once_again_and_again__is_never_over_the_quota():
    """A new process does not know when the last one called."""
    endings = tuple(Ending(kind="crash_after", at=at) for at in (1, 2, 2, 3, 3, 4, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8))
    world = lived(Behaviour(read_per_s=2.0), endings=endings)

    assert world.sessions > len(endings)


# --- several lanes --------------------------------------------------------------------------------------------------


def on(world: World) -> dict[str, int]:
    """How many jobs each lane was given."""
    return {lane: len(service.jobs) for lane, service in world.services.items()}


def test_lanes__two_of_one_slot__share_the_work_and_take_half_the_time():
    alone = lived(Behaviour(slots=1))
    world = lived(Behaviour(slots=1), others=(Behaviour(slots=1),))

    assert min(on(world).values()) >= len(world.run.jobs) // 3
    assert world.closed_at < 0.7 * alone.closed_at
    assert world.disk.results == CALM.disk.results


@pytest.mark.parametrize("until", [EPOCH + 1.0, 1e18])
def test_lanes__one_is_denied__the_other_does_its_work_and_nothing_waits_for_the_user(until: float):
    world = lived(Behaviour(), others=(Behaviour(denied_until=until),))

    assert world.sessions == 1
    assert on(world)["sim1"] == 0 or until < 1e18
    assert world.disk.results == CALM.disk.results


def test_lanes__one_fails_its_first_job_for_want_of_permission__costs_one_small_job_for_each_family():
    world = lived(Behaviour(), others=(Behaviour(unreadable_until=1e18),))

    assert on(world)["sim1"] <= len(world.manifest.analyses)
    assert world.sessions == 1
    assert world.disk.results == CALM.disk.results


def test_lanes__one_dies_with_a_start_in_the_air__that_job_stays_and_the_rest_moves():
    outage = ((EPOCH + 30.0, EPOCH + 5 * HOUR),)
    world = lived(Behaviour(slots=1, lost_answers=0.9), others=(Behaviour(slots=1, outages=outage, lost_answers=0.9),))

    unsure = {event.job for event in of(world, e.StartUnanswered)}
    intents = of(world, e.StartIntended)
    first = {event.job: event.lane for event in intents if event.generation == 0 and event.job in unsure}
    assert unsure
    assert len({(event.job, event.lane) for event in intents if event.job in first}) == len(first)


def test_lanes__all_are_denied__the_run_waits_for_the_user():
    world = lived(Behaviour(denied_until=EPOCH + HOUR), others=(Behaviour(denied_until=EPOCH + HOUR),))

    assert world.sessions > 1
    assert {event.lane for event in of(world, e.WorkParked)} == {"sim", "sim1"}


def test_lanes__corpora_bound_to_one__are_never_read_on_another():
    """The ports hold every Start to it; here it is that there was something to hold."""
    world = lived(Behaviour(slots=1), others=(Behaviour(slots=10),), bound=True, corpora=3)

    assert min(on(world).values()) > 0


# --- money ----------------------------------------------------------------------------------------------------------


def test_budget__too_small__stops_before_the_start_that_might_exceed_it_and_goes_on_once_it_is_raised():
    world = lived(Behaviour(), budget_share=0.4)

    assert of(world, e.BudgetReached)
    assert world.sessions > 1
    assert world.disk.results == CALM.disk.results


def test_budget__as_large_as_the_plan__covers_it_but_not_its_repairs():
    world = lived(Behaviour(), budget_share=1.0, missing_rows=0.5)

    first = of(world, e.BudgetReached)[0]
    assert world.run.jobs[first.job].job.repairs
    assert world.disk.results == CALM.disk.results


# --- looking --------------------------------------------------------------------------------------------------------


def test_looking__takes_calls_by_the_operation_and_not_by_the_job():
    one = lived(Behaviour(slots=1, steps_max=0), **SMALL)
    ten = lived(Behaviour(slots=10, steps_max=0))

    def reads_per_hour(world: World) -> float:
        calls = sum(len(times) for call, times in world.service.accounts.arrivals.items() if call.startswith("Read"))
        return calls / (world.closed_at / HOUR)

    assert len(ten.run.jobs) > 3 * len(one.run.jobs)
    assert reads_per_hour(ten) < 4 * reads_per_hour(one)


# --- denials, failures, strangers -----------------------------------------------------------------------------------


def test_permission__refused_at_start_and_mended_later__leaves_documents_open_and_then_goes_on():
    world = lived(Behaviour(denied_until=EPOCH + 2 * HOUR))

    assert world.sessions > 2
    assert {event.fault.kind for event in of(world, e.WorkParked)} == {FaultKind.DENIED}
    assert not of(world, e.JobGivenUp)
    assert bought(world) == len(world.run.jobs)


def test_permission__refused_on_a_terminal__is_looked_at_again_each_minute_in_the_same_session():
    world = lived(Behaviour(denied_until=EPOCH + 0.5 * HOUR), on_terminal=True)

    assert world.sessions == 1


def test_permission__missing_for_the_job_itself__fails_after_seconds_is_parked_and_renewed():
    world = lived(Behaviour(unreadable_until=EPOCH + 300.0))

    assert not of(world, e.JobGivenUp)
    failed = [event for event in of(world, e.StatusSeen) if event.status is JobStatus.FAILED]
    assert failed
    assert all(event.fault.kind is FaultKind.DENIED for event in failed)
    assert {record.state for record in world.run.jobs.values()} == {State.COLLECTED}


def test_failing__jobs_fail_for_passing_reasons__are_tried_again_or_closed_as_errors():
    world = lived(Behaviour(failing=0.6))

    assert of(world, e.GenerationRenewed)
    assert of(world, e.JobGivenUp)
    assert len({event.generation for event in of(world, e.StartIntended)}) == 3


def test_strangers__start_a_job_of_theirs_every_three_seconds__do_not_bring_us_to_a_standstill():
    world = lived(Behaviour(stranger_starts_s=3.0))

    intended = sorted(event.at for event in of(world, e.StartIntended))
    assert of(world, e.PaceChanged)
    assert bought(world) == len(world.run.jobs)
    assert intended[-1] - intended[0] < 1.5 * HOUR


def test_strangers__hold_the_only_slot__are_waited_for_and_not_run_over():
    world = lived(Behaviour(slots=1, strangers=1), **SMALL)

    theirs = [begin for begin in range(0, 20_000, 10) if int((EPOCH + begin) / 900.0) % 2]
    ours = {int(job.submitted_at - EPOCH) // 10 * 10 for job in world.service.jobs.values()}
    assert not ours & set(theirs)
    assert min(theirs) < world.closed_at


def test_outage__in_the_middle_of_merges_and_collections__loses_nothing():
    world = lived(Behaviour(outages=((EPOCH + 400, EPOCH + 900), (EPOCH + 1_000, EPOCH + 1_100))), bad_work=0.5)

    assert world.disk.results == CALM.disk.results


def test_outage__longer_than_the_patience__ends_the_session_with_parks_and_the_next_goes_on():
    world = lived(Behaviour(outages=((EPOCH + 60, EPOCH + 2 * HOUR),)))

    assert world.sessions > 1
    assert of(world, e.WorkParked)
    assert world.disk.results == CALM.disk.results


def test_outputs__rows_missing_twice__are_repaired_in_two_rounds():
    world = lived(Behaviour(), missing_rows=0.5)

    assert {record.job.round for record in world.run.jobs.values()} == {0, 1, 2}
    assert world.disk.results == CALM.disk.results


def test_spool__budget_for_next_to_nothing__takes_longer_and_still_ends():
    world = lived(Behaviour(), spool_rows_max=1)

    assert world.disk.results == CALM.disk.results


# --- cancelling, halting, reopening ---------------------------------------------------------------------------------


def test_cancel__jobs_stopped_half_way__keep_what_they_wrote_and_a_later_run_buys_only_the_rest():
    world = lived(Behaviour(), endings=(Ending(kind="cancel", at=200),))

    stopped = [job for job in world.service.jobs.values() if job.stopped_at is not None]
    assert stopped
    partial = [event for event in of(world, e.Collected) if event.report.missing]
    assert partial
    assert world.disk.results == CALM.disk.results
    repaired = [record for record in world.run.jobs.values() if record.job.repairs]
    assert repaired
    assert all(record.job.round == 0 for record in repaired)


def test_cancel__with_many_jobs_open_and_every_other_stop_throttled__keeps_to_the_pace_and_stops_them_all():
    """`check_quotas` has the pace: one Stop a second, as the service sees it."""
    world = lived(Behaviour(throttles=0.5), segments=4, corpora=3, endings=(Ending(kind="cancel", at=300),))

    stopped = [job for job in world.service.jobs.values() if job.stopped_at is not None]
    calls = sum(len(times) for call, times in world.service.accounts.arrivals.items() if call.startswith("Stop/"))
    assert len(stopped) > 5
    assert calls > len(stopped)
    assert len(of(world, e.StopAnswered)) == len(stopped)


def test_halt__and_run_again__goes_on_as_if_nothing_had_been():
    world = lived(Behaviour(), endings=tuple(Ending(kind="halt", at=at) for at in (10, 100, 300)))

    assert bought(world) == len(world.run.jobs)
    assert not of(world, e.StartUnanswered)
    assert not of(world, e.StartNotFound)
    assert world.disk.results == CALM.disk.results


def test_on_failure_stop__a_job_given_up__starts_nothing_more_until_documents_are_reopened():
    world = World(Setting(seed=3, behaviour=Behaviour(failing=0.9, slots=1), on_failure="stop", heal_after_s=1e9))
    with pytest.raises(AssertionError, match="not closed after"):
        run_through(world)
    events = world.events()
    given_up = next(place for place, event in enumerate(events) if isinstance(event, e.JobGivenUp))
    assert not [event for event in events[given_up:] if isinstance(event, e.StartIntended)]
    assert world.run.stopping


def test_reopen__documents_that_closed_as_errors__are_answered_in_place():
    world = lived(Behaviour(failing=0.5), reopen=True, heal_after_s=HOUR)

    assert of(world, e.Reopened)
    assert of(world, e.FilePatched)
    assert b'"error"' not in b"".join(world.disk.results.values())


@pytest.mark.parametrize("at", range(1, 14, 2))
def test_reopen__crash_around_the_file_that_is_written_anew__leaves_either(at: int):
    calm = simulate(Setting(seed=5, reopen=True))
    sessions = calm.sessions - 1
    endings = (*[Ending(kind="halt", at=1e9)] * sessions, Ending(kind="crash_before", at=at))
    world = lived(Behaviour(), seed=5, reopen=True, endings=endings)

    assert world.disk.results == calm.disk.results


# --- boxes ----------------------------------------------------------------------------------------------------------


def lost(*commits: float, kind: str = "crash_after") -> tuple[Ending, ...]:
    return tuple(Ending(kind=kind, at=at, loses_box=True) for at in commits)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [2, 20, 60, 100])
@pytest.mark.parametrize("kind", ["crash_before", "crash_after"])
def test_box__lost_at_a_commit__is_followed_by_one_that_buys_the_rest(at: float, kind: str):
    world = lived(Behaviour(), endings=lost(at, kind=kind))

    assert bought(world) == len(world.run.jobs)
    assert world.taken_up == (at > 2)
    assert world.disk.results == CALM.disk.results


def test_box__lost_again_and_again_with_answers_lost_and_rows_missing__buys_each_generation_once():
    """Also what was planned late: repairs that were under way are found, and not planned anew."""
    world = lived(
        Behaviour(lost_answers=0.3, failing=0.2, throttles=0.1),
        endings=lost(60, 60, 90, 120),
        missing_rows=0.4,
        bad_work=0.1,
        others=(Behaviour(),),
    )

    assert world.taken_up == 4
    assert any(record.job.repairs for record in world.run.jobs.values())
    names = [job.request.name for service in world.services.values() for job in service.jobs.values()]
    assert len(names) == len(set(names))


def test_box__lost_with_refused_starts_on_record__looks_where_the_last_of_them_was_made(monkeypatch):
    """The service shows nothing yet; asked again on the lane that had refused it, a job would be bought there, too."""

    async def forget_nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(BucketKeeper, "start_refused", forget_nothing)
    hiding = Behaviour(list_lag_s=400.0, write_checks=False)
    world = lived(replace(hiding, denied_until=EPOCH + 100.0), others=(hiding,), endings=lost(60))

    assert of(world, e.StartUnanswered)
    names = [job.request.name for service in world.services.values() for job in service.jobs.values()]
    assert len(names) == len(set(names))


def test_box__lost_while_it_searches_for_a_poisonous_document__is_followed_by_one_that_goes_on_with_the_search():
    world = lived(Behaviour(), endings=lost(70, 90, 110), poison=0.05, heal_after_s=1e9)

    assert world.taken_up == 3
    assert of(world, e.JobCut)


def test_box__lost_with_a_call_that_is_carried_out_late__is_not_followed_before_that_can_be_seen():
    world = lived(Behaviour(late_calls=0.6, late_s=40.0), endings=lost(30, 50, 70), others=(Behaviour(),))

    assert world.service.accounts.late > 0
    assert bought(world) == len(world.run.jobs)
