"""Reuse in a run: which analyses take part, the look at the store before the plan, and what is added to it later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final, TypeVar

import anyio

from runner import __version__
from runner.engine.workers import WorkerPool
from runner.errors import UserError
from runner.model import (
    KnownSegment,
    LookupTask,
    Manifest,
    PartId,
    RenameTask,
    Reusable,
    SegmentFacts,
    SegmentId,
    segment_of,
)
from runner.results.reuse import context_of, find_answers, rename_lines

SEGMENTS_AT_ONCE: Final = 8
"""Segments that one task looks up."""

T = TypeVar("T")
R = TypeVar("R")


def reusable_analyses(manifest: Manifest, versions: Mapping[str, str]) -> dict[str, Reusable]:
    """The analyses of a manifest whose answers are kept and reused, by name; none if it does not ask for that.

    `versions` are those of the analyzers behind an embedded lane, by family.
    """
    if manifest.policy.reuse is None:
        return {}
    reusable: dict[str, Reusable] = {}
    for analysis in manifest.analyses:
        # What this package trains, and asks then, changes with its own version.
        version = versions.get(analysis.family, __version__)
        context = context_of(analysis, manifest.lanes, version)
        if context is not None:
            reusable[analysis.name] = Reusable(analysis=analysis, context=context)
    return reusable


def require_folder(folder: str) -> None:
    """Raises UserError if answers cannot be kept in a folder, or it cannot be made: before anything is bought."""
    there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"policy.reuse.from: answers cannot be kept in {folder}, since {there} is no folder that may be written",
            hint="name a folder on a local disk that may be written, or leave policy.reuse out",
        )


class Reuser:
    """Looks the lines of a finished survey up. `began` is when the run did, from which the age of answers counts."""

    def __init__(
        self, directory: str, manifest: Manifest, reusable: Mapping[str, Reusable], *, pool: WorkerPool, began: float
    ) -> None:
        self._directory = directory
        self._manifest = manifest
        self._reusable = reusable
        self._pool = pool
        age = manifest.policy.reuse_max_age_s
        self._bought_after = None if age is None else began - age

    async def look_up(self, survey: Iterable[SegmentFacts]) -> dict[SegmentId, SegmentFacts]:
        """What is to be known of those segments that have answered lines, or name some of other segments."""
        facts = {segment.id: segment for segment in sorted(survey, key=lambda segment: segment.id)}
        reports = await self._all(find_answers, self._lookups(facts.values()))
        known = {segment.id: segment for report in reports for segment in report.segments}
        if not known:
            return {}
        now = {id_: replace(of, parts=known[id_].parts) if id_ in known else of for id_, of in facts.items()}
        found = await self._all(rename_lines, self._renames(facts, now, known))
        return {segment.id: segment for report in found for segment in report.segments}

    def _lookups(self, segments: Iterable[SegmentFacts]) -> Iterator[LookupTask]:
        assert self._manifest.policy.reuse is not None
        for corpus, of_corpus in groupby(segments, key=lambda segment: segment.corpus):
            names = [analysis.name for analysis in self._manifest.analyses_of(corpus)]
            reusable = tuple(self._reusable[name] for name in names if name in self._reusable)
            every = tuple(of_corpus)
            for start in range(0, len(every) if reusable else 0, SEGMENTS_AT_ONCE):
                yield LookupTask(
                    directory=self._directory,
                    store=self._manifest.policy.reuse,
                    bought_after=self._bought_after,
                    reusable=reusable,
                    segments=every[start : start + SEGMENTS_AT_ONCE],
                )

    def _renames(
        self,
        before: Mapping[SegmentId, SegmentFacts],
        now: Mapping[SegmentId, SegmentFacts],
        known: Mapping[SegmentId, KnownSegment],
    ) -> Iterator[RenameTask]:
        answered = {id_: list(_answered(before[id_], segment)) for id_, segment in known.items()}
        divided = {part for segment in known.values() for part in segment.divided}
        for facts in now.values():
            owners = {facts.id, *map(segment_of, facts.foreign_parts)} & known.keys()
            if not owners:
                continue
            yield RenameTask(
                directory=self._directory,
                analyses=self._manifest.analyses_of(facts.corpus),
                segments=(facts,),
                units=((facts.id, known[facts.id].units),) if facts.id in known else (),
                answered=tuple(part for owner in sorted(owners) for part in answered[owner]),
                divided=tuple(sorted({*(part.id for part in before[facts.id].parts), *facts.foreign_parts} & divided)),
            )

    async def _all(self, function: Callable[[T], R], tasks: Iterable[T]) -> list[R]:
        """What a function returns for each task, in no order; as many at a time as there are workers."""
        left = iter(tasks)
        done: list[R] = []

        async def work() -> None:
            for task in left:
                report = await self._pool.run(function, task)
                done.append(report)

        async with anyio.create_task_group() as group:
            for _ in range(self._pool.size):
                group.start_soon(work)
        return done


def _answered(before: SegmentFacts, known: KnownSegment) -> Iterator[tuple[PartId, tuple[str, ...]]]:
    """The parts of a segment that have answers now, each with the analyses that gave them."""
    unread = {part.id for part in before.parts if part.answered}
    return ((part.id, part.answered) for part in known.parts if part.answered and part.id not in unread)
