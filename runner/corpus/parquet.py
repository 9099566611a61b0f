"""The format `parquet`: a document is a row; text, id and other values are in named columns, `a.b` inside structs.

Row groups are the units of work: a stretch of a large file has the row groups that begin in it, and the file's footer
says how many rows come before. Only the columns asked for are read, some rows at a time.

The text is a column of strings (also dictionary-encoded, or of bytes, which are decoded). A null text is a document
without text; of several, nulls are left out. pyarrow is an extra, and imported when the first file is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from runner.corpus.assembling import Rows
from runner.corpus.blocks import BAD_ROW, Trouble
from runner.corpus.choosing import passes_value
from runner.corpus.columnnames import column_of
from runner.corpus.decoding import Decoding
from runner.corpus.opening import HINT, OpenSource, SourceChangedError
from runner.corpus.parquetvalues import is_id, is_text, json_of, names_of, plain_of, texts_of, type_at
from runner.corpus.quickrows import TEXT_DEFAULT, kept_template
from runner.corpus.s3faults import told
from runner.errors import MachineError, ServiceError, SourceError
from runner.model import CorpusSpec
from runner.storage.sources import ObjectChangedError

BATCH_BYTES: Final = 1 << 18
"""What is made of a batch fits the cache of a core: four times as much takes a third more time."""
BATCH_ROWS_MAX: Final = 8192
BUFFER_BYTES: Final = 1 << 20


class RowGroup(NamedTuple):
    """One row group: its place in the file, and how many rows come before it."""

    place: int
    position: int


def arrow() -> Any:
    """The package pyarrow with its reader of Parquet. Raises MachineError if the extra is missing."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MachineError(
            "a corpus is in Parquet, and the package that reads it is missing",
            hint="install the extra `parquet`: pip install 'comprehend-runner[parquet]'",
        ) from error
    return pyarrow


