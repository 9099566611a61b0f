"""Opening one listed source for reading: inflated, checked against the listing, its faults told as the user's.

A source that vanished or has another size or version than listed counts as changed. Whatever else goes wrong (no
permission, a broken disk, a damaged or truncated `.gz`) is a SourceError that names the file: it is not a property of
the documents, mending it and running again goes on, and a closed book must not depend on a bad cable.

Where sources lie elsewhere than on the local disk, this is the door to be widened.
"""

from __future__ import annotations

import io
import os
from gzip import BadGzipFile
from stat import S_ISREG
from typing import Final, Self, cast

from isal import igzip, igzip_lib, isal_zlib

from runner.errors import SourceError
from runner.model import SourceFile

GZIP_SUFFIX: Final = ".gz"
_NOT_GZIP: Final = "Not a gzipped file"

# Cast, because isal's stubs declare its exceptions as values.
_DAMAGED: Final = cast("tuple[type[Exception], ...]", (BadGzipFile, igzip_lib.error, isal_zlib.error))


class OpenSource:
    """The bytes of one source, decompressed; a context manager. Faults of reading are SourceError."""

    def __init__(self, corpus: str, file: SourceFile, raw: io.FileIO) -> None:
        self._corpus = corpus
        self._file = file
        self._raw = raw
        self._bytes = 0
        self._inflated = (
            igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]
            if file.path.endswith(GZIP_SUFFIX)
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._inflated is not None:
            self._inflated.close()
        self._raw.close()

    def changed(self) -> bool:
        """Whether the file is by now another one than was listed."""
        return not _as_listed(self._file, os.fstat(self._raw.fileno()))

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all if negative; empty at the end."""
        try:
            data: bytes = self._raw.read(size) if self._inflated is None else self._inflate(size)
        except EOFError as error:
            raise self._fault("is truncated", "its gzip stream has no end") from error
        except _DAMAGED as error:
            # The library's message may quote the file's first bytes.
            foreign = not self._bytes and str(error).startswith(_NOT_GZIP)
            what = (
                ("is not gzip", "its name says that it is") if foreign else ("is damaged", "its gzip stream is broken")
            )
            raise self._fault(*what) from error
        except OSError as error:
            raise self._fault("cannot be read", error.strerror or str(error)) from error
        self._bytes += len(data)
        return data

    def _inflate(self, size: int) -> bytes:
        assert self._inflated is not None
        if not self._bytes and not self._file.size:
            raise EOFError  # gzip takes nothing at all for an empty stream, but even that has a header
        data: bytes = self._inflated.read(size)
        return data

    def _fault(self, what: str, why: str) -> SourceError:
        place = f" after {self._bytes} inflated bytes" if self._inflated is not None and self._bytes else ""
        return SourceError(
            self._corpus,
            f"{self._file.path} {what}{place}: {why}",
            hint="mend or replace the file, or leave it out of `source`, and run again",
        )


def open_source(corpus: str, file: SourceFile) -> OpenSource | None:
    """Open a listed source; None if it changed or vanished since. Raises SourceError if it cannot be opened."""
    try:
        raw = io.FileIO(file.path, "rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise SourceError(
            corpus, f"{file.path} cannot be opened: {error.strerror}", hint="make it readable and run again"
        ) from error
    if not _as_listed(file, os.fstat(raw.fileno())):
        raw.close()
        return None
    return OpenSource(corpus, file, raw)


def _as_listed(file: SourceFile, status: os.stat_result) -> bool:
    return S_ISREG(status.st_mode) and status.st_size == file.size and str(status.st_mtime_ns) == file.version
