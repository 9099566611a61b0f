"""The life of a job as a Mermaid state diagram, drawn from the table that rules it. For the README."""

from __future__ import annotations

import re
from typing import Final

from runner.core import events as e
from runner.core.states import TERMINAL, TRANSITIONS, State

_UNDRAWN: Final = frozenset({e.SessionOpened})
"""Moves nothing, but for a crash in the middle of a Start, which is drawn as one."""


def state_diagram() -> str:
    """Mermaid text: one arrow per pair of states, labelled with the facts that lead from one to the other."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for state, moves in TRANSITIONS.items():
        for event, targets in moves.items():
            for target in sorted(targets, key=list(State).index):
                label = _label(event, state, target)
                if label is not None:
                    arrows.setdefault((state, target), []).append(label)
    lines = ["stateDiagram-v2", f"    [*] --> {State.WAITING}"]
    lines += [f"    {begin} --> {end}: {', '.join(labels)}" for (begin, end), labels in arrows.items()]
    lines += [f"    {state} --> [*]" for state in State if state in TERMINAL]
    return "\n".join(lines) + "\n"


def _label(event: type[e.Event], state: State, target: State) -> str | None:
    if event in _UNDRAWN:
        return "crash" if state is not target else None
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.__name__).lower()
