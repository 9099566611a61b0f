"""Appends merged segments to a corpus's result files and makes them durable.

Rules of operation:

1. `results/<corpus>/NNNNN.jsonl` hold whole segments in input order; together one line per document. How lines are
   packed into a file is `runner.results.files`'s affair.
2. A new file begins when the current one has reached `file_bytes_max`: a file is longer than that by less than one
   segment. Where files begin follows from the lines alone, never from how segments were grouped into tasks.
3. A task first cuts the corpus back to where the last merged segment ended: later files go, the file is truncated. So
   a task that is done again, after a crash at any point, leaves the same bytes. A file that is shorter than it was
   is refused: bytes that were durable are gone, and only a person can say why.
4. Only after fsync of file and folder does the report name a segment's end.

Memory is bounded by one segment (`runner.results.loading`). The bytes of a line are `runner.results.merge`'s affair.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from runner.errors import RunDirectoryError
from runner.model import MergedSegment, MergeReport, MergeSegment, MergeTask
from runner.results.files import packed, result_files, result_path
from runner.results.loading import Spools, Texts, load_answers
from runner.results.merge import merge_lines, needs_text, no_text
from runner.results.partfiles import read_ledger
from runner.results.reuse.changes import count_unwritten, written
from runner.results.tallies import TallyBook
from runner.results.writes import full_disk_told, gathered, without_cycles, write_all
from runner.storage.atomic import make_directory, sync_directory


def merge_segments(task: MergeTask) -> MergeReport:
    """Append the segments of a task, in order, and say where each ended.

    Raises RunDirectoryError if the result file is shorter than `task.end`, or a ledger or spool is missing or damaged;
    InternalError if a segment is not yet closed. In every case the same task can be done again.
    """
    folder = result_path(task.results_directory, task.corpus, 0).parent
    make_directory(folder)
    sync_directory(folder.parent)
    with without_cycles(), Spools() as spools, _ResultFiles(task) as files:
        merged = tuple(_merge_segment(task, segment, spools, files) for segment in task.segments)
    return MergeReport(corpus=task.corpus, segments=merged)


def _merge_segment(task: MergeTask, segment: MergeSegment, spools: Spools, files: _ResultFiles) -> MergedSegment:
    ledger = read_ledger(task.directory, segment.id)
    book = TallyBook()
    answers = load_answers(ledger, task.analyses, segment, spools)
    text_of = Texts(task.directory, ledger).required if needs_text(task.analyses, task.form) else no_text
    documents = written(ledger, task.analyses, changed=task.form.changed)
    count_unwritten(book, ledger, documents, task.analyses)
    shown = msgspec.structs.replace(ledger, documents=documents)
    files.append(merge_lines(shown, task.analyses, answers, book, form=task.form, text_of=text_of))
    return MergedSegment(
        id=segment.id,
        file=files.number,
        end=files.end,
        lines=len(documents),
        tallies=book.tallies(task.analyses),
        unchanged=len(ledger.documents) - len(documents),
    )


class _ResultFiles:
    """The result file being appended to, and its successors. Use as a context manager; leaving it makes all durable."""

    def __init__(self, task: MergeTask) -> None:
        self._task = task
        self.number = task.file
        self.end = task.end
        self._file = self._cut_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._sync()
        finally:
            self._file.close()

    def append(self, lines: Iterable[bytes]) -> None:
        """Append one segment's lines, in a new file if the current one is full."""
        if self.end >= self._task.file_bytes_max:
            self._sync()
            self._file.close()
            self.number, self.end = self.number + 1, 0
            self._file = self._path(self.number).open("wb", buffering=0)
        path = str(self._path(self.number))
        for data in packed(gathered(lines), self._task.compression):
            write_all(self._file, data, path)
            self.end += len(data)

    def _path(self, number: int) -> Path:
        return result_path(self._task.results_directory, self._task.corpus, number, self._task.compression)

    def _cut_back(self) -> BinaryIO:
        """Open the file at the end of the last merged segment; whatever was written after it goes."""
        path = self._path(self.number)
        size = path.stat().st_size if path.exists() else 0
        if size < self.end:
            raise RunDirectoryError(
                str(path),
                f"{size} bytes, and {self.end} were written and are journalled",
                hint="restore the file, or begin a new run",
            )
        for later in result_files(self._task.results_directory, self._task.corpus):
            if later.name > path.name:
                later.unlink()
        file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        file.truncate(self.end)
        file.seek(self.end)
        return file

    def _sync(self) -> None:
        path = self._path(self.number)
        with full_disk_told(str(path)):
            os.fsync(self._file.fileno())
            sync_directory(path.parent)
