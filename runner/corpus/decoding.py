"""Bytes to text: encodings, byte order marks, and what cannot be decoded.

Text that leaves here holds no surrogates, so it can be written as UTF-8. A byte order mark at the start of a file is
not text; everywhere else U+FEFF is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from runner.corpus.blocks import UNDECODABLE, Encoded, Trouble

UTF_8: Final = "utf-8"
MARK: Final = "\udfff"
"""Stands for bytes that could not be decoded: a lone surrogate, which no sound decoding gives."""

SURROGATE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
_MARKING: Final = "runner.mark_undecodable"
_OWN_BOM: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
"""Codecs that take the mark away themselves, and the marks that tell them the order of bytes."""
BOM_BYTES_MAX: Final = 4
_STATEFUL: Final = ("utf-7", "hz", "iso2022")


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return MARK, error.end


codecs.register_error(_MARKING, _mark)


class Lines(NamedTuple):
    """Consecutive lines without their ends.

    `troubles` has (by place among them) those that could not be decoded; their text is empty. `encoded` has the same
    lines, where they were read as UTF-8 and just so.
    """

    texts: list[str]
    troubles: dict[int, Trouble]
    encoded: Encoded | None = None


class Decoding(NamedTuple):
    """How a corpus's bytes become text: Python's name of its encoding, and the policy for bytes that do not fit."""

    encoding: str
    replace: bool

    def lines(self, data: bytes) -> Lines:
        """The lines of `data`, each closed by a line feed in it. Only for encodings with `splits_as_bytes`."""
        parts = data.split(b"\n")
        parts.pop()
        if self.encoding == UTF_8:
            try:
                return Lines(list(map(bytes.decode, parts)), {}, Encoded(parts, memoryview(data)[:-1]))
            except UnicodeDecodeError:
                return self._line_by_line(parts)
        try:
            text = self._strictly(data)
        except UnicodeError:
            return self._line_by_line(parts)
        lines = text.split("\n")
        lines.pop()
        return Lines(lines, {})

    def document(self, data: bytes) -> tuple[str, Trouble | None]:
        """The text of a whole file, without its byte order mark."""
        text, trouble = self._one(data)
        return text.removeprefix(self.bom), trouble

    def value(self, data: bytes) -> tuple[str, Trouble | None]:
        """The text of bytes that stand alone; a byte order mark in them is text."""
        return self._one(data)

    @property
    def bom(self) -> str:
        """The byte order mark, where it survives decoding and is ours to drop; else empty."""
        return "" if self.encoding in _OWN_BOM else "\ufeff"

    @property
    def bom_bytes(self) -> bytes:
        """`bom` as it stands in a file; empty for encodings that have no such character."""
        return self.bom.encode(self.encoding, "ignore")

    @property
    def splits_as_bytes(self) -> bool:
        """Whether the bytes of LF and CR mean LF and CR wherever they stand."""
        return _splits_as_bytes(self.encoding)

    def incremental(self, start: bytes) -> codecs.IncrementalDecoder:
        """A decoder of the stream that begins with `start`, `BOM_BYTES_MAX` of it at least where there are as many.

        It leaves marks (see `marked`) or replaces, by the policy.
        """
        return codecs.getincrementaldecoder(self._codec(start))("replace" if self.replace else _MARKING)

    def marked(self, lines: list[str]) -> dict[int, Trouble]:
        """The lines that hold something undecodable; they are emptied, or mended by the policy."""
        troubles: dict[int, Trouble] = {}
        for row, line in enumerate(lines):
            if SURROGATE.search(line):
                lines[row] = SURROGATE.sub(_REPLACEMENT, line) if self.replace else ""
                if not self.replace:
                    troubles[row] = self._trouble(None)
        return troubles

    def _codec(self, start: bytes) -> str:
        """The codec for what begins so: without a mark, bytes are little-endian, in files and in lines alike.

        Left to itself, the codec would take the machine's order for files, and refuse lines.
        """
        if self.encoding in _OWN_BOM and not start.startswith(_OWN_BOM[self.encoding]):
            return f"{self.encoding}-le"
        return self.encoding

    def _strictly(self, data: bytes) -> str:
        text = data.decode(self._codec(data))
        if self.encoding != UTF_8 and not text.isascii():
            text.encode()  # some codecs let surrogates through; this raises for them
        return text

    def _line_by_line(self, parts: Sequence[bytes]) -> Lines:
        lines: list[str] = []
        troubles: dict[int, Trouble] = {}
        for row, part in enumerate(parts):
            text, trouble = self._one(part)
            lines.append(text)
            if trouble is not None:
                troubles[row] = trouble
        return Lines(lines, troubles)

    def _one(self, data: bytes) -> tuple[str, Trouble | None]:
        try:
            return self._strictly(data), None
        except UnicodeError as error:
            if self.replace:
                return SURROGATE.sub(_REPLACEMENT, data.decode(self._codec(data), "replace")), None
            place = error.start if isinstance(error, UnicodeDecodeError) else None
            return "", self._trouble(place)

    def _trouble(self, place: int | None) -> Trouble:
        where = f" (byte {place})" if place is not None else ""
        return Trouble(UNDECODABLE, f"not {self.encoding}{where}")


def decoding(encoding: str, undecodable: str) -> Decoding:
    """The decoding of a corpus; `undecodable` is the policy, `error` or `replace`. LookupError: unknown encoding."""
    name = codecs.lookup(encoding).name
    # utf-8-sig would drop a mark at the start of every stretch that is decoded by itself.
    return Decoding(UTF_8 if name == "utf-8-sig" else name, replace=undecodable == "replace")


@lru_cache(maxsize=16)
def _splits_as_bytes(encoding: str) -> bool:
    if encoding == UTF_8:
        return True
    if encoding.startswith(_STATEFUL):
        return False
    try:
        if "\r\n".encode(encoding) != b"\r\n":
            return False
    except UnicodeError:
        return False
    # In the multi-byte encodings of East Asia no second byte is a control character; elsewhere (EBCDIC) ask each byte.
    others = (bytes([byte]).decode(encoding, "replace") for byte in range(256) if byte not in b"\r\n")
    return not any(text in {"\r", "\n"} for text in others)