class ParquetReader:
    """Reads one file. Raises SourceError for a file that is not Parquet, or lacks a column that the corpus names."""

    def __init__(self, corpus: CorpusSpec, opened: OpenSource, decoding: Decoding) -> None:
        self._pa = arrow()
        self._corpus = corpus
        self._opened = opened
        self._decoding = decoding
        with self._faults_told():
            stored = self._pa.PythonFile(opened.raw, mode="r")
            self._file = self._pa.parquet.ParquetFile(stored, buffer_size=BUFFER_BYTES, pre_buffer=False)
            self._schema = self._file.schema_arrow
        self._names = names_of(self._schema)
        rule = corpus.language
        self._texts = [self._typed(path, "text", is_text, "text") for path in corpus.text or TEXT_DEFAULT]
        self._id = self._typed(corpus.id, "id", is_id, "text, numbers or times") if corpus.id is not None else None
        self._language = self._named(rule.path or "", "language") if rule and rule.kind == "field" else None
        self._keep = [self._named(path, "keep") for path in corpus.keep]
        self._where = [(self._named(path, "where"), passes_value(values)) for path, values in corpus.where]
        self._template = kept_template(corpus.keep)

    def row_groups(self, begin: int, end: int | None) -> Iterator[RowGroup]:
        """The row groups that begin in bytes [begin, end) of the file; each is in one stretch of it."""
        position = 0
        metadata = self._file.metadata
        for place in range(metadata.num_row_groups):
            group = metadata.row_group(place)
            offset = min(_offset(group), self._opened.file.size - 1)
            if begin <= offset and (end is None or offset < end):
                yield RowGroup(place, position)
            position += group.num_rows

    def rows(self, group: RowGroup) -> Iterator[Rows]:
        """The rows of a row group, some at a time."""
        columns = list(dict.fromkeys(self._asked()))
        batches = self._file.iter_batches(
            batch_size=self._batch_rows(group, columns), row_groups=[group.place], columns=columns, use_threads=False
        )
        while True:
            with self._faults_told():
                batch = next(batches, None)
                if batch is None:
                    return
                rows = self._rows(batch)
            yield rows

    def _asked(self) -> Iterator[str]:
        yield from self._texts
        yield from (path for path in (self._id, self._language) if path is not None)
        yield from self._keep
        yield from (path for path, _ in self._where)

    def _named(self, path: str, role: str) -> str:
        return column_of(self._corpus.name, self._opened.file.path, self._names, path, role)

    def _typed(self, path: str, role: str, allowed: Any, what: str) -> str:
        name = self._named(path, role)
        kind = type_at(self._schema, name)
        if not allowed(kind):
            raise SourceError(
                self._corpus.name,
                f"the column {name!r} of {self._opened.file.path}, which `{role}` names, is {kind}, not {what}",
                hint="name a column of another type, or convert the file",
            )
        return name

    def _batch_rows(self, group: RowGroup, columns: Sequence[str]) -> int:
        """How many rows to read at a time, so that they are about BATCH_BYTES."""
        described = self._file.metadata.row_group(group.place)
        size = 0
        for place in range(described.num_columns):
            chunk = described.column(place)
            if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in columns):
                size += chunk.total_uncompressed_size
        rows: int = described.num_rows * BATCH_BYTES // max(size, 1)
        return max(1, min(rows, BATCH_ROWS_MAX))

    def _rows(self, batch: Any) -> Rows:
        count = batch.num_rows
        troubles: dict[int, Trouble] = {}
        columns = [texts_of(self._at(batch, path), self._decoding, troubles) for path in self._texts]
        ids = self._ids(batch, troubles) if self._id is not None else None
        languages = _column_text(self._at(batch, self._language)) if self._language is not None else None
        kept = [json_of(self._at(batch, path)) for path in self._keep]
        return Rows(
            texts=_joined(columns, troubles),
            ids=ids,
            languages=languages,
            fields=[self._template % values for values in zip(*kept, strict=True)] if kept else None,
            passes=self._passes(batch, count) if self._where else None,
            troubles=troubles,
        )

    def _at(self, batch: Any, path: str) -> Any:
        """The values at a path of a batch; null where anything on the way is."""
        if path in batch.schema.names:
            return batch.column(path)
        import pyarrow.compute as pc

        first, *rest = path.split(".")
        return pc.struct_field(batch.column(first), rest)

    def _ids(self, batch: Any, troubles: dict[int, Trouble]) -> list[str | None]:
        assert self._id is not None
        ids = _column_text(self._at(batch, self._id))
        for row, document_id in enumerate(ids):
            if document_id is None:
                troubles.setdefault(row, Trouble(BAD_ROW, f"the id at {self._id} is null"))
        return ids

    def _passes(self, batch: Any, count: int) -> list[bool]:
        passes = [True] * count
        for path, judge in self._where:
            values = plain_of(self._at(batch, path))
            passes = [passed and judge(value) for passed, value in zip(passes, values, strict=True)]
        return passes

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        file, corpus = self._opened.file, self._corpus.name
        try:
            yield
        except ObjectChangedError as error:
            raise SourceChangedError from error
        except ServiceError as error:
            raise told(corpus, file.path, error) from error
        except (self._pa.ArrowException, OSError, EOFError) as error:
            self._opened.require_unchanged()
            reason = str(error).partition("\n")[0]
            raise SourceError(corpus, f"{file.path} cannot be read as Parquet: {reason}", hint=HINT) from error


def _offset(group: Any) -> int:
    """Where a row group begins in its file, by its first column."""
    chunk = group.column(0)
    dictionary = chunk.dictionary_page_offset
    return int(dictionary or chunk.data_page_offset)


def _column_text(values: Any) -> list[str | None]:
    return [None if value is None else value if isinstance(value, str) else str(value) for value in plain_of(values)]


def _joined(columns: Sequence[list[str | None]], troubles: dict[int, Trouble]) -> list[str]:
    if len(columns) == 1:
        texts = [text or "" for text in columns[0]]
    else:
        texts = ["\n".join(text for text in row if text is not None) for row in zip(*columns, strict=True)]
    for row in troubles:
        texts[row] = ""
    return texts
