"""Bodies on their way to disk: the aws-chunked framing taken off, digests made and checked, flushed.

Owns the framing and the digests. Knows nothing of buckets, keys or the books. Memory is one buffer per
upload, whatever the size.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from runner.endpoint.blobs import flush_file
from runner.endpoint.s3.errors import S3Error
from runner.endpoint.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["PUT_BYTES_MAX", "ChunkedDecoder", "Received", "receive"]

PUT_BYTES_MAX: Final = 5 * 1024**3  # S3's limit for one request; larger objects come in parts
BUFFER_BYTES: Final = 1024 * 1024
_LINE_MAX: Final = 16 * 1024  # of a chunk's head or a trailer: signatures are far shorter
_UNSIGNED: Final = ("UNSIGNED-PAYLOAD", "STREAMING-")


class Received(msgspec.Struct, frozen=True):
    """A body on disk: its size, the hex of its MD5, and the checksum headers that it was sent with."""

    size: int
    md5: str
    checksums: dict[str, str]


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# CRC32C and CRC64NVME have no quick implementation here: they are kept and given back, not verified.
_CHECKSUMS: Final[dict[str, Any]] = {
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}


class ChunkedDecoder:
    """Takes aws-chunked framing off, without I/O: `feed` bytes, get payload; `trailers` once `done`.

    Signatures of chunks are not verified; framing that is not framing raises S3Error.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0  # of the current chunk; its closing line break is expected after it
        self._state = "head"
        self.trailers: dict[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether the last chunk has been seen."""
        return self._state in ("trailer", "done")

    def feed(self, data: bytes) -> list[bytes]:
        """The payload that `data` completes, in order."""
        self._buffer += data
        payload: list[bytes] = []
        while self._step(payload):
            pass
        return payload

    def _step(self, payload: list[bytes]) -> bool:
        if self._state == "data":
            return self._take_data(payload)
        line = self._take_line()
        if line is None:
            return False
        if self._state == "break":
            if line:
                raise S3Error("InvalidRequest", "an aws-chunked chunk is longer than it says")
            self._state = "head"
        elif self._state == "head":
            self._left = _chunk_size(line)
            self._state = "data" if self._left else "trailer"
        elif self._state == "trailer" and line:
            name, _, value = line.partition(b":")
            self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        return True

    def _take_data(self, payload: list[bytes]) -> bool:
        if not self._buffer:
            return False
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        payload.append(piece)
        if self._left == 0:
            self._state = "break"
        return True

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _LINE_MAX:
                raise S3Error("InvalidRequest", "an aws-chunked body without chunk heads")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as error:
        raise S3Error("InvalidRequest", "an aws-chunked chunk whose head is not a hexadecimal size") from error


async def receive(stream: AsyncIterator[bytes], headers: Mapping[str, str], path: Path) -> Received:
    """Write a request's body to `path`, durably, and check it against every digest that came with it.

    Raises S3Error (BadDigest, InvalidDigest, IncompleteBody, …); the file is then the caller's to delete.
    """
    if int(headers.get("Content-Length") or 0) > PUT_BYTES_MAX:
        raise S3Error("EntityTooLarge", MaxSizeAllowed=str(PUT_BYTES_MAX))
    sink = _Sink(path, headers)
    decoder = ChunkedDecoder() if _is_chunked(headers) else None
    try:
        async for data in stream:
            for piece in decoder.feed(data) if decoder else (data,):
                if sink.hold(piece):
                    await in_thread(sink.spill)
        if decoder and not decoder.done:
            raise S3Error("IncompleteBody")
        trailers = decoder.trailers if decoder else {}
        return await in_thread(sink.finish, headers, trailers)
    finally:
        sink.close()


def _is_chunked(headers: Mapping[str, str]) -> bool:
    encodings = headers.get("Content-Encoding", "").lower()
    return "aws-chunked" in encodings or headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


class _Sink:
    """A file being written, with its digests; `spill` and `finish` block and run in a thread.

    The file is opened when something is written, so that a small body takes one hop to a thread, not three.
    """

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if _signed_payload(headers) else None
        self._checksums: dict[str, _Digest] = {
            name: make() for name, make in _CHECKSUMS.items() if name in headers or name in _announced(headers)
        }

    def hold(self, data: bytes) -> bool:
        """Take some more; True when it is time to `spill`."""
        self._held.append(data)
        self._held_bytes += len(data)
        return self._held_bytes >= BUFFER_BYTES

    def spill(self) -> None:
        """Write and digest what is held."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        data = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        self._md5.update(data)
        if self._sha256:
            self._sha256.update(data)
        for digest in self._checksums.values():
            digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def finish(self, headers: Mapping[str, str], trailers: Mapping[str, str]) -> Received:
        """Write the rest, check everything, make it durable."""
        self.spill()
        self._check(headers, trailers)
        assert self._descriptor is not None
        flush_file(self._descriptor, self._path)
        sent = {**{n.lower(): v for n, v in headers.items() if n.lower().startswith("x-amz-checksum-")}, **trailers}
        checksums = {
            name: value
            for name, value in sent.items()
            if name.startswith("x-amz-checksum-") and not name.endswith(("-mode", "-type", "-algorithm"))
        }
        return Received(self._size, self._md5.hexdigest(), checksums)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _check(self, headers: Mapping[str, str], trailers: Mapping[str, str]) -> None:
        expected_size = headers.get("x-amz-decoded-content-length")
        if expected_size is not None and expected_size != str(self._size):
            raise S3Error("IncompleteBody")
        expected_md5 = headers.get("Content-MD5")
        if expected_md5 is not None and _unbase64(expected_md5) != self._md5.digest():
            raise S3Error("BadDigest")
        if self._sha256 and self._sha256.hexdigest() != headers["x-amz-content-sha256"]:
            raise S3Error("XAmzContentSHA256Mismatch")
        for name, digest in self._checksums.items():
            expected = headers.get(name) or trailers.get(name)
            if expected is not None and _unbase64(expected) != digest.digest():
                algorithm = name.removeprefix("x-amz-checksum-").upper()
                raise S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def _signed_payload(headers: Mapping[str, str]) -> bool:
    declared = headers.get("x-amz-content-sha256", "")
    return bool(declared) and not declared.startswith(_UNSIGNED)


def _announced(headers: Mapping[str, str]) -> list[str]:
    return [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise S3Error("InvalidDigest") from error
