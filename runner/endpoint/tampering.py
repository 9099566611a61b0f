"""What a fault does to the rows of a job: some missing, doubled, or bearing another's answer; pure.

Which rows are hit follows from a seed and the row itself, so that a repeated job is spoilt in the same way.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tampering", "tamper"]

_SCALE: Final = 1 << 32


class Tampering(msgspec.Struct, frozen=True):
    """Shares (0 to 1) of the rows that are left out, written twice, or mixed up with another row's answer."""

    missing: float = 0.0
    doubled: float = 0.0
    altered: float = 0.0
    seed: int = 0


def tamper(rows: list[bytes], tampering: Tampering) -> list[bytes]:
    """The rows, spoilt as told."""
    if tampering == Tampering(seed=tampering.seed):
        return rows
    hit = _chooser(tampering.seed)
    rows = [row for row in rows if not hit("missing", row, tampering.missing)]
    altered = [at for at, row in enumerate(rows) if hit("altered", row, tampering.altered)]
    donors = {at: rows[(at + 1) % len(rows)] for at in altered}
    rows = [_mixed(row, donors[at]) if at in donors else row for at, row in enumerate(rows)]
    return [again for row in rows for again in ([row, row] if hit("doubled", row, tampering.doubled) else [row])]


def _chooser(seed: int) -> Callable[[str, bytes, float], bool]:
    def hit(purpose: str, row: bytes, share: float) -> bool:
        if share <= 0:
            return False
        digest = blake2b(row, key=f"{seed} {purpose}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") < share * _SCALE

    return hit


def _mixed(row: bytes, donor: bytes) -> bytes:
    """The place of one row with the answer of another."""
    mine, other = msgspec.json.decode(row), msgspec.json.decode(donor)
    place = {name: mine[name] for name in ("File", "Line") if name in mine}
    answer = {name: value for name, value in other.items() if name not in ("File", "Line")}
    return msgspec.json.encode(dict(sorted({**answer, **place}.items()))) + b"\n"
