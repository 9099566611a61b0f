"""Buckets give back every row of their part, and what they hold does not depend on how many there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.results.buckets import Buckets
from runner.results.entries import error_entry
from runner.results.rows import RowBatch
from runner.results.runs import Cut, Rows, RunFile

BATCH_ROWS = 400
BATCHES = 20
MEMORY_BYTES = 500_000
ROW = b"[%b]" % (b"7" * 200)


def test_rows_cut_from_rows_of_many_parts_are_rows() -> None:
    whole = Rows.of([4, 0, 2, 7], [b"[4]", b"[0,0]", b"[2]", b"[]"])
    first, second = Cut(whole, 0, 1, 0, 3), Cut(whole, 1, 3, 4, 13)
    failed = Rows.of([9], [error_entry("C", "m")])

    assert (second.total, second.size) == (2, 9 + 2 * whole.lines.itemsize)
    assert Rows.joined([second]) == Rows.of([0, 2], [b"[0,0]", b"[2]"])
    assert Rows.joined([first, failed, second]) == Rows.of(
        [4, 9, 0, 2], [b"[4]", error_entry("C", "m"), b"[0,0]", b"[2]"]
    )
    assert Rows.joined([failed]) is failed


def pieces(parts: int, begin: int) -> list[tuple[int, Cut]]:
    """Rows of lines from `begin` on, as many of every part, cut by part from one."""
    lines = range(begin, begin + BATCH_ROWS)
    rows = Rows.of(lines, [ROW] * BATCH_ROWS)
    each, step = BATCH_ROWS // parts, len(ROW) + 1
    return [
        (part, Cut(rows, first, first + each, first * step, (first + each) * step - 1))
        for part, first in enumerate(range(0, BATCH_ROWS, each))
    ]


@pytest.mark.parametrize("parts", [1, 4, 100])
def test_buckets_hold_as_much_however_many_they_are_and_lose_nothing(parts: int, tmp_path: Path) -> None:
    put: list[list[int]] = [[] for _ in range(parts)]
    most = 0
    with (tmp_path / "runs").open("w+b") as file:
        buckets = Buckets(RunFile(file), MEMORY_BYTES)
        held = [buckets.bucket() for _ in range(parts)]
        for begin in range(0, BATCHES * BATCH_ROWS, BATCH_ROWS):
            found = pieces(parts, begin)
            for part, piece in found:
                held[part].pieces.append(piece)
                put[part] += piece.lines
            buckets.account(RowBatch([], [], [], 0, [(str(part), piece) for part, piece in found]))
            most = max(most, sum(piece.size for bucket in held for piece in bucket.pieces))
        rows = [list(buckets.rows(bucket)) for bucket in held]

    assert MEMORY_BYTES // 4 < most <= MEMORY_BYTES // 2
    assert [sorted(line for run in each for line in run.lines) for each in rows] == put
    assert {entry for each in rows for run in each for entry in run.entries} == {ROW}
