"""Corpora made on the spot, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runner.corpus import RangeReader, list_corpus, ranges
from runner.model import CorpusSpec, Format


class Read(NamedTuple):
    """One document as a reader gave it."""

    id: str
    source: int
    position: int
    text: str
    code: str | None


def _read_all(corpus: CorpusSpec, *, undecodable: str = "error", chunk_bytes: int = 1 << 19) -> list[Read]:
    documents: list[Read] = []
    for source_range in ranges(corpus, list_corpus(corpus)):
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
        **fields: Any,
    ) -> list[Read]:
        (tmp_path / name).write_bytes(data)
        corpus = CorpusSpec(name="c", sources=(str(tmp_path / name),), format=form, **fields)
        return _read_all(corpus, undecodable=undecodable, chunk_bytes=chunk_bytes)

    return reader
