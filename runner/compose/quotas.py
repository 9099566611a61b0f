"""The quotas that a session counts on: the manifest's, or what the account says, or the service's defaults.

Where the account does not answer, what it said to an earlier session of the run stands in before the defaults. Asked
once per session and lane, before anything is planned. They are no part of a run's identity: `lanes.json` keeps
those of the last session, and each `SessionOpened` says what it counted on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import anyio

from runner.aws.quotas import ACTION, AccountQuotas, read_quotas
from runner.compose.places import Place
from runner.model import Fault, LaneSpec, Limit, Manifest, QuotaSource

Counted = tuple[str, str, float | None, QuotaSource]
"""(lane, operation, active jobs, who says so)."""
RATES: Final = ("start_per_s", "read_per_s", "stop_per_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A manifest whose lanes have the quotas that are known now, and what the user should be told of them."""

    manifest: Manifest
    notices: tuple[str, ...] = ()


async def with_quotas(
    manifest: Manifest, *, before: Iterable[Place] = (), environment: Mapping[str, str] | None = None
) -> Known:
    """Ask each lane's account for its quotas; `before` are the places of an earlier session of the run.

    Embedded lanes and lanes of a URL have nobody to ask, and nothing is sent for them. Never fails: what stands in the
    way becomes a notice.
    """
    seen = os.environ if environment is None else environment
    answers: dict[str, AccountQuotas | Fault | None] = {}

    async def ask(lane: LaneSpec) -> None:
        answers[lane.name] = await read_quotas(lane, seen)

    async with anyio.create_task_group() as tasks:
        for lane in manifest.lanes:
            tasks.start_soon(ask, lane)
    places = {place.lane.name: place.lane for place in before}
    operations = tuple(dict.fromkeys(analysis.operation for analysis in manifest.analyses))
    told: list[str] = []
    lanes = []
    for lane in manifest.lanes:
        found, notices = _settled(lane, answers[lane.name], places.get(lane.name), operations)
        lanes.append(found)
        told += notices
    return Known(manifest=replace(manifest, lanes=tuple(lanes)), notices=tuple(told))


def counted(manifest: Manifest) -> tuple[Counted, ...]:
    """What each remote lane's operations may have active at once, and who says so."""
    operations = dict.fromkeys(analysis.operation for analysis in manifest.analyses)
    return tuple(
        (lane.name, operation, limit.of(operation), limit.source_of(operation))
        for lane in manifest.lanes
        if lane.remote
        for limit in (lane.quotas.active_jobs,)
        for operation in operations
    )


def _settled(
    lane: LaneSpec, answer: AccountQuotas | Fault | None, was: LaneSpec | None, operations: Iterable[str]
) -> tuple[LaneSpec, list[str]]:
    """A lane with its quotas settled, and what to tell of it."""
    if answer is None:
        return lane, []
    same = was if was is not None and (was.region, was.kind) == (lane.region, lane.kind) else None
    last = AccountQuotas.among(same.quotas) if same is not None else AccountQuotas()
    if isinstance(answer, Fault):
        return replace(lane, quotas=last.filling(lane.quotas)), [_unread(lane, answer, last)]
    if not answer.active_jobs:
        silent = (
            "Service Quotas does not tell how many jobs may be active: the manifest's numbers hold, or the defaults"
        )
        return replace(lane, quotas=answer.filling(lane.quotas)), [f"lane {lane.name}: {silent}"]
    settled = replace(lane, quotas=answer.filling(lane.quotas))
    return settled, [*_above(lane, answer, operations), *_changed(settled, last, operations)]


def _unread(lane: LaneSpec, fault: Fault, last: AccountQuotas) -> str:
    instead = "what the account said last is used" if last else "the manifest's numbers hold, or else the defaults"
    allow = f"; to have them read, allow {ACTION}" if fault.code.startswith("AccessDenied") else ""
    return f"lane {lane.name}: its quotas could not be read ({fault.code}): {instead}{allow}"


def _above(lane: LaneSpec, account: AccountQuotas, operations: Iterable[str]) -> Iterator[str]:
    """Numbers of the manifest above the account's: each call beyond them is refused."""
    numbers: tuple[tuple[str, Limit, Mapping[str, float]], ...] = (
        ("active_jobs", lane.quotas.active_jobs, account.active_jobs),
        *((key, getattr(lane.quotas, key), getattr(account, key)) for key in RATES),
    )
    wanted = tuple(operations)
    for key, limit, actual in numbers:
        above = [
            f"{actual[stem]:g} for {stem} (the manifest says {limit.of(stem):g})"
            for stem in wanted
            if stem in actual and limit.source_of(stem) == "manifest" and (limit.of(stem) or 0) > actual[stem]
        ]
        if above:
            yield (
                f"lane {lane.name}: the account has less than the manifest's quotas.{key}: {', '.join(above)}; what is "
                "beyond will be refused"
            )


def _changed(lane: LaneSpec, last: AccountQuotas, operations: Iterable[str]) -> Iterator[str]:
    limit = lane.quotas.active_jobs
    changed = [
        f"{limit.of(stem):g} for {stem} ({last.active_jobs[stem]:g} before)"
        for stem in operations
        if stem in limit.observed and last.active_jobs.get(stem, limit.of(stem)) != limit.of(stem)
    ]
    if changed:
        yield f"lane {lane.name}: the account's active jobs have changed: {', '.join(changed)}"
