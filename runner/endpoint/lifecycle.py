"""How a job's status moves, and when; pure: time is an argument.

    SUBMITTED ──► IN_PROGRESS ──► COMPLETED
        │              │    └───► FAILED
        │              ▼
        └────► STOP_REQUESTED ──► STOPPED      (or COMPLETED, if it was done first)
        └────► FAILED                          (an access check failed)

Nothing here reads a clock or starts anything. Figures of the field: COMPREHEND.md sections 1.4 and 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ACTIVE", "TRANSITIONS", "IllegalMoveError", "Status", "Timing", "move"]

Status = Literal["SUBMITTED", "IN_PROGRESS", "COMPLETED", "FAILED", "STOP_REQUESTED", "STOPPED"]

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        "SUBMITTED": frozenset({"IN_PROGRESS", "FAILED", "STOP_REQUESTED"}),
        "IN_PROGRESS": frozenset({"COMPLETED", "FAILED", "STOP_REQUESTED"}),
        "STOP_REQUESTED": frozenset({"STOPPED", "COMPLETED"}),
        "COMPLETED": frozenset(),
        "FAILED": frozenset(),
        "STOPPED": frozenset(),
    }
)
"""Status -> what may come next."""

ACTIVE: Final[frozenset[Status]] = frozenset(status for status, after in TRANSITIONS.items() if after)
"""Statuses that occupy a slot of the account."""

_CHECKED_S: Final = 12.0  # permission failures surface this long after the submit
_FIRST_END_S: Final = 367.0  # nothing was ever seen to end sooner, ...
_STEP_S: Final = 120.0  # ... and what ends later ends this much later, or twice this


class IllegalMoveError(Exception):
    """A status was asked to become one that cannot follow it."""


def move(before: Status, after: Status) -> Status:
    """`after`, if it may follow `before`; raises IllegalMoveError otherwise."""
    if after not in TRANSITIONS[before]:
        raise IllegalMoveError(f"{before} cannot become {after}")
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When things become visible: at once, or as in the field, `scale` seconds for each of its seconds.

    All arguments and results are epoch seconds.
    """

    kind: Literal["instant", "service"] = "instant"
    scale: float = 1.0

    def checked_at(self, submitted: float) -> float:
        """When the access checks are over: failures of permission show, and work begins."""
        return submitted if self.kind == "instant" else submitted + _CHECKED_S * self.scale

    def ended_at(self, submitted: float, worked_until: float) -> float:
        """When a job ends whose work was done at `worked_until`: at the first look after that."""
        if self.kind == "instant":
            return worked_until
        late = worked_until - (submitted + _FIRST_END_S * self.scale)
        looks = max(0, ceil(late / (_STEP_S * self.scale)))
        return submitted + (_FIRST_END_S + looks * _STEP_S) * self.scale
