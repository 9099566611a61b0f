"""What was appended is there, in order, after anything that can happen to the process or beside it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runner.core.events import CancelAsked, Event, RunFinished, SlotsCounted, SurveyFinished
from runner.errors import InternalError, MachineError, RunDirectoryError
from runner.journal import Journal, journal as journal_module, sql
from runner.journal.sql import Migration


def facts(count: int, first: int = 1) -> Sequence[Event]:
    """Events that differ from one another."""
    return [SurveyFinished(at=float(number), documents=number, bytes=0) for number in range(first, first + count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def written(path: Path) -> Path:
    """A journal of three events, closed."""
    with Journal.create(path) as journal:
        journal.append(facts(3))
    return path


def python(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    """Another process, running `code`; its stdout is a pipe."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd(), **options)  # type: ignore[call-overload]


# --- writing and reading ----------------------------------------------------------------------------------------


def test_events_are_read_in_the_order_in_which_they_were_appended(path: Path):
    with Journal.create(path) as journal:
        journal.append(facts(2))
        journal.append(facts(1, first=3))

        assert list(journal.read()) == list(enumerate(facts(3), 1))


def test_reading_can_begin_after_a_number(written: Path):
    with Journal.open(written) as journal:
        assert list(journal.read(after=2)) == [(3, facts(3)[2])]
        assert list(journal.read(after=3)) == []


def test_reading_goes_on_over_many_pages(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_module, "PAGE_ROWS", 3)
    with Journal.create(path) as journal:
        journal.append(facts(7))

        assert [number for number, _event in journal.read()] == [1, 2, 3, 4, 5, 6, 7]


def test_reading_sees_what_is_appended_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_module, "PAGE_ROWS", 1)
    with Journal.create(path) as journal:
        journal.append(facts(1))
        reading = journal.read()
        next(reading)
        journal.append(facts(1, first=2))

        assert next(reading) == (2, facts(1, first=2)[0])


def test_a_journal_that_is_opened_again_is_continued(written: Path):
    with Journal.open(written) as journal:
        journal.append(facts(1, first=4))

        assert list(journal.read()) == list(enumerate(facts(4), 1))


def test_the_time_of_the_newest_event_is_known(path: Path):
    with Journal.create(path) as journal:
        assert journal.last_at() is None

        journal.append(facts(2))

        assert journal.last_at() == 2.0


def test_appending_nothing_writes_nothing(path: Path):
    with Journal.create(path) as journal:
        journal.append(())

        assert list(journal.read()) == []


def test_a_volatile_event_is_refused_with_all_that_came_with_it(path: Path):
    with Journal.create(path) as journal:
        with pytest.raises(AssertionError, match="volatile"):
            journal.append([*facts(1), SlotsCounted(at=1.0, lane="l", operation="o", strangers=0)])

        assert list(journal.read()) == []


def test_an_event_that_could_not_be_read_back_stops_the_whole_append(path: Path):
    with Journal.create(path) as journal:
        with pytest.raises(InternalError):
            journal.append([*facts(1), CancelAsked(at=float("nan"))])

        journal.append(facts(1))
        assert list(journal.read()) == [(1, facts(1)[0])]


def test_closing_twice_is_allowed(path: Path):
    journal = Journal.create(path)
    journal.close()
    journal.close()


def test_commits_are_synchronous(path: Path):
    """WAL with FULL: a commit that returned survives a power cut."""
    with Journal.create(path) as journal:
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_only_the_owner_may_read(path: Path):
    """Also the log and its index, which hold the same facts; whatever the umask is."""
    umask = os.umask(0)
    try:
        with Journal.create(path) as journal:
            journal.append(facts(1))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(umask)

    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


def test_a_path_may_hold_any_character(tmp_path: Path):
    """The file is opened by URI, where ?, # and % mean something."""
    directory = tmp_path / "50%20 ?mode=ro#x & ü"
    directory.mkdir()
    with Journal.create(directory / "journal.db") as journal:
        journal.append(facts(1))

    assert (directory / "journal.db").exists()
    with Journal.open(directory / "journal.db", read_only=True) as journal:
        assert len(list(journal.read())) == 1


# --- making one -------------------------------------------------------------------------------------------------


def test_a_journal_is_never_made_over_another(written: Path):
    with pytest.raises(RunDirectoryError, match=r"there is a journal\.db already"):
        Journal.create(written)


def test_what_a_kill_left_of_making_one_is_cleared(path: Path):
    path.with_name("journal.db.tmp").write_bytes(b"half a file")
    path.with_name("journal.db.tmp-journal").write_bytes(b"half a rollback")
    with Journal.create(path) as journal:
        journal.append(facts(1))

    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


