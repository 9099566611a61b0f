"""The writer's promises: an answer means durable, and one failure is nobody else's."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.endpoint.database import _MIGRATIONS, Database
from runner.errors import MachineError


def put(name: str) -> Any:
    return lambda connection: connection.execute("INSERT INTO meta VALUES (?, 'x')", (name,)).rowcount


def names(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM meta")}
    finally:
        connection.close()


def test_what_was_answered_is_there_for_others(tmp_path: Path) -> None:
    path = tmp_path / "db"

    async def run() -> None:
        with Database(path) as database:
            assert await database.write(put("a")) == 1
            assert names(path) == {"a"}
            assert database.read.execute("SELECT count(*) FROM meta").fetchone() == (1,)

    asyncio.run(run())


def test_a_write_that_fails_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "db"

    def half(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise LookupError("no")

    async def run() -> list[Any]:
        with Database(path) as database:
            writes = [database.write(work) for work in (put("a"), half, put("a"), put("b"))]
            return await asyncio.gather(*writes, return_exceptions=True)

    first, second, third, fourth = asyncio.run(run())
    assert (first, fourth) == (1, 1)
    assert isinstance(second, LookupError)
    assert isinstance(third, sqlite3.IntegrityError)
    assert names(path) == {"a", "b"}


def test_many_writers_share_commits_and_all_are_answered(tmp_path: Path) -> None:
    async def run() -> None:
        with Database(tmp_path / "db") as database:
            assert sum(await asyncio.gather(*(database.write(put(f"{n}")) for n in range(1000)))) == 1000

    asyncio.run(run())
    assert len(names(tmp_path / "db")) == 1000


def test_a_cancelled_write_does_not_stop_the_others(tmp_path: Path) -> None:
    async def run() -> None:
        with Database(tmp_path / "db") as database:
            doomed = asyncio.ensure_future(database.write(put("doomed")))
            await asyncio.sleep(0)
            doomed.cancel()
            await asyncio.gather(doomed, return_exceptions=True)
            await database.write(put("after"))

    asyncio.run(run())
    assert "after" in names(tmp_path / "db")


def test_books_of_a_later_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(MachineError, match="later version"), Database(path):
        pass


def test_a_file_that_is_no_book_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"not a database, and longer than the header of one " * 10)
    with pytest.raises(MachineError, match="not a database"), Database(path):
        pass


def test_books_of_an_earlier_version_keep_what_they_hold_and_gain_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    connection.executescript(f"{_MIGRATIONS[0]} PRAGMA user_version = 1;")
    connection.execute("INSERT INTO jobs VALUES (1, 'id', x'7b7d')")
    connection.commit()
    connection.close()
    with Database(path) as database:
        assert database.read.execute("SELECT job_id FROM jobs").fetchall() == [("id",)]
        assert database.read.execute("SELECT count(*) FROM tags").fetchone() == (0,)
