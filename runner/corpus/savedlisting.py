"""A listing on disk: one JSON array per line, read and written a row at a time, so that a million files cost nothing.

The digest of what was written tells whether the sources have changed since: same files, same order, same versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Final

import msgspec

from runner.errors import RunDirectoryError
from runner.model import SourceFile
from runner.storage.atomic import StrPath, replacing

_ROWS_AT_ONCE: Final = 1000

_Row = tuple[str, str, int, str]
_encode: Final = msgspec.json.Encoder().encode_lines
_decode: Final = msgspec.json.Decoder(_Row).decode


def write_listing(path: StrPath, files: Iterable[SourceFile]) -> str:
    """Write a listing, durably; gives its digest (blake2b, 32 hex digits). Raises MachineError if the disk is full."""
    digest = blake2b(digest_size=16)
    with replacing(path) as out:
        for data in _encoded(files):
            digest.update(data)
            out.write(data)
    return digest.hexdigest()


def listing_digest(files: Iterable[SourceFile]) -> str:
    """The digest that `write_listing` would give, without writing anything."""
    digest = blake2b(digest_size=16)
    for data in _encoded(files):
        digest.update(data)
    return digest.hexdigest()


def read_listing(path: StrPath) -> Iterator[SourceFile]:
    """The rows of a listing, in order. Raises RunDirectoryError if the file is missing or damaged."""
    try:
        with open(path, "rb") as lines:  # noqa: PTH123
            for number, line in enumerate(lines, 1):
                try:
                    name, label, size, version = _decode(line)
                except msgspec.MsgspecError as error:
                    raise RunDirectoryError(str(path), f"line {number} of the listing is damaged") from error
                yield SourceFile(path=name, label=label, size=size, version=version)
    except FileNotFoundError as error:
        raise RunDirectoryError(str(path), "the listing is missing") from error


def _encoded(files: Iterable[SourceFile]) -> Iterator[bytes]:
    rows = ((file.path, file.label, file.size, file.version) for file in files)
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield _encode(batch)
