"""Reading one range of a listing as blocks of documents: the one place that knows every format's reader."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from runner.corpus.blocks import Block, changed_block
from runner.corpus.decoding import decoding
from runner.corpus.files import file_blocks
from runner.corpus.jsonl import row_blocks
from runner.corpus.lines import line_blocks
from runner.corpus.opening import OpenSource, open_source
from runner.corpus.rows import RowReader
from runner.corpus.textlines import CHUNK_BYTES, text_lines
from runner.errors import InternalError, SourceError
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
        self._rows = RowReader(corpus.text, corpus.id) if corpus.format == "jsonl" else None
        self.changed_while_read: set[int] = set()
        """Sources whose documents were given out before the change was seen: the range must be read again with them
        in `changed`, since nothing of such a source can be trusted."""
        try:
            self._decoding = decoding(corpus.encoding, undecodable)
        except LookupError as error:
            raise SourceError(corpus.name, f"the encoding {corpus.encoding} is not known") from error

    def blocks(self) -> Generator[Block]:
        """The documents of the range in input order. Raises SourceError for a source that cannot be read."""
        match self._corpus.format:
            case "files":
                yield from file_blocks(self._range, self._decoding, self._known_changed)
            case "lines" | "jsonl":
                for source, file in enumerate(self._range.files, self._range.first):
                    yield from self._of_source(source, file)
            case "csv" | "parquet":
                raise InternalError(f"no reader for {self._corpus.format}: the manifest refuses it")

    def _of_source(self, source: int, file: SourceFile) -> Iterator[Block]:
        opened = None if source in self._known_changed else open_source(self._corpus.name, file)
        if opened is None:
            yield changed_block(source, f"{file.label}:0")
            return
        with opened:
            yield from self._documents(source, file.label, opened)
            if opened.changed():
                self.changed_while_read.add(source)

    def _documents(self, source: int, label: str, opened: OpenSource) -> Iterator[Block]:
        lines = text_lines(opened, self._decoding, chunk_bytes=self._chunk_bytes)
        if self._rows is None:
            return line_blocks(source, label, lines)
        return row_blocks(source, label, lines, self._rows)
