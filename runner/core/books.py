"""The books: which jobs each segment still waits for, and which segments can be merged next.

A segment is *closed* when every job that covers one of its lines is settled; it is *merged* when its lines are
appended, which happens in input order per corpus. A job planned later (a repair, or documents reopened by the user)
opens a segment again; one that is merged already is then *dirty*, and its result file is written anew once it closes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from runner.model import Batch, JobKey, MergedSegment, PartId, SegmentFacts, SegmentId, segment_of

MERGE_SEGMENTS_MAX: Final = 16
"""Segments appended by one command: enough to spread the cost of a command and an fsync, few enough to stop soon."""


@dataclass(slots=True)
class SegmentRecord:
    """One segment's page."""

    facts: SegmentFacts
    open: int = 0
    """Unsettled jobs that cover it."""
    jobs: tuple[JobKey, ...] = ()
    """Those that cover it, as they were planned."""
    written: int = 0
    """Of how many of them the answers are in the results; they are the first."""
    merged: MergedSegment | None = None
    dirty: bool = False


@dataclass(slots=True)
class CorpusBook:
    """The segments of one corpus in input order; those before `merged` are merged."""

    place: int
    """Of the corpus, in the order in which they were listed."""
    segments: list[SegmentRecord] = field(default_factory=list)
    merged: int = 0
    dirty: dict[int, int] = field(default_factory=dict)
    """Result files to be written anew -> how often an unsettled job covers one of their merged segments."""

    @property
    def ripe(self) -> bool:
        """Whether its next segment is closed; or, as long as files are to be written anew, all segments of one are.

        A crash may have left such a file patched without its event; until that is said, its end is not known, and
        nothing may be appended after it.
        """
        if self.dirty:
            return not all(self.dirty.values())
        return self.merged < len(self.segments) and not self.segments[self.merged].open


