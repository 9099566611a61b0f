"""Ranges follow from the listing alone."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runner.corpus import ranges
from runner.corpus.ranges import RANGE_FILES_MAX
from runner.model import CorpusSpec, Format, SourceFile

MB = 1_000_000


def files(*sizes: int) -> list[SourceFile]:
    return [SourceFile(path=f"/{n}", label=str(n), size=size, version="1") for n, size in enumerate(sizes)]


def corpus(form: Format) -> CorpusSpec:
    return CorpusSpec(name="c", sources=(), format=form)


@pytest.mark.parametrize(
    ("form", "sizes", "counts"),
    [
        ("files", [4 * MB, 4 * MB, 1], [2, 1]),
        ("files", [1, 9 * MB, 1], [1, 1, 1]),
        ("lines", [32 * MB, 32 * MB, 1], [2, 1]),
        ("csv", [1, 900 * MB, 1, 1], [1, 1, 2]),
        ("files", [0] * (RANGE_FILES_MAX + 1), [RANGE_FILES_MAX, 1]),
        ("lines", [0] * (RANGE_FILES_MAX + 1), [RANGE_FILES_MAX, 1]),
        ("files", [], []),
    ],
)
def test_a_range_is_as_full_as_its_format_allows(form: Format, sizes: list[int], counts: list[int]) -> None:
    assert [len(each.files) for each in ranges(corpus(form), files(*sizes))] == counts


@given(st.lists(st.integers(0, 10 * MB), max_size=50))
def test_ranges_together_are_the_listing(sizes: list[int]) -> None:
    listing = files(*sizes)
    found = list(ranges(corpus("files"), iter(listing)))
    assert [file for each in found for file in each.files] == listing
    assert [each.index for each in found] == list(range(len(found)))
    assert all(listing[each.first] == each.files[0] for each in found)
