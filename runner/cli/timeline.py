"""A simulated run as people read it: a bar of taken slots for each operation of each lane, and what was called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from runner.cli.tables import Fact, Words
from runner.compose.simulating import Simulation, StationTale
from runner.planning.plan import Plan, usd_text
from runner.telemetry.words import counted, duration

BARS: Final = " ▁▂▃▄▅▆▇█"
WIDTH: Final = 32
"""Columns of a bar: with names, counts and a share beside it a line fits into 80."""
NAME_MAX: Final = 22


def simulation_view(told: Simulation, plan: Plan) -> RenderableType:
    """The predicted finish, one line for each operation of a lane, calls and cost."""
    return Group(Text(), Words(_sentence(told, plan)), Text(), *_bars(told), Text(), *_facts(told, plan))


def _sentence(told: Simulation, plan: Plan) -> str:
    if not told.closed:
        return (
            f"Simulated: the scheduler could not end this plan; it came to rest after {duration(told.finish_s)}. "
            "A lane without slots, or a corpus bound to one?"
        )
    routed = "; every document is in a language that each analysis takes" if plan.first is not None else ""
    return (
        f"Simulated: the last line is written after {duration(told.finish_s)}, with nobody else in the account and no "
        f"faults; jobs take the time that is {plan.basis}{routed}"
    )


def _bars(told: Simulation) -> Iterator[RenderableType]:
    shown = [tale for tale in told.stations if tale.jobs]
    lanes = len({tale.lane for tale in told.stations}) > 1
    names = [_name(tale, lanes=lanes) for tale in shown]
    width = max(map(len, names), default=0)
    end = duration(told.finish_s)
    if shown:
        yield Text(f"{'':<{width}}  0{end:>{WIDTH - 1}}   jobs  of slots", style="dim")
    for name, tale in zip(names, shown, strict=True):
        yield Text(f"{name:<{width}}  {_bar(tale.busy)} {tale.jobs:>6,}  {tale.used:>4.0%} of {tale.slots:,}")


def _name(tale: StationTale, *, lanes: bool) -> str:
    operation = tale.operation.removesuffix("Detection")
    name = f"{tale.lane} {operation}" if lanes else operation
    return name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - 1]}…"


def _bar(busy: Sequence[float]) -> str:
    columns = []
    for column in range(WIDTH):
        begin = column * len(busy) // WIDTH
        end = max((column + 1) * len(busy) // WIDTH, begin + 1)
        share = max(busy[begin:end], default=0.0)
        columns.append(BARS[0] if share <= 0 else BARS[max(1, min(len(BARS) - 1, round(share * (len(BARS) - 1))))])
    return "".join(columns)


def _facts(told: Simulation, plan: Plan) -> Iterator[RenderableType]:
    for tale in told.trainings:
        yield Fact(
            "trained", f"{', '.join(tale.analyses)} on {tale.lane}: ready after {duration(tale.ends_s)} (assumed)"
        )
    calls = ", ".join(f"{count:,} {name}" for name, count in told.calls if count)
    total = sum(count for _, count in told.calls)
    jobs = sum(tale.jobs for tale in told.stations)
    yield Fact("calls", f"{calls or 'none'}: {total / jobs:.1f} a job" if jobs else "none")
    yield Fact("refused", f"{counted(told.throttles, 'throttle')}, {told.refused_for_slots:,} for want of a slot")
    if any(cost.source != "embedded" for cost in plan.costs):
        yield Fact("cost", f"up to {usd_text(told.committed_usd)}")
