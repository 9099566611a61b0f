"""Collecting: one generation's output becomes one spool file, every row checked on the way.

Rows come in any order and are sorted into buckets by part (bounded memory), in the spool file itself where they are
many; then, part by part, they are checked against the staged text and become a block. A row for a file or a line that
the job was not given, or with a text that was not sent, refuses the whole output: a mixed-up output is a fault, never
a result.

`collect` is a plain function of its task: done twice, it leaves the same file. It knows nothing of the journal.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from runner.catalogue import FAMILIES, Family
from runner.errors import OutputError, ServiceError
from runner.model import CollectReport, CollectTask, LaneSpec
from runner.results.archives import BinaryReader
from runner.results.blocks import Blocks, rows_stay
from runner.results.buckets import Buckets
from runner.results.codes import OUTPUT_ABSENT_CODES, OUTPUT_TOO_LARGE
from runner.results.outputs import OutputSource, read_output
from runner.results.routing import Routes
from runner.results.rows import RowBatch
from runner.results.runs import RunFile
from runner.results.spool import SpoolWriter
from runner.results.writes import full_disk_told, without_cycles
from runner.storage.atomic import Replacements, make_directory, replacing_all

ROWS_PER_LINE_MAX: Final = 16
"""Doubled rows are dealt with; more than this many for each line, on average, is no output of ours."""
TOPICS_MAX: Final = 100
"""A document has a row for each of its topics."""
ROWS_SPARE: Final = 10_000

OpenObject = Callable[[LaneSpec, str], BinaryReader]
ListObjects = Callable[[LaneSpec, str], Iterable[str]]


def collect(
    task: CollectTask, *, open_object: OpenObject | None = None, list_objects: ListObjects | None = None
) -> CollectReport:
    """Read a generation's output and write its spool file, and for topics their terms before it.

    `open_object` opens (lane, URI) for reading, `list_objects` gives the URIs below one; left out, S3. Raises
    OutputError for an output that is damaged or not ours, ServiceError for a fault of S3 while reading (try again),
    RunDirectoryError if a part's text is damaged.
    """
    with without_cycles():
        collector = _Collector(task, open_object or _open_in_s3, list_objects or _list_in_s3)
        try:
            return collector.run()
        except OutputError:
            if not collector.by_columns:
                raise
        # What is wrong with an output, and whether anything is, is for the decoder of rows to say.
        return _Collector(task, open_object or _open_in_s3, list_objects or _list_in_s3, strict=True).run()


def _open_in_s3(lane: LaneSpec, uri: str) -> BinaryReader:
    from runner.storage.s3 import open_object  # botocore is slow to import, and fakes do not need it

    reader: BinaryReader = open_object(lane, uri)
    return reader


def _list_in_s3(lane: LaneSpec, uri: str) -> Iterable[str]:
    from runner.storage.s3 import list_objects

    return (listed.uri for listed in list_objects(lane, uri))


class _Collector:
    """One collection under way; a strict one decodes every row. `by_columns` says whether there were other rows."""

    def __init__(
        self, task: CollectTask, open_object: OpenObject, list_objects: ListObjects, *, strict: bool = False
    ) -> None:
        self._task = task
        self._open_object = open_object
        self._list_objects = list_objects
        self._parameters = dict(task.parameters)
        self._family: Family = FAMILIES[task.family]
        self._strict = strict
        self._terms: bytes | None = None
        self.by_columns = False
        self._rows = 0
        self._bytes = 0

    def run(self) -> CollectReport:
        with replacing_all() as files, files.open(self._task.spool_path) as file:
            writer = SpoolWriter(file, self._task.family)
            with self._rows_file(writer) as rows_file:
                buckets = Buckets(rows_file, self._task.memory_bytes_max)
                blocks = Blocks(self._task, buckets, writer)
                self._read(Routes(self._task, buckets), buckets, blocks)
            self._write_terms(files)
            spool_bytes, digest = writer.finish()
        return CollectReport(
            ok=blocks.ok,
            errors=tuple(sorted(blocks.errors.items())),
            missing=blocks.missing,
            repairable=blocks.repairable,
            rows=self._rows,
            bytes=self._bytes,
            spool_bytes=spool_bytes,
            digest=digest,
        )

    @contextmanager
    def _rows_file(self, writer: SpoolWriter) -> Iterator[RunFile]:
        """Where rows go that are too many for memory: to the spool, or, if answers are not the rows, aside."""
        if rows_stay(self._family, self._parameters):
            yield writer.runs
            return
        folder = os.path.dirname(self._task.spool_path)  # noqa: PTH120
        with full_disk_told(folder), tempfile.TemporaryFile(dir=folder) as aside:
            yield RunFile(aside)

    def _read(self, routes: Routes, buckets: Buckets, blocks: Blocks) -> None:
        for batch in self._batches(routes):
            self._sort_in(batch, routes)
            buckets.account(batch)
        for part in sorted(routes.targets):
            blocks.add(routes.targets[part])

    def _batches(self, routes: Routes) -> Iterator[RowBatch]:
        task = self._task
        source = OutputSource(
            uri=task.output_uri,
            open=lambda uri: self._open_object(task.lane, uri),
            list=lambda uri: self._list_objects(task.lane, uri),
            lines_of=routes.lines_of,
            files=() if self._strict else routes.quick.keys(),
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
        """Put rows into their buckets."""
        self._rows += len(batch.files) + sum([rows.total for _, rows in batch.pieces])
        self._bytes += batch.bytes
        per_line = ROWS_PER_LINE_MAX * (TOPICS_MAX if self._family.shape == "topics" else 1)
        rows_max = ROWS_SPARE + per_line * sum(part.lines for part in self._task.parts)
        if self._rows > rows_max:
            raise OutputError(OUTPUT_TOO_LARGE, f"more than {rows_max} rows, for what was sent")
        quick = routes.quick
        for file, rows in batch.pieces:
            quick[file].put_piece(rows)
            self.by_columns = True
        for file, line, entry in zip(batch.files, batch.lines, batch.entries, strict=True):
            if file in quick:
                put_line, put_entry, _ = quick[file]
                put_line(line)
                put_entry(entry)
            else:
                routes.put(file, line, entry)
