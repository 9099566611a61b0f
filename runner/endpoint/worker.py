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
from functools import lru_cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from runner.endpoint.archive import Piece, pack, plain
from runner.endpoint.families import FAMILIES
from runner.endpoint.options import Analyze, fitted
from runner.endpoint.redaction import Redactor
from runner.endpoint.rows import Share, Slice, Writer, stride
from runner.endpoint.tampering import tamper

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LENGTH_BYTES", "Answer", "main", "work"]

LENGTH_BYTES: Final = 4
_LOADED_MAX: Final = 16  # analyzers at once: custom models come and go

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_share: Final = msgspec.msgpack.Decoder(Share).decode


class Answer(msgspec.Struct, frozen=True):
    """What a share came to, or the error that it came to.

    `pieces` are one for the share, or one for each of its slices; `documents` counts those that were read,
    `broken` tells that its file ended at an undecodable byte.
    """

    pieces: list[Piece] = []
    documents: int = 0
    broken: bool = False
    error: str | None = None


def work(share: Share) -> Answer:
    """Carry out one share."""
    if share.task == "topics":
        return Answer([pack(table) for table in _topics(share)])
    rows_of = _rows_of(share)
    rows: list[list[bytes]] = []
    broken = False
    for piece in share.slices:
        more, ended = rows_of(share, piece, _read(share, piece))
        rows.append(more)
        broken = broken or ended
    return Answer(_pieces(share, rows), sum(map(len, rows)), broken)


def _pieces(share: Share, rows: list[list[bytes]]) -> list[Piece]:
    if share.task == "rows":
        whole = stride(tamper([row for each in rows for row in each], share.tampering))
        return [pack(b"".join(whole))]
    if share.task == "count":
        return [plain(b"".join(each)) for each in rows]
    made = []
    for at, mine in enumerate(rows):
        spoilt = tamper(mine, share.tampering, rows[(at + 1) % len(rows)])
        # A copy of a text keeps its lines in their order.
        made.append(b"".join(spoilt if share.options.redact else stride(spoilt)))
    return [pack(content) if share.task == "parts" else plain(content) for content in made]


def _rows_of(share: Share) -> Callable[[Share, Slice, bytes], tuple[list[bytes], bool]]:
    if share.task == "count":
        from runner.endpoint.analyzers.topic_words import word_rows

        return word_rows
    analyze = None if share.analyzers == "noop" else _analyzer(share.family, share.model, share.plugin)
    if analyze is not None:
        analyze = fitted(share.family, analyze, share.options)
    if share.options.redact:
        return Redactor(analyze, share.options).rows
    family = FAMILIES[share.family]
    return Writer(analyze, dict(family.empty), line_is_text=family.line_is_text).rows


@lru_cache(maxsize=_LOADED_MAX)
def _analyzer(family: str, model: str | None, plugin: str | None) -> Analyze:
    if plugin is not None:
        from runner.endpoint.analyzers import plugins

        return plugins.load(family, plugin, FAMILIES[family].empty)
    from runner.endpoint import analyzers

    return analyzers.load(family, model)


def _topics(share: Share) -> tuple[bytes, bytes]:
    from runner.endpoint.analyzers import topics

    (gathered,) = share.slices
    return topics.tables(gathered.path, share.options.topics, noop=share.analyzers == "noop")


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
    except (Exception, SystemExit) as error:  # noqa: BLE001 - told to the parent; a share must not end the process
        # The type alone: what an analyzer says may quote the document.
        return Answer(error=f"{type(error).__name__} {_detail(error)}".strip())


def _detail(error: BaseException) -> str:
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
