"""What a simulated run is like: drawn from a seed by the swarm, or written down by a scenario."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from runner.simulation.behaviour import Behaviour

EPOCH = 1_700_000_000.0


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a session ends before its time.

    A `crash` strikes at a commit of the journal: before it is durable, or after. A `kill` strikes at a time, as do a
    `halt` (a signal) and a `cancel` (the user's).
    """

    kind: Literal["crash_before", "crash_after", "kill", "halt", "cancel"]
    at: float
    loses_box: bool = False
    """Whether the run directory is gone afterwards, and another box takes the run up."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One simulated run."""

    seed: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    others: tuple[Behaviour, ...] = ()
    """Further lanes."""
    bound: bool = False
    """Whether each corpus but the first is bound to one lane."""
    budget_share: float | None = None
    """Of the plan's price: the budget of the first session; the user raises it whenever it was reached."""
    corpora: int = 2
    segments: int = 3
    documents: int = 12
    endings: tuple[Ending, ...] = ()
    heal_after_s: float = 20_000.0
    missing_rows: float = 0.0
    bad_outputs: float = 0.0
    poison: float = 0.0
    """Lines that bring down whatever job of an analysis reads them, each in a way of its own."""
    bad_work: float = 0.0
    """Failures of staging, collecting, gathering, merging; passing ones."""
    spool_rows_max: int = 1_000_000
    on_failure: Literal["finish", "stop"] = "finish"
    on_terminal: bool = False
    reopen: bool = False
    """Whether documents that closed as errors are reopened at the end, when what ailed them is mended."""

    @property
    def loses_boxes(self) -> bool:
        """Whether any session ends with its box."""
        return any(ending.loses_box for ending in self.endings)


def setting_of(seed: int) -> Setting:
    """A swarm of options: each run leaves most faults out, so that rare combinations come up."""
    draw = random.Random(seed)

    def some(value: float, share: float = 0.3) -> float:
        return value * draw.random() if draw.random() < share else 0.0

    def until(share: float = 0.15) -> float:
        return EPOCH + draw.uniform(0, 4_000) if draw.random() < share else 0.0

    outages = []
    for _ in range(draw.choice([0, 0, 1, 2])):
        begin = EPOCH + draw.uniform(0, 6_000)
        outages.append((begin, begin + draw.choice([20, 300, 2_500]) * draw.random()))
    behaviour = Behaviour(
        slots=draw.choice([1, 2, 3, 10]),
        start_per_s=draw.choice([1.0, 1.0, 0.5]),
        read_per_s=draw.choice([10.0, 10.0, 4.0]),
        lost_answers=some(0.6),
        lost_calls=some(0.5),
        late_calls=some(0.5),
        late_s=draw.choice([5.0, 20.0, 100.0]),
        throttles=some(0.5),
        read_faults=some(0.4),
        failing=some(0.3),
        stuck=some(0.1),
        list_lag_s=draw.choice([0.0, 0.0, 5.0, 40.0, 90.0, 250.0]),
        write_checks=draw.random() < 0.7,
        tokens=draw.choice(["honoured", "honoured", "ignored", "expiring"]),
        token_life_s=draw.choice([30.0, 600.0]),
        denied_until=until(),
        unreadable_until=until(),
        outages=tuple(outages),
        strangers=draw.choice([0, 0, 0, 1]),
        stranger_starts_s=draw.choice([None, None, None, 3.0]),
        page_jobs=draw.choice([500, 500, 2]),
    )
    others = tuple(_other(draw, behaviour) for _ in range(draw.choice([0, 0, 1, 1, 2, 3])))
    return Setting(
        seed=seed,
        behaviour=behaviour,
        others=others,
        bound=draw.random() < 0.3,
        budget_share=draw.choice([None, None, None, 0.3, 1.0]),
        corpora=draw.choice([1, 1, 2, 3]),
        segments=draw.choice([1, 2, 3]),
        documents=draw.choice([6, 12]),
        endings=tuple(_losing(seed, _ending(draw)) for _ in range(draw.choice([0, 1, 2, 4]))),
        missing_rows=some(0.4),
        bad_outputs=some(0.2),
        bad_work=some(0.4),
        spool_rows_max=draw.choice([1_000_000, 1_000_000, 8]),
        on_terminal=draw.random() < 0.2,
        reopen=draw.random() < 0.3,
        poison=draw.choice([0.0, 0.0, 0.0, 0.02, 0.1]),
    )


def _other(draw: random.Random, behaviour: Behaviour) -> Behaviour:
    """A further lane: of other size, perhaps with other faults, or closed to us until everything is healed."""
    return replace(
        behaviour,
        slots=draw.choice([1, 2, 10]),
        lost_answers=draw.choice([behaviour.lost_answers, 0.0, 0.3]),
        throttles=draw.choice([behaviour.throttles, 0.0]),
        denied_until=draw.choice([0.0, 0.0, 0.0, EPOCH + draw.uniform(0, 4_000), inf]),
        unreadable_until=draw.choice([0.0, 0.0, 0.0, EPOCH + 1_000.0]),
        outages=draw.choice([behaviour.outages, ()]),
        strangers=draw.choice([0, 0, 1]),
    )


def _ending(draw: random.Random) -> Ending:
    kind: Literal["crash_before", "crash_after", "kill", "halt", "cancel"] = draw.choice(
        ["crash_before", "crash_after", "crash_before", "crash_after", "kill", "halt", "cancel"]
    )
    most = 120 if kind.startswith("crash") else 3_000
    return Ending(kind=kind, at=1 + int(most * draw.random() ** 2))


def _losing(seed: int, ending: Ending) -> Ending:
    """Of the seeds that are multiples of three, half of the endings that nobody chose take the box with them."""
    chosen = ending.kind in {"halt", "cancel"} or seed % 3
    draw = random.Random(f"{seed}/{ending}")
    return ending if chosen or draw.random() < 0.5 else replace(ending, loses_box=True)
