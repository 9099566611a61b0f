"""Streams the members of a tar.gz: inflated by isal, headers read here, constant memory at any size.

Reads what services and tools write: ustar, pax records for size and path, GNU long names and base-256 numbers. Every
regular member is given out, whatever its name (COMPREHEND.md section 3.2: names differ by family and by document).
Truncation, damage and absurd sizes raise `OutputError`; a fault of the stream below passes through untouched.

It knows nothing of rows, families or jobs. The standard library's tarfile is not used for reading because its stream
mode copies more than the inflation costs.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from gzip import BadGzipFile
from typing import Final, Protocol, Self

from isal import igzip, igzip_lib

from runner.errors import OutputError
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_NOT_ARCHIVE, OUTPUT_TOO_LARGE, OUTPUT_TRUNCATED

CHUNK_BYTES: Final = 1 << 20
ROW_BYTES_MAX: Final = 64 << 20
"""A document of 1 MB with an entity every other character gives about 55 MB; nothing longer is a row."""
INFLATION_MAX: Final = 900
"""Deflate ends at 1032 to 1; rows, which at least count their lines, stay well below."""
INFLATION_FREE_BYTES: Final = 64 << 20
"""Below this, the ratio does not matter: many equal rows are small."""
HEADER_RECORD_BYTES_MAX: Final = 1 << 20
"""A pax record or a long name; paths end at 4,096 bytes nearly everywhere."""
MEMBERS_MAX: Final = 1_000_100
"""One per input object at the most, and a few beside."""

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_ISAL_ERROR: Final[type[Exception]] = igzip_lib.error  # type: ignore[assignment]  # its stub says an instance
_REGULAR: Final = b"0\x007"
_WITHOUT_DATA: Final = b"123456"
"""Links, devices and folders: whatever their size field says, no data follows (POSIX ustar)."""


class BinaryReader(Protocol):
    """The little that is asked of an open object."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class _Counted(io.RawIOBase):
    """The compressed stream, counted; isal wants `readinto`."""

    def __init__(self, stream: BinaryReader) -> None:
        self._stream = stream
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.bytes += len(data)
        return len(data)


class _Inflated:
    """The inflated stream: exact reads, faults as OutputError, an eye on the ratio."""

    def __init__(self, stream: BinaryReader) -> None:
        self._source = _Counted(stream)
        self._file: io.BufferedIOBase = igzip.IGzipFile(fileobj=self._source, mode="rb")  # type: ignore[no-untyped-call]
        self.bytes = 0

    def close(self) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end of a sound stream."""
        try:
            data = self._file.read(size)
        except EOFError as error:
            raise OutputError(OUTPUT_TRUNCATED, "the archive ends in the middle of its gzip stream") from error
        except (BadGzipFile, _ISAL_ERROR) as error:
            code = OUTPUT_CORRUPT if self.bytes else OUTPUT_NOT_ARCHIVE
            raise OutputError(code, f"the archive cannot be inflated after {self.bytes} bytes") from error
        self.bytes += len(data)
        if self.bytes > INFLATION_FREE_BYTES and self.bytes > INFLATION_MAX * self._source.bytes:
            raise OutputError(
                OUTPUT_TOO_LARGE,
                f"{self._source.bytes} bytes inflate to more than {self.bytes}, over {INFLATION_MAX} to one",
            )
        return data

    def exactly(self, size: int) -> bytes:
        """`size` bytes, or none at the very end of the stream."""
        data = self.read(size)
        while data and len(data) < size:
            more = self.read(size - len(data))
            if not more:
                raise OutputError(OUTPUT_TRUNCATED, "the archive ends in the middle of a member")
            data += more
        return data


@dataclass(slots=True)
class Member:
    """One regular member; its data must be read before the next member is asked for, or is skipped."""

    name: str
    size: int
    _stream: _Inflated
    _left: int = field(init=False)
    _padding: int = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.size
        self._padding = -self.size % _BLOCK

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The member's data in pieces of at most `size` bytes."""
        while self._left:
            data = self._stream.read(min(size, self._left))
            if not data:
                raise OutputError(OUTPUT_TRUNCATED, "the archive ends in the middle of a member")
            self._left -= len(data)
            yield data
        if self._padding:
            if not self._stream.exactly(self._padding):
                raise OutputError(OUTPUT_TRUNCATED, "the archive ends in the middle of a member")
            self._padding = 0


