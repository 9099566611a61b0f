"""First positions of stretches, counted by a pool: once each, and only what is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from runner.compose.positions import Positions
from runner.corpus import list_corpus, ranges
from runner.model import CorpusSpec, SourceRange


class Pool:
    """Does the work at once, and notes how often."""

    def __init__(self) -> None:
        self.done: list[int] = []

    async def run(self, function: Callable[[Any], Any], task: Any) -> Any:
        self.done.append(task.source_range.index)
        await anyio.lowlevel.checkpoint()
        return function(task)


def corpus_of(folder: Path) -> tuple[CorpusSpec, list[SourceRange]]:
    """Two files of 20 lines in stretches of 25 bytes, small ones around them."""
    for name, lines in {"a": 1, "b": 20, "c": 1, "d": 20, "e": 1}.items():
        (folder / name).write_text("line\n" * lines)
    spec = CorpusSpec(name="c", sources=(str(folder),), format="lines")
    return spec, list(ranges(spec, list_corpus(spec), row_range_bytes=25))


def test_positions_count_from_the_beginning_of_each_file(tmp_path: Path) -> None:
    spec, every = corpus_of(tmp_path)

    async def all_at_once() -> tuple[list[int | None], list[int]]:
        pool = Pool()
        positions = Positions(pool, spec, every)
        await positions.count(every)
        return [(await positions.placed(each)).position for each in every], pool.done

    found, counted = anyio.run(all_at_once)
    assert found == [None, None, 5, 10, 15, None, None, 5, 10, 15, None]
    assert sorted(counted) == [1, 2, 3, 6, 7, 8]

    async def one_by_one(left: list[SourceRange]) -> tuple[list[int | None], list[int]]:
        pool = Pool()
        positions = Positions(pool, spec, every)
        return [(await positions.placed(each)).position for each in left], pool.done

    assert anyio.run(one_by_one, every[:4]) == ([None, None, 5, 10], [1, 2])
    assert anyio.run(one_by_one, [every[4], every[9]]) == ([15, 15], [1, 2, 3, 6, 7, 8])


def test_a_file_that_changed_has_no_positions_behind_what_was_counted(tmp_path: Path) -> None:
    spec, every = corpus_of(tmp_path)
    (tmp_path / "d").write_text("other")

    async def count() -> list[int | None]:
        positions = Positions(Pool(), spec, every)
        await positions.count(every)
        return [(await positions.placed(each)).position for each in every]

    assert anyio.run(count) == [None, None, 5, 10, 15, None, None, None, None, None, None]
