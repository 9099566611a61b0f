"""Counts, durations and sizes as people say them."""

from __future__ import annotations

import pytest

from runner.telemetry.words import byte_count, duration


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_600, "1.0 MB"),
        (34_000_000_000, "34 GB"),
        (5_000_000_000_000_000, "5,000 TB"),
    ],
)
def test_bytes_are_told_in_a_unit_that_suits_them(size: int, told: str) -> None:
    assert byte_count(size) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(4.21, "4.2 s"), (89.6, "90 s"), (91, "2 min"), (3 * 3600, "3 h 00 min"), (76 * 3600, "3 days 4 h")],
)
def test_durations_are_told_as_exactly_as_anybody_cares(seconds: float, told: str) -> None:
    assert duration(seconds) == told
