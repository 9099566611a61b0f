"""Surveying one range of a corpus: documents stream in once, segments are written as they fill.

Segments end at 5,000 documents or 8 MB of folded text, or hold one larger document; so their bounds follow from the
input alone. `survey_range` is a plain function of its task: it can be pickled, and done twice it leaves the same files.
Memory: one segment, or a few times the largest document. Files are put in place many segments at a time, since an
fsync of its own for each would take longer than all the rest.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from runner.corpus import INPUT_CHANGED, Block, RangeReader
from runner.errors import MachineError, SourceError
from runner.model import (
    SEGMENT_BYTES_MAX,
    SEGMENT_DOCUMENTS_MAX,
    SegmentFacts,
    SegmentId,
    SourceFile,
    SurveyReport,
    SurveyTask,
    segment_id,
)
from runner.storage.atomic import Replacements, make_directory, replacing_all
from runner.survey.columns import Columns
from runner.survey.digests import RangeDigests, SegmentDigests, digests_path
from runner.survey.languages import language_finder
from runner.survey.measuring import Measured, measure
from runner.survey.routes import Router
from runner.survey.segments import LEDGER_DIRECTORY, PARTS_DIRECTORY, write_segment

SEGMENTS_MAX: Final = 100_000
"""Segment ids have five digits for the place in the range (`runner.model.segment_id`)."""
SEGMENTS_AT_ONCE: Final = 64
"""How many are made durable together: fewer cost time, more only wait longer in the page cache."""
NOTICES_MAX: Final = 10


def survey_range(task: SurveyTask) -> SurveyReport:
    """Read the range of a task, write its ledgers and parts below `task.directory`, and say what it held.

    Raises SourceError for input that cannot be read and MachineError for a full disk or too little memory; nothing is
    reported then, and what may be in place of the range is overwritten by the next attempt.
    """
    directory = Path(task.directory)
    make_directory(directory / LEDGER_DIRECTORY)
    make_directory(directory / PARTS_DIRECTORY)
    changed: frozenset[int] = frozenset()
    while True:
        with _collector_paused(), _memory_told(task), replacing_all() as files:
            survey = _Survey(task, changed, files)
            report = survey.run()
            late = survey.changed_while_read
            if not late:
                return report
            # A source that changed under our hands may have given anything: begin again, with that source closed.
            files.discard()
            changed |= late


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Rows of ledgers are tuples by the thousand and never in cycles; looking for some takes a seventh of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _memory_told(task: SurveyTask) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        largest = max(task.source_range.files, key=lambda file: file.size)
        raise MachineError(
            f"corpus {task.corpus.name}: memory ran out in reading {largest.path}, or a file near it; "
            "a document is held in memory as a whole, several times over",
            hint="leave the file out of `source` if it is no text, or has no line ends; else use a larger machine",
        ) from error


class _Survey:
    """One pass over a range."""

    def __init__(self, task: SurveyTask, changed: frozenset[int], files: Replacements) -> None:
        self._task = task
        self._files = files
        self._directory = Path(task.directory)
        self._router = Router(
            task.analyses,
            job_bytes_max=task.job_bytes_max,
            job_documents_max=task.job_documents_max,
            keep_text=task.keep_text,
        )
        self._find_languages = language_finder(task.corpus.language)
        self._reader = RangeReader(task.corpus, task.source_range, undecodable=task.undecodable, changed=changed)
        self._facts: list[SegmentFacts] = []
        self._digests: list[SegmentDigests] = []
        self._columns = Columns()
        self._changed_files: list[SourceFile] = []

    @property
    def changed_while_read(self) -> frozenset[int]:
        return frozenset(self._reader.changed_while_read)

    def run(self) -> SurveyReport:
        with closing(self._reader.blocks()) as blocks:
            for block in self._limited(blocks):
                self._note(block)
                self._add(measure(block, self._find_languages, keep_folds=self._task.keep_folds))
        self._close_segment()
        self._write_digests()
        return SurveyReport(
            corpus=self._task.corpus.name,
            index=self._task.source_range.index,
            segments=tuple(self._facts),
            notices=self._notices(),
        )

    def _limited(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The blocks, up to `documents_max` documents."""
        left = self._task.documents_max
        if left is None:
            yield from blocks
            return
        for block in blocks:
            if left <= 0:
                return
            yield block if len(block.ids) <= left else _head(block, left)
            left -= len(block.ids)

    def _add(self, measured: Measured) -> None:
        begin, count = 0, len(measured.sizes)
        while begin < count:
            columns = self._columns
            end = measured.fitting(
                begin, documents=SEGMENT_DOCUMENTS_MAX - columns.documents, size=SEGMENT_BYTES_MAX - columns.size
            )
            if end == begin and not columns.documents:
                end = begin + 1
            if end > begin:
                columns.extend(measured, begin, end)
                begin = end
            if begin < count:
                self._close_segment()

    def _close_segment(self) -> None:
        columns, self._columns = self._columns, Columns()
        if not columns.documents:
            return
        facts, digests = write_segment(
            self._next_segment(),
            self._task.corpus.name,
            columns,
            self._router,
            files=self._files,
            directory=self._directory,
        )
        self._facts.append(facts)
        if self._task.share_group is not None:
            self._digests.append(digests)
        if len(self._facts) % SEGMENTS_AT_ONCE == 0:
            self._files.put_in_place()

    def _write_digests(self) -> None:
        task = self._task
        if task.share_group is None:
            return
        held = RangeDigests(task.corpus.name, task.share_group, tuple(self._digests))
        path = digests_path(self._directory / LEDGER_DIRECTORY, task.corpus_index, task.source_range.index)
        with self._files.open(path) as file:
            file.write(msgspec.msgpack.encode(held))

    def _next_segment(self) -> SegmentId:
        task = self._task
        if len(self._facts) >= SEGMENTS_MAX:
            raise SourceError(
                task.corpus.name,
                f"{task.source_range.files[0].path} has more than {SEGMENTS_MAX} segments",
                hint="split the file: 100,000 segments of 5,000 documents are what one can have",
            )
        return segment_id(task.corpus_index, task.source_range.index, len(self._facts))

    def _note(self, block: Block) -> None:
        for row, trouble in block.troubles.items():
            if trouble.code == INPUT_CHANGED:
                source = block.sources[row] - self._task.source_range.first
                self._changed_files.append(self._task.source_range.files[source])

    def _notices(self) -> tuple[str, ...]:
        """A sentence for each source that changed, up to some, then how many more."""
        corpus = self._task.corpus.name
        shown = [
            f"corpus {corpus}: {file.path} changed after it was listed; its documents are closed as {INPUT_CHANGED}"
            for file in self._changed_files[:NOTICES_MAX]
        ]
        more = len(self._changed_files) - len(shown)
        return (*shown, f"corpus {corpus}: {more} more files changed after they were listed") if more else tuple(shown)


def _head(block: Block, count: int) -> Block:
    return Block(
        ids=block.ids[:count],
        sources=block.sources[:count],
        positions=block.positions[:count],
        texts=block.texts[:count],
        fields=block.fields and block.fields[:count],
        languages=block.languages and block.languages[:count],
        troubles={row: trouble for row, trouble in block.troubles.items() if row < count},
    )
