"""A worker process: shares of jobs in on stdin, pieces of archives out on stdout, nothing else ever.

Owns the process's life. A thread reads stdin all the time, so that the end of the parent, however sudden, ends
this process at once, also in the middle of a share; as it writes to one pipe only, nothing can be half done.
The NLP is loaded at the first share that needs it.

A message is its length (four bytes, big end first) and that many bytes of MessagePack.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from runner.endpoint.archive import Piece, pack
from runner.endpoint.families import FAMILIES
from runner.endpoint.rows import Share, Slice, Writer, stride
from runner.endpoint.tampering import tamper

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["LENGTH_BYTES", "Answer", "main", "work"]

LENGTH_BYTES: Final = 4

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_share: Final = msgspec.msgpack.Decoder(Share).decode


class Answer(msgspec.Struct, frozen=True):
    """What a share came to: a piece, how many rows, whether its file ended at an undecodable byte; or an error."""

    piece: Piece
    rows: int = 0
    broken: bool = False
    error: str | None = None


def work(share: Share) -> Answer:
    """Carry out one share."""
    writer = _writer(share.family, share.analyzers)
    rows: list[bytes] = []
    broken = False
    for piece in share.slices:
        more, ended = writer.rows(share, piece, _read(share, piece))
        rows += more
        broken = broken or ended
    rows = stride(tamper(rows, share.tampering))
    return Answer(pack(b"".join(rows)), len(rows), broken)


@cache
def _writer(family: str, kind: Literal["default", "noop"]) -> Writer:
    empty = dict(FAMILIES[family].empty)
    if kind == "noop":
        return Writer(None, empty)
    from runner.endpoint import analyzers

    return Writer(analyzers.load(family), empty)


def _read(share: Share, piece: Slice) -> bytes:
    too_large = piece.first_line is None and piece.length > share.document_bytes_max
    if piece.oversize or too_large or piece.length == 0:
        return b""
    with open(piece.path, "rb") as file:  # noqa: PTH123 - a string from the wire, opened a million times
        file.seek(piece.offset)
        return file.read(piece.length)


def main() -> None:
    """Serve shares until stdin ends."""
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a terminal's signals are the parent's to understand
        signal.signal(ignored, signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not end up between two messages
    shares: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, shares), daemon=True).start()
    while True:
        message = _encode(_answer(shares.get()))
        _send(output, len(message).to_bytes(LENGTH_BYTES, "big") + message)


def _answer(message: bytes) -> Answer:
    try:
        return work(_decode_share(message))
    except Exception as error:  # noqa: BLE001 - told to the parent; a share must not end the process
        # The type alone: what an analyzer says may quote the document.
        return Answer(Piece(b"", 0, 0), error=f"{type(error).__name__} {_detail(error)}".strip())


def _detail(error: Exception) -> str:
    from runner.errors import RunnerError

    if isinstance(error, RunnerError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""


def _listen(source: BinaryIO, shares: SimpleQueue[bytes]) -> None:
    while True:
        head = source.read(LENGTH_BYTES)
        if len(head) < LENGTH_BYTES:
            os._exit(0)
        shares.put(source.read(int.from_bytes(head, "big")))


def _send(output: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[output.write(view) :]
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
