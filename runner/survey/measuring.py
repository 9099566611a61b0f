"""Measuring a block of documents: folded lines, sizes, digests, languages, and the fates that follow from the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Final

from runner.corpus import Block, Trouble
from runner.planning.fates import EMPTY
from runner.survey.folding import Folds, fold_all, folds_of
from runner.survey.languages import FindLanguages

DIGEST_BYTES: Final = 16

_EMPTY: Final = Trouble(EMPTY, "the document is empty or only white space")
_begun: Final = blake2b(digest_size=DIGEST_BYTES).copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A block after measuring; columns of one length, and what few documents have, by row."""

    ids: Sequence[str]
    sources: Sequence[int]
    positions: Sequence[int]
    text: bytes | memoryview
    """The documents, folded, in UTF-8, with a line feed between each two."""
    sizes: Sequence[int]
    characters: Sequence[int]
    digests: Sequence[bytes]
    languages: Sequence[str | None]
    fields: Sequence[bytes] | None
    folds: Mapping[int, Folds]
    """What folding replaced, if that is kept."""
    fates: Mapping[int, Trouble]
    """The documents that no job will see."""

    def fitting(self, begin: int, *, documents: int, size: int) -> int:
        """The end of the longest row of documents from `begin` on that has at most so many, and so many bytes."""
        end = min(begin + documents, len(self.sizes))
        sizes = self.sizes[begin:end]
        return end if sum(sizes) <= size else begin + bisect_right(list(accumulate(sizes)), size)


def measure(block: Block, find_languages: FindLanguages, *, keep_folds: bool = False) -> Measured:
    """Fold, weigh and digest the documents of a block."""
    texts, encoded = fold_all(block.texts, block.encoded)
    sizes = list(map(len, encoded.lines))
    fates = dict(block.troubles)
    if 0 in sizes or any(map(str.isspace, texts)):
        for row, text in enumerate(texts):
            if not text or text.isspace():
                fates.setdefault(row, _EMPTY)
    return Measured(
        ids=block.ids,
        sources=block.sources,
        positions=block.positions,
        text=encoded.joined,
        sizes=sizes,
        characters=list(map(len, texts)),
        digests=digests_of(encoded.lines),
        languages=find_languages(texts, block.languages),
        fields=block.fields,
        folds=_folds(block.texts, texts) if keep_folds else {},
        fates=fates,
    )


def digests_of(lines: Iterable[bytes]) -> list[bytes]:
    """The digest of each line."""
    digests: list[bytes] = []
    for line in lines:
        digest = _begun()  # a copy takes a quarter less time than another that must be told its size
        digest.update(line)
        digests.append(digest.digest())
    return digests


def _folds(originals: Sequence[str], folded: Sequence[str]) -> dict[int, Folds]:
    if originals is folded:
        return {}
    pairs = enumerate(zip(originals, folded, strict=True))
    return {row: folds_of(old) for row, (old, new) in pairs if old != new}
