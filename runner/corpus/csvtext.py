"""A CSV file as text, in pieces of whole lines: what the parser is fed, and where it is.

The pieces of a record that is not finished are kept, so that an unclosed cell can be traced to its beginning.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

from runner.corpus.decoding import MARK, UTF_8, Decoding
from runner.corpus.textlines import Readable, decoded
from runner.errors import SourceError
from runner.model import CorpusSpec, SourceFile

RECORD_CHARACTERS_MAX: Final = 100_000_000
"""No sane record is longer: a quote too many is swallowing the file, and the memory next (4 bytes a character)."""


class CsvText:
    """Iterates over pieces of text, each of which iterates over its lines (that end at LF, CR, CRLF, and keep that)."""

    def __init__(
        self, corpus: CorpusSpec, file: SourceFile, stream: Readable, decoding: Decoding, *, chunk_bytes: int
    ) -> None:
        self._corpus = corpus
        self._file = file
        self._pieces = _whole_lines(decoded(stream, decoding, chunk_bytes), decoding.bom)
        self._sound = _sound_utf_8 if decoding.encoding == UTF_8 else _sound
        self._held: list[tuple[str, int]] = []
        """The pieces that the record being parsed may lie in, with the numbers of lines before them."""
        self.parser: Any = None
        """Python's parser, which counts the lines that it took."""
        self.line = 0
        """How many lines the finished records have, the header included; kept by whom they are parsed by."""
        self.fresh = False
        """Whether another piece was begun since the parser's user last looked."""
        self.marked = False
        """Whether anything so far could not be decoded."""

    def __iter__(self) -> Iterator[Iterator[str]]:
        for piece in self._pieces:
            before = self.parser.line_num
            if before <= self.line:
                self._held.clear()
            while len(self._held) > 1 and self._held[1][1] <= self.line:
                del self._held[0]
            self._held.append((piece, before))
            if sum(len(each) for each, _ in self._held) > RECORD_CHARACTERS_MAX:
                raise self.endless()
            self.marked = self.marked or not self._sound(piece)
            self.fresh = True
            yield _lines(piece)

    def endless(self) -> SourceError:
        """The error for the record being parsed, which has no end: it names the place of its last cell."""
        from runner.corpus.csvrows import parser

        lines = chain.from_iterable(_lines(piece) for piece, _ in self._held)
        record = list(parser(islice(lines, self.line - self._held[0][1], None), self._corpus.csv, strict=False))[-1]
        begins = self.line + 1 + sum(map(_breaks, record[:-1]))
        return SourceError(
            self._corpus.name,
            f"{self._file.path}:{begins}: the quoted cell that opens in line {begins}, as column {len(record)} of its "
            f"row, is not closed in the {len(record[-1])} characters from there",
            hint="close the cell, double the quote if it is text, or name another `quote` in the corpus's `csv`",
        )


def _whole_lines(pieces: Iterator[str], bom: str) -> Iterator[str]:
    """Text in pieces that end where a line does, without the byte order mark; the last may end anywhere."""
    held: list[str] = []
    for piece in pieces:
        text = piece
        if bom and text:
            text, bom = text.removeprefix(bom), ""
        if held and held[-1].endswith("\r"):
            # A CR that was held back, since it may be half of a CRLF.
            text, held = "".join((*held, text)), []
        cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
        if not cut:
            if text:
                held.append(text)
            continue
        whole = text[:cut]
        yield "".join((*held, whole)) if held else whole
        held = [text[cut:]] if cut < len(text) else []
    rest = "".join(held)
    if rest:
        yield rest


def _lines(piece: str) -> Iterator[str]:
    return io.StringIO(piece, newline="")


def _breaks(text: str) -> int:
    """How many line ends a text has."""
    return text.count("\n") + ((text.count("\r") - text.count("\r\n")) if "\r" in text else 0)


def _sound_utf_8(text: str) -> bool:
    return MARK not in text


def _sound(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
