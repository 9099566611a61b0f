"""Files that are no text, known by how they begin: what to say where a document turns out to be one."""

from __future__ import annotations

from typing import Final

_BEGINNINGS: Final = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "a zip archive, as Word, Excel and EPUB files are"),
    (b"\xd0\xcf\x11\xe0", "an old Word, Excel or PowerPoint file"),
    (b"{\\rtf", "RTF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "gzip without .gz in its name"),
    (b"BZh", "bzip2 without .bz2 in its name"),
    (b"\x28\xb5\x2f\xfd", "zstd without .zst in its name"),
    (b"PAR1", "Parquet"),
    (b"\x7fELF", "a program"),
)
ALWAYS: Final = frozenset({"PDF", "RTF"})
"""What may happen to decode, and is no text all the same."""


def kind_of(data: bytes) -> str | None:
    """What a file is that begins so; None: nothing known."""
    return next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), None)
