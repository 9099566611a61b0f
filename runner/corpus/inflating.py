"""Compressed sources, known by the ends of their names: `.gz`, `.bz2`, `.zst`."""

from __future__ import annotations

import bz2
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from isal import igzip

from runner.errors import MachineError


class Codec(NamedTuple):
    """How one kind of compressed file is read."""

    name: str
    open: Callable[[Any, str], Any]
    """(the compressed file, the corpus it is read for) -> a file of what is in it; raises EOFError if truncated."""
    damaged: tuple[str, ...]
    """Names of what it raises for a broken stream; names, since zstd may not be there to import from."""
    foreign: str
    """How the message begins with which the library says that the file is of another kind."""

    def is_damage(self, error: Exception) -> bool:
        """Whether an error means that the stream is broken."""
        return type(error).__name__ in self.damaged

    def is_foreign(self, error: Exception) -> bool:
        """Whether an error at the first byte means that the file is of another kind."""
        return str(error).startswith(self.foreign)


def codec_of(path: str) -> Codec | None:
    """The codec that a file's name tells; None: it is not compressed."""
    return next((codec for suffix, codec in _CODECS.items() if path.endswith(suffix)), None)


def _gzip(raw: Any, _corpus: str) -> Any:
    return igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]


def _bz2(raw: Any, _corpus: str) -> Any:
    return bz2.BZ2File(raw)


def _zstd(raw: Any, corpus: str) -> Any:
    return zstd(f"corpus {corpus} has files in zstd").ZstdFile(raw)


def zstd(purpose: str) -> Any:
    """The standard library's zstd, or its backport. Raises MachineError if that is missing, saying what for."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd as module
        else:
            from backports import zstd as module
    except ImportError as error:
        raise MachineError(
            f"{purpose}, and the package for it is missing",
            hint="install the extra `zstd`: pip install 'comprehend-runner[zstd]'",
        ) from error
    return module


_CODECS: Final = {
    ".gz": Codec("gzip", _gzip, ("IsalError",), "Not a gzipped file"),
    ".bz2": Codec("bzip2", _bz2, (), "Invalid data stream"),
    ".zst": Codec("zstd", _zstd, ("ZstdError",), "Unable to decompress Zstandard data: Unknown frame descriptor"),
}
SUFFIXES: Final = tuple(_CODECS)
