"""A stretch of a large file as a stream of its own: the lines that begin in it, whole.

Every line of a file is in exactly one stretch, wherever their bounds fall: inside a line, inside a character, between
the CR and the LF of one line end. A line reaches past its stretch's end if need be; a stretch inside one long line is
empty. Only for encodings in which the bytes of CR and LF mean nothing else.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from runner.corpus.decoding import Decoding
from runner.corpus.textlines import CHUNK_BYTES, LineEnds, Readable

_END: Final = re.compile(rb"[\r\n]")


class Seekable(Readable, Protocol):
    """What stretches are cut from."""

    def seek(self, offset: int) -> object:
        """Go to a byte."""
        ...


class Stretch:
    """The lines that begin in bytes [begin, end) of a file; None: to its end."""

    def __init__(self, file: Seekable, begin: int, end: int | None) -> None:
        self._file = file
        self._end = end
        self._at = max(begin - 1, 0)
        """Offset of what the file gives next. The byte before the stretch says whether a line begins with it."""
        self._begun = not begin
        self._after_cr = False
        self._closed = False
        if self._at:
            file.seek(self._at)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        while not self._closed:
            data = self._file.read(size)
            at, self._at = self._at, self._at + len(data)
            if not data:
                break
            if not self._begun:
                begin = self._first_line(data)
                data, at = data[begin:], at + begin
                if self._end is not None and at >= self._end:
                    break
            if self._end is not None and self._at >= self._end and self._begun:
                data = self._to_last_end(data, max(self._end - 1 - at, 0))
            if data:
                return data
        self._closed = True
        return b""

    def _first_line(self, data: bytes) -> int:
        """Where in `data` the first line begins; its length if it does not."""
        begin = 0
        if not self._after_cr:
            found = _END.search(data)
            if found is None:
                return len(data)
            begin = found.end()
            self._after_cr = found[0] == b"\r"
            if self._after_cr and begin == len(data):
                return begin  # the next byte says whether the line end is a CRLF
        self._begun = True
        return begin + (self._after_cr and data[begin : begin + 1] == b"\n")

    def _to_last_end(self, data: bytes, place: int) -> bytes:
        """`data` up to the end of the line that holds the byte before the stretch's end; all of it if there is none."""
        found = _END.search(data, place)
        if found is None:
            return data
        self._closed = True
        return data[: found.end()]


def count_lines(stream: Readable, decoding: Decoding, *, at_start: bool) -> int:
    """How many lines `text_lines` would find; several times as fast as finding them."""
    ends = LineEnds(b"\r\n", decoding.bom_bytes if at_start else b"")
    count = 0
    while chunk := stream.read(CHUNK_BYTES):
        count += ends.feed(chunk).count(b"\n")
    return count + bool(ends.rest())
