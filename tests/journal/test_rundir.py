"""Where things lie in a run directory, and what is refused as one."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runner.errors import RunDirectoryError
from runner.journal import Journal, RunDirectory, find_runs, new_run_id, point_latest, resolve_run
from runner.model import BatchId, JobKey, OutputSpec, RunId, job_key, part_id, repair_part_id, segment_id

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory.at(tmp_path / "runs" / "tickets" / "one")
    directory.create()
    return directory


def begin(base: Path, second: int, *, letter: str = "a") -> RunDirectory:
    """A run that has begun `second` seconds after NOW."""
    directory = RunDirectory.at(base / new_run_id(NOW + second, letter.encode() * 10))
    directory.create()
    Journal.create(directory.journal_path).close()
    return directory


# --- what lies where --------------------------------------------------------------------------------------------


def test_names_are_those_that_other_rooms_rely_on(tmp_path: Path):
    run = RunDirectory.at(tmp_path)
    segment = segment_id(0, 1, 2)
    part = part_id(segment, 3)
    paths = {
        run.journal_path: "journal.db",
        run.plan_path: "plan.json",
        run.log_path: "log.jsonl",
        run.report_path: "report.html",
        run.ledger(segment): "ledger/000-000001-00002.msgpack",
        run.listing("tickets"): "ledger/tickets.listing",
        run.part(part): "parts/000-000001-00002-003.txt",
        run.part(repair_part_id(1)): "parts/rep-000001-00000-000.txt",
        run.part_map(repair_part_id(1)): "parts/rep-000001-00000-000.map",
        run.spool(job_key("pii", BatchId("b1")), 2): "spool/pii-b1-2.spool",
        run.topic_terms("tickets", "themes"): "topics/tickets.themes.jsonl",
        run.endpoint: "endpoint",
    }

    assert {path.relative_to(tmp_path).as_posix() for path in paths} == set(paths.values())
    for path, name in paths.items():
        assert path == tmp_path / name


def test_results_go_where_the_manifest_says(tmp_path: Path):
    run = RunDirectory.at(tmp_path)

    assert run.results(OutputSpec()) == tmp_path / "results"
    assert run.results(OutputSpec(directory="out/lines")) == tmp_path / "out" / "lines"
    assert run.results(OutputSpec(directory="/data/out")) == Path("/data/out")


def test_a_relative_path_stays_true_when_the_current_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    run = RunDirectory.at("runs/x")
    monkeypatch.chdir("/")

    assert run.root == tmp_path / "runs" / "x"


# --- making and refusing ----------------------------------------------------------------------------------------


def test_only_the_owner_may_enter(run: RunDirectory):
    assert stat.S_IMODE(run.root.stat().st_mode) == 0o700


def test_an_empty_directory_of_the_user_is_taken_and_closed_to_others(tmp_path: Path):
    tmp_path.chmod(0o755)
    RunDirectory.at(tmp_path).create()

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_making_one_twice_changes_nothing(run: RunDirectory):
    run.part(part_id(segment_id(0, 0, 0), 0)).write_text("kept")
    run.create()

    assert run.part(part_id(segment_id(0, 0, 0), 0)).read_text() == "kept"


def test_a_run_with_results_of_any_name_is_ours(run: RunDirectory):
    Journal.create(run.journal_path).close()
    (run.root / "my-results").mkdir()
    run.root.chmod(0o750)  # the user's choice, once the run has begun
    run.create()

    assert stat.S_IMODE(run.root.stat().st_mode) == 0o750


@pytest.mark.parametrize("left", [["ledger"], ["journal.db.tmp", "journal.db.tmp-journal"], ["plan.json", "results"]])
def test_what_a_run_left_that_was_killed_before_its_journal_is_ours(run: RunDirectory, left: list[str]):
    for name in left:
        if not (run.root / name).exists():
            (run.root / name).write_text("")
    run.create()


@pytest.mark.parametrize(
    ("names", "shown"), [(["thesis.tex"], "thesis.tex"), (["results"], "results"), (["lock", "thesis.tex"], "thesis")]
)
def test_a_directory_that_holds_other_things_is_refused(tmp_path: Path, names: list[str], shown: str):
    for name in names:
        (tmp_path / name).write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(RunDirectoryError, match=f"not empty and not a run directory .*{shown}") as caught:
        RunDirectory.at(tmp_path).create()

    assert caught.value.hint is not None
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    assert tmp_path.stat().st_mode == mode


def test_a_file_in_its_place_is_named(tmp_path: Path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunDirectoryError, match="cannot be made: File exists"):
        RunDirectory.at(tmp_path / "run").create()


def test_commands_that_need_a_run_say_what_is_missing(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="there is no such directory"):
        RunDirectory.at(tmp_path / "typo").require()
    with pytest.raises(RunDirectoryError, match=r"there is no journal\.db in it"):
        RunDirectory.at(tmp_path).require()


# --- run ids ----------------------------------------------------------------------------------------------------


def test_a_run_id_is_its_second_and_its_random_bits():
    assert new_run_id(NOW, bytes(10)) == "20260701T093000-aaaaaaaaaaaaaaaa"
    assert new_run_id(NOW + 0.999, b"\xff" * 10) == "20260701T093000-7777777777777777"


@given(st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000), st.binary(min_size=10, max_size=10))
def test_run_ids_sort_by_their_second(one: int, other: int, bits: bytes):
    ids = [new_run_id(second, bits) for second in (one, other)]

    assert (ids[0] < ids[1]) == (one < other)
    assert all(re.fullmatch("[0-9A-Za-z-]+", run) for run in ids)


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_run_ids_keep_all_their_bits(one: bytes, other: bytes):
    assert (new_run_id(NOW, one) == new_run_id(NOW, other)) == (one == other)


def test_a_run_id_needs_all_its_bits():
    with pytest.raises(AssertionError):
        new_run_id(NOW, bytes(9))


# --- the runs of a name -----------------------------------------------------------------------------------------


def test_runs_are_found_newest_first(tmp_path: Path):
    days = [int(timedelta(days=day).total_seconds()) for day in (200, 0, 1)]
    runs = [begin(tmp_path, second) for second in days]

    assert find_runs(tmp_path) == (runs[0], runs[2], runs[1])


def test_what_is_no_run_is_not_found(tmp_path: Path):
    run = begin(tmp_path, 0)
    point_latest(tmp_path, RunId(run.root.name))
    (tmp_path / "notes").mkdir()
    RunDirectory.at(tmp_path / new_run_id(NOW + 9, bytes(10))).create()  # killed before its journal

    assert find_runs(tmp_path) == (run,)
    assert find_runs(tmp_path / "nowhere") == ()


def test_latest_is_a_link_that_moves_with_the_folder(tmp_path: Path):
    first, second = begin(tmp_path / "a", 0), begin(tmp_path / "a", 1)
    for run in (first, second):
        point_latest(tmp_path / "a", RunId(run.root.name))
    (tmp_path / "a").rename(tmp_path / "b")

    assert (tmp_path / "b" / "latest").is_symlink()
    assert (tmp_path / "b" / "latest").resolve() == tmp_path / "b" / second.root.name
    assert not list((tmp_path / "b").glob(".*")), "nothing is left aside"


def test_latest_is_a_file_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_links(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    run = begin(tmp_path, 0)
    monkeypatch.setattr(Path, "symlink_to", no_links)
    point_latest(tmp_path, RunId(run.root.name))
    later = begin(tmp_path, 1)
    point_latest(tmp_path, RunId(later.root.name))

    assert (tmp_path / "latest").read_text() == f"{later.root.name}\n"
    assert resolve_run(tmp_path / "latest") == later
    assert resolve_run(tmp_path) == later
    assert not list(tmp_path.glob(".*"))


def test_a_folder_called_latest_is_not_touched(tmp_path: Path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(RunDirectoryError, match="`latest` is a folder"):
        point_latest(tmp_path, RunId("x"))


def test_a_run_may_be_named_by_its_folder_by_latest_or_by_what_holds_both(tmp_path: Path):
    run = begin(tmp_path, 0)
    point_latest(tmp_path, RunId(run.root.name))
    named = [resolve_run(path) for path in (run.root, tmp_path / "latest", tmp_path)]
    point_latest(tmp_path, RunId(begin(tmp_path, 1).root.name))

    assert named == [run, run, run]
    assert all(directory.begun for directory in named)


def test_a_path_that_names_no_run_is_refused(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        resolve_run(tmp_path)
    with pytest.raises(RunDirectoryError, match="no such directory"):
        resolve_run(tmp_path / "typo")


def test_job_keys_make_one_spool_file_each(tmp_path: Path):
    run = RunDirectory.at(tmp_path)
    jobs = [(JobKey("a-b1"), 1), (JobKey("a-b1"), 11), (JobKey("a-b11"), 1), (JobKey("a-b1-1"), 1)]

    assert len({run.spool(job, generation) for job, generation in jobs}) == len(jobs)
