"""A crash at any step leaves whole files or none; the task done again leaves the bytes of a run without crashes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.model import Compression, MergeSegment, PatchTask, RepairTask, SpoolRef
from runner.results import gather_repair, patch_file

TEXTS = ["Ana", "Bo", "Zoë"]


class Crash(BaseException):
    """Nobody may catch it: as good as SIGKILL, but for what `finally` still does."""


def prepared(world: Any, kit: Any, compression: Compression = "none") -> dict[str, Callable[[], object]]:
    """Every task of the room, in an order in which they can be done; each can be done again."""
    parts = [world.simple_segment(TEXTS, number) for number in range(2)]
    rows = [kit.sentiment_row(part.id, line) for part in parts for line in range(3)][:-1]
    analyses = [kit.analysis("sentiment")]
    again = SpoolRef(analysis="sentiment", path=world.spool("again"))

    def repair() -> object:
        task = RepairTask(serial=1, spools=((world.spool("sentiment"), tuple(parts)),), directory=str(world.directory))
        return gather_repair(task)

    def patch() -> object:
        task = PatchTask(
            corpus="reviews",
            analyses=tuple(analyses),
            file=1,
            segments=(MergeSegment(id=world.segment(1), spools=(again,)),),
            directory=str(world.directory),
            results_directory=str(world.results),
            compression=compression,
        )
        return patch_file(task)

    return {
        "collect": lambda: world.collect("sentiment", parts, rows, memory_bytes_max=1),
        "repair": repair,
        "merge": lambda: world.merge(analyses, range(2), file_bytes_max=1, compression=compression),
        "answer": lambda: world.collect("sentiment", [parts[1]], [kit.sentiment_row(parts[1].id, 2)], name="again"),
        "patch": patch,
    }


def everything(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def whole_run(world: Any, kit: Any, compression: Compression) -> tuple[dict[str, dict[str, bytes]], dict[str, object]]:
    """The files after each task, and the tasks' reports."""
    files, reports = {}, {}
    for name, task in prepared(world, kit, compression).items():
        reports[name] = task()
        files[name] = everything(world.directory)
    return files, reports


@pytest.mark.parametrize(
    ("crashing", "compression"),
    [
        *((task, "none") for task in ("collect", "repair", "merge", "answer", "patch")),
        ("merge", "gzip"),
        ("patch", "gzip"),
    ],
)
def test_crashes_at_every_step_leave_no_trace(
    tmp_path_factory: pytest.TempPathFactory,
    kit: Any,
    monkeypatch: pytest.MonkeyPatch,
    crashing: str,
    compression: Compression,
) -> None:
    expected, reports = whole_run(kit.world(tmp_path_factory.mktemp("whole")), kit, compression)
    for step in range(100):
        world = kit.world(tmp_path_factory.mktemp("world"))
        tasks = prepared(world, kit, compression)
        for name in list(tasks)[: list(tasks).index(crashing)]:
            tasks[name]()
        before = everything(world.directory)
        with monkeypatch.context() as patched:
            if not crashed(patched, tasks[crashing], step):
                assert step > 2, "every task has a file to sync, a name to make durable"
                return
        for file, data in everything(world.directory).items():
            # What is appended to results is cut back by the next merge; every other file is the old or the new one.
            if not (crashing == "merge" and file.startswith("results/")):
                assert data in {before.get(file), expected[crashing].get(file)}
        assert tasks[crashing]() == reports[crashing]
        assert everything(world.directory) == expected[crashing]
    pytest.fail("a task without end")


def crashed(patched: pytest.MonkeyPatch, task: Callable[[], object], step: int) -> bool:
    """Do a task that crashes before its (step + 1)-th fsync, rename or deletion; False if it has no such step."""
    steps = iter(range(1_000_000))

    def stopping(real: Callable[..., Any]) -> Callable[..., Any]:
        def stop(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise Crash
            return real(*arguments, **options)

        return stop

    for name in ("fsync", "replace", "unlink"):
        patched.setattr(os, name, stopping(getattr(os, name)))
    try:
        task()
    except Crash:
        return True
    return False
