"""Packing: which batches there will be, and which jobs read them.

Rules:

1. Each operation is planned for its own slots: the fewest jobs whose predicted finish is within 2 % of the best, equal
   in predicted time, contiguous in input order. Feeds of one operation share its slots in proportion to their work.
2. Operations that are asked for the same within the same room (equal feeds, limits, slots) are planned together and cut
   alike. Whatever is cut alike is one batch; no plan is ever bent to save a copy in S3.
3. Jobs are numbered by the first input position that they read, never pool by pool.

The search walks one ladder: from the fewest jobs that the limits allow, each rung cuts the feed whose jobs are longest
into one more. Knows no clock and no price; an optimiser may replace `_choose` and nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from runner.catalogue import units
from runner.errors import InternalError
from runner.model import (
    AnalysisSpec,
    Batch,
    BatchId,
    Job,
    JobKey,
    LaneKind,
    Manifest,
    PartFacts,
    SegmentFacts,
    job_key,
)
from runner.planning.cutting import Strip
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import (
    Demand,
    OperationDemand,
    PartTable,
    Positions,
    alike,
    operation_demands,
    part_table,
)
from runner.planning.schedule import finish_s

TOLERANCE: Final = 1.02
"""Fewer jobs are worth this much of the best finish."""
_WEIGHT_TOTAL: Final = 10**9
"""Predicted time is weighed in billionths of an operation's work: integers, so that cuts are exact."""
_RUNGS_EVERY: Final = 64
"""So many rungs are tried one by one; above, every twentieth part more."""
_ROUNDS_BEYOND: Final = 2
"""How many whole waves beyond the fewest are tried: each wave more costs a start-up of every slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """Batches by id, and jobs in the order in which they start."""

    batches: tuple[Batch, ...]
    jobs: tuple[Job, ...]


def lane_kind(manifest: Manifest) -> LaneKind:
    """The kind of lane that a run's durations are predicted for (kinds are never mixed with the embedded one)."""
    return manifest.lanes[0].kind


def pad_units(batch: Batch) -> int:
    """Billing units of the pad object of a batch: one line that brings it to the service's minimum."""
    return units(_PAD_TO - batch.bytes) if batch.padded else 0


_PAD_TO: Final = 500


def pack(manifest: Manifest, segments: Iterable[SegmentFacts], *, durations: DurationModel) -> PlannedWork:
    """All batches and jobs of a first round.

    `segments` come in input order within each corpus. Raises InternalError if a part is larger than the service takes
    in one job of an analysis that reads it.
    """
    table = part_table(manifest, segments)
    operations = operation_demands(manifest, table)
    kind = lane_kind(manifest)
    readers: dict[Positions, list[AnalysisSpec]] = {}
    for together in alike(operations):
        _check_parts(together[0], table)
        planner = _Planner(together, table, kind, durations)
        for index, bounds in enumerate(planner.choose()):
            analyses = [analysis for operation in together for analysis in operation.demands[index].analyses]
            parts = together[0].demands[index].parts
            for begin, end in pairwise(bounds):
                readers.setdefault(parts[begin:end], []).extend(analyses)
    return _number(manifest, table, readers, kind, durations)


def _check_parts(operation: OperationDemand, table: PartTable) -> None:
    """Parts are atoms: the survey keeps them below what the service takes in one job."""
    for demand in operation.demands:
        family = demand.analyses[0].row
        for place in demand.parts:
            part = table.parts[place]
            if part.bytes > family.job_bytes_max or part.lines > family.job_lines_max:
                raise InternalError(
                    f"part {part.id} has {part.bytes} bytes and {part.lines} lines, and a job of {family.name} "
                    f"takes {family.job_bytes_max} bytes and {family.job_lines_max} lines"
                )


def _load(part: PartFacts) -> Load:
    return Load(bytes=part.bytes, lines=part.lines, units=part.units)


