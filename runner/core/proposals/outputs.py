"""From outputs to results: collecting in input order within the spool's budget, repairing, merging, releasing."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Final

from runner.core import commands as c
from runner.core.kinds import COLLECTING, RESULTS
from runner.core.proposals.proposal import Proposal, in_order, not_before
from runner.core.proposals.starting import opens
from runner.core.proposals.watching import another_generation
from runner.core.records import JobRecord
from runner.core.retry import OUTPUTS
from runner.core.run import Run
from runner.model import JobKey

RELEASE_BATCH: Final = 64
LOCAL: Final = ("", RESULTS)
LOOK_MAX: Final = 16
"""Outputs that are looked at where none can be fetched now, for those that are of no use."""
Entry = tuple[int, JobKey, int]


def collections(run: Run, now: float) -> Iterator[Proposal]:
    """Outputs are fetched in input order; once the spool is full, only the first, which the results wait for.

    Those that cannot be fetched now take no place of others.
    """
    queues = [_open_part(run, lane, queue, now) for lane, queue in run.to_collect.items() if queue]
    if not queues:
        return
    collecting = {command.job for command in run.in_flight if isinstance(command, c.CollectJob)}
    room = run.config.collecting_max - len(collecting)
    full = run.spool_bytes > run.config.spool_bytes_max
    for place, entry in enumerate(heapq.merge(*queues)):
        if place >= LOOK_MAX and (full or room <= 0):
            return
        record = run.jobs[entry[1]]
        if not run.collectable(entry) or entry[1] in collecting:
            continue
        if record.output_failures >= OUTPUTS.attempts_max:
            yield from _another(run, record, now)
        elif room > 0 and not (full and place):
            proposal = _collection(run, record, now)
            room -= proposal.at <= now
            yield proposal


def _another(run: Run, record: JobRecord, now: float) -> Iterator[Proposal]:
    """What follows an output that is of no use, once its job is known to have been the only one of its name."""
    assert record.fault is not None, record.job.key
    if record.confirm_at is None:
        failures, since = record.failures + 1, record.collect_at
        yield from another_generation(run, record, failures, record.fault, now, since=since)


def _open_part(run: Run, lane: str, queue: list[Entry], now: float) -> Iterator[Entry]:
    """The outputs on a lane, in order; only the first of them if none can be fetched there now."""
    shut = max(not_before(run, (lane, COLLECTING), now), not_before(run, LOCAL, now)) > now
    return islice(in_order(queue), LOOK_MAX if shut else None)


def _collection(run: Run, record: JobRecord, now: float) -> Proposal:
    at = max(not_before(run, (record.lane, COLLECTING), now), not_before(run, LOCAL, now))
    command = c.CollectJob(
        job=record.job.key,
        generation=record.generation,
        lane=record.lane,
        output_uri=record.output_uri or "",
        partial=record.partial,
    )
    return Proposal(max(at, record.collect_at), command)


def repairs(run: Run, now: float, *, last: bool = False) -> Iterator[Proposal]:
    """Lines to send again are gathered once about a slot-count of jobs has some, or no more jobs are to come.

    `last`: none can come in this session, whatever is left; then they are gathered where a lane takes them.
    """
    if not run.to_repair:
        return
    for (analysis, _, round_, lanes), jobs in run.to_repair.items():
        if jobs and (
            len(jobs) >= _slots_of(run, jobs[0])
            or run.unsettled[analysis] == _waiting(run, analysis)
            or (last and any(opens(run, run.stations[lane, run.jobs[jobs[0]].job.operation], now) for lane in lanes))
        ):
            at = not_before(run, LOCAL, now)
            serial = run.batches_planned + 1
            yield Proposal(at, c.GatherRepair(analysis=analysis, serial=serial, round=round_, jobs=tuple(jobs)))
            return


def _slots_of(run: Run, job: JobKey) -> int:
    operation = run.jobs[job].job.operation
    return max(station.slots for station in run.stations_of[operation])


def _waiting(run: Run, analysis: str) -> int:
    return sum(len(jobs) for (name, _, _, _), jobs in run.to_repair.items() if name == analysis)


def routings(run: Run, now: float) -> Iterator[Proposal]:
    """What waits for languages is planned once the analysis that tells them has answered all that it will."""
    if not run.books.held or not run.books.complete:
        return
    for analysis in dict.fromkeys(name for corpus, name in run.config.routed if corpus in run.books.held):
        if not run.unsettled.get(analysis):
            yield Proposal(not_before(run, LOCAL, now), c.RouteLanguages(analysis=analysis))


def merges(run: Run, now: float) -> Iterator[Proposal]:
    """Closed segments are appended in input order, one command per corpus; then files of reopened ones written anew."""
    busy = {command.corpus for command in run.in_flight if isinstance(command, c.MergeSegments | c.PatchFile)}
    room = run.config.merging_max - len(busy)
    for corpus in run.books.ripe():
        if room <= 0:
            return
        if corpus not in busy:
            room -= 1
            yield Proposal(not_before(run, LOCAL, now), _write(run, corpus))


def _write(run: Run, corpus: str) -> c.MergeSegments | c.PatchFile:
    """A ripe corpus's next write: files to be written anew come first."""
    file = run.books.patchable(corpus)
    if file is not None:
        return c.PatchFile(corpus=corpus, file=file)
    return c.MergeSegments(corpus=corpus, segments=run.books.mergeable(corpus))


def releases(run: Run, now: float) -> Iterator[Proposal]:
    """Spool files that nobody needs are deleted."""
    if run.to_release:
        yield Proposal(not_before(run, LOCAL, now), c.ReleaseSpools(jobs=tuple(run.to_release[:RELEASE_BATCH])))
