"""What a fault does to the rows of a job: some missing, doubled, or bearing another's answer; pure.

Which rows are hit follows from a seed and the row itself, so that a repeated job is spoilt in the same way.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Tampering", "tamper"]

_SCALE: Final = 1 << 32


class Tampering(msgspec.Struct, frozen=True):
    """Shares (0 to 1) of the rows that are left out, written twice, mixed up with another row's answer, or moved."""

    missing: float = 0.0
    doubled: float = 0.0
    altered: float = 0.0
    unordered: float = 0.0
    seed: int = 0


def tamper(rows: list[bytes], tampering: Tampering, others: Sequence[bytes] = ()) -> list[bytes]:
    """The rows, spoilt as told.

    A mixed-up row bears the answer of the row after it, the last one that of the first of `others`, or of the
    first row where there are none.
    """
    if tampering == Tampering(seed=tampering.seed):
        return rows
    hit = _chooser(tampering.seed)
    rows = [row for row in rows if not hit("missing", row, tampering.missing)]
    after = [*rows[1:], *(others or rows)[:1]][: len(rows)]
    rows = [
        _mixed(row, donor) if hit("altered", row, tampering.altered) else row
        for row, donor in zip(rows, after, strict=True)
    ]
    rows = [again for row in rows for again in ([row, row] if hit("doubled", row, tampering.doubled) else [row])]
    moved = [at for at, row in enumerate(rows) if hit("unordered", row, tampering.unordered)]
    places = dict(zip(moved, [*moved[1:], *moved[:1]], strict=True))
    return [rows[places.get(at, at)] for at in range(len(rows))]


def _chooser(seed: int) -> Callable[[str, bytes, float], bool]:
    def hit(purpose: str, row: bytes, share: float) -> bool:
        if share <= 0:
            return False
        digest = blake2b(row, key=f"{seed} {purpose}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") < share * _SCALE

    return hit


def _mixed(row: bytes, donor: bytes) -> bytes:
    """The place of one row with the answer of another; of lines of text, the line end of one with the other."""
    mine, other = _decoded(row), _decoded(donor)
    if mine is None or other is None:
        return donor.rstrip(b"\r\n") + row[len(row.rstrip(b"\r\n")) :]
    mixed = {name: value for name, value in other.items() if name not in ("File", "Line")}
    mixed |= {name: mine[name] for name in ("File", "Line") if name in mine}
    return msgspec.json.encode({name: mixed[name] for name in sorted(mixed)}) + b"\n"


def _decoded(row: bytes) -> dict[str, Any] | None:
    """A row of output; None for a line of redacted text."""
    try:
        value = msgspec.json.decode(row)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) and "File" in value else None