class Archive:
    """A tar.gz being streamed; `bytes` counts what was inflated so far. Use as a context manager."""

    def __init__(self, stream: BinaryReader) -> None:
        self._stream = _Inflated(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    @property
    def bytes(self) -> int:
        """Inflated bytes so far, headers and padding included."""
        return self._stream.bytes

    def members(self) -> Iterator[Member]:
        """Every regular member in the archive's order; reads to the end, so that the checksum is verified.

        Raises OutputError for whatever is not a sound archive, and for one that holds no regular member.
        """
        found = 0
        for name, size, kind in _headers(self._stream):
            member = Member(name, size, self._stream)
            if kind in _REGULAR:
                found += 1
                yield member
            for _ in member.chunks():
                pass
        if not found:
            raise OutputError(OUTPUT_CORRUPT, "the archive holds no file")


def _headers(stream: _Inflated) -> Iterator[tuple[str, int, bytes]]:
    """(name, data bytes that follow, type) per header, extensions applied; then the rest must be zeros."""
    name: str | None = None
    size: int | None = None
    for _ in range(MEMBERS_MAX):
        block = stream.exactly(_BLOCK)
        if stream.bytes == 0:
            raise OutputError(OUTPUT_TRUNCATED, "the archive is empty")
        if not block or block == _ZEROS:
            _expect_end(stream)
            return
        header_size, kind = _checked(block, first=stream.bytes == _BLOCK)
        if kind in b"xgLK":
            record = _record(stream, header_size)
            if kind == b"x":
                name, size = _pax(record)
            elif kind == b"L":
                name = record.rstrip(b"\0").decode("utf-8", "replace")
            continue
        data = 0 if kind in _WITHOUT_DATA else header_size if size is None else size
        yield name or _name(block), data, kind
        name = size = None
    raise OutputError(OUTPUT_TOO_LARGE, f"the archive has more than {MEMBERS_MAX} members")


def _expect_end(stream: _Inflated) -> None:
    while chunk := stream.read(CHUNK_BYTES):
        if chunk.count(0) != len(chunk):
            raise OutputError(OUTPUT_CORRUPT, "something follows the archive's end mark")


def _checked(block: bytes, *, first: bool) -> tuple[int, bytes]:
    """(size, type) of a header whose checksum holds."""
    code = OUTPUT_NOT_ARCHIVE if first else OUTPUT_CORRUPT
    try:
        stored = int(block[148:156].split(b"\0")[0].strip() or b"-1", 8)
    except ValueError:
        stored = -1
    unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    # Some old writers summed signed characters.
    signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    if stored not in {unsigned, signed}:
        raise OutputError(code, "no archive header where one is due")
    kind = block[156:157]
    if kind == b"S":
        raise OutputError(OUTPUT_CORRUPT, "the archive holds a sparse file")
    return _number(block[124:136]), kind


def _number(field: bytes) -> int:
    """A size: octal digits, or base 256 where the first bit says so."""
    if field[0] & 0x80:
        size = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        try:
            size = int(field.split(b"\0")[0].strip() or b"0", 8)
        except ValueError as error:
            raise OutputError(OUTPUT_CORRUPT, "an archive header gives no size") from error
    if not 0 <= size < 1 << 62:
        raise OutputError(OUTPUT_CORRUPT, "an archive header gives an absurd size")
    return size


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:262] == b"ustar" and block[262:263] == b"\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _record(stream: _Inflated, size: int) -> bytes:
    if size > HEADER_RECORD_BYTES_MAX:
        raise OutputError(OUTPUT_CORRUPT, f"an archive header of {size} bytes")
    record = stream.exactly(size + -size % _BLOCK) if size else b""
    if len(record) < size:
        raise OutputError(OUTPUT_TRUNCATED, "the archive ends in the middle of a header")
    return record[:size]


def _pax(record: bytes) -> tuple[str | None, int | None]:
    """(path, size) of a pax record, where it gives them; each item is `<length> <key>=<value>` and a line feed."""
    name: str | None = None
    size: int | None = None
    try:
        while record:
            length = int(record.split(b" ", 1)[0])
            if not 0 < length <= len(record):
                raise ValueError(length)  # noqa: TRY301
            key, value = record[:length].split(b" ", 1)[1].removesuffix(b"\n").split(b"=", 1)
            record = record[length:]
            if key == b"path":
                name = value.decode("utf-8", "replace")
            elif key == b"size":
                size = int(value)
                if not 0 <= size < 1 << 62:
                    raise ValueError(size)  # noqa: TRY301
            elif key.startswith(b"GNU.sparse"):
                raise OutputError(OUTPUT_CORRUPT, "the archive holds a sparse file")
    except (ValueError, IndexError) as error:
        raise OutputError(OUTPUT_CORRUPT, "an archive header that cannot be read") from error
    return name, size


def line_blocks(chunks: Iterator[bytes], row_bytes_max: int = ROW_BYTES_MAX) -> Iterator[bytes]:
    """The same bytes, cut after line feeds: each block is whole rows (the last may lack its line feed).

    Raises OutputError for a row longer than `row_bytes_max`. A long row is gathered piece by piece and joined once.
    """
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield b"".join((*held, memoryview(chunk)[:cut]))
            held, held_bytes = ([chunk[cut:]], len(chunk) - cut) if cut < len(chunk) else ([], 0)
            continue
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes > row_bytes_max:
            raise OutputError(OUTPUT_TOO_LARGE, f"a row is longer than {row_bytes_max} bytes")
    if held:
        yield b"".join(held)
