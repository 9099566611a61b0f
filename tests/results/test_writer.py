"""Result files: whole segments, in order, durable; a crash at any point and another try leave the same bytes."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from runner.errors import InternalError, MachineError, RunDirectoryError
from runner.model import GivenUp
from runner.results import result_path
from runner.results.writes import write_all


@pytest.fixture
def three(world: Any, kit: Any) -> Any:
    """Three segments, collected for sentiment."""
    parts = [world.simple_segment([f"text {number}/{line}" for line in range(3)], number) for number in range(3)]
    world.collect("sentiment", parts, [kit.sentiment_row(part.id, line) for part in parts for line in range(3)])
    return world


def files(world: Any) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((world.results / "reviews").iterdir())}


def test_segments_are_appended_in_order_and_their_ends_told(three: Any, kit: Any) -> None:
    analyses = [kit.analysis("sentiment")]

    report = three.merge(analyses, range(3))

    assert [line["id"] for line in three.lines()] == [f"{s}/{line}" for s in range(3) for line in range(3)]
    size = len(three.result())
    assert [(merged.id, merged.file, merged.end, merged.lines) for merged in report.segments] == [
        (three.segment(0), 0, size // 3, 3),
        (three.segment(1), 0, size * 2 // 3, 3),
        (three.segment(2), 0, size, 3),
    ]
    assert [tally.outcome for merged in report.segments for tally in merged.tallies] == ["ok"] * 3


def test_where_files_begin_does_not_depend_on_how_segments_were_grouped(three: Any, kit: Any) -> None:
    analyses = [kit.analysis("sentiment")]
    three.merge(analyses, range(3))
    third = len(three.result()) // 3

    for limit, names in ((1, 3), (third, 3), (third + 1, 2), (2 * third, 2), (3 * third, 1)):
        three.merge(analyses, range(3), file_bytes_max=limit)
        at_once = files(three)
        assert len(at_once) == names
        at = {"file": 0, "end": 0}
        for number in range(3):
            (merged,) = three.merge(analyses, [number], file_bytes_max=limit, **at).segments
            at = {"file": merged.file, "end": merged.end}
        assert files(three) == at_once


@pytest.mark.parametrize("limit", [1, 10**9])
def test_what_a_crash_left_behind_is_cut_back(three: Any, kit: Any, limit: int) -> None:
    """Half a line, whole lines, whole files that were never journalled: all gone."""
    analyses = [kit.analysis("sentiment")]
    report = three.merge(analyses, range(3), file_bytes_max=limit)
    whole = files(three)
    first = report.segments[0]
    at = {"file": first.file, "end": first.end, "file_bytes_max": limit}

    for leaving in (b"", b"half a li", b"x\n" * 9):
        path = result_path(str(three.results), "reviews", first.file)
        with path.open("ab") as file:
            file.write(leaving)
        (path.parent / "00007.jsonl").write_bytes(leaving)
        three.merge(analyses, [1, 2], **at)
        assert files(three) == whole


def test_a_file_that_is_shorter_than_journalled_is_refused_untouched(three: Any, kit: Any) -> None:
    analyses = [kit.analysis("sentiment")]
    report = three.merge(analyses, [0])
    path = result_path(str(three.results), "reviews", 0)
    path.write_bytes(path.read_bytes()[:-1])
    before = files(three)

    with pytest.raises(RunDirectoryError, match=r"00000.jsonl: \d+ bytes") as caught:
        three.merge(analyses, [1], file=0, end=report.segments[0].end)

    assert caught.value.hint is not None
    assert files(three) == before
    path.unlink()
    with pytest.raises(RunDirectoryError, match="0 bytes"):
        three.merge(analyses, [1], file=0, end=report.segments[0].end)


def test_a_segment_that_is_not_closed_stops_the_task_and_can_be_tried_again(three: Any, kit: Any) -> None:
    three.simple_segment(["later"], 3)
    analyses = [kit.analysis("sentiment")]

    with pytest.raises(InternalError):
        three.merge(analyses, [0, 3])

    closing = GivenUp(analysis="sentiment", part=three.part(0, 3), code="JOB_FAILED", message="it failed")
    three.merge(analyses, [0, 3], given_up=[closing])
    assert [line["outcome"]["sentiment"] for line in three.lines()] == ["ok"] * 3 + ["error"]


@pytest.mark.parametrize("gone", ["spool", "ledger"])
def test_what_is_missing_or_damaged_is_named(three: Any, kit: Any, gone: str) -> None:
    (path,) = list((three.directory / gone).iterdir())[:1]
    segment = 0 if gone == "spool" else int(path.stem[-5:])

    for damage in (b"damaged", None):
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
        with pytest.raises(RunDirectoryError) as caught:
            three.merge([kit.analysis("sentiment")], [segment])
        assert caught.value.directory == str(path)


def test_earlier_spools_win_and_an_ok_beats_any_error(world: Any, kit: Any) -> None:
    part = world.simple_segment(["a", "b", "c"])
    first = [kit.error_row(part.id, 0), kit.sentiment_row(part.id, 1, "POSITIVE"), kit.error_row(part.id, 2, "FIRST")]
    second = [
        kit.sentiment_row(part.id, 0, "MIXED"),
        kit.sentiment_row(part.id, 1, "MIXED"),
        kit.error_row(part.id, 2, "A"),
    ]
    world.collect("sentiment", [part], first, name="first")
    world.collect("sentiment", [part], second, name="second")

    world.merge([kit.analysis("sentiment")], spools=[("sentiment", "first"), ("sentiment", "second")])

    lines = world.lines()
    assert [line["sentiment"] and line["sentiment"]["Sentiment"] for line in lines] == ["MIXED", "POSITIVE", None]
    assert lines[2]["problems"][0]["code"] == "FIRST"


def test_more_spools_than_may_be_open_at_once(world: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.results.loading._OPEN_SPOOLS_MAX", 2)
    part = world.simple_segment(["a"] * 5)
    names = [str(line) for line in range(5)]
    for line, name in enumerate(names):
        world.collect("sentiment", [part], [kit.sentiment_row(part.id, line)], name=name)

    world.merge([kit.analysis("sentiment")], spools=[("sentiment", name) for name in names])

    assert [line["outcome"]["sentiment"] for line in world.lines()] == ["ok"] * 5


def test_files_are_synced_before_their_ends_are_told(three: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[str] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    three.merge([kit.analysis("sentiment")], range(3), file_bytes_max=1)

    folder = three.results / "reviews"
    assert {str(folder), str(three.results), *(str(path) for path in folder.iterdir())} <= synced


def test_a_full_disk_is_told_as_such() -> None:
    """/dev/full takes no byte."""
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(MachineError, match="results/00000"):
        write_all(file, b"a line", "results/00000")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_found_full_by_fsync_is_told_too(
    three: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """File systems that allocate late complain only then; once there is space, the same task succeeds."""

    def fsync(descriptor: int) -> None:
        if ".jsonl" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(code, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(MachineError, match=r"00000\.jsonl"):
            three.merge([kit.analysis("sentiment")], [0])

    assert three.merge([kit.analysis("sentiment")], [0]).segments[0].end == len(three.result())


def test_tasks_and_reports_cross_processes(three: Any, kit: Any) -> None:
    report = three.merge([kit.analysis("sentiment")], [0])

    assert pickle.loads(pickle.dumps(report)) == report
