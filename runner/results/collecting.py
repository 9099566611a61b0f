"""Collecting: one generation's output becomes one spool file, every row checked on the way.

Rows come in any order and are sorted into buckets by part (bounded memory); then, part by part, they are checked
against the staged text, placed by line, and written as a block. A row for a file or a line that the job was not given,
or with a text that was not sent, refuses the whole output: a mixed-up output is a fault, never a result.

`collect` is a plain function of its task: done twice, it leaves the same file. It knows nothing of the journal.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.catalogue import FAMILIES, Family
from runner.errors import OutputError, RunDirectoryError, ServiceError
from runner.model import CollectReport, CollectTask, LaneSpec
from runner.results.archives import BinaryReader
from runner.results.buckets import Buckets
from runner.results.checks import check_rows, span_reader
from runner.results.codes import OUTPUT_ABSENT_CODES, OUTPUT_TOO_LARGE, PASSING_ROW_CODES
from runner.results.copies import check_copies
from runner.results.entries import NO_ENTRY, better_row, error_of, is_error
from runner.results.outputs import OutputSource, is_copy, read_output
from runner.results.partfiles import count_lines, read_texts
from runner.results.routing import Routes, Target, foreign_line
from runner.results.rows import RowBatch
from runner.results.spool import SpoolWriter
from runner.results.topics import combined
from runner.results.writes import without_cycles
from runner.storage.atomic import Replacements, make_directory, replacing_all

ROWS_PER_LINE_MAX: Final = 16
"""Doubled rows are dealt with; more than this many for each line, on average, is no output of ours."""
TOPICS_MAX: Final = 100
"""A document has a row for each of its topics."""
ROWS_SPARE: Final = 10_000

OpenObject = Callable[[LaneSpec, str], BinaryReader]
ListObjects = Callable[[LaneSpec, str], Iterable[str]]


@dataclass(slots=True)
class _Counts:
    ok: int = 0
    missing: int = 0
    repairable: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def collect(
    task: CollectTask, *, open_object: OpenObject | None = None, list_objects: ListObjects | None = None
) -> CollectReport:
    """Read a generation's output and write its spool file, and for topics their terms before it.

    `open_object` opens (lane, URI) for reading, `list_objects` gives the URIs below one; left out, S3. Raises
    OutputError for an output that is damaged or not ours, ServiceError for a fault of S3 while reading (try again),
    RunDirectoryError if a part's text is damaged.
    """
    with without_cycles():
        return _Collector(task, open_object or _open_in_s3, list_objects or _list_in_s3).run()


def _open_in_s3(lane: LaneSpec, uri: str) -> BinaryReader:
    from runner.storage.s3 import open_object  # botocore is slow to import, and fakes do not need it

    reader: BinaryReader = open_object(lane, uri)
    return reader


def _list_in_s3(lane: LaneSpec, uri: str) -> Iterable[str]:
    from runner.storage.s3 import list_objects

    return (listed.uri for listed in list_objects(lane, uri))


class _Collector:
    """One collection under way."""

    def __init__(self, task: CollectTask, open_object: OpenObject, list_objects: ListObjects) -> None:
        self._task = task
        self._open_object = open_object
        self._list_objects = list_objects
        self._parameters = dict(task.parameters)
        self._family: Family = FAMILIES[task.family]
        self._reader = span_reader(self._family.name)
        self._copies = is_copy(self._family, self._parameters)
        self._checked = self._copies or self._reader is not None
        """Whether what rows say is held against the texts."""
        self._terms: bytes | None = None
        self._rows = 0
        self._bytes = 0

    def run(self) -> CollectReport:
        task = self._task
        with Buckets(os.path.dirname(task.spool_path), task.memory_bytes_max) as buckets:  # noqa: PTH120
            routes = Routes(task, buckets)
            for batch in self._batches(routes):
                self._sort_in(batch, routes)
                buckets.account(len(batch.files), batch.bytes)
            counts = _Counts()
            with replacing_all() as files:
                self._write_terms(files)
                with files.open(task.spool_path) as file:
                    writer = SpoolWriter(file, task.family)
                    for part in sorted(routes.targets):
                        self._finish(routes.targets[part], buckets, writer, counts)
                    spool_bytes, digest = writer.finish()
        return CollectReport(
            ok=counts.ok,
            errors=tuple(sorted(counts.errors.items())),
            missing=counts.missing,
            # Another job would have other topics: what one left out, no second one can add.
            repairable=0 if self._family.whole_corpus else counts.repairable,
            rows=self._rows,
            bytes=self._bytes,
            spool_bytes=spool_bytes,
            digest=digest,
        )

    def _batches(self, routes: Routes) -> Iterator[RowBatch]:
        task = self._task
        source = OutputSource(
            uri=task.output_uri,
            open=lambda uri: self._open_object(task.lane, uri),
            list=lambda uri: self._list_objects(task.lane, uri),
            lines_of=routes.lines_of,
            keep_terms=self._keep_terms,
        )
        try:
            yield from read_output(source, self._family, self._parameters)
        except ServiceError as error:
            if not (task.partial and self._rows == 0 and error.code in OUTPUT_ABSENT_CODES):
                raise

    def _keep_terms(self, terms: bytes) -> None:
        self._terms = terms

    def _write_terms(self, files: Replacements) -> None:
        path = self._task.terms_path
        if path is not None and self._terms is not None:
            make_directory(os.path.dirname(path))  # noqa: PTH120
            with files.open(path) as file:
                file.write(self._terms)

    def _sort_in(self, batch: RowBatch, routes: Routes) -> None:
        self._rows += len(batch.files)
        self._bytes += batch.bytes
        per_line = ROWS_PER_LINE_MAX * (TOPICS_MAX if self._family.shape == "topics" else 1)
        rows_max = ROWS_SPARE + per_line * sum(part.lines for part in self._task.parts)
        if self._rows > rows_max:
            raise OutputError(OUTPUT_TOO_LARGE, f"more than {rows_max} rows, for what was sent")
        quick = routes.quick
        for file, line, entry in zip(batch.files, batch.lines, batch.entries, strict=True):
            if file in quick:
                put_line, put_entry = quick[file]
                put_line(line)
                put_entry(entry)
            else:
                routes.put(file, line, entry)

    def _entries(self, target: Target, count: int, texts: list[str], buckets: Buckets) -> list[bytes]:
        """What was answered, per line of the part, once it is checked against what was sent."""
        entries = [NO_ENTRY] * count
        if self._family.shape == "topics":
            shares: dict[int, list[bytes]] = {}
            for lines, rows in _runs(target, buckets, count):
                _gather(shares, lines, rows)
            for line, of_line in shares.items():
                entries[line] = combined(of_line)
            return entries
        reader = self._reader
        for lines, rows in _runs(target, buckets, count):
            if self._copies:
                rows = check_copies(target.part, texts, lines, rows, self._parameters)  # noqa: PLW2901
            elif reader is not None:
                check_rows(reader, target.part, texts, lines, rows)
            _place(entries, lines, rows)
        return entries

    def _finish(self, target: Target, buckets: Buckets, writer: SpoolWriter, counts: _Counts) -> None:
        texts = read_texts(target.path) if self._checked else []
        lines = len(texts) if self._checked else count_lines(target.path)
        if target.lines is not None and target.lines != lines:
            raise RunDirectoryError(target.path, f"{lines} lines where {target.lines} are expected")
        if target.wanted and target.wanted[-1] >= lines:
            raise RunDirectoryError(target.path, f"{lines} lines, and a repair was made of line {target.wanted[-1]}")
        entries = self._entries(target, lines, texts, buckets)
        block = writer.add(target.part, entries)
        counts.ok += block.ok
        missing = entries.count(NO_ENTRY) - (0 if target.wanted is None else lines - len(target.wanted))
        counts.missing += missing
        counts.repairable += missing
        if block.errors:
            _count_errors(entries, counts)


def _runs(target: Target, buckets: Buckets, lines_max: int) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """The rows of a part, some at a time. Raises OutputError for one whose line does not exist."""
    for lines, rows in buckets.runs(target.bucket):
        if max(lines) >= lines_max:
            raise foreign_line(max(lines), lines_max)
        yield lines, rows


def _gather(shares: dict[int, list[bytes]], lines: Sequence[int], rows: Sequence[bytes]) -> None:
    for line, row in zip(lines, rows, strict=True):
        shares.setdefault(line, []).append(row)


def _place(entries: list[bytes], lines: Sequence[int], rows: Sequence[bytes]) -> None:
    for line, row in zip(lines, rows, strict=True):
        held = entries[line]
        entries[line] = better_row(held, row) if held else row


def _count_errors(entries: list[bytes], counts: _Counts) -> None:
    for entry in entries:
        if is_error(entry):
            code, _ = error_of(entry)
            counts.errors[code] += 1
            counts.repairable += code in PASSING_ROW_CODES
