"""Plots as SVG: text in the reader's own font, colours from the page's style sheet, a title that says what is seen.

Every plot is `role="img"` with a label; the figures behind it stand in a table beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from runner.telemetry.report.history import Attempt, History, in_use, slots_of
from runner.telemetry.report.scales import Scale, clock, number, place, time_ticks, value_ticks

WIDTH: Final = 960
_LEFT: Final = 64
_RIGHT: Final = 12
_TOP: Final = 10
_AXIS: Final = 24
ONE_BY_ONE_MAX: Final = 600
"""Attempts that are drawn one by one, each with its own words; more are drawn by the thousand in one path."""
POINTS_MAX: Final = 400


def timeline(history: History) -> str:
    """One row per slot of a lane's operation, one bar per attempt, coloured by how it ended."""
    stations = history.by_station()
    end = history.end
    rows: dict[tuple[str, str], list[int]] = {
        station: slots_of(attempts, end) for station, attempts in stations.items()
    }
    count = sum(max(slots, default=-1) + 1 for slots in rows.values())
    row = 12.0 if count <= 40 else 7.0
    gap = 22.0
    height = _TOP + count * row + len(stations) * gap + _AXIS
    across = Scale(history.began, end, _LEFT, WIDTH - _RIGHT)
    one_by_one = len(history.attempts) <= ONE_BY_ONE_MAX
    parts = [_time_axis(across, _TOP, height - _AXIS)]
    top = _TOP + 0.0
    for (lane, operation), slots in rows.items():
        parts.append(
            f'<text class="station" x="{_LEFT}" y="{place(top + 15)}">{escape(lane)} · {escape(operation)}</text>'
        )
        top += gap
        bars = [
            (attempt, top + slot * row, across(attempt.begun), across(end if attempt.ended is None else attempt.ended))
            for attempt, slot in zip(stations[lane, operation], slots, strict=True)
        ]
        parts += _bars(bars, row - 2) if one_by_one else _strokes(bars, row - 2)
        top += (max(slots) + 1) * row
    return _svg(height, parts, f"Timeline of {len(history.attempts)} jobs on {count} slots")


_Bar = tuple[Attempt, float, float, float]


def _bars(bars: Sequence[_Bar], height: float) -> list[str]:
    """A rectangle for each attempt, which says what it is."""
    return [
        f'<rect class="{_class(attempt)}" x="{place(left)}" y="{place(top)}" height="{place(height)}" '
        f'width="{place(max(1.0, right - left - 0.6))}"><title>{escape(_told(attempt))}</title></rect>'
        for attempt, top, left, right in bars
    ]


