"""Pieces of a failed job: together what it read, each a legal job, halved as well as parts allow."""

from __future__ import annotations

from hypothesis import given, strategies as st

from runner.model import AnalysisSpec, Batch, BatchId, Job, PartFacts, PartId, job_key
from runner.planning.durations import DurationModel
from runner.planning.pieces import Cut, pieces_of_parts

ANALYSIS = AnalysisSpec(
    name="sentiment", family="sentiment", corpora=("c",), document_bytes_max=5000, languages=frozenset({"en"})
)


@given(st.lists(st.integers(1, 5_000), min_size=2, max_size=12))
def test_a_batch_is_cut_between_two_parts_where_its_bytes_are_halved_best(sizes: list[int]) -> None:
    parts = [
        PartFacts(
            id=PartId(f"000-000000-{number:05d}-000"),
            pool="en",
            line_bytes_max=5000,
            lines=2,
            bytes=size,
            units=3,
            digest="",
        )
        for number, size in enumerate(sizes)
    ]
    ids = tuple(part.id for part in parts)
    batch = Batch(id=BatchId("b000001"), parts=ids, covers=ids, language="en", lines=2 * len(ids), bytes=sum(sizes))
    key = job_key("sentiment", batch.id)
    job = Job(
        key=key,
        analysis="sentiment",
        operation=ANALYSIS.operation,
        batch=batch.id,
        order=3,
        units=9,
        predicted_s=1.0,
        round=1,
    )

    (first, one), (second, two) = pieces_of_parts(
        Cut(serial=5, job=job, batch=batch, analysis=ANALYSIS, kind="aws"), parts, DurationModel()
    )

    assert first.parts + second.parts == ids
    assert first.parts
    assert second.parts
    assert first.bytes + second.bytes == batch.bytes
    best = min(abs(2 * sum(sizes[:place]) - batch.bytes) for place in range(1, len(sizes)))
    assert abs(first.bytes - second.bytes) == best
    assert [first.padded, second.padded] == [first.bytes < 500, second.bytes < 500]
    assert (first.id, second.id) == ("r000005", "r000006")
    for piece in (one, two):
        assert (piece.repairs, piece.round, piece.order) == ((key,), 1, 3)
