"""What was appended is there, in order, after anything that can happen to the process or beside it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runner.core.events import CancelAsked, Event, RunFinished, SlotsCounted, SurveyFinished
from runner.errors import InternalError, RunDirectoryError
from runner.journal import Journal, journal as journal_module


def facts(count: int, first: int = 1) -> Sequence[Event]:
    """Events that differ from one another."""
    return [SurveyFinished(at=float(number), documents=number, bytes=0) for number in range(first, first + count)]


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
    import urllib.parse  # pathlib imports it late
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
