"""How soon work could be done at the very best: what is forced on any schedule, however clever.

For one operation, whatever the jobs: a slot cannot begin before its lane's pace has let so many starts through; a job
takes its start-up and whole steps of the service, and does no more work than its steps have room for; a job holds no
more bytes and lines than the limits; pools never share a job, so that each needs whole jobs of its own, and as many as
its work needs if none is longer than the time there is; what must be read as a whole, or the largest single part, takes
as long as it takes. Corpora that are bound to some lanes are also held against those alone. The bound is the least time
in which so many slots could do that much work in that many jobs. It is never above the best finish (tests search small
cases by brute force), and may be below it: parts are taken for sand, and pools that share a slot for one another.

Pure; knows durations and demands, nothing of the search that is measured against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, inf
from typing import Final

from runner.model import LaneSpec, Manifest, SegmentFacts
from runner.planning.cutting import Limits
from runner.planning.durations import DurationModel, Load
from runner.planning.feeds import Demand, OperationDemand, PartTable, load_of, operation_demands, part_table
from runner.planning.schedule import SLOTS_UNLIMITED

_CLOSE_S: Final = 1e-3
"""Seconds within which a bound is found."""
_NOISE: Final = 1e-9
"""Sums of floats may miss by this much; it is given away."""
_MIXES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the limit of bytes, beside that of lines, by which the most work that one job can hold is bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """What one pool cannot do without: jobs, and seconds of work; and the most work that one of its jobs can hold."""

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

    def most(self, room_s: float, job_max_s: float, jobs: int) -> list[tuple[float, float]]:
        """(work, whole steps) that none, one, two and more jobs can do at most in one slot's time.

        As many as there is time for; but of more than `jobs` only while each further one lets more be done.
        """
        found = [(0.0, 0.0)]
        while (left_s := room_s + _NOISE - len(found) * self.start_s) > len(found) * self.step_s:
            found.append(self._done(left_s, len(found), job_max_s))
            if len(found) > jobs + 1 and found[-1][0] <= found[-2][0]:
                break
        return found

    def _done(self, left_s: float, count: int, job_max_s: float) -> tuple[float, float]:
        """What so many jobs do in the time that their starts leave."""
        step_s = self.step_s
        if not step_s:
            return min(left_s, count * job_max_s), inf
        steps, whole = floor(left_s / step_s), floor(job_max_s / step_s + _NOISE)
        over = min(max(0, steps - count * whole), count) * (job_max_s - whole * step_s)
        at_most = count * ceil(job_max_s / step_s - _NOISE)
        return min(steps, count * whole) * step_s + over, float(min(steps, at_most))


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
                    together_s += sum(pool.jobs * pattern.start_s + pool.work_s for pool in forced)
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
) -> tuple[list[Forced], Pattern]:
    """What each pool forces, by the quickest lane where lanes differ."""
    name = operation.operation
    pools: list[Forced] = []

    def work(load: Load) -> float:
        return min(durations.work_s(lane.kind, name, load, lane=lane.name) for lane in lanes)

    def seconds(load: Load) -> float:
        return min(durations.predict(lane.kind, name, load, lane=lane.name).seconds for lane in lanes)

    for demand in demands:
        loads = [load_of(table.parts[place]) for place in demand.parts]
        total = sum(loads, Load(bytes=0, lines=0))
        works = [work(load) for load in loads]
        if operation.whole:
            pool = Forced(jobs=1, work_s=sum(works), job_work_max_s=work(total), longest_s=seconds(total))
        else:
            most_s = max(*works, _most_s(loads, works, demand.limits))
            jobs, longest_s = _jobs_min(demand, loads), max(map(seconds, loads))
            pool = Forced(jobs=jobs, work_s=sum(works), job_work_max_s=most_s, longest_s=longest_s)
        pools += [pool] * len(demand.analyses)
    patterns = [durations.pattern(lane.kind, name, lane=lane.name) for lane in lanes]
    steps = {step for _, step in patterns}
    pattern = Pattern(start_s=min(start for start, _ in patterns), step_s=steps.pop() if len(steps) == 1 else 0.0)
    return pools, pattern


def _most_s(loads: Sequence[Load], works: Sequence[float], limits: Limits) -> float:
    """A bound of the work that one job can hold: the richest parts, as sand, within each mix of the two limits."""
    found = sum(works)
    for mix in _MIXES:
        fills = [mix * load.bytes / limits.bytes + (1.0 - mix) * load.lines / limits.lines for load in loads]
        left, held_s = 1.0, 0.0
        for fill, work_s in sorted(zip(fills, works, strict=True), key=lambda part: part[0] / (part[1] or _NOISE)):
            share = min(1.0, left / fill) if fill else 1.0
            held_s, left = held_s + share * work_s, left - share * fill
            if left <= 0.0:
                break
        found = min(found, held_s)
    return found


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


def bound_s(forced: Sequence[Forced], begins: Sequence[float], pattern: Pattern) -> float:
    """The least time, to a millisecond, in which slots that begin then could do what the pools force."""
    if not forced or not begins:
        return 0.0
    low = max(*(pool.longest_s for pool in forced), begins[0] + pattern.start_s + pattern.step_s)
    if _enough(low, forced, begins, pattern):
        return low
    high = 2.0 * low + 1.0
    while not _enough(high, forced, begins, pattern):
        high *= 2.0
    while high - low > _CLOSE_S:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _enough(middle, forced, begins, pattern) else (middle, high)
    return low


def _enough(end_s: float, forced: Sequence[Forced], begins: Sequence[float], pattern: Pattern) -> bool:
    """Whether the slots have room for the forced jobs together with their work, and with their whole steps."""
    longest_s = max(pool.job_work_max_s for pool in forced)
    (alone_s, _), *_ = pattern.most(end_s - begins[0], longest_s, 0)[1:] or [(0.0, 0.0)]
    if not alone_s:
        return False
    jobs = sum(max(pool.jobs, ceil(pool.work_s / min(alone_s, pool.job_work_max_s) - _NOISE)) for pool in forced)
    kinds = Counter(tuple(pattern.most(end_s - begin, longest_s, jobs)) for begin in begins)
    if _capacity([([work for work, _ in slot], many) for slot, many in kinds.items()], jobs) < _least(
        pool.work_s for pool in forced
    ):
        return False
    step_s = pattern.step_s
    return not step_s or _capacity([([steps for _, steps in slot], many) for slot, many in kinds.items()], jobs) >= (
        sum(max(pool.jobs, ceil(pool.work_s / step_s - _NOISE)) for pool in forced)
    )


def _least(works: Iterable[float]) -> float:
    total = sum(works)
    return total - _NOISE * max(1.0, total)


def _capacity(slots: Sequence[tuple[Sequence[float], int]], jobs: int) -> float:
    """The most that slots can do in so many jobs or more; minus infinity if they cannot make as many.

    `slots` has what none, one, two and more jobs do in a slot, and how many such slots there are. Beyond the best
    number for a slot, each further job costs: the cheapest are taken, at the rate of the concave hull.
    """
    total, made = 0.0, 0
    costs: list[tuple[float, int]] = []
    for most, many in slots:
        best = max(range(len(most)), key=lambda count: (most[count], count))
        total, made = total + many * most[best], made + many * best
        costs += [((most[begin] - most[end]) / (end - begin), (end - begin) * many) for begin, end in _hull(most, best)]
    for cost, count in sorted(costs):
        taken = min(count, max(0, jobs - made))
        total, made = total - taken * cost, made + taken
    return total if made >= jobs else -inf


def _hull(most: Sequence[float], begin: int) -> Iterable[tuple[int, int]]:
    """The edges of the upper concave hull from a place on."""
    corners = [begin]
    while (last := corners[-1]) < len(most) - 1:
        ends = range(last + 1, len(most))
        corners.append(max(ends, key=lambda end: ((most[end] - most[last]) / (end - last), end)))
    return pairwise(corners)
