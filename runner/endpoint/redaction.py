"""Bytes of input in, the same lines without personal data out; pure.

Owns how a redacted copy keeps the lines of its original. What is found comes from the analyzer, how it is
masked from `options.redacted`.

Where the service's behaviour is not documented: a document that is too long or not UTF-8 has, in its place, the
error row that the other families write, and an undecodable line ends its file, as everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.endpoint.options import Analyze, Options, redacted
from runner.endpoint.rows import decodable, too_large, undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.endpoint.rows import Share, Slice

__all__ = ["Redactor"]


class Redactor:
    """Makes redacted lines, each with the line end of its original; `analyze` None redacts nothing."""

    def __init__(self, analyze: Analyze | None, options: Options) -> None:
        self._analyze = analyze
        self._options = options

    def rows(self, share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
        """The lines of a slice, in their order, and whether an undecodable byte ended its file."""
        if piece.first_line is None:
            return [self._file(share, piece, data)], False
        if piece.oversize:
            return [too_large(piece.label, piece.first_line, share.document_bytes_max)], False
        lines = data.splitlines(keepends=True)
        end = decodable(data, lines)
        rows = list(self._lines(share, piece, lines[:end]))
        if end == len(lines):
            return rows, False
        return [*rows, undecodable(piece.label, piece.first_line + end)], True

    def _lines(self, share: Share, piece: Slice, lines: list[bytes]) -> Iterator[bytes]:
        for number, line in enumerate(lines, start=piece.first_line or 0):
            content = line.rstrip(b"\r\n")
            if len(content) > share.document_bytes_max:
                yield too_large(piece.label, number, share.document_bytes_max)
            else:
                yield self._redacted(content.decode(), share.language) + line[len(content) :]

    def _file(self, share: Share, piece: Slice, data: bytes) -> bytes:
        if piece.length > share.document_bytes_max:
            return too_large(piece.label, None, share.document_bytes_max)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return undecodable(piece.label, None)
        return self._redacted(text, share.language)

    def _redacted(self, text: str, language: str | None) -> bytes:
        if self._analyze is None:
            return text.encode()
        return redacted(text, self._analyze(text, language)["Entities"], self._options).encode()
