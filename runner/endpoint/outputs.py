"""What a job writes, in the shape of its family (COMPREHEND.md sections 3.1 and 3.2): archives, folders, tables.

Owns the blobs of an output until the job ends. Knows nothing of analyzers, rows, or when a job ends: it is given
what workers made of the chunks, in their order, and has objects at the end.

    rows     output.tar.gz with one member
    files    output.tar.gz with `<input>.out` for each input object
    folder   no archive: an object `<input>.out` for each input object
    topics   output.tar.gz with two tables, made of all documents at once
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from runner.endpoint.archive import ArchiveFile, Piece
from runner.endpoint.blobs import flush_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.families import Family
    from runner.endpoint.rows import Slice

__all__ = ["Archive", "Folder", "Output", "Product", "Tables", "output_for"]

TABLES: Final = ("topic-terms.csv", "doc-topics.csv")
_SUFFIX: Final = ".out"


class Product(msgspec.Struct, frozen=True):
    """A finished object: where it goes below the job's output location ("" is that location), and its bytes."""

    name: str
    blob: str
    size: int
    etag: str


class Output(Protocol):
    """A job's output in the making. Everything here blocks, and belongs in a thread."""

    def take(self, slices: Sequence[Slice], pieces: Sequence[Piece]) -> None:
        """Add what a worker made of a chunk with these slices."""
        ...

    def finish(self, job_id: str) -> list[Product]:
        """Make everything durable; the objects that the job has written."""
        ...

    def cut(self, share: float) -> list[Product]:
        """Leave only this share of every finished object; the objects as they are then."""
        ...

    def corrupt(self) -> None:
        """Spoil every finished object in its middle."""
        ...

    def discard(self) -> None:
        """Delete everything: nobody will read it."""
        ...

    def close(self) -> None:
        """Let go of files, and of whatever is no product."""
        ...


def output_for(family: Family, blobs: BlobStore) -> Output:
    """An empty output of a family's shape."""
    if family.shape == "folder":
        return Folder(blobs)
    if family.shape == "topics":
        return Tables(blobs)
    return Archive(blobs, family.member if family.shape == "rows" else None)


class Archive:
    """An archive with one member; or, where `member` is None, with one for each input object."""

    def __init__(self, blobs: BlobStore, member: str | None) -> None:
        self._blobs = blobs
        self._blob = blobs.fresh()
        self._file = ArchiveFile(blobs.path(self._blob))
        self._per_input = member is None
        self._current: str | None = None
        if member is not None:
            self._file.begin(member)

    def take(self, slices: Sequence[Slice], pieces: Sequence[Piece]) -> None:
        """Add the pieces: all to the member, or each to that of its input object."""
        if not self._per_input:
            for piece in pieces:
                self._file.append(piece)
            return
        for each, piece in zip(slices, pieces, strict=True):
            if each.path != self._current:
                self._file.begin(f"{each.label}{_SUFFIX}")
                self._current = each.path
            self._file.append(piece)

    def tables(self, pieces: Sequence[Piece]) -> None:
        """Add the two tables of topics."""
        for name, piece in zip(TABLES, pieces, strict=True):
            self._file.begin(name)
            self._file.append(piece)

    def finish(self, job_id: str) -> list[Product]:
        """Close the archive."""
        size = self._file.finish()
        # Not the MD5 of the whole, and of the form that says so: parts of the file are written out of order.
        digest = hashlib.md5(f"{job_id} {size}".encode(), usedforsecurity=False).hexdigest()
        self._product = Product("", self._blob, size, f"{digest}-1")
        return [self._product]

    def cut(self, share: float) -> list[Product]:
        """Cut the archive short."""
        size = int(self._product.size * share)
        self._file.cut(size)
        return [msgspec.structs.replace(self._product, size=size)]

    def corrupt(self) -> None:
        """Spoil the archive."""
        _spoil(self._blobs.path(self._blob))

    def discard(self) -> None:
        """Delete the archive."""
        self._blobs.discard(self._blob)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Folder:
    """One object for each input object, as its rows or lines come."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._products: list[Product] = []
        self._current: str | None = None
        self._descriptor = -1
        self._label = self._blob = ""
        self._size = 0

    def take(self, slices: Sequence[Slice], pieces: Sequence[Piece]) -> None:
        """Add each piece to the object of its input."""
        for each, piece in zip(slices, pieces, strict=True):
            if each.path != self._current:
                self._end()
                self._begin(each)
            self._append(piece.data)

    def finish(self, job_id: str) -> list[Product]:  # noqa: ARG002 - the digests are those of the bytes
        """Flush the last object."""
        self._end()
        return self._products

    def cut(self, share: float) -> list[Product]:
        """Cut every object short."""
        kept = []
        for product in self._products:
            size = int(product.size * share)
            os.truncate(self._blobs.path(product.blob), size)
            kept.append(msgspec.structs.replace(product, size=size))
        self._products = kept
        return kept

    def corrupt(self) -> None:
        """Spoil every object."""
        for product in self._products:
            _spoil(self._blobs.path(product.blob))

    def discard(self) -> None:
        """Delete the objects."""
        self._blobs.discard(*(product.blob for product in self._products), self._blob or None)

    def close(self) -> None:
        """Let go of the object that is being written."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self, first: Slice) -> None:
        self._current, self._label = first.path, first.label
        self._blob = self._blobs.fresh()
        self._digest = hashlib.md5(usedforsecurity=False)
        self._size = 0
        path = self._blobs.path(self._blob)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def _append(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _end(self) -> None:
        if self._current is None:
            return
        flush_file(self._descriptor, self._blobs.path(self._blob))
        self.close()
        name = f"{self._label}{_SUFFIX}"
        self._products.append(Product(name, self._blob, self._size, self._digest.hexdigest()))
        self._current, self._blob = None, ""


class Tables:
    """An archive with the two tables of topics, for which the words of all documents are gathered first."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._archive = Archive(blobs, None)
        self._gathered = blobs.fresh()
        self._gathering = blobs.path(self._gathered).open("xb")

    @property
    def words(self) -> Path:
        """The file with the words of all documents, complete once `gathered` was called."""
        return self._blobs.path(self._gathered)

    def gathered(self) -> None:
        """No more documents come."""
        self._gathering.flush()

    def take(self, slices: Sequence[Slice], pieces: Sequence[Piece]) -> None:
        """Words of documents; or, where there are no slices, the finished tables."""
        if not slices:
            self._archive.tables(pieces)
            return
        for piece in pieces:
            self._gathering.write(piece.data)

    def finish(self, job_id: str) -> list[Product]:
        """Close the archive."""
        return self._archive.finish(job_id)

    def cut(self, share: float) -> list[Product]:
        """Cut the archive short."""
        return self._archive.cut(share)

    def corrupt(self) -> None:
        """Spoil the archive."""
        self._archive.corrupt()

    def discard(self) -> None:
        """Delete the archive."""
        self._archive.discard()

    def close(self) -> None:
        """Let go of the files, and delete the gathered words."""
        self._archive.close()
        self._gathering.close()
        self._blobs.discard(self._gathered)


def _spoil(path: Path) -> None:
    with path.open("r+b") as file:
        middle = path.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)
        if byte:
            file.seek(middle)
            file.write(bytes([byte[0] ^ 0xFF]))
            file.flush()
            os.fsync(file.fileno())
