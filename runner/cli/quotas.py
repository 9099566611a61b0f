"""The quotas that a run counts on, as people read them: `virginia: 10 active jobs of each kind (observed)`."""

from __future__ import annotations

from collections.abc import Iterator

from runner.cli.tables import Fact
from runner.compose.quotas import Counted, counted
from runner.model import Manifest


def quota_facts(manifest: Manifest) -> Iterator[Fact]:
    """A line for each remote lane: active jobs, and who says so (manifest, observed in the account, assumed)."""
    by_lane: dict[str, list[Counted]] = {}
    for row in counted(manifest):
        by_lane.setdefault(row[0], []).append(row)
    for lane, rows in by_lane.items():
        alike = {(slots, source) for _, _, slots, source in rows}
        if len(alike) == 1:
            _, _, slots, source = rows[0]
            told = f"{_number(slots)} active jobs of each kind ({source})"
        else:
            told = ", ".join(
                f"{_number(slots)} {operation.removesuffix('Detection')} ({source})"
                for _, operation, slots, source in rows
            )
        yield Fact("quota", f"{lane}: {told}")


def _number(slots: float | None) -> str:
    return "any number of" if slots is None else f"{slots:,.0f}"
