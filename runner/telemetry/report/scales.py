"""From values to places on a plot, and from numbers to the words beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

_TIMES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
TICKS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] onto [begin, end], in SVG units."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def place(value: float) -> str:
    """A coordinate, to a tenth: as short as it can be told."""
    return f"{value:.1f}".removesuffix(".0")


def time_ticks(span_s: float) -> list[float]:
    """Seconds at which a time axis from zero has its ticks, at most eight steps."""
    if span_s < TICKS_MAX:
        return value_ticks(span_s)
    step = next((step for step in _TIMES if span_s / step <= TICKS_MAX), None)
    if step is None:
        step = _DAY * -(-int(span_s) // (_DAY * TICKS_MAX))
    return [float(step * count) for count in range(int(span_s // step) + 1)]


def value_ticks(high: float) -> list[float]:
    """Round values from zero up to `high`, four or five of them."""
    if high <= 0:
        return [0.0]
    power = 10.0 ** (len(f"{high:.0f}") - 1) if high >= 1 else 10.0 ** -len(f"{1 / high:.0f}")
    step = next(power * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0) if high / (power * part) <= 5)
    return list(takewhile(lambda tick: tick <= high * (1 + 1e-9), (step * count for count in range(99))))


def clock(seconds: float) -> str:
    """A time since the beginning: `0`, `45 s`, `5 min`, `1:05 h`, `2 d 3 h`."""
    if seconds == 0:
        return "0"
    if seconds < _MINUTE:
        return f"{seconds:g} s"
    if seconds < _HOUR:
        minutes, rest = divmod(round(seconds), _MINUTE)
        return f"{minutes}:{rest:02d} min" if rest else f"{minutes} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)}:{int(seconds % _HOUR // _MINUTE):02d} h"
    return f"{int(seconds // _DAY)} d {int(seconds % _DAY // _HOUR)} h"


def number(value: float) -> str:
    """A count or an amount for an axis: `1,200`, `0.5`, `3.2 M`."""
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:.3g} M"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"
