"""Measuring a block of documents: folded lines, sizes, digests, languages, and the fates that follow from the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from runner.corpus import Block, Trouble
from runner.planning.fates import EMPTY
from runner.survey.folding import Folds, fold_all, folds_of
from runner.survey.languages import FindLanguages

DIGEST_BYTES: Final = 16

_EMPTY: Final = Trouble(EMPTY, "the document is empty or only white space")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A block after measuring; columns of one length. `fates` has the documents that no job will see, by row."""

    ids: Sequence[str]
    sources: Sequence[int]
    positions: Sequence[int]
    texts: Sequence[str]
    """Folded."""
    lines: Sequence[bytes]
    """The same in UTF-8."""
    sizes: Sequence[int]
    characters: Sequence[int]
    digests: Sequence[bytes]
    languages: Sequence[str | None]
    folds: Sequence[Folds]
    """What folding replaced, if that is kept; else nothing."""
    fields: Sequence[bytes | None]
    fates: Mapping[int, Trouble]


def measure(block: Block, find_languages: FindLanguages, *, keep_folds: bool = False) -> Measured:
    """Fold, weigh and digest the documents of a block."""
    texts, lines = fold_all(block.texts)
    fates = dict(block.troubles)
    sizes = list(map(len, lines))
    white = list(map(str.isspace, texts))
    if 0 in sizes or True in white:
        for row, (size, is_white) in enumerate(zip(sizes, white, strict=True)):
            if is_white or not size:
                fates.setdefault(row, _EMPTY)
    return Measured(
        ids=block.ids,
        sources=block.sources,
        positions=block.positions,
        texts=texts,
        lines=lines,
        sizes=sizes,
        characters=list(map(len, texts)),
        digests=[blake2b(line, digest_size=DIGEST_BYTES).digest() for line in lines],
        languages=find_languages(texts, block.languages),
        folds=_folds(block.texts, texts) if keep_folds else [()] * len(texts),
        fields=[each or None for each in block.fields] if block.fields else [None] * len(texts),
        fates=fates,
    )


def _folds(originals: Sequence[str], folded: Sequence[str]) -> list[Folds]:
    if originals is folded:
        return [()] * len(folded)
    return [folds_of(old) if old != new else () for old, new in zip(originals, folded, strict=True)]
