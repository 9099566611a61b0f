"""The books against a model that keeps everything and counts nothing."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from runner.core.books import MERGE_SEGMENTS_MAX, Books
from runner.model import Batch, BatchId, JobKey, MergedSegment, SegmentId, part_id, segment_id
from tests.core.kit import facts


def batch_of(number: int, segments: list[int]) -> Batch:
    parts = tuple(part_id(segment_id(0, 0, segment), 0) for segment in segments)
    return Batch(id=BatchId(f"b{number}"), parts=parts, covers=parts, language="en", lines=1, bytes=1)


def merged(segment: SegmentId, end: int = 0) -> MergedSegment:
    return MergedSegment(id=segment, file=0, end=end, lines=10, tallies=())


def books_of(segments: int, foreign: dict[int, list[int]] | None = None) -> Books:
    books = Books()
    for number in range(segments):
        other = tuple(part_id(segment_id(0, 0, owner), 0) for owner in (foreign or {}).get(number, []))
        books.add([facts(number, foreign=other)])
    books.close_survey()
    return books


def test_nothing_is_merged_before_the_plan_is_complete():
    books = books_of(1)

    assert books.mergeable("c0") == ()
    books.complete = True
    assert len(books.mergeable("c0")) == 1


def test_a_corpus_that_is_held_is_not_merged_and_keeps_the_books_open():
    books = Books(held=["c0"])
    books.add([facts(0)])
    books.close_survey()
    books.complete = True

    assert books.mergeable("c0") == ()
    assert not books.closed
    books.held.clear()
    assert len(books.mergeable("c0")) == 1


def test_segments_are_merged_in_order_and_a_handful_at_a_time():
    books = books_of(3 * MERGE_SEGMENTS_MAX)
    books.complete = True

    assert list(books.mergeable("c0")) == [segment_id(0, 0, n) for n in range(MERGE_SEGMENTS_MAX)]


def test_what_is_known_better_of_a_segment_takes_the_place_of_what_was_known():
    books = Books()
    books.add([facts(0), facts(1)])
    documents = books.documents
    other = (part_id(segment_id(0, 0, 0), 0),)
    for _ in range(2):
        books.add([facts(1, foreign=other)])
    books.close_survey()
    books.complete = True

    books.open(JobKey("j"), batch_of(0, [0]))

    assert books.documents == documents
    assert [record.open for record in books.segments()] == [1, 1]
    books.settle(batch_of(0, [0]))
    assert books.mergeable("c0") == (segment_id(0, 0, 0), segment_id(0, 0, 1))


def test_a_segment_waits_for_the_jobs_of_another_whose_lines_it_shares():
    books = books_of(2, foreign={0: [1]})
    books.complete = True
    batch = batch_of(0, [1])
    books.open(JobKey("j"), batch)

    assert books.mergeable("c0") == ()
    books.settle(batch)
    assert len(books.mergeable("c0")) == 2


def test_a_spool_is_kept_for_a_later_segment_though_an_earlier_one_is_written_anew():
    """Documents may be reopened while a run is unfinished: what was merged before does not count a second time."""
    books = books_of(2)
    books.complete = True
    both, again = batch_of(0, [0, 1]), batch_of(1, [0])
    books.open(JobKey("both"), both)
    books.open(JobKey("late"), batch_of(2, [1]))
    books.settle(both)
    first = segment_id(0, 0, 0)
    assert books.merge("c0", merged(first, 100)) == []

    books.open(JobKey("again"), again)
    assert books.patchable("c0") is None
    books.settle(again)
    assert books.patchable("c0") == 0
    released = books.patch("c0", 0, [merged(first, 90)])

    assert released == ["again"]
    assert books.needs_spool(JobKey("both"))
    assert books.tail("c0") == (0, 90)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_happens_the_books_say_what_a_simple_model_says(data: st.DataObject):
    count = data.draw(st.integers(1, 6))
    books = books_of(count)
    books.complete = True
    batches: dict[JobKey, list[int]] = {}
    unsettled: set[JobKey] = set()
    waiting: dict[JobKey, set[int]] = {}
    done = 0
    dirty: set[int] = set()
    for number in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(["open", "settle", "merge", "patch"])):
            case "open":
                covers = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
                job = JobKey(f"j{number}")
                books.open(job, batch_of(number, covers))
                batches[job], waiting[job] = covers, set(covers)
                unsettled.add(job)
                dirty |= {segment for segment in covers if segment < done}
            case "settle" if unsettled:
                job = data.draw(st.sampled_from(sorted(unsettled)))
                books.settle(batch_of(int(job[1:]), batches[job]))
                unsettled.discard(job)
            case "merge" if books.mergeable("c0"):
                released = set(books.merge("c0", merged(books.mergeable("c0")[0])))
                assert released == _release(waiting, {done})
                done += 1
            case "patch" if books.patchable("c0") is not None:
                released = set(books.patch("c0", 0, [merged(segment_id(0, 0, n)) for n in range(done)]))
                assert released == _release(waiting, dirty)
                dirty = set()
        open_segments = {segment for job in unsettled for segment in batches[job]}
        closed = [n for n in range(done, count) if not any(o in open_segments for o in range(done, n + 1))]
        assert list(books.mergeable("c0")) == [segment_id(0, 0, n) for n in closed]
        patchable = bool(dirty) and not any(segment in open_segments for segment in range(done))
        assert (books.patchable("c0") == 0) is patchable
        assert list(books.ripe()) == (["c0"] if (patchable if dirty else closed) else [])
        assert {job for job in batches if books.needs_spool(job)} == set(waiting)
        assert books.closed is (done == count and not dirty)


def _release(waiting: dict[JobKey, set[int]], segments: set[int]) -> set[JobKey]:
    """Jobs that no segment waits for any more, once these have been written."""
    touched = {job for job, wanted in waiting.items() if wanted & segments}
    for job in touched:
        waiting[job] -= segments
    gone = {job for job in touched if not waiting[job]}
    for job in gone:
        del waiting[job]
    return gone