class _Planner:
    """Chooses the number of jobs of each feed, for operations that are asked for the same."""

    def __init__(
        self, operations: Sequence[OperationDemand], table: PartTable, kind: LaneKind, durations: DurationModel
    ) -> None:
        self._operations = operations
        self._demands = operations[0].demands
        self._room = operations[0].room
        self._table = table
        self._kind = kind
        self._durations = durations
        shares = [self._shares(demand) for demand in self._demands]
        total = sum(map(sum, shares)) or 1.0
        self._strips = [self._strip(demand, share, total) for demand, share in zip(self._demands, shares, strict=True)]
        self._work = [sum(share) for share in shares]
        self._loads = [_LoadSums(demand, table) for demand in self._demands]
        self._bounds: dict[tuple[int, int], list[int]] = {}
        self._spans: dict[tuple[int, int, int], list[tuple[int, float]]] = {}

    def choose(self) -> list[list[int]]:
        """The bounds of the chosen jobs, for each feed."""
        if not self._demands:
            return []
        rungs = list(self._ladder())
        finishes: dict[int, tuple[float, ...]] = {rung: self._finishes(rungs[rung]) for rung in _sample(len(rungs))}
        best = tuple(map(min, zip(*finishes.values(), strict=True)))
        enough = TOLERANCE * min(_regret(finish, best) for finish in finishes.values())
        tried = sorted(finishes)
        found = next(rung for rung in tried if _regret(finishes[rung], best) <= enough)
        # Between the last rung that was too slow and this one, some may have been passed over.
        below = max((rung for rung in tried if rung < found), default=found)
        for rung in range(below + 1, found):
            if _regret(self._finishes(rungs[rung]), best) <= enough:
                found = rung
                break
        return [self._cut(index, count) for index, count in enumerate(rungs[found])]

    def _ladder(self) -> Iterator[tuple[int, ...]]:
        """Numbers of jobs per feed, rung by rung; each rung cuts the feed whose jobs are longest into one more."""
        counts = [strip.fewest() for strip in self._strips]
        times = [len(demand.analyses) for demand in self._demands]
        jobs = sum(count * many for count, many in zip(counts, times, strict=True))
        slots = max(1, self._room.slots)
        last = (-(-jobs // slots) + _ROUNDS_BEYOND) * slots
        longest = [(-self._work[i] / counts[i], i) for i in range(len(counts)) if counts[i] < self._strips[i].size]
        heapq.heapify(longest)
        yield tuple(counts)
        while longest and jobs < last:
            _, index = heapq.heappop(longest)
            counts[index] += 1
            jobs += times[index]
            yield tuple(counts)
            if counts[index] < self._strips[index].size:
                heapq.heappush(longest, (-self._work[index] / counts[index], index))

    def _finishes(self, counts: tuple[int, ...]) -> tuple[float, ...]:
        """Predicted finish of each operation when its feeds are cut into so many jobs."""
        return tuple(self._finish(place, counts) for place in range(len(self._operations)))

    def _finish(self, place: int, counts: tuple[int, ...]) -> float:
        jobs: list[tuple[int, float]] = []
        for index, count in enumerate(counts):
            jobs += self._jobs(place, index, count) * len(self._demands[index].analyses)
        jobs.sort(key=lambda job: job[0])
        return finish_s((seconds for _, seconds in jobs), self._room)

    def _jobs(self, place: int, index: int, count: int) -> list[tuple[int, float]]:
        """(first input position, predicted seconds) of the jobs of one operation on one feed."""
        key = (place, index, count)
        if key not in self._spans:
            bounds, parts, loads = self._cut(index, count), self._demands[index].parts, self._loads[index]
            operation = self._operations[place].operation
            self._spans[key] = [
                (parts[begin], self._durations.predict(self._kind, operation, loads.between(begin, end)).seconds)
                for begin, end in pairwise(bounds)
            ]
        return self._spans[key]

    def _cut(self, index: int, count: int) -> list[int]:
        if (index, count) not in self._bounds:
            self._bounds[index, count] = self._strips[index].cut(count)
        return self._bounds[index, count]

    def _shares(self, demand: Demand) -> list[float]:
        """Per part, seconds of work, each operation's counting alike however fast it is."""
        names = [operation.operation for operation in self._operations]
        loads = [_load(self._table.parts[place]) for place in demand.parts]
        speeds = [1.0 / (self._durations.work_s(self._kind, name, _REFERENCE) or 1.0) for name in names]
        return [
            sum(
                self._durations.work_s(self._kind, name, load) * speed
                for name, speed in zip(names, speeds, strict=True)
            )
            for load in loads
        ]

    def _strip(self, demand: Demand, shares: list[float], total: float) -> Strip:
        facts = [self._table.parts[place] for place in demand.parts]
        return Strip(
            [round(share / total * _WEIGHT_TOTAL) for share in shares],
            item_bytes=[part.bytes for part in facts],
            item_lines=[part.lines for part in facts],
            limits=demand.limits,
        )


_REFERENCE: Final = Load(bytes=1_000_000, lines=1_000)


class _LoadSums:
    """Loads of stretches of a feed, by prefix sums."""

    def __init__(self, demand: Demand, table: PartTable) -> None:
        self._sums = [Load(bytes=0, lines=0)]
        for place in demand.parts:
            self._sums.append(self._sums[-1] + _load(table.parts[place]))

    def between(self, begin: int, end: int) -> Load:
        first, last = self._sums[begin], self._sums[end]
        return Load(bytes=last.bytes - first.bytes, lines=last.lines - first.lines, units=last.units - first.units)


def _regret(finish: Sequence[float], best: Sequence[float]) -> float:
    """How many times its best finish the slowest-served operation takes."""
    return max((mine / ideal if ideal else 1.0 for mine, ideal in zip(finish, best, strict=True)), default=1.0)


def _sample(rungs: int) -> list[int]:
    """The rungs to try: each of the first, then every twentieth part more, and the last."""
    tried, rung = [], 0
    while rung < rungs:
        tried.append(rung)
        rung += 1 if rung < _RUNGS_EVERY else rung // 20
    return tried if tried[-1] == rungs - 1 else [*tried, rungs - 1]


def _number(
    manifest: Manifest,
    table: PartTable,
    readers: dict[Positions, list[AnalysisSpec]],
    kind: LaneKind,
    durations: DurationModel,
) -> PlannedWork:
    """Name batches by first input position, and make a job of each analysis that reads one."""
    place_of = {analysis.name: place for place, analysis in enumerate(manifest.analyses)}
    batches: list[Batch] = []
    jobs: list[tuple[int, int, Job]] = []
    for serial, parts in enumerate(sorted(readers), start=1):
        analyses = readers[parts]
        batch = _batch(BatchId(f"b{serial:06d}"), [table.parts[place] for place in parts], analyses)
        batches.append(batch)
        load = Load(
            bytes=batch.bytes,
            lines=batch.lines,
            units=sum(table.parts[place].units for place in parts) + pad_units(batch),
        )
        for analysis in analyses:
            job = make_job(analysis, batch, load, order=parts[0], kind=kind, durations=durations)
            jobs.append((job.order, place_of[analysis.name], job))
    jobs.sort(key=lambda entry: (entry[0], entry[1], entry[2].batch))
    return PlannedWork(batches=tuple(batches), jobs=tuple(job for _, _, job in jobs))


def _batch(batch: BatchId, parts: Sequence[PartFacts], analyses: Sequence[AnalysisSpec]) -> Batch:
    ids = tuple(part.id for part in parts)
    size = sum(part.bytes for part in parts)
    return Batch(
        id=batch,
        parts=ids,
        covers=ids,
        # A batch that one family reads in its language may be read, without it, by one that takes none.
        language=parts[0].pool if any(analysis.row.takes_language for analysis in analyses) else None,
        lines=sum(part.lines for part in parts),
        bytes=size,
        padded=size < max(analysis.row.job_bytes_min for analysis in analyses),
    )


def make_job(
    analysis: AnalysisSpec,
    batch: Batch,
    load: Load,
    *,
    order: int,
    kind: LaneKind,
    durations: DurationModel,
    repairs: tuple[JobKey, ...] = (),
    repair_round: int = 0,
) -> Job:
    """One analysis of one batch, with its predicted seconds; `load` is what it reads, pad included."""
    return Job(
        key=job_key(analysis.name, batch.id),
        analysis=analysis.name,
        operation=analysis.operation,
        batch=batch.id,
        order=order,
        units=load.units,
        predicted_s=durations.predict(kind, analysis.operation, load).seconds,
        repairs=repairs,
        round=repair_round,
    )
