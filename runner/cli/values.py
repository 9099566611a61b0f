"""What the values of options may be, each checked as it is read; raises typer.BadParameter, which names the option."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import typer

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d|)")


def whole(text: str) -> int:
    """A whole number of 1 or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def port(text: str) -> int:
    """A port, 0 for any."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise typer.BadParameter(f"{text!r} is not a port: 0 (any free one) to 65535")
    return int(text)


def amount(text: str) -> float:
    """An amount of money of 0 or more."""
    value = _number(text)
    if value is None or value < 0:
        raise typer.BadParameter(f"{text!r} is not an amount of USD: 0 or more, such as 20 or 0.50")
    return value


def factor(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if value is None or value <= 0:
        raise typer.BadParameter(f"{text!r} is not a number above 0")
    return value


def seconds(text: str) -> float:
    """A duration such as `90s`, `20m`, `1.5h`, in seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration: 90s, 20m, 1.5h, 2d")
    return float(match[1]) * _SECONDS[match[2]]


def path(text: str) -> Path:
    """A path that is not empty."""
    if not text:
        raise typer.BadParameter("a path is missing")
    return Path(text)


def one_of(*words: str) -> Callable[[str], str]:
    """One of some words."""

    def checked(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(words)}")
        return text

    return checked


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
