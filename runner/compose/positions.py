"""Where the stretches of large files begin, in lines: each must know how many lines its file has before it.

Counting is done by the same workers and several times as fast as surveying. Nothing of it is recorded: a run that goes
on counts again what it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio

from runner.corpus import count_range, needs_position
from runner.engine.workers import WorkerPool
from runner.model import CorpusSpec, SourceRange


@dataclass(frozen=True, slots=True)
class _Counting:
    corpus: CorpusSpec
    source_range: SourceRange


def _count(task: _Counting) -> int | None:
    return count_range(task.corpus, task.source_range)


class Positions:
    """The first positions of a corpus's ranges; `every` has all ranges, those already surveyed included."""

    def __init__(self, pool: WorkerPool, corpus: CorpusSpec, every: Sequence[SourceRange]) -> None:
        self._pool = pool
        self._corpus = corpus
        self._every = every
        self._counts: dict[int, int | None] = {}
        self._positions: dict[int, int | None] = {}
        """By index of the range; None: the file changed before all before it was counted."""

    async def count(self, left: Sequence[SourceRange]) -> None:
        """Count what `placed` will need for these ranges, by all workers."""
        needed: dict[int, None] = {}
        for source_range in reversed(left):
            index = source_range.index
            while self._needs(index) and index - 1 not in needed:
                index -= 1
                needed[index] = None
        async with anyio.create_task_group() as tasks:
            for index in sorted(needed):
                tasks.start_soon(self._count, index)

    async def placed(self, source_range: SourceRange) -> SourceRange:
        """A range with its first position. Raises SourceError if what is before it cannot be read."""
        if not needs_position(self._corpus, source_range):
            return source_range
        begin = source_range.index
        while self._needs(begin) and begin not in self._positions:
            begin -= 1
        position = self._positions.get(begin, 0)
        for index in range(begin, source_range.index):
            if index not in self._counts:
                await self._count(index)
            count = self._counts[index]
            position = None if position is None or count is None else position + count
            self._positions[index + 1] = position
        return replace(source_range, position=position)

    def _needs(self, index: int) -> bool:
        return needs_position(self._corpus, self._every[index])

    async def _count(self, index: int) -> None:
        self._counts[index] = await self._pool.run(_count, _Counting(self._corpus, self._every[index]))
