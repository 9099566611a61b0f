"""Reading one range of a listing as blocks of documents: the one place that knows every format's reader."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from runner.corpus.assembling import Rows, blocks_of
from runner.corpus.blocks import CHANGED_MESSAGE, INPUT_CHANGED, Block, Trouble
from runner.corpus.csvrows import CsvReader
from runner.corpus.csvtext import CsvText
from runner.corpus.decoding import Decoding, decoding
from runner.corpus.files import file_blocks
from runner.corpus.jsonl import json_rows
from runner.corpus.lines import line_rows
from runner.corpus.opening import OpenSource, SourceChangedError, open_source
from runner.corpus.parquet import ParquetReader
from runner.corpus.quickrows import Asked, kept_template
from runner.corpus.rows import RowReader
from runner.corpus.stretches import Stretch, count_lines
from runner.corpus.textlines import CHUNK_BYTES, Readable, text_lines
from runner.errors import SourceError
from runner.model import CorpusSpec, SourceFile, SourceRange


class RangeReader:
    """Reads one range. `undecodable` is the policy (`error` or `replace`).

    `changed` are places in the listing of sources known to have changed: each is one document, and is not opened.
    Raises SourceError for an encoding that Python does not know.
    """

    def __init__(
        self,
        corpus: CorpusSpec,
        source_range: SourceRange,
        *,
        undecodable: str,
        changed: frozenset[int] = frozenset(),
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._corpus = corpus
        self._range = source_range
        self._known_changed = changed
        self._chunk_bytes = chunk_bytes
        self._rows = RowReader(Asked.of(corpus)) if corpus.format == "jsonl" else None
        self.changed_while_read: set[int] = set()
        """Sources whose documents were given out before the change was seen: the range must be read again with them
        in `changed`, since nothing of such a source can be trusted."""
        self._decoding = _decoding(corpus, undecodable)

    def blocks(self) -> Generator[Block]:
        """The documents of the range in input order. Raises SourceError for a source that cannot be read."""
        if self._corpus.format == "files":
            yield from file_blocks(self._corpus, self._range, self._decoding, self._known_changed)
            return
        for source, file in enumerate(self._range.files, self._range.first):
            yield from self._of_source(source, file)

    def _of_source(self, source: int, file: SourceFile) -> Iterator[Block]:
        stop = 0 if self._corpus.format == "parquet" else self._range.end
        opened = None if source in self._known_changed else open_source(self._corpus, file, stop=stop)
        if opened is None or self._uncounted:
            yield self._changed_block(source, file)
            return
        given = False
        with opened:
            try:
                for block in self._documents(source, file, opened):
                    given = True
                    yield block
                opened.require_unchanged()
            except SourceChangedError:
                if given:
                    self.changed_while_read.add(source)
                else:
                    yield self._changed_block(source, file)

    def _documents(self, source: int, file: SourceFile, opened: OpenSource) -> Iterator[Block]:
        label, sample = file.label, self._corpus.sample
        begin, end = self._range.begin, self._range.end
        match self._corpus.format:
            case "parquet":
                reader = ParquetReader(self._corpus, opened, self._decoding)
                for group in reader.row_groups(begin, end):
                    rows = reader.rows(group)
                    yield from blocks_of(source, label, rows, position=group.position, sample=sample)
            case "csv":
                text = CsvText(self._corpus, file, opened, self._decoding, chunk_bytes=self._chunk_bytes)
                yield from blocks_of(source, label, CsvReader(self._corpus, file, text).rows(), sample=sample)
            case _:
                stream = Stretch(opened, begin, end) if begin or end is not None else opened
                found = self._lines(stream, at_start=not begin)
                yield from blocks_of(source, label, found, position=self._range.position or 0, sample=sample)

    def _lines(self, stream: Readable, *, at_start: bool) -> Iterator[Rows]:
        """What the lines of a stream are as rows."""
        chunk_bytes = self._chunk_bytes
        if self._rows is not None:
            return json_rows(stream, self._decoding, self._rows, chunk_bytes=chunk_bytes, at_start=at_start)
        return line_rows(text_lines(stream, self._decoding, chunk_bytes=chunk_bytes, at_start=at_start))

    @property
    def _uncounted(self) -> bool:
        """Whether the lines before this stretch could not be counted, since the file had changed by then."""
        return needs_position(self._corpus, self._range) and self._range.position is None

    def _changed_block(self, source: int, file: SourceFile) -> Block:
        """What stands for a source, or a stretch of one, that changed before it was read: one document."""
        begin, position = self._range.begin, self._range.position
        place = f"byte {begin}" if begin and position is None else str(position or 0)
        rule = self._corpus.language
        return Block(
            ids=[f"{file.label}:{place}"],
            sources=[source],
            positions=[position or 0],
            texts=[""],
            troubles={0: Trouble(INPUT_CHANGED, CHANGED_MESSAGE)},
            languages=[None] if rule is not None and rule.kind == "field" else None,
            fields=[kept_template(self._corpus.keep) % ((b"null",) * len(self._corpus.keep))]
            if self._corpus.keep
            else None,
        )


def needs_position(corpus: CorpusSpec, source_range: SourceRange) -> bool:
    """Whether somebody must count the lines before a range, before it can be read."""
    return source_range.begin > 0 and corpus.format in {"lines", "jsonl"}


def count_range(corpus: CorpusSpec, source_range: SourceRange) -> int | None:
    """How many lines begin in a stretch of a file; None if the file changed. Raises SourceError if it cannot be read.

    A plain function, to be given to worker processes.
    """
    (file,) = source_range.files
    try:
        opened = open_source(corpus, file, stop=source_range.end)
        if opened is None:
            return None
        with opened:
            stretch = Stretch(opened, source_range.begin, source_range.end)
            count = count_lines(stretch, _decoding(corpus, "replace"), at_start=not source_range.begin)
            opened.require_unchanged()
    except SourceChangedError:
        return None
    return count


def _decoding(corpus: CorpusSpec, undecodable: str) -> Decoding:
    try:
        return decoding(corpus.encoding, undecodable)
    except LookupError as error:
        raise SourceError(corpus.name, f"the encoding {corpus.encoding} is not known") from error
