"""The format `csv`: a document is a record, its text, id and other values are in named columns.

Records are parsed by Python's `csv`, strictly: cells may hold line breaks (kept as they are) and quotes (doubled). A
blank line is a document without text. A record that breaks the rules or has another number of cells than the first
closes as BAD_ROW, and reading goes on with the next line. A cell that is opened and never closed, or only by the next
quoted cell far below, would swallow other rows, so that is the user's to mend: a SourceError that says where.

A byte range of a CSV file cannot be read by itself: whether a line break ends a record depends on every quote before
it. So a CSV file is always one piece of work.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import msgspec

from runner.corpus.assembling import Rows
from runner.corpus.blocks import BAD_ROW, UNDECODABLE, Trouble
from runner.corpus.choosing import NULL, passes_text
from runner.corpus.columnnames import column_of
from runner.corpus.csvtext import CsvText
from runner.corpus.decoding import SURROGATE
from runner.corpus.quickrows import TEXT_DEFAULT, kept_template
from runner.errors import SourceError
from runner.model import CorpusSpec, CsvDialect, SourceFile

BAD_LINES_MAX: Final = 100
"""A broken row of more lines is none: a quote too many ran into the next quoted cell, and other rows are in between."""

_UNCLOSED: Final = "unexpected end of data"
"""How the strict parser says that a file ends inside a quoted cell."""

_encode: Final = msgspec.json.Encoder().encode


class CsvReader:
    """Reads the records of one file of a corpus."""

    def __init__(self, corpus: CorpusSpec, file: SourceFile, text: CsvText) -> None:
        self._corpus = corpus
        self._file = file
        self._text = text
        # Python's own limit of 131,072 characters a cell is a guard against what `CsvText` guards against.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self._records = text.parser = parser(chain.from_iterable(text), corpus.csv)

    def rows(self) -> Iterator[Rows]:
        """The records, some at a time. Raises SourceError for a column that is not there and a cell without end."""
        first = self._first()
        if first is None:
            return
        header, first_records = first
        asked = _Asked.of(self._corpus, self._file, header)
        for records, bad in self._batches(first_records):
            if records:
                yield asked.rows(records, bad, self._undecodable(records, bad))

    def _first(self) -> tuple[list[str], list[list[str]]] | None:
        """The names of the columns, and the records read to find them; None for a file with none."""
        try:
            first = next(self._records, None)
        except csv.Error as error:
            raise self._fault(error) from error
        if first is None:
            return None
        self._text.line = self._records.line_num
        self._text.fresh = False
        if not self._corpus.csv.header:
            return [str(place) for place in range(len(first))], [first]
        if any(map(SURROGATE.search, first)):
            raise SourceError(
                self._corpus.name,
                f"the header of {self._file.path} is not {self._corpus.encoding}",
                hint="name the file's `encoding`",
            )
        return first, []

    def _batches(self, records: list[list[str]]) -> Iterator[tuple[list[list[str]], dict[int, Trouble]]]:
        """Records by about a chunk of text, and those that broke the rules (given as empty ones)."""
        bad: dict[int, Trouble] = {}
        text, source = self._text, self._records
        ended = False
        while not ended:
            try:
                for record in source:
                    records.append(record)
                    text.line = source.line_num
                    if text.fresh:
                        text.fresh = False
                        yield records, bad
                        records, bad = [], {}
                ended = True
            except csv.Error as error:
                if str(error) == _UNCLOSED:
                    raise self._fault(error) from error
                bad[len(records)] = self._bad(error, source.line_num - text.line)
                records.append([])
                text.line = source.line_num
        yield records, bad

    def _bad(self, error: csv.Error, lines: int) -> Trouble:
        """What is wrong with a record that breaks the rules. Raises SourceError if it swallowed many lines."""
        if lines > BAD_LINES_MAX:
            begins = self._text.line + 1
            raise SourceError(
                self._corpus.name,
                f"{self._file.path}:{begins}: the row that begins in line {begins} is not valid CSV, and reaches to "
                f"line {begins + lines - 1}: {error}",
                hint="look for a quote too many in that line, or name another `quote` in the corpus's `csv`",
            )
        over = f" (a row over {lines} lines)" if lines > 1 else ""
        return Trouble(BAD_ROW, f"not valid CSV: {error}{over}")

    def _undecodable(self, records: Sequence[list[str]], bad: dict[int, Trouble]) -> set[int]:
        """The records in which something could not be decoded."""
        if not self._text.marked:
            return set()
        return {row for row, cells in enumerate(records) if row not in bad and any(map(SURROGATE.search, cells))}

    def _fault(self, error: csv.Error) -> SourceError:
        if str(error) == _UNCLOSED:
            return self._text.endless()
        return SourceError(
            self._corpus.name,
            f"the first line of {self._file.path} is not valid CSV: {error}",
            hint="see `delimiter` and `quote` of the corpus's `csv`",
        )


def parser(lines: Iterator[str], dialect: CsvDialect, *, strict: bool = True) -> Any:
    """Python's parser for a dialect, fed with lines that keep their ends."""
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a corpus asks of the records of one file: places of columns."""

    corpus: CorpusSpec
    width: int
    texts: tuple[int, ...]
    id: int | None
    language: int | None
    keep: tuple[int, ...]
    where: tuple[tuple[int, Callable[[str], bool]], ...]
    template: bytes

    @classmethod
    def of(cls, corpus: CorpusSpec, file: SourceFile, header: list[str]) -> _Asked:
        """Raises SourceError for a column that the header lacks, or has twice."""

        def place(name: str, role: str) -> int:
            return header.index(column_of(corpus.name, file.path, header, name, role))

        rule = corpus.language
        by_field = rule is not None and rule.kind == "field"
        return cls(
            corpus=corpus,
            width=len(header),
            texts=tuple(place(name, "text") for name in corpus.text or TEXT_DEFAULT),
            id=place(corpus.id, "id") if corpus.id is not None else None,
            language=place(rule.path or "", "language") if rule is not None and by_field else None,
            keep=tuple(place(name, "keep") for name in corpus.keep),
            where=tuple((place(name, "where"), passes_text(values)) for name, values in corpus.where),
            template=kept_template(corpus.keep),
        )

    def rows(self, records: list[list[str]], bad: dict[int, Trouble], undecodable: set[int]) -> Rows:
        """The columns of records; those that cannot be used are blank, and explained in `troubles`."""
        troubles = dict(bad)
        unusable = self._unusable(records, troubles, undecodable)
        if unusable:
            blank = [""] * self.width
            records = [blank if row in unusable else cells for row, cells in enumerate(records)]
        columns = [list(map(itemgetter(place), records)) for place in self.texts]
        texts = columns[0] if len(columns) == 1 else ["\n".join(cells) for cells in zip(*columns, strict=True)]
        for row in unusable:
            texts[row] = ""
        ids: list[str | None] | None = None
        if self.id is not None:
            ids = list(map(itemgetter(self.id), records))
            for row in unusable:
                ids[row] = None
        return Rows(
            texts=texts,
            ids=ids,
            languages=[cells[self.language] or None for cells in records] if self.language is not None else None,
            fields=self._fields(records, unusable) if self.keep else None,
            passes=self._passes(records, troubles) if self.where else None,
            troubles=troubles,
        )

    def _unusable(self, records: list[list[str]], troubles: dict[int, Trouble], undecodable: set[int]) -> set[int]:
        """The records without values: blank lines, and those in trouble (which are added to `troubles`)."""
        for row in undecodable:
            troubles[row] = Trouble(UNDECODABLE, f"not {self.corpus.encoding}")
        unusable = set(troubles)
        if set(map(len, records)) <= {self.width} and not unusable:
            return unusable
        for row, cells in enumerate(records):
            if row in unusable or len(cells) == self.width:
                continue
            unusable.add(row)
            if cells:
                wanted = f"{self.width} column{'' if self.width == 1 else 's'}"
                troubles[row] = Trouble(BAD_ROW, f"the row has {len(cells)}, not {wanted}")
        return unusable

    def _fields(self, records: list[list[str]], unusable: set[int]) -> list[bytes]:
        columns = [map(_encode, map(itemgetter(place), records)) for place in self.keep]
        fields = [self.template % values for values in zip(*columns, strict=True)]
        for row in unusable:
            fields[row] = self.template % ((NULL,) * len(self.keep))
        return fields

    def _passes(self, records: list[list[str]], troubles: dict[int, Trouble]) -> list[bool]:
        """What `where` says; what cannot be read cannot be judged, and is taken."""
        verdicts = [map(judge, map(itemgetter(place), records)) for place, judge in self.where]
        passes = list(map(all, zip(*verdicts, strict=True)))
        for row in troubles:
            passes[row] = True
        return passes
