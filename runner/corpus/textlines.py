"""A stream as lines of text: they end at LF, CR or CRLF and at nothing else, wherever the stream's chunks end.

The last line needs no end, and an end makes no further line. Memory: one chunk, or a few times the longest line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

from runner.corpus.decoding import BOM_BYTES_MAX, Decoding, Lines

CHUNK_BYTES: Final = 1 << 17
"""What is made of a chunk fits the cache of a core: with four times as much, short documents take a fifth more time."""

S = TypeVar("S", str, bytes)


class Readable(Protocol):
    """What lines are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        ...


class LineEnds(Generic[S]):
    """Takes a stream in any pieces and gives it back in pieces of whole lines, each closed by one line feed.

    The stream's byte order mark, if it begins with `bom`, is dropped.
    """

    def __init__(self, crlf: S, bom: S) -> None:
        self._crlf: S = crlf
        self._cr: S = crlf[:1]
        self._lf: S = crlf[1:]
        self._bom: S = bom
        """Empty once the first line is through."""
        self._held: list[S] = []
        self._after_cr = False

    def feed(self, data: S) -> S:
        """The lines that end in `data`, with what was held of the first; empty if none does."""
        if not data:
            return data
        if self._after_cr and data[:1] == self._lf:
            data = data[1:]  # the second half of a CRLF across two chunks
        self._after_cr = data[-1:] == self._cr
        if self._cr in data:
            data = data.replace(self._crlf, self._lf).replace(self._cr, self._lf)
        cut = data.rfind(self._lf) + 1
        if not cut:
            self._held.append(data)
            return data[:0]
        whole: S = data[:cut]
        if self._held:
            self._held.append(whole)
            whole = whole[:0].join(self._held)
        self._held = [data[cut:]]
        return self._without_bom(whole)

    def rest(self) -> S:
        """The last line, if it has no end, closed by a line feed; else empty."""
        empty: S = self._lf[:0]
        line = self._without_bom(empty.join(self._held))
        self._held = []
        return line + self._lf if line else empty

    def _without_bom(self, data: S) -> S:
        bom, self._bom = self._bom, self._bom[:0]
        return data.removeprefix(bom)


def text_lines(
    stream: Readable, decoding: Decoding, *, chunk_bytes: int = CHUNK_BYTES, at_start: bool = True
) -> Iterator[Lines]:
    """The lines of a stream, some at a time, never none. At the start of a file its byte order mark is dropped."""
    if decoding.splits_as_bytes:
        return map(decoding.lines, whole_lines(stream, decoding, chunk_bytes=chunk_bytes, at_start=at_start))
    assert at_start, "only what splits as bytes is read from its middle"
    return _split_as_text(stream, decoding, chunk_bytes)


def whole_lines(
    stream: Readable, decoding: Decoding, *, chunk_bytes: int = CHUNK_BYTES, at_start: bool = True
) -> Iterator[bytes]:
    """A stream in pieces of whole lines, each closed by one line feed; for encodings that split as bytes."""
    ends = LineEnds(b"\r\n", decoding.bom_bytes if at_start else b"")
    while chunk := stream.read(chunk_bytes):
        whole = ends.feed(chunk)
        if whole:
            yield whole
    rest = ends.rest()
    if rest:
        yield rest


def _split_as_text(stream: Readable, decoding: Decoding, chunk_bytes: int) -> Iterator[Lines]:
    ends = LineEnds("\r\n", decoding.bom)
    for text in decoded(stream, decoding, chunk_bytes):
        whole = ends.feed(text)
        if whole:
            yield _marked_lines(whole, decoding)
    rest = ends.rest()
    if rest:
        yield _marked_lines(rest, decoding)


def decoded(stream: Readable, decoding: Decoding, chunk_bytes: int) -> Iterator[str]:
    """A stream as text, in pieces, with its byte order mark; what cannot be decoded is marked, or replaced."""
    chunk = stream.read(max(chunk_bytes, BOM_BYTES_MAX))
    decoder = decoding.incremental(chunk)
    while more := stream.read(chunk_bytes):
        before = decoder.getstate()
        try:
            yield decoder.decode(chunk)
        except UnicodeError:
            # The decoders of ISO 2022 give up where a chunk ends inside what could be a long escape sequence, whatever
            # their error handler; not so if they see what follows.
            decoder.setstate(before)
            more = chunk + more
        chunk = more
    yield decoder.decode(chunk, final=True)


def _marked_lines(whole: str, decoding: Decoding) -> Lines:
    lines = whole.split("\n")
    lines.pop()
    return Lines(lines, decoding.marked(lines))
