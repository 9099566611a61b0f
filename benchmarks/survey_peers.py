"""What `benchmarks.bench_survey` stands beside: the least that the bare library of each format could do."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from runner.corpus.parquet import arrow

ROWS_AT_ONCE = 5_000


def bare_lines(path: Path) -> int:
    """`for line in open(…)`."""
    with path.open(encoding="utf-8", newline="") as lines:
        return sum(1 for _ in lines)


def bare_gzip(path: Path) -> int:
    """The same through the standard library's gzip."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return sum(1 for _ in lines)


def bare_jsonl(path: Path) -> int:
    """`json.loads` of each line."""
    with path.open(encoding="utf-8") as lines:
        return sum(1 for line in lines if json.loads(line)["text"])


def bare_csv(path: Path) -> int:
    """`csv.reader`."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        count = 0
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            count += len([row[2] for row in batch])
        return count


def bare_parquet(path: Path) -> int:
    """Batches of pyarrow, two columns as Python's strings."""
    batches = arrow().parquet.ParquetFile(path).iter_batches(columns=["id", "text"], use_threads=False)
    return sum(len(list(zip(*(column.to_pylist() for column in batch.columns), strict=True))) for batch in batches)


def bare_files(path: Path) -> int:
    """`read_text` of each file."""
    return sum(1 for file in sorted(path.iterdir()) if file.read_text(encoding="utf-8"))


def detect(path: Path) -> int:
    """The bare detector, asked about each line."""
    from runner.survey.detecting import load

    sure = load().sure
    with path.open(encoding="utf-8") as lines:
        return len([sure(line.rstrip("\n")) for line in lines])


BARE: dict[str, Callable[[Path], int]] = {
    "lines": bare_lines,
    "lines.gz": bare_gzip,
    "jsonl": bare_jsonl,
    "csv": bare_csv,
    "parquet": bare_parquet,
    "files": bare_files,
}
