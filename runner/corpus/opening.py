"""Opening one listed source for reading: inflated, checked against the listing, its faults told as the user's.

A source that vanished or has another size or version than listed counts as changed. Whatever else goes wrong (no
permission, a broken disk or connection, a damaged or truncated `.gz`) is a SourceError that names the file: it is not
a property of the documents, mending it and running again goes on, and a closed book must not depend on a bad cable.
"""

from __future__ import annotations

import io
import os
from stat import S_ISREG
from typing import Final, Self

from runner.corpus.inflating import codec_of
from runner.corpus.s3faults import told
from runner.errors import MachineError, ServiceError, SourceError
from runner.model import CorpusSpec, SourceFile
from runner.storage.sources import ObjectChangedError, SourceObject

HINT: Final = "mend or replace the file, or leave it out of `source`, and run again"
READ_AHEAD_BYTES: Final = 1 << 20
"""How far past the end of a stretch the request for it reaches: most last lines end there."""


class SourceChangedError(Exception):
    """The source is by now another one than was listed; what was read of it cannot be trusted."""


class OpenSource:
    """The bytes of one source, decompressed; a context manager.

    Faults of reading are SourceError, or SourceChangedError.
    """

    def __init__(self, corpus: str, file: SourceFile, raw: io.FileIO | SourceObject) -> None:
        self.file = file
        self.raw = raw
        """The bytes as they are stored."""
        self._corpus = corpus
        self._codec = codec_of(file.path)
        self._bytes = 0
        try:
            self._inflated = None if self._codec is None else self._codec.open(raw, corpus)
        except MachineError:
            raw.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._inflated is not None:
            self._inflated.close()
        self.raw.close()

    def require_unchanged(self) -> None:
        """Raises SourceChangedError if the file is by now another one than was listed."""
        # Every request for an object names the version; an open file may have been written to.
        if isinstance(self.raw, io.FileIO) and not _as_listed(self.file, os.fstat(self.raw.fileno())):
            raise SourceChangedError

    def seek(self, offset: int) -> None:
        """Go to a byte of a source that is not compressed."""
        assert self._inflated is None, "compressed sources are read from their beginning"
        self.raw.seek(offset)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all if negative; empty at the end."""
        try:
            data: bytes = self.raw.read(size) if self._inflated is None else self._inflate(size)
        except ObjectChangedError as error:
            raise SourceChangedError from error
        except ServiceError as error:
            raise told(self._corpus, self.file.path, error) from error
        except OSError as error:
            if error.errno is None:
                raise self._damaged(error) from error  # bz2 has no error of its own
            raise self._fault("cannot be read", error.strerror or str(error)) from error
        except EOFError as error:
            self.require_unchanged()
            raise self._fault("is truncated", f"its {self._name} stream has no end") from error
        except Exception as error:
            if self._codec is None or not self._codec.is_damage(error):
                raise
            raise self._damaged(error) from error
        self._bytes += len(data)
        return data

    def _inflate(self, size: int) -> bytes:
        assert self._inflated is not None
        if not self._bytes and not self.file.size:
            raise EOFError  # gzip takes nothing at all for an empty stream, but even that has a header
        data: bytes = self._inflated.read(size)
        return data

    @property
    def _name(self) -> str:
        return self._codec.name if self._codec is not None else ""

    def _damaged(self, error: Exception) -> SourceError:
        self.require_unchanged()
        # The library's message may quote the file's first bytes.
        if not self._bytes and self._codec is not None and self._codec.is_foreign(error):
            return self._fault(f"is not {self._name}", "its name says that it is")
        return self._fault("is damaged", f"its {self._name} stream is broken")

    def _fault(self, what: str, why: str) -> SourceError:
        place = f" after {self._bytes} inflated bytes" if self._inflated is not None and self._bytes else ""
        return SourceError(self._corpus, f"{self.file.path} {what}{place}: {why}", hint=HINT)


def open_source(corpus: CorpusSpec, file: SourceFile, *, stop: int | None = None) -> OpenSource | None:
    """Open a listed source; None if it changed or vanished since. Raises SourceError if it cannot be opened.

    `stop` is the offset where reading is likely to end, 0 if it goes here and there; None: at the end.
    """
    if file.path.startswith("s3://"):
        return _open_object(corpus, file, stop)
    try:
        raw = io.FileIO(file.path, "rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise SourceError(
            corpus.name, f"{file.path} cannot be opened: {error.strerror}", hint="make it readable and run again"
        ) from error
    if not _as_listed(file, os.fstat(raw.fileno())):
        raw.close()
        return None
    return OpenSource(corpus.name, file, raw)


def _open_object(corpus: CorpusSpec, file: SourceFile, stop: int | None) -> OpenSource | None:
    ahead = stop + READ_AHEAD_BYTES if stop else stop
    try:
        raw = SourceObject(corpus.profile, file.path, size=file.size, etag=file.version, stop=ahead)
        if not file.size:
            raw.require_version()  # nothing will be asked for, so nothing else would tell
    except ObjectChangedError:
        return None
    except ServiceError as error:
        raise told(corpus.name, file.path, error) from error
    return OpenSource(corpus.name, file, raw)


def _as_listed(file: SourceFile, status: os.stat_result) -> bool:
    return S_ISREG(status.st_mode) and status.st_size == file.size and str(status.st_mtime_ns) == file.version
