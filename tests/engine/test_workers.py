"""Worker processes: real ones, so few."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest

from runner.engine.workers import WorkerPool

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


UNGUARDED = """
from pathlib import Path

import anyio

from runner.engine.workers import WorkerPool


async def main():
    pool = WorkerPool(1, prepare=print, directory=Path())
    try:
        await pool.run(abs, -1)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", error.hint, sep="\\n")
        raise


anyio.run(main)
"""


def prepare(directory: Path) -> None:
    with (directory / "prepared").open("a") as file:
        file.write(f"{os.getpid()}\n")


def double(number: int) -> int:
    return 2 * number


def fail(message: str) -> None:
    raise ValueError(message)


def interrupt_self(_: None) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "still here"


def hang(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(60)


async def test_results_and_exceptions_come_back_and_a_worker_is_prepared_once(tmp_path: Path):
    pool = WorkerPool(1, prepare=prepare, directory=tmp_path)

    assert [await pool.run(double, number) for number in range(3)] == [0, 2, 4]
    with pytest.raises(ValueError, match="as it was said"):
        await pool.run(fail, "as it was said")
    assert await pool.run(interrupt_self, None) == "still here"
    assert len((tmp_path / "prepared").read_text().split()) == 1


async def test_a_cancelled_call_ends_its_worker(tmp_path: Path):
    pool, path = WorkerPool(1, prepare=prepare, directory=tmp_path), tmp_path / "pid"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pool.run, hang, path)
        with anyio.fail_after(20):
            while not (path.exists() and path.read_text()):  # noqa: ASYNC110 - another process
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()

    process_id = int(path.read_text())
    with anyio.fail_after(10):
        while _alive(process_id):  # noqa: ASYNC110 - another process
            await anyio.sleep(0.01)


async def test_a_program_that_begins_its_work_when_it_is_imported_is_told_what_to_change(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(UNGUARDED)

    done = await anyio.run_process([sys.executable, str(program)], check=False)

    assert done.stdout.decode().splitlines() == [
        "UserError: a worker process could not import the program that was started",
        "in that file, begin what it does under `if __name__ == '__main__':`",
    ]


def _alive(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_no_more_workers_than_asked_for_are_busy_at_once(tmp_path: Path):
    pool = WorkerPool(2, prepare=prepare, directory=tmp_path)
    found: list[int] = []

    async def one(number: int) -> None:
        found.append(await pool.run(double, number))

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(one, number)

    assert sorted(found) == [0, 2, 4, 6, 8, 10]
    assert len(set((tmp_path / "prepared").read_text().split())) <= 2
