"""The format `files`: a document is a file, its id the path below the source's fixed part.

A file that is known to be no plain text (a PDF, an image) closes as UNDECODABLE, which then says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from runner.corpus.binaries import ALWAYS, kind_of
from runner.corpus.blocks import CHANGED_MESSAGE, INPUT_CHANGED, UNDECODABLE, Block, Trouble
from runner.corpus.choosing import in_sample
from runner.corpus.decoding import Decoding
from runner.corpus.opening import SourceChangedError, open_source
from runner.model import CorpusSpec, SourceFile, SourceRange

BLOCK_DOCUMENTS_MAX: Final = 1000
BLOCK_CHARACTERS_MAX: Final = 1 << 17


def file_blocks(
    corpus: CorpusSpec, source_range: SourceRange, decoding: Decoding, changed: frozenset[int]
) -> Iterator[Block]:
    """The files of a range as documents. `changed` are places in the listing known to have changed."""
    ids: list[str] = []
    sources: list[int] = []
    texts: list[str] = []
    troubles: dict[int, Trouble] = {}
    size = 0
    for source, file in enumerate(source_range.files, source_range.first):
        if corpus.sample is not None and source not in changed and not in_sample(file.label, 0, corpus.sample):
            continue
        text, trouble = ("", _changed()) if source in changed else _read(corpus, file, decoding)
        if trouble is not None:
            troubles[len(ids)] = trouble
        ids.append(file.label)
        sources.append(source)
        texts.append(text)
        size += len(text)
        if len(ids) == BLOCK_DOCUMENTS_MAX or size >= BLOCK_CHARACTERS_MAX:
            yield _block(ids, sources, texts, troubles)
            ids, sources, texts, troubles, size = [], [], [], {}, 0
    if ids:
        yield _block(ids, sources, texts, troubles)


def _read(corpus: CorpusSpec, file: SourceFile, decoding: Decoding) -> tuple[str, Trouble | None]:
    opened = open_source(corpus, file)
    if opened is None:
        return "", _changed()
    try:
        with opened:
            data = opened.read()
            opened.require_unchanged()
    except SourceChangedError:
        return "", _changed()
    text, trouble = decoding.document(data)
    kind = kind_of(data)
    if kind is not None and (trouble is not None or kind in ALWAYS):
        return "", Trouble(UNDECODABLE, f"the file is {kind}, not plain text")
    return text, trouble


def _changed() -> Trouble:
    return Trouble(INPUT_CHANGED, CHANGED_MESSAGE)


def _block(ids: list[str], sources: list[int], texts: list[str], troubles: dict[int, Trouble]) -> Block:
    return Block(ids=ids, sources=sources, positions=[0] * len(ids), texts=texts, troubles=troubles)
