"""Cutting a listing into ranges that workers survey side by side.

Bounds follow from the listing alone, so that segments, which never reach across a range, are the same whatever the
number of workers. Large files stay in one range for now; a `SourceRange` of one file is where byte ranges would go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from runner.errors import SourceError
from runner.model import SEGMENT_BYTES_MAX, SEGMENT_DOCUMENTS_MAX, CorpusSpec, SourceFile, SourceRange

RANGE_FILES_MAX: Final = SEGMENT_DOCUMENTS_MAX
ROW_RANGE_BYTES_MAX: Final = 64_000_000
"""For formats with many documents a file: about half a second of work, so that two workers end together."""
RANGES_MAX: Final = 1_000_000
"""Segment ids have six digits for the range (`runner.model.segment_id`)."""


def ranges(corpus: CorpusSpec, listing: Iterable[SourceFile]) -> Iterator[SourceRange]:
    """The ranges of a listing, in order, each of consecutive files; a file above the limit is a range of its own.

    For `files` a range is about one segment. Raises SourceError for more ranges than ids can number.
    """
    bytes_max = SEGMENT_BYTES_MAX if corpus.format == "files" else ROW_RANGE_BYTES_MAX
    files: list[SourceFile] = []
    index = first = size = 0
    for file in listing:
        if files and (len(files) == RANGE_FILES_MAX or size + file.size > bytes_max):
            yield _range(corpus.name, index, first, files)
            index, first, size, files = index + 1, first + len(files), 0, []
        files.append(file)
        size += file.size
    if files:
        yield _range(corpus.name, index, first, files)


def _range(corpus: str, index: int, first: int, files: list[SourceFile]) -> SourceRange:
    if index >= RANGES_MAX:
        raise SourceError(
            corpus, f"more than {RANGES_MAX} ranges of input in one corpus", hint="split the corpus into several"
        )
    return SourceRange(corpus=corpus, index=index, first=first, files=tuple(files))
