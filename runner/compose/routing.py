"""Languages that an analysis tells: its answers are in, documents are sorted by them, and what waited is planned.

Worker processes decide and gather (`runner.results.languages`); the jobs follow from the new parts as those of the
survey follow from its own, by the same packing. Their ids say where they come from: batch `l` and the place of the
analysis in the manifest, then a number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import anyio

from runner.compose.opening import OpenRun
from runner.core.books import SegmentRecord
from runner.core.commands import Routed
from runner.core.run import Run
from runner.journal import RunDirectory
from runner.model import (
    Batch,
    BatchId,
    Fault,
    Job,
    Manifest,
    MergeSegment,
    PartFacts,
    PartId,
    RouteReport,
    RouteTask,
    SegmentFacts,
    job_key,
    segment_of,
)
from runner.planning.durations import DurationModel
from runner.planning.fates import by_results
from runner.planning.feeds import part_table
from runner.planning.packing import PlannedWork, pack
from runner.planning.plan import Plan
from runner.planning.price import price
from runner.planning.rows import job_units
from runner.results import route_segments

SEGMENTS_AT_ONCE = 32
"""Segments whose files are made durable together, by one worker."""

PREFIX = "l"
"""What the ids of batches begin with that follow from languages."""

Do = Callable[[Callable[[RouteTask], RouteReport], RouteTask], Awaitable[RouteReport | Fault]]
NewPart = tuple[PartId, PartFacts]
"""A part that was gathered, and before it the one whose lines it has."""


async def route(
    analysis: str,
    run: Run,
    directory: RunDirectory,
    manifest: Manifest,
    *,
    segment: Callable[[SegmentRecord], MergeSegment],
    do: Do,
) -> Routed | Fault:
    """Decide the languages that an analysis was to tell, and plan the jobs that waited for them.

    `segment` gives what may answer a segment, `do` has a task done by a worker. Repeated after a crash, it writes the
    same files and plans the same jobs.
    """
    told = {corpus.name for corpus in manifest.corpora if by_results(corpus) == analysis}
    records = [record for record in run.books.segments() if record.facts.corpus in told]
    tasks = [
        _task(analysis, records[first : first + SEGMENTS_AT_ONCE], directory, manifest, segment)
        for first in range(0, len(records), SEGMENTS_AT_ONCE)
    ]
    answers: dict[int, RouteReport | Fault] = {}

    async def work(number: int) -> None:
        answers[number] = await do(route_segments, tasks[number])

    async with anyio.create_task_group() as group:
        for number in range(len(tasks)):
            group.start_soon(work, number)
    parts: list[NewPart] = []
    for number in range(len(tasks)):
        answer = answers[number]
        if isinstance(answer, Fault):
            return answer
        parts += answer.parts
    planned = plan_routed(analysis, manifest, [record.facts for record in run.books.segments()], parts)
    return Routed(batches=planned.batches, jobs=planned.jobs, parts=tuple(parts))


def _task(
    analysis: str,
    records: Sequence[SegmentRecord],
    directory: RunDirectory,
    manifest: Manifest,
    segment: Callable[[SegmentRecord], MergeSegment],
) -> RouteTask:
    corpora = dict.fromkeys(record.facts.corpus for record in records)
    return RouteTask(
        analysis=next(spec for spec in manifest.analyses if spec.name == analysis),
        analyses=tuple((corpus, manifest.analyses_of(corpus)) for corpus in corpora),
        segments=tuple(map(segment, records)),
        parts=tuple(part for record in records for part in record.facts.parts),
        directory=str(directory.root),
    )


def plan_routed(
    analysis: str, manifest: Manifest, segments: Sequence[SegmentFacts], parts: Sequence[NewPart]
) -> PlannedWork:
    """The batches and jobs that read parts gathered by language; each takes its place in the input of the survey.

    Pure. `segments` are all that were surveyed, in input order; `parts` the new ones, likewise.
    """
    of_segment: dict[str, list[PartFacts]] = {}
    for original, facts in parts:
        of_segment.setdefault(segment_of(original), []).append(facts)
    routed = [
        replace(facts, parts=tuple(of_segment[facts.id]), foreign_parts=())
        for facts in segments
        if facts.id in of_segment
    ]
    work = pack(manifest, routed, durations=DurationModel())
    originals = {facts.id: original for original, facts in parts}
    places = {part.id: place for place, part in enumerate(part_table(manifest, segments).parts)}
    moved = [places[originals[part.id]] for part in part_table(manifest, routed).parts]
    prefix = f"{PREFIX}{[spec.name for spec in manifest.analyses].index(analysis):02d}"
    batches = {batch.id: _renamed(batch, prefix, originals) for batch in work.batches}
    jobs = [_moved(job, batches[job.batch], moved[job.order]) for job in work.jobs]
    return PlannedWork(batches=tuple(batches.values()), jobs=tuple(jobs))


def _renamed(batch: Batch, prefix: str, originals: Mapping[PartId, PartId]) -> Batch:
    covers = tuple(dict.fromkeys(originals[part] for part in batch.parts))
    return replace(batch, id=BatchId(f"{prefix}{batch.id[1:]}"), covers=covers)


def _moved(job: Job, batch: Batch, order: int) -> Job:
    return replace(job, key=job_key(job.analysis, batch.id), batch=batch.id, order=order)


def as_routed(plan: Plan, opened: OpenRun) -> Plan:
    """A plan whose units and price are those of the jobs that there were, once all languages are decided."""
    if plan.first is None:
        return plan
    run, manifest = opened.run, opened.manifest
    routed = {batch.id for batch in run.batches.values() if batch.id.startswith(PREFIX)}
    jobs = [record.job for record in run.jobs.values()]
    work = PlannedWork(
        batches=(*plan.first.batches, *(run.batches[batch] for batch in sorted(routed))),
        jobs=(*plan.first.jobs, *(job for job in jobs if job.batch in routed)),
    )
    costs = price(manifest, job_units(manifest, work))
    usd = sum(cost.usd or 0.0 for cost in costs) + plan.training_usd
    return replace(plan, costs=costs, usd=usd, usd_lower=sum(cost.usd_lower or 0.0 for cost in costs), work=work)
