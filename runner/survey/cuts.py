"""Where pieces of long documents lie, and how far they overlap; how they are cut is `runner.survey.pieces`."""

from __future__ import annotations

from typing import Final, NamedTuple

LIMIT_MIN: Final = 64
"""The smallest limit that leaves room for text between two overlaps."""
OVERLAP_BYTES_MAX: Final = 1024
"""On either side: longer than nearly every entity, and a thousandth of the 1 MB that most families take."""
_OVERLAP_SHARE: Final = 16
"""Of a small limit, the overlap on either side takes a sixteenth."""


class Cut(NamedTuple):
    """Where one piece lies in its document."""

    begin: int
    core_begin: int
    core_end: int
    end: int


def overlap_of(limit: int) -> int:
    """How many bytes of each neighbour pieces of at most `limit` bytes are sent with."""
    return min(OVERLAP_BYTES_MAX, limit // _OVERLAP_SHARE)