def test_a_directory_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="cannot be created: No such file"):
        Journal.create(tmp_path / "nowhere" / "journal.db")


# --- kills ------------------------------------------------------------------------------------------------------

APPEND_FOR_EVER = """
    import sys, itertools
    from pathlib import Path
    from runner.core.events import SurveyFinished
    from runner.journal import Journal
    journal = Journal.create(Path(sys.argv[1]))
    for number in itertools.count(1):
        journal.append([SurveyFinished(at=float(number), documents=number, bytes=0)] * (number % 3 + 1))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


@pytest.mark.parametrize("appends", [1, 2, 50, 400])
def test_every_append_that_returned_survives_a_kill(path: Path, appends: int):
    with python(APPEND_FOR_EVER, path) as writer:
        assert writer.stdout is not None
        for _ in range(appends):
            returned = int(writer.stdout.readline())
        writer.kill()
        returned = max([returned, *map(int, re.findall(r"^\d+$(?=\n)", writer.stdout.read(), re.MULTILINE))])

    with Journal.open(path) as journal:
        events = [event for _number, event in journal.read()]
        journal.append([RunFinished(at=9e9, exit_code=0)])

    whole = [event.documents for event in events if isinstance(event, SurveyFinished)]
    assert len(whole) == len(events)
    # Each append whole, and at most the one beyond those that had returned.
    expected = [number for number in range(1, max(whole) + 1) for _ in range(number % 3 + 1)]
    assert whole == expected
    assert returned <= max(whole) <= returned + 1


# --- reading beside a writer ------------------------------------------------------------------------------------


def test_a_reader_in_another_process_follows_a_writer(path: Path):
    with python(APPEND_FOR_EVER, path) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with Journal.open(path, read_only=True) as reader:
            seen = 0
            for _look in range(20):
                returned = int(writer.stdout.readline())
                for number, event in reader.read(after=seen):
                    seen = number
                    last = event.at
                assert last >= returned
        writer.kill()


def test_a_reader_changes_nothing(written: Path):
    with Journal.open(written, read_only=True) as reader:
        with pytest.raises(RunDirectoryError, match="cannot be opened or written"):
            reader.append(facts(1))

        assert len(list(reader.read())) == 3


READ_AS_NOBODY = """
    import os, sys
    from pathlib import Path
    from runner.journal import Journal, sql
    sql.queries(), sql.migrations()  # nobody may not be allowed to read this Python's own files
    if os.geteuid() == 0:
        os.setuid(65534)  # permissions do not bind root
    path = Path(sys.argv[1])
    assert not os.access(path.parent, os.W_OK)
    journal = Journal.open(path, read_only=True)
    print([number for number, event in journal.read()], flush=True)
    if sys.argv[2:]:
        sys.stdin.readline()
        print([number for number, event in journal.read()], flush=True)
    journal.close()
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach: pytest's own are closed, and closed again by every session that begins."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def forbid_writing(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def read_by_nobody(path: Path) -> str:
    with python(READ_AS_NOBODY, path) as reader:
        assert reader.stdout is not None
        return reader.stdout.read()


def test_a_closed_journal_can_be_read_where_nothing_may_be_written(open_folder: Path):
    """SQLite would need to make a `-shm` beside it."""
    path = open_folder / "journal.db"
    with Journal.create(path) as journal:
        journal.append(facts(3))
    forbid_writing(open_folder)

    assert read_by_nobody(path) == "[1, 2, 3]\n"
    assert list(open_folder.iterdir()) == [path]


def test_a_killed_writers_journal_can_be_read_where_nothing_may_be_written(open_folder: Path):
    path = open_folder / "journal.db"
    with python(APPEND_FOR_EVER, path) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
    assert path.with_name("journal.db-wal").exists()
    forbid_writing(open_folder)

    assert read_by_nobody(path).startswith("[1, 2")


def test_a_writer_that_comes_later_is_seen_by_one_who_may_not_write(open_folder: Path):
    path = open_folder / "journal.db"
    with Journal.create(path) as journal:
        journal.append(facts(3))
    forbid_writing(open_folder)
    with python(READ_AS_NOBODY, path, "twice", stdin=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline() == "[1, 2, 3]\n"
        open_folder.chmod(0o755)
        path.chmod(0o644)
        with Journal.open(path) as journal:
            journal.append(facts(1, first=4))
            open_folder.chmod(0o555)
            reader.stdin.write("\n")
            reader.stdin.flush()

            assert reader.stdout.readline() == "[1, 2, 3, 4]\n"
            open_folder.chmod(0o755)


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