class Books:
    """All corpora's books."""

    def __init__(self, held: Iterable[str] = ()) -> None:
        self.held = set(held)
        """Corpora of which nothing is merged: jobs are planned once their languages are known."""
        self.corpora: dict[str, CorpusBook] = {}
        self.complete = False
        """Whether the survey's plan is complete: only then is "no job covers it" a reason to merge."""
        self.documents = 0
        """Documents surveyed."""
        self.lines = 0
        """Lines of results, each a document."""
        self._by_id: dict[SegmentId, SegmentRecord] = {}
        self._foreign: dict[PartId, list[SegmentRecord]] = {}
        self._needed_by: dict[JobKey, int] = {}
        """Job -> how many segments have yet to be merged, or written anew, with its answers."""
        self._names: list[str] = []
        """Corpora in the order in which they were listed."""
        self._ripe: list[int] = []
        """Places of the corpora that are ripe, in order."""

    def add(self, segments: Iterable[SegmentFacts]) -> None:
        """Segments were surveyed, in any order; or are known better, since some of their texts were found elsewhere."""
        for facts in segments:
            known = self._by_id.get(facts.id)
            if known is not None:
                self.documents -= known.facts.documents
                for part in known.facts.foreign_parts:
                    self._foreign[part] = [record for record in self._foreign[part] if record is not known]
            record = SegmentRecord(facts)
            self._by_id[facts.id] = record
            self.documents += facts.documents
            for part in facts.foreign_parts:
                self._foreign.setdefault(part, []).append(record)

    def begin_corpus(self, corpus: str) -> None:
        """A corpus exists, even if it turns out to be empty."""
        if corpus not in self.corpora:
            self.corpora[corpus] = CorpusBook(len(self._names))
            self._names.append(corpus)

    def close_survey(self) -> None:
        """All segments are known: put them in input order."""
        for record in sorted(self._by_id.values(), key=lambda record: record.facts.id):
            self.begin_corpus(record.facts.corpus)
            self.corpora[record.facts.corpus].segments.append(record)
        for book in self.corpora.values():
            self._weigh(book)

    def _weigh(self, book: CorpusBook) -> None:
        """Put a corpus among the ripe, or take it out."""
        at = bisect_left(self._ripe, book.place)
        listed = at < len(self._ripe) and self._ripe[at] == book.place
        if book.ripe and not listed:
            insort(self._ripe, book.place)
        elif listed and not book.ripe:
            del self._ripe[at]

    def surveyed(self) -> Iterator[SegmentFacts]:
        """All segments surveyed so far, in no particular order."""
        return (record.facts for record in self._by_id.values())

    def segments(self) -> Iterator[SegmentRecord]:
        """All segments, corpora in the order they were listed, segments in input order."""
        for book in self.corpora.values():
            yield from book.segments

    def segment(self, segment: SegmentId) -> SegmentRecord:
        """One segment's page."""
        return self._by_id[segment]

    def covered(self, batch: Batch) -> list[SegmentRecord]:
        """The segments with a line in a batch: those its parts were cut from, and those that share their lines."""
        own = {segment_of(part) for part in batch.covers} if len(batch.covers) > 1 else map(segment_of, batch.covers)
        records = {segment: self._by_id[segment] for segment in own}
        if self._foreign:
            for part in batch.covers:
                for record in self._foreign.get(part, ()):
                    records[record.facts.id] = record
        return list(records.values())

    def open(self, job: JobKey, batch: Batch) -> None:
        """A job was planned."""
        covered = self.covered(batch)
        self._needed_by[job] = len(covered)
        for record in covered:
            record.open += 1
            record.jobs += (job,)
            book = self.corpora.get(record.facts.corpus)
            if record.merged is not None:
                assert book is not None, record.facts.corpus
                record.dirty = True
                book.dirty[record.merged.file] = book.dirty.get(record.merged.file, 0) + 1
            if book is not None:
                self._weigh(book)

    def settle(self, batch: Batch) -> None:
        """A job will answer nothing more."""
        for record in self.covered(batch):
            record.open -= 1
            assert record.open >= 0, record.facts.id
            book = self.corpora[record.facts.corpus]
            if record.merged is not None:
                book.dirty[record.merged.file] -= 1
            self._weigh(book)

    def ripe(self) -> Iterator[str]:
        """The corpora with something to write, in the order in which they were listed."""
        if self.complete:
            yield from (corpus for corpus in map(self._names.__getitem__, self._ripe) if corpus not in self.held)

    def mergeable(self, corpus: str) -> tuple[SegmentId, ...]:
        """The next closed segments of a corpus, in order; bounded."""
        if not self.complete or corpus in self.held:
            return ()
        book = self.corpora[corpus]
        found = []
        for record in book.segments[book.merged : book.merged + MERGE_SEGMENTS_MAX]:
            if record.open:
                break
            found.append(record.facts.id)
        return tuple(found)

    def patchable(self, corpus: str) -> int | None:
        """A result file with dirty segments, all of whose segments are closed."""
        return min((file for file, open_ in self.corpora[corpus].dirty.items() if not open_), default=None)

    def file_segments(self, corpus: str, file: int) -> list[SegmentRecord]:
        """The merged segments of a result file, in order."""
        segments = self.corpora[corpus].segments
        return [record for record in segments if record.merged is not None and record.merged.file == file]

    def merge(self, corpus: str, merged: MergedSegment) -> list[JobKey]:
        """A segment was appended. Returns the jobs whose spool no unmerged segment needs any more."""
        book = self.corpora[corpus]
        record = book.segments[book.merged]
        assert record.facts.id == merged.id, (record.facts.id, merged.id)
        record.merged = merged
        self.lines += merged.lines
        book.merged += 1
        self._weigh(book)
        return self._release(record)

    def patch(self, corpus: str, file: int, segments: Iterable[MergedSegment]) -> list[JobKey]:
        """A result file was written anew. Returns the jobs whose spool is not needed any more."""
        released: list[JobKey] = []
        for merged in segments:
            record = self._by_id[merged.id]
            record.merged = merged
            if record.dirty:
                record.dirty = False
                released += self._release(record)
        book = self.corpora[corpus]
        still_open = book.dirty.pop(file)
        assert not still_open, (corpus, file)
        self._weigh(book)
        return released

    def _release(self, record: SegmentRecord) -> list[JobKey]:
        released = []
        for job in record.jobs[record.written :]:
            self._needed_by[job] -= 1
            if not self._needed_by[job]:
                del self._needed_by[job]
                released.append(job)
        record.written = len(record.jobs)
        return released

    def needs_spool(self, job: JobKey) -> bool:
        """Whether an unmerged (or dirty) segment may still need a job's answers."""
        return job in self._needed_by

    def tail(self, corpus: str) -> tuple[int, int]:
        """(file, end offset) of the last merged segment; (0, 0) before the first."""
        book = self.corpora[corpus]
        last = book.segments[book.merged - 1].merged if book.merged else None
        return (last.file, last.end) if last else (0, 0)

    @property
    def closed(self) -> bool:
        """Whether every document is in its line, and no line is to be written anew."""
        return self.complete and all(
            book.merged == len(book.segments) and not book.dirty for book in self.corpora.values()
        )
