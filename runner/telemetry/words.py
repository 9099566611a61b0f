"""Counts and durations as people say them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds as people say them: `4.2 s`, `42 s`, `3 min`, `2 h 05 min`, `3 days 4 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} days {hours % 24} h"


def roughly(seconds: float) -> str:
    """A guess of seconds, without the tenths that it does not have."""
    return f"{max(1.0, seconds):.0f} s" if seconds < 90 else duration(seconds)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 job`, `1,200 jobs`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def byte_count(size: int) -> str:
    """Bytes as people say them, in powers of ten: `812 bytes`, `1.2 MB`, `34 GB`."""
    if size < 1000:
        return counted(size, "byte")
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
