"""What there is to do: every proposal with the earliest time at which it makes sense. Reads a `Run`, changes nothing.

`runner.core.proposals` has one generator per kind of work. Those whose time has come are due, the earliest of the
others says when to ask again; both come from one look at one time, so that nothing falls between them, and no rule is
written twice, once for acting and once for waiting.

A step proposes at most one first Start: what it proposes becomes fact before the next is thought about, so that two
decisions never count on the same job, slot or dollar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from runner.core import commands as c, events as e
from runner.core.proposals import checking, outputs, staging, starting, watching
from runner.core.proposals.cutting import NUMBERING
from runner.core.proposals.proposal import Proposal
from runner.core.ratelimit import Pace
from runner.core.run import Run
from runner.core.states import State


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now: record and apply the events, then carry out the commands."""

    events: tuple[e.Event, ...] = ()
    commands: tuple[c.Command, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.commands)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is due, and when to look again if no fact arrives before; None: only a fact can change anything.

    `again`: what is due changes what else is due, so look again as soon as it is a fact.
    """

    decision: Decision
    wakeup: float | None
    again: bool = False


def consider(run: Run, now: float) -> Outlook:
    """What the run would do now, and next. Changes nothing; the same run at the same time gives the same answer."""
    ready, wakeup = _by_time(agenda(run, now), now)
    if not ready and wakeup == inf and run.starting and run.idle():
        # Nothing is to come in this session that what was gathered so far could wait for.
        ready, wakeup = _by_time(outputs.repairs(run, now, last=True), now)
    chosen = list(_one_of_each(run, ready)) if ready else []
    decision = Decision(
        events=tuple(proposal.event for proposal in chosen if proposal.event is not None),
        commands=tuple(proposal.command for proposal in chosen if proposal.command is not None),
    )
    # A command that is under way opens no way for another; what it leads to comes when it has landed.
    again = bool(decision.events) or 0 < len(chosen) < len(ready)
    return Outlook(decision, None if wakeup == inf else wakeup, again)


def _by_time(proposals: Iterable[Proposal], now: float) -> tuple[list[Proposal], float]:
    """Those whose time has come, and when that of the next comes."""
    ready: list[Proposal] = []
    wakeup = inf
    for proposal in proposals:
        if proposal.at <= now:
            ready.append(proposal)
        elif proposal.at < wakeup:
            wakeup = proposal.at
    return ready, wakeup


def due(run: Run, now: float) -> Decision:
    """What the run would do now."""
    return consider(run, now).decision


def next_wakeup(run: Run, now: float) -> float | None:
    """When to ask again, if what is due now is done."""
    return consider(run, now).wakeup


def _one_of_each(run: Run, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Of proposals that count on the same thing, the first; the next is thought about once that one is a fact.

    Those that keep to one pace count on the same call; all first Starts on the same job, slot and budget; those that
    plan a batch on the same number for it.
    """
    paces: list[Pace] = []
    intended = False
    numbering = any(isinstance(command, NUMBERING) for command in run.in_flight)
    for proposal in proposals:
        intends = isinstance(proposal.event, e.StartIntended | e.BudgetReached)
        pace = run.pace_of(proposal.command) if proposal.command is not None else None
        paced = pace is not None and pace.rate is not None
        numbers = isinstance(proposal.command, NUMBERING)
        if (intends and intended) or (numbers and numbering) or (paced and any(pace is other for other in paces)):
            continue
        intended = intended or intends
        numbering = numbering or numbers
        if pace is not None and paced:
            paces.append(pace)
        yield proposal


def agenda(run: Run, now: float) -> Iterator[Proposal]:
    """Everything that could be done, whenever, and is not being done already."""
    for proposal in _work(run, now):
        if proposal.command is None or proposal.command not in run.in_flight:
            yield proposal


def _work(run: Run, now: float) -> Iterator[Proposal]:
    yield from _parkings(run, now)
    if run.undecided:
        yield from watching.decisions(run, now)
    if run.closed_to:
        yield from starting.closures(run, now)
    if run.slotless and not run.stopping:
        yield from starting.shortages(run, now)
    stopping, unsure = bool(run.extra_stops) or run.cancelling, run.by_state[State.UNSURE] > 0
    starts = run.starting and run.by_state[State.WAITING] > 0
    for station in run.stations.values():
        if stopping:
            yield from watching.stops(run, station, now)
        if station.occupied:
            if unsure:
                yield from checking.checks(run, station, now)
            yield from watching.looks(run, station, now)
        if starts and station.left > 0:
            yield from starting.starts(run, station, now)
    yield from checking.confirmations(run, now)
    yield from outputs.collections(run, now)
    if starts:
        yield from staging.stagings(run, now)
    if run.starting:
        yield from outputs.repairs(run, now)
        yield from outputs.routings(run, now)
    yield from outputs.merges(run, now)
    yield from outputs.releases(run, now)


def _parkings(run: Run, now: float) -> Iterator[Proposal]:
    """Kinds of work that failed too often in a row are parked."""
    for lane, kind in sorted(run.exhausted):
        fault = run.troubles[lane, kind].exhausted
        assert fault is not None, (lane, kind)
        yield Proposal(now, event=e.WorkParked(at=now, lane=lane, operation=kind, fault=fault))
