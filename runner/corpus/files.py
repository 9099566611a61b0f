"""The format `files`: a document is a file, its id the path below the source's fixed part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from runner.corpus.blocks import CHANGED_MESSAGE, INPUT_CHANGED, Block, Trouble
from runner.corpus.decoding import Decoding
from runner.corpus.opening import open_source
from runner.model import SourceFile, SourceRange

BLOCK_DOCUMENTS_MAX: Final = 1000
BLOCK_CHARACTERS_MAX: Final = 1 << 20


def file_blocks(source_range: SourceRange, decoding: Decoding, changed: frozenset[int]) -> Iterator[Block]:
    """The files of a range as documents. `changed` are places in the listing known to have changed."""
    ids: list[str] = []
    texts: list[str] = []
    troubles: dict[int, Trouble] = {}
    first, size = source_range.first, 0
    for source, file in enumerate(source_range.files, source_range.first):
        text, trouble = ("", _changed()) if source in changed else _read(source_range.corpus, file, decoding)
        if trouble is not None:
            troubles[len(ids)] = trouble
        ids.append(file.label)
        texts.append(text)
        size += len(text)
        if len(ids) == BLOCK_DOCUMENTS_MAX or size >= BLOCK_CHARACTERS_MAX:
            yield _block(first, ids, texts, troubles)
            ids, texts, troubles = [], [], {}
            first, size = source + 1, 0
    if ids:
        yield _block(first, ids, texts, troubles)


def _read(corpus: str, file: SourceFile, decoding: Decoding) -> tuple[str, Trouble | None]:
    opened = open_source(corpus, file)
    if opened is None:
        return "", _changed()
    with opened:
        data = opened.read()
        if opened.changed():
            return "", _changed()
    return decoding.document(data)


def _changed() -> Trouble:
    return Trouble(INPUT_CHANGED, CHANGED_MESSAGE)


def _block(first: int, ids: list[str], texts: list[str], troubles: dict[int, Trouble]) -> Block:
    count = len(ids)
    return Block(ids=ids, sources=range(first, first + count), positions=[0] * count, texts=texts, troubles=troubles)
