"""Corpora made on the spot, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runner.corpus import RangeReader, count_range, list_corpus, needs_position, ranges
from runner.model import CorpusSpec, Format


class Read(NamedTuple):
    """One document as a reader gave it."""

    id: str
    source: int
    position: int
    text: str
    code: str | None


def _read_all(
    corpus: CorpusSpec, *, undecodable: str = "error", chunk_bytes: int = 1 << 19, row_range_bytes: int = 64_000_000
) -> list[Read]:
    documents: list[Read] = []
    counted = 0
    for source_range in ranges(corpus, list_corpus(corpus), row_range_bytes=row_range_bytes):
        if needs_position(corpus, source_range):
            source_range = replace(source_range, position=counted)  # noqa: PLW2901 - as who surveys does it
        if source_range.end is not None and corpus.format in {"lines", "jsonl"}:
            counted = (source_range.position or 0) + (count_range(corpus, source_range) or 0)
        reader = RangeReader(corpus, source_range, undecodable=undecodable, chunk_bytes=chunk_bytes)
        for block in reader.blocks():
            columns = (block.ids, block.sources, block.positions, block.texts)
            for row, values in enumerate(zip(*columns, strict=True)):
                trouble = block.troubles.get(row)
                documents.append(Read(*values, trouble.code if trouble else None))
    return documents


@pytest.fixture
def read_corpus() -> Callable[..., list[Read]]:
    """List and read a corpus: read_corpus(corpus, undecodable=…, chunk_bytes=…)."""
    return _read_all


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Read]]:
    """Write one file and read it as a corpus: read(data, "lines", name="x.txt", chunk_bytes=…, **corpus fields)."""

    def reader(
        data: bytes,
        form: Format = "lines",
        *,
        name: str = "x.txt",
        undecodable: str = "error",
        chunk_bytes: int = 1 << 19,
        row_range_bytes: int = 64_000_000,
        **fields: Any,
    ) -> list[Read]:
        (tmp_path / name).write_bytes(data)
        corpus = CorpusSpec(name="c", sources=(str(tmp_path / name),), format=form, **fields)
        return _read_all(corpus, undecodable=undecodable, chunk_bytes=chunk_bytes, row_range_bytes=row_range_bytes)

    return reader
