"""What is no journal, or not whole, or of another version, and disks that fail: each is named, none is worsened."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.core.events import Event, SurveyFinished
from runner.errors import InternalError, MachineError, RunDirectoryError
from runner.journal import Journal, journal as journal_module, sql
from runner.journal.sql import Migration


def facts(count: int, first: int = 1) -> Sequence[Event]:
    """Events that differ from one another."""
    return [SurveyFinished(at=float(number), documents=number, bytes=0) for number in range(first, first + count)]


# --- what is wrong with a file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
class TestRefusals:
    def test_a_missing_journal_is_not_made(self, path: Path, read_only: bool):
        with pytest.raises(RunDirectoryError, match="there is no journal"):
            Journal.open(path, read_only=read_only)

        assert not path.exists()

    @pytest.mark.parametrize("content", [b"", b"version: 1\nname: tickets\n", b"x" * 10_000])
    def test_another_file_is_no_journal(self, path: Path, read_only: bool, content: bytes):
        path.write_bytes(content)
        with pytest.raises(RunDirectoryError, match=r"journal\.db is not a journal of this program"):
            Journal.open(path, read_only=read_only)

        assert path.read_bytes() == content

    def test_another_database_is_no_journal(self, path: Path, read_only: bool):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY)")
        connection.close()
        with pytest.raises(RunDirectoryError, match="is not a journal"):
            Journal.open(path, read_only=read_only)

    def test_a_newer_schema_is_named(self, written: Path, read_only: bool):
        change(written, "PRAGMA user_version = 99")
        with pytest.raises(RunDirectoryError, match=r"newer version \(format 99; known: 1\)") as caught:
            Journal.open(written, read_only=read_only)

        assert caught.value.hint is not None

    def test_a_newer_fact_is_named(self, written: Path, read_only: bool):
        crc = journal_module._crc32(b"LaneMoved", b"{}")
        change(written, f"INSERT INTO events VALUES (4, 'LaneMoved', '{{}}', {crc})")
        with (
            Journal.open(written, read_only=read_only) as journal,
            pytest.raises(RunDirectoryError, match="LaneMoved"),
        ):
            list(journal.read())

    @pytest.mark.parametrize(
        "damage",
        [
            """UPDATE events SET payload = replace(payload, '"documents":2', '"documents":3') WHERE seq = 2""",
            "UPDATE events SET kind = 'RunFinished' WHERE seq = 2",
            "UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE seq = 2",
            "DELETE FROM events WHERE seq = 2",
        ],
    )
    def test_a_fact_that_is_not_what_was_written_is_named(self, written: Path, read_only: bool, damage: str):
        """SQLite has no checksums of its own: a flipped bit in a payload is text like any other."""
        change(written, damage)
        with Journal.open(written, read_only=read_only) as journal:
            reading = journal.read()
            assert next(reading)[0] == 1
            with pytest.raises(RunDirectoryError, match=r"damaged: event 2 is "):
                next(reading)

    def test_torn_pages_are_called_damage(self, path: Path, read_only: bool):
        with Journal.create(path) as journal:
            journal.append(facts(2_000))
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(3 * 4096))
        with (
            pytest.raises(RunDirectoryError, match=r"the journal journal\.db is damaged"),
            Journal.open(path, read_only=read_only) as journal,
        ):
            list(journal.read())

    def test_a_journal_that_lost_its_tail_is_called_damaged(self, path: Path, read_only: bool):
        with Journal.create(path) as journal:
            journal.append(facts(2_000))
        os.truncate(path, path.stat().st_size // 2)
        with (
            pytest.raises(RunDirectoryError, match="damaged"),
            Journal.open(path, read_only=read_only) as journal,
        ):
            list(journal.read())


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_full_disk_is_the_machines_fault_and_nothing_is_half_written(path: Path):
    with Journal.create(path) as journal:
        journal.append(facts(1))
        journal._connection.execute("PRAGMA max_page_count = 8")
        with pytest.raises(MachineError, match="no space is left for the journal") as caught:
            journal.append(facts(2_000, first=2))

        assert caught.value.hint is not None
        assert list(journal.read()) == [(1, facts(1)[0])]


def test_after_a_failure_nothing_more_is_taken(path: Path):
    """A disk that failed to sync once may say later that all is well, having dropped what it was given."""
    with Journal.create(path) as journal:
        journal._connection.execute("PRAGMA max_page_count = 8")
        with pytest.raises(MachineError):
            journal.append(facts(2_000))
        journal._connection.execute("PRAGMA max_page_count = 100000")
        with pytest.raises(MachineError, match="no space"):
            journal.append(facts(1))

    with Journal.open(path) as journal:
        journal.append(facts(1))
        assert len(list(journal.read())) == 1


def test_two_writers_collide_instead_of_weaving(written: Path):
    with Journal.open(written) as one, Journal.open(written) as other:
        one.append(facts(1, first=4))
        with pytest.raises(RunDirectoryError, match="another process has written to the journal"):
            other.append(facts(1, first=40))

        assert list(one.read(after=3)) == [(4, facts(1, first=4)[0])]


def test_a_writer_that_keeps_its_lock_is_waited_for_and_then_named(written: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runner.journal.sqlite.BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(written, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        Journal.open(written) as journal,
        pytest.raises(RunDirectoryError, match=r"another process keeps the journal journal\.db locked"),
    ):
        journal.append(facts(1))
    other.close()


# --- migrations -------------------------------------------------------------------------------------------------

ADD_NOTES = Migration(number=2, script="CREATE TABLE notes (text TEXT) STRICT;")
BROKEN = Migration(number=2, script="CREATE TABLE notes (text TEXT) STRICT; SELECT no_such_function();")


def with_migration(monkeypatch: pytest.MonkeyPatch, migration: Migration) -> None:
    steps = (*sql.migrations(), migration)
    monkeypatch.setattr(journal_module, "migrations", lambda: steps)


def schema(path: Path) -> tuple[int, set[str]]:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    connection.close()
    return version, tables


def test_a_writer_brings_an_older_journal_up_to_date(written: Path, monkeypatch: pytest.MonkeyPatch):
    with_migration(monkeypatch, ADD_NOTES)
    with Journal.open(written) as journal:
        assert len(list(journal.read())) == 3

    assert schema(written) == (2, {"events", "notes"})


def test_a_migration_that_fails_leaves_the_journal_as_it_was(written: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        with_migration(patch, BROKEN)
        with pytest.raises(InternalError, match="no_such_function"):
            Journal.open(written)

    assert schema(written) == (1, {"events"})
    with Journal.open(written) as journal:
        assert len(list(journal.read())) == 3


def test_a_reader_leaves_an_older_journal_to_a_writer(written: Path, monkeypatch: pytest.MonkeyPatch):
    with_migration(monkeypatch, ADD_NOTES)
    with pytest.raises(RunDirectoryError, match=r"older version \(format 1; needed: 2\)"):
        Journal.open(written, read_only=True)


def test_tables_are_strict(written: Path):
    connection = sqlite3.connect(written)
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    connection.close()

    assert all(strict for name, strict in tables if not name.startswith("sqlite_"))


def test_every_query_is_named_and_described():
    for name, statement in sql.queries().items():
        assert statement.startswith("-- "), f"{name} has no description"
        assert statement.endswith(";")


def opened_files() -> set[Path]:
    """What this process has open."""
    links = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    return {file.readlink() for file in links if file.is_symlink()}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_connection_is_left_behind_by_a_refusal(path: Path):
    """Python 3.11 does not warn of them yet."""
    path.write_bytes(b"no journal")
    with pytest.raises(RunDirectoryError) as caught:
        Journal.open(path)

    assert caught.value.__traceback__ is not None  # its frames would keep a forgotten connection open
    assert path not in opened_files()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_connection_is_left_behind_by_a_second_attempt(written: Path, monkeypatch: pytest.MonkeyPatch):
    """Where nothing may be written, the file is opened as usual, and then as immutable."""
    monkeypatch.setattr(journal_module, "_readable", lambda connection: False)
    journal = Journal.open(written, read_only=True)
    assert len(list(journal.read())) == 3
    assert written in opened_files()
    journal.close()

    assert written not in opened_files()
