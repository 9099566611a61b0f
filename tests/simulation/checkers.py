"""Outside checkers: they look at the service's accounts, the journal and the results, never at what the run claims."""

from __future__ import annotations

import json
from collections import Counter

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import State
from runner.model import JobKey
from runner.simulation.behaviour import SimulatedJob
from runner.simulation.service import DENIED_S, WRITE_CHECK_S
from tests.simulation.views import run_view
from tests.simulation.world import World

GRACE_S = 60.0
SHOWN_S = 340.0
"""Less than any job takes: what List shows by then, a look at that job's end shows too."""
GENERATION_S = 900.0
"""One generation on a healed service, with the looks at it and the work around it."""


def check_everything(world: World) -> None:
    """All promises that can be checked from outside."""
    check_results(world)
    check_start_once(world)
    check_quotas(world)
    check_probes(world)
    check_cancels(world)
    check_replay(world)
    check_disk(world)
    check_liveness(world)


def check_results(world: World) -> None:
    """Promises 2 and 3: one line per document, in order, with the bytes of a run without faults.

    The exception is a document whose job was given up: that analysis, and nothing else in its line, is an error.
    """
    lost = _given_up(world)
    for corpus in world.manifest.corpora:
        found = bytes(world.disk.results.get(corpus.name, b""))
        right = world.expected(corpus.name)
        if found == right:
            continue
        documents = [d for ledger in world.ledgers.values() if ledger.corpus == corpus.name for d in ledger.documents]
        parts = [
            ledger.parts[d.part] if d.part >= 0 else None
            for ledger in world.ledgers.values()
            if ledger.corpus == corpus.name
            for d in ledger.documents
        ]
        lines = list(zip(found.splitlines(), right.splitlines(), parts, strict=True))
        assert len(lines) == len(documents)
        for line, wanted, part in lines:
            _check_line(json.loads(line), json.loads(wanted), {name for name, lost_part in lost if lost_part == part})


def _given_up(world: World) -> set[tuple[str, str]]:
    records = [r for key, r in world.run.jobs.items() if r.state is State.GIVEN_UP and key not in world.given_up]
    return {(r.job.analysis, part) for r in records for part in world.run.batches[r.job.batch].covers}


def _check_line(found: dict[str, object], wanted: dict[str, object], lost: set[str]) -> None:
    outcome = found["outcome"]
    assert isinstance(outcome, dict)
    for key, value in wanted.items():
        if key in {"outcome", "problems"}:
            continue
        if key in lost and outcome[key] == "error":
            assert found[key] is None
        else:
            assert found[key] == value, (found, wanted)
    problems = found["problems"]
    assert isinstance(problems, list)
    codes = {problem["analysis"]: problem["code"] for problem in problems}
    assert all(codes[name] for name, how in outcome.items() if how != "ok")


def check_start_once(world: World) -> None:
    """Promise 1: one job per generation, if the service honours tokens or shows jobs in time; else a report."""
    jobs = [(lane, job) for lane, service in world.services.items() for job in service.jobs.values()]
    names = Counter(job.request.name for _, job in jobs)
    twice = {name for name, count in names.items() if count > 1}
    behaviour = world.setting.behaviour
    hidden_s = min(behaviour.list_lag_s, WRITE_CHECK_S if behaviour.write_checks else behaviour.list_lag_s)
    late_s = _late_s(world)
    if behaviour.tokens == "honoured" or hidden_s + late_s < GRACE_S:
        assert not twice, "a job was bought twice"
    places = {(job.request.name, lane) for lane, job in jobs}
    assert len(places) == len(names), "one generation on two lanes"
    events = world.events()
    reported = {(ev.job, ev.generation) for ev in events if isinstance(ev, e.DuplicateFound)}
    bought_twice = {(job.request.job, job.request.generation) for _, job in jobs if job.request.name in twice}
    brief = any(b.unreadable_until for b in (behaviour, *world.setting.others))
    cut_short = brief or any(isinstance(ev, e.CancelAsked) for ev in events)
    if behaviour.list_lag_s + late_s < (GRACE_S if cut_short else SHOWN_S):
        assert bought_twice <= reported, "bought twice, and nobody said so"
    _check_generations(world, events)


def _late_s(world: World) -> float:
    """How late a Start may be carried out whose caller has given up."""
    return max(b.late_s if b.late_calls else 0.0 for b in (world.setting.behaviour, *world.setting.others))


def _check_generations(world: World, events: list[e.Event]) -> None:
    """A generation follows another only when the service had ended that one, or its output was of no use."""
    renewed: dict[JobKey, list[int]] = {}
    for event in events:
        if isinstance(event, e.GenerationRenewed):
            renewed.setdefault(event.job, []).append(event.generation)
    for generations in renewed.values():
        assert generations == list(range(1, len(generations) + 1))
    bought = {
        (job.request.job, job.request.generation)
        for service in world.services.values()
        for job in service.jobs.values()
    }
    collected = {(ev.job, ev.generation) for ev in events if isinstance(ev, e.Collected)}
    assert collected <= bought
    assert Counter(job for job, _ in collected).most_common(1)[0][1] == 1, "a job was collected twice"


def check_quotas(world: World) -> None:
    """Promise 4: as the service saw it, over all sessions, crashes or not."""
    for service in world.services.values():
        behaviour, accounts = service.behaviour, service.accounts
        limits = {"Start": behaviour.start_per_s, "Read": behaviour.read_per_s, "Stop": behaviour.stop_per_s}
        for call in accounts.arrivals:
            per_s = limits[call.partition("/")[0]]
            assert per_s is not None
            assert accounts.busiest(call, max(1.0, 1.0 / per_s)) <= max(1.0, per_s), f"{call} too often"
        names = Counter(job.request.name for job in service.jobs.values())
        if max(names.values(), default=0) <= 1 and _late_s(world) < GRACE_S:
            assert accounts.over_slots == 0, "a Start when every slot was known to be held"


def check_probes(world: World) -> None:
    """The first job of a family on a lane is alone until it has shown that its permissions suffice."""
    for service in world.services.values():
        first: dict[str, SimulatedJob] = {}
        for job in sorted(service.jobs.values(), key=lambda job: job.submitted_at):
            probe = first.setdefault(job.request.family, job)
            same = probe.request.name == job.request.name
            assert same or job.submitted_at - probe.submitted_at >= DENIED_S, "a slot-count of jobs at once"


def check_cancels(world: World) -> None:
    """After a cancel nothing is started until the next session."""
    cancelled = False
    for event in world.events():
        if isinstance(event, e.SessionOpened):
            cancelled = False
        cancelled = cancelled or isinstance(event, e.CancelAsked)
        assert not (cancelled and isinstance(event, e.StartIntended)), "started after a cancel"


def check_replay(world: World) -> None:
    """Folding the journal again gives the same run."""
    again = Run(world.run.config)
    for event in world.events():
        again.apply(event)
    assert run_view(again) == run_view(world.run)
    assert again.closed


def check_disk(world: World) -> None:
    """Promise 5: nothing is left in the spool, and there was never much more in it than the budget."""
    assert not world.disk.spools
    assert world.run.spool_bytes == 0


def check_liveness(world: World) -> None:
    """Once nothing fails any more, a run ends in bounded time: with one slot each job needs one generation."""
    if world.healed_at is None:
        return
    # What poison brings down is tried three times.
    lost = {State.CUT, State.GIVEN_UP}
    jobs = sum(3 if record.state in lost else 1 for record in world.run.jobs.values())
    assert world.closed_at - world.healed_at <= 7_200.0 + GENERATION_S * jobs, "it took too long to end"
