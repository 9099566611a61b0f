"""Patching: a result file written anew with new answers for documents that were closed as errors.

Only pairs that stood as errors, and that a new job could change, are touched; every other byte is copied. The new file
takes the old one's place in one rename, so a crash leaves either. Patching a patched file again changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw

from runner.model import AnalysisSpec, Document, Ledger, LineForm, MergedSegment, MergeReport, PatchTask
from runner.results.entries import error_of, is_error
from runner.results.files import lines_between, packed, result_path
from runner.results.loading import Spools, Texts, load_answers
from runner.results.merge import Answers, Outcome, Problem, TextOf, answered, needs_text, no_text
from runner.results.partfiles import read_ledger
from runner.results.pieces import lines_of
from runner.results.resultlines import LineHead, head_of, is_changeable, joined_line, whole_lines
from runner.results.reuse.changes import count_unwritten, written
from runner.results.tallies import TallyBook
from runner.results.writes import gathered, write_all
from runner.storage.atomic import replacing

_encode: Final = msgspec.json.Encoder().encode
_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def patch_file(task: PatchTask) -> MergeReport:
    """Write a result file anew and say where its segments end now, with tallies of all of them.

    Raises RunDirectoryError if file, ledgers or spools are missing or do not fit; then the file is as it was.
    """
    path = result_path(task.results_directory, task.corpus, task.file, task.compression)
    merged: list[MergedSegment] = []
    with Spools() as spools, path.open("rb") as old, replacing(path) as new:
        os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode)
        end = 0
        old_lines = lines_between(old, path, 0, None, task.compression)
        for segment in task.segments:
            ledger = read_ledger(task.directory, segment.id)
            book = TallyBook()
            documents = written(ledger, task.analyses, changed=task.changed)
            lines = whole_lines(old_lines, path, len(documents))
            answers = load_answers(ledger, task.analyses, segment, spools) if segment.spools else []
            news = _News(task.analyses, answers, _text_of(task, ledger))
            count_unwritten(book, ledger, documents, task.analyses)
            for data in packed(gathered(_patched(path, lines, documents, news, book)), task.compression):
                write_all(new, data, str(path))
                end += len(data)
            merged.append(
                MergedSegment(
                    id=segment.id,
                    file=task.file,
                    end=end,
                    lines=len(documents),
                    tallies=book.tallies(task.analyses),
                    unchanged=len(ledger.documents) - len(documents),
                )
            )
    return MergeReport(corpus=task.corpus, segments=tuple(merged))


def _text_of(task: PatchTask, ledger: Ledger) -> TextOf:
    """The texts of a segment, as far as new answers need them; `text` itself stands on the line already."""
    return Texts(task.directory, ledger).required if needs_text(task.analyses, LineForm()) else no_text


def _patched(
    path: Path, lines: Iterator[bytes], documents: Sequence[Document], new: _News, book: TallyBook
) -> Iterator[bytes]:
    """A segment's lines, patched where its spools have something new."""
    for document, line in zip(documents, lines, strict=True):
        head = head_of(line, path)
        news = new.of(document, head)
        if news:
            line = patched_line(line, head, news)  # noqa: PLW2901
        for analysis in new.analyses:
            book.add(document, analysis.name, head.outcome[analysis.name], head.code(analysis.name))
        yield line


def patched_line(line: bytes, head: LineHead, news: dict[str, Outcome]) -> bytes:
    """A result line with new outcomes for some of its analyses; `head` is brought up to date with it."""
    members: dict[str, bytes | Raw] = dict(_decode_members(line))
    problems: list[Problem] = []
    for problem in head.problems:
        new = news.get(problem.analysis)
        if new is None:
            problems.append(problem)
        elif new.problem is not None:
            problems.append(new.problem)
    for name, new in news.items():
        head.outcome[name] = new.outcome
        members[name] = new.payload
    problems += [new.notice for new in news.values() if new.notice is not None]
    head.problems = problems
    members["outcome"] = _encode(head.outcome)
    members["problems"] = _encode(problems)
    return joined_line(members)


class _News:
    """What new jobs say of a segment; nothing if there are no `answers`."""

    def __init__(self, analyses: Sequence[AnalysisSpec], answers: Sequence[Answers], text_of: TextOf) -> None:
        self.analyses = analyses
        self._answers = answers
        self._text_of = text_of

    def of(self, document: Document, head: LineHead) -> dict[str, Outcome]:
        """The new outcomes of a document, by analysis."""
        if not self._answers:
            return {}
        news: dict[str, Outcome] = {}
        for analysis, known in zip(self.analyses, self._answers, strict=True):
            if head.outcome[analysis.name] == "error" and is_changeable(analysis, head.code(analysis.name)):
                new = self._outcome(document, analysis, known)
                if new is not None:
                    news[analysis.name] = new
        return news

    def _outcome(self, document: Document, analysis: AnalysisSpec, answers: Answers) -> Outcome | None:
        """What new jobs say of a document under an analysis; None if they do not answer all of its lines."""
        entries: list[bytes] = []
        for part, line in lines_of(document, analysis):
            block = answers.entries.get(part)
            entry = block[line] if block is not None else b""
            if is_error(entry):
                return Outcome("error", problem=Problem(analysis.name, *error_of(entry), "service"))
            entries.append(entry)
        return answered(document, analysis, entries, self._text_of) if all(entries) else None