def _strokes(bars: Sequence[_Bar], height: float) -> list[str]:
    """One path for all attempts of a kind."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for attempt, top, left, right in bars:
        run = f"M{place(left)} {place(top + height / 2)}h{place(max(0.8, right - left - 0.3))}"
        paths[_class(attempt)].append(run)
    return [
        f'<path class="{name} stroke" stroke-width="{place(height)}" d="{"".join(runs)}"/>'
        for name, runs in sorted(paths.items())
    ]


def _class(attempt: Attempt) -> str:
    return "repair" if attempt.ending == "done" and attempt.job.repairs else attempt.ending


def _told(attempt: Attempt) -> str:
    took = clock(round(attempt.ended - attempt.begun, 1)) if attempt.ended is not None else "under way"
    again = f", generation {attempt.generation}" if attempt.generation else ""
    code = f", {attempt.code}" if attempt.code else ""
    return f"{attempt.job.key}{again}: {attempt.ending}{code}, {took}"


def slots(history: History, allowed: Mapping[tuple[str, str], int]) -> str:
    """Slots in use over time, per lane and operation, beneath the line of what the lane allows."""
    stations = history.by_station()
    each, gap = 54.0, 20.0
    height = _TOP + len(stations) * (each + gap) + _AXIS
    across = Scale(history.began, history.end, _LEFT, WIDTH - _RIGHT)
    parts = [_time_axis(across, _TOP, height - _AXIS)]
    top = float(_TOP)
    for station, attempts in stations.items():
        steps = in_use(attempts, history.end)
        most = max((count for _, count in steps), default=0)
        quota = allowed.get(station)
        high = max(most, quota or 0, 1)
        down = Scale(0, high, top + gap + each, top + gap)
        parts.append(_name(station, top + 14))
        parts.append(_value(down, high))
        parts.append(_area(_thinned(steps), across, down))
        if quota:
            run = f"M{_LEFT} {place(down(quota))}H{WIDTH - _RIGHT}"
            parts.append(f'<path class="quota" d="{run}"><title>quota {quota}</title></path>')
        top += each + gap
    return _svg(height, parts, "Slots in use against the quota")


def progress(history: History, documents: int) -> str:
    """Documents written over time, and answers collected, both as a share of the whole."""
    height = 220.0
    across = Scale(history.began, history.end, _LEFT, WIDTH - _RIGHT)
    written = _sums(history.written)
    high = max(documents, written[-1][1] if written else 0, 1)
    down = Scale(0, high, height - _AXIS, _TOP)
    answered = _sums(history.answered)
    pairs = max(history.pairs, answered[-1][1] if answered else 0, 1)
    parts = [_time_axis(across, _TOP, height - _AXIS), *(_level(down, tick) for tick in value_ticks(high))]
    # Answers are lines under an analysis, many times the documents: drawn as a share of all that jobs read.
    scaled = Scale(0, pairs, height - _AXIS, _TOP)
    parts.append(f'<path class="answered" d="{_steps(_thinned(answered), across, scaled)}"/>')
    parts.append(f'<path class="written" d="{_steps(_thinned(written), across, down)}"/>')
    return _svg(height, parts, "Documents written over time")


def accuracy(attempts: Sequence[Attempt]) -> str:
    """Predicted against actual seconds of jobs that were done; on the diagonal the prediction was right."""
    pairs = [(a.job.predicted_s, a.service_s) for a in attempts if a.ending == "done" and a.service_s is not None]
    high = max([max(pair) for pair in pairs], default=1.0) * 1.05 or 1.0
    size = 300.0
    across = Scale(0, high, _LEFT, _LEFT + size)
    down = Scale(0, high, _TOP + size, _TOP)
    dots = "".join(dict.fromkeys(f"M{place(across(x))} {place(down(y))}h0" for x, y in pairs))
    parts = [
        *(_level(down, tick, right=_LEFT + size, text=clock(round(tick, 1))) for tick in value_ticks(high)),
        *(
            f'<text class="tick" text-anchor="middle" x="{place(across(tick))}" y="{place(_TOP + size + 16)}">'
            f"{clock(round(tick, 1))}</text>"
            for tick in value_ticks(high)[1:]
        ),
        f'<path class="quota" d="M{place(across(0))} {place(down(0))}L{place(across(high))} {place(down(high))}"/>',
        f'<path class="dots" d="{dots}"/>',
        f'<text class="tick" x="{_LEFT + size + 12}" y="{place(_TOP + size)}">predicted →</text>',
        f'<text class="tick" x="{_LEFT + size + 12}" y="{_TOP + 10}">↑ taken</text>',
    ]
    return _svg(_TOP + size + _AXIS, parts, "Predicted against actual duration of jobs", width=_LEFT + int(size) + 110)


def _name(station: tuple[str, str], y: float) -> str:
    return f'<text class="station" x="{_LEFT}" y="{place(y)}">{escape(" · ".join(station))}</text>'


# --- pieces -----------------------------------------------------------------------------------------------------------


def _svg(height: float, parts: Sequence[str], label: str, *, width: int = WIDTH) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label, quote=True)}" viewBox="0 0 {width} {place(height)}" '
        f'style="max-width:{width}px">{"".join(parts)}</svg>'
    )


def _time_axis(across: Scale, top: float, bottom: float) -> str:
    """Ticks with their times since the beginning, and a thin line through the plot at each."""
    parts = []
    for tick in time_ticks(across.high - across.low):
        x = place(across(across.low + tick))
        parts.append(f'<path class="grid" d="M{x} {place(top)}V{place(bottom)}"/>')
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x}" y="{place(bottom + 16)}">{clock(round(tick, 3))}</text>'
        )
    return "".join(parts)


def _level(down: Scale, tick: float, *, right: float = WIDTH - _RIGHT, text: str | None = None) -> str:
    y = place(down(tick))
    return f'<path class="grid" d="M{_LEFT} {y}H{place(right)}"/>' + _value(down, tick, text=text)


def _value(down: Scale, tick: float, *, text: str | None = None) -> str:
    told = number(tick) if text is None else text
    return f'<text class="tick" text-anchor="end" x="{_LEFT - 6}" y="{place(down(tick) + 4)}">{told}</text>'


def _sums(changes: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    total, found = 0, []
    for at, count in changes:
        total += count
        found.append((at, total))
    return found


def _thinned(steps: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    """As many steps as a plot can show: of each stretch the highest, and the very last."""
    every = -(-len(steps) // POINTS_MAX)
    if every <= 1:
        return steps
    highest = [max(steps[first : first + every], key=lambda step: step[1]) for first in range(0, len(steps), every)]
    return [*highest, steps[-1]]


def _steps(steps: Sequence[tuple[float, int]], across: Scale, down: Scale) -> str:
    """A staircase from the beginning of the plot to its end."""
    run = f"M{place(across.begin)} {place(down(0))}"
    run += "".join(f"H{place(across(at))}V{place(down(count))}" for at, count in steps)
    return run + f"H{place(across.end)}"


def _area(steps: Sequence[tuple[float, int]], across: Scale, down: Scale) -> str:
    return f'<path class="area" d="{_steps(steps, across, down)}V{place(down(0))}Z"/>'
