"""How soon work could be done at the very best: what is forced on any schedule, however clever.

For one operation, whatever the jobs: a slot cannot begin before its lane's pace has let so many starts through; a job
takes its start-up and whole steps of the service, and does no more work than its steps have room for; a job holds no
more bytes and lines than the limits; pools never share a job, so that each makes one at the least; what must be read as
a whole, or the largest single part, takes as long as it takes. Corpora that are bound to some lanes are also held
against those alone. The bound is the least time in which so many slots could do that much work in that many jobs. It is
never above the best finish (tests search small cases by brute force), and may be below it: parts are taken for sand.

Pure; knows durations and demands, nothing of the search that is measured against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from runner.model import LaneSpec, Manifest, SegmentFacts
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import Demand, OperationDemand, PartTable, operation_demands, part_table
from runner.planning.schedule import SLOTS_UNLIMITED
from runner.planning.search import load_of

_CLOSE_S: Final = 1e-3
"""Seconds within which a bound is found."""
_NOISE: Final = 1e-9
"""Sums of floats may miss by this much; it is given away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """What one operation cannot do without: jobs, seconds of work in all, and the most work that one job can hold."""

    jobs: int
    work_s: float
    job_work_max_s: float
    longest_s: float
    """Seconds of the longest job that cannot be made shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How long jobs take: start-up, and whole steps (0: none)."""

    start_s: float
    step_s: float

    def capacity_s(self, room_s: float, job_max_s: float) -> float:
        """The most work that one slot can do in so many seconds: few long jobs rather than many short ones."""
        if not self.start_s:
            return max(0.0, room_s)
        best, count = 0.0, 1
        while (left := room_s - count * self.start_s) > 0:
            steps = floor((left + _NOISE) / self.step_s) * self.step_s if self.step_s else left
            best = max(best, min(steps, count * job_max_s))
            if steps <= count * job_max_s:
                break
            count += 1
        return best


def lower_bound_s(manifest: Manifest, segments: Iterable[SegmentFacts], *, durations: DurationModel) -> float:
    """Seconds before which no schedule of a manifest's work can end; zero if there is none."""
    table = part_table(manifest, segments)
    groups = {corpus.lanes for corpus in manifest.corpora} | {()}
    found, together_s = 0.0, 0.0
    for operation in operation_demands(manifest, table):
        for names in groups:
            lanes = [lane for lane in manifest.lanes if not names or lane.name in names]
            demands = [demand for demand in operation.demands if _within(demand, names)]
            if demands and lanes:
                forced, pattern = _forced(operation, demands, table, durations, lanes)
                found = max(found, bound_s(forced, begins_of(lanes, operation.operation), pattern))
                if not names:
                    together_s += forced.jobs * pattern.start_s + forced.work_s
    cores = max((len(begins_of(manifest.lanes, analysis.operation)) for analysis in manifest.analyses), default=0)
    # On an endpoint of one's own all operations share its processes.
    return max(found, together_s / cores) if manifest.embedded and cores else found


def _within(demand: Demand, names: tuple[str, ...]) -> bool:
    """Whether a demand may be served by no other lanes; of all lanes together: any demand."""
    return not names or (bool(demand.lanes) and set(demand.lanes) <= set(names))


def _forced(
    operation: OperationDemand,
    demands: Sequence[Demand],
    table: PartTable,
    durations: DurationModel,
    lanes: Sequence[LaneSpec],
) -> tuple[Forced, Pattern]:
    """What demands force, by the quickest lane where lanes differ."""
    name = operation.operation
    jobs, work_s, most_s, longest_s = 0, 0.0, 0.0, 0.0

    def work(load: Load) -> float:
        return min(durations.work_s(lane.kind, name, load, lane=lane.name) for lane in lanes)

    def seconds(load: Load) -> float:
        return min(durations.predict(lane.kind, name, load, lane=lane.name).seconds for lane in lanes)

    for demand in demands:
        loads = [load_of(table.parts[place]) for place in demand.parts]
        total = sum(loads, Load(bytes=0, lines=0))
        limits, times = demand.limits, len(demand.analyses)
        fullest = Load(bytes=min(limits.bytes, total.bytes), lines=min(limits.lines, total.lines))
        works = [work(load) for load in loads]
        jobs += times * (1 if operation.whole else _jobs_min(demand, loads))
        work_s += times * sum(works)
        most_s = max(most_s, work(total) if operation.whole else max(work(fullest), *works))
        longest_s = max(longest_s, seconds(total) if operation.whole else max(map(seconds, loads)))
    patterns = [durations.pattern(lane.kind, name, lane=lane.name) for lane in lanes]
    steps = {step for _, step in patterns}
    pattern = Pattern(start_s=min(start for start, _ in patterns), step_s=steps.pop() if len(steps) == 1 else 0.0)
    return Forced(jobs=jobs, work_s=work_s, job_work_max_s=most_s, longest_s=longest_s), pattern


def _jobs_min(demand: Demand, loads: Sequence[Load]) -> int:
    """Jobs that the limits force; a part above a limit fills a job of its own, and counts as one that is full."""
    within = demand.limits
    size = sum(min(load.bytes, within.bytes) for load in loads)
    lines = sum(min(load.lines, within.lines) for load in loads)
    return max(1, ceil(size / within.bytes), ceil(lines / within.lines), ceil(len(loads) / within.files))


def begins_of(lanes: Sequence[LaneSpec], operation: str) -> tuple[float, ...]:
    """When the slots of an operation can begin at the earliest over all lanes, in ascending order.

    A lane lets a second's calls of its pace through at once.
    """
    begins: list[float] = []
    for lane in lanes:
        active = lane.quotas.active_jobs.of(operation)
        reserved = lane.quotas.reserve_slots.of(operation) or 0
        count = max(0, int((SLOTS_UNLIMITED if active is None else active) - reserved))
        pace = lane.quotas.start_per_s.of(operation)
        begins += [_start_at(place, pace) for place in range(count)]
    return tuple(sorted(begins))


def _start_at(place: int, pace: float | None) -> float:
    """When the start in this place (from 0) can be made at the earliest."""
    if not pace:
        return 0.0
    return place / pace if pace <= 1 else float(place // ceil(pace))


def bound_s(forced: Forced, begins: Sequence[float], pattern: Pattern) -> float:
    """The least time, to a millisecond, in which slots that begin then could do what is forced."""
    if not forced.jobs or not begins:
        return 0.0
    low = max(forced.longest_s, begins[0] + pattern.start_s + pattern.step_s)
    if _enough(low, forced, begins, pattern):
        return low
    high = 2.0 * low + 1.0
    while not _enough(high, forced, begins, pattern):
        high *= 2.0
    while high - low > _CLOSE_S:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _enough(middle, forced, begins, pattern) else (middle, high)
    return low


def _enough(end_s: float, forced: Forced, begins: Sequence[float], pattern: Pattern) -> bool:
    """Whether the slots have room for the forced jobs, for their work, and for both together, until then."""
    jobs, work_s, room_s = 0, 0.0, 0.0
    shortest = pattern.start_s + pattern.step_s
    together = forced.jobs * pattern.start_s + max(forced.work_s, forced.jobs * pattern.step_s)
    for begin in begins:
        room = end_s - begin + _NOISE
        if room < shortest:
            break
        jobs += int(room // shortest) if shortest else forced.jobs
        work_s += pattern.capacity_s(room, forced.job_work_max_s)
        room_s += room
        if jobs >= forced.jobs and work_s >= forced.work_s - _NOISE and room_s >= together - _NOISE:
            return True
    return False
