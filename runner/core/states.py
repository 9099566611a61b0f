"""The life of a job: which facts may befall it in which state, and where they lead.

Rules.

1. Only this table says what is legal. An event that a state does not list raises `IllegalMove` and changes nothing.
2. A job has one live generation at most. A new one (`GenerationRenewed`) begins only where the old one is known to have
   ended, or to have come to nothing: from FAILED, or from ENDED with an output that cannot be used.
3. From INTENDED on, a job may have been bought. Only the service's own word leads out again: accepted, or refused. A
   crash in INTENDED is an unanswered Start: `SessionOpened` moves it to UNSURE, where a refused *replay* proves nothing
   about the first call and so leads nowhere.
4. Facts about calls beside a job's life (a check that failed, a Stop, a second job of the same name) can come in any
   state and move none; they are not in the table.
5. COLLECTED, GIVEN_UP and CUT are where a job ends; what its lines lack then is another job's work (a repair, a piece).

    WAITING ──intended──► INTENDED ──accepted──► ACTIVE ──completed, stopped──► ENDED ──collected──► COLLECTED
       ▲  ▲                 │    │                 │                             │
       │  └────refused──────┘    └─unanswered─► UNSURE ──accepted──► ACTIVE      │
       │                                           │                             │
       └──────renewed────── FAILED ◄──failed, lost─┴─────────────────────────────┘ (renewed)     given up ► GIVEN_UP
                                                                                 cut ► CUT
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from runner.core import events as e
from runner.errors import InternalError
from runner.model import JobStatus


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    """Nothing of the current generation has been asked of the service."""
    INTENDED = "intended"
    """A Start is about to be made, or being made."""
    UNSURE = "unsure"
    """A Start was made and whether it took is not known; checks are under way."""
    ACTIVE = "active"
    """The service has it."""
    FAILED = "failed"
    """The service says that it failed, or does not know it any more; what follows is not decided."""
    ENDED = "ended"
    """There is an output to collect."""
    COLLECTED = "collected"
    """Its answers are in the spool."""
    GIVEN_UP = "given_up"
    """Closed as errors."""
    CUT = "cut"
    """Replaced by jobs that each read a piece of what it read."""


class IllegalMove(InternalError):  # noqa: N818 - a move is illegal; it is not an error of anybody's input
    """A fact that cannot befall a job in its state: a bug, or a damaged journal."""

    def __init__(self, job: str, state: State, event: e.Event) -> None:
        super().__init__(f"job {job} is {state}: {type(event).__name__} cannot be true of it")


_S = State
TRANSITIONS: Final[dict[State, dict[type[e.Event], frozenset[State]]]] = {
    _S.WAITING: {
        e.StartIntended: frozenset({_S.INTENDED}),
        e.JobGivenUp: frozenset({_S.GIVEN_UP}),
        e.SessionOpened: frozenset({_S.WAITING}),
    },
    _S.INTENDED: {
        e.StartAccepted: frozenset({_S.ACTIVE}),
        e.StartRefused: frozenset({_S.WAITING}),
        e.StartUnanswered: frozenset({_S.UNSURE}),
        e.SessionOpened: frozenset({_S.UNSURE}),
    },
    _S.UNSURE: {
        e.StartAccepted: frozenset({_S.ACTIVE}),
        e.StartNotFound: frozenset({_S.UNSURE}),
        e.StartRefused: frozenset({_S.UNSURE}),
        e.StartUnanswered: frozenset({_S.UNSURE}),
        e.GenerationLost: frozenset({_S.FAILED}),
        e.SessionOpened: frozenset({_S.UNSURE}),
    },
    _S.ACTIVE: {
        e.StatusSeen: frozenset({_S.ACTIVE, _S.ENDED, _S.FAILED}),
        e.GenerationLost: frozenset({_S.FAILED}),
        e.SessionOpened: frozenset({_S.ACTIVE}),
    },
    _S.FAILED: {
        e.GenerationRenewed: frozenset({_S.WAITING}),
        e.JobGivenUp: frozenset({_S.GIVEN_UP}),
        e.JobCut: frozenset({_S.CUT}),
        e.SessionOpened: frozenset({_S.FAILED}),
    },
    _S.ENDED: {
        e.Collected: frozenset({_S.COLLECTED}),
        e.CollectFailed: frozenset({_S.ENDED}),
        e.GenerationLost: frozenset({_S.FAILED}),
        e.GenerationRenewed: frozenset({_S.WAITING}),
        e.JobGivenUp: frozenset({_S.GIVEN_UP}),
        e.JobCut: frozenset({_S.CUT}),
        e.SessionOpened: frozenset({_S.ENDED}),
    },
    _S.COLLECTED: {
        e.SessionOpened: frozenset({_S.COLLECTED}),
    },
    _S.GIVEN_UP: {e.SessionOpened: frozenset({_S.GIVEN_UP})},
    _S.CUT: {e.SessionOpened: frozenset({_S.CUT})},
}
"""State -> kind of event -> the states it may lead to (which of several, `next_state` says)."""

TERMINAL: Final = frozenset({State.COLLECTED, State.GIVEN_UP, State.CUT})
OCCUPYING: Final = frozenset({State.INTENDED, State.UNSURE, State.ACTIVE})
"""States in which a job holds a slot, or may."""


def next_state(job: str, state: State, event: e.Event) -> State:
    """The state that an event leads to. Raises IllegalMove where the table has no such row."""
    choices = TRANSITIONS[state].get(type(event))
    if choices is None:
        raise IllegalMove(job, state, event)
    if isinstance(event, e.StatusSeen):
        return _of_status(event.status)
    (only,) = choices
    return only


def _of_status(status: JobStatus) -> State:
    if status is JobStatus.FAILED:
        return State.FAILED
    return State.ENDED if status.ended else State.ACTIVE
