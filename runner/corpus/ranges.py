"""Cutting a listing into ranges that workers survey side by side.

Bounds follow from the listing alone, so that segments, which never reach across a range, are the same whatever the
number of workers. A large file is cut into stretches of about equal size, where its format allows it:

- `lines` and `jsonl`, unless compressed, or in an encoding in which line ends cannot be told from other bytes. A
  stretch has the lines that begin in it (`runner.corpus.stretches`); somebody has to count those of the stretches
  before it first, because positions count from the beginning of the file.
- `parquet`: a stretch has the row groups that begin in it, and the footer says how many rows come before.
- never `csv`: what a line break means depends on every quote before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from runner.corpus.decoding import decoding
from runner.corpus.inflating import codec_of
from runner.errors import SourceError
from runner.model import SEGMENT_BYTES_MAX, SEGMENT_DOCUMENTS_MAX, CorpusSpec, SourceFile, SourceRange

RANGE_FILES_MAX: Final = SEGMENT_DOCUMENTS_MAX
ROW_RANGE_BYTES_MAX: Final = 64_000_000
"""For formats with many documents a file: about half a second of work, so that two workers end together."""
RANGES_MAX: Final = 1_000_000
"""Segment ids have six digits for the range (`runner.model.segment_id`)."""


def ranges(
    corpus: CorpusSpec, listing: Iterable[SourceFile], *, row_range_bytes: int = ROW_RANGE_BYTES_MAX
) -> Iterator[SourceRange]:
    """The ranges of a listing, in order: consecutive files, or stretches of one file above the limit.

    For `files` a range is about one segment. Raises SourceError for more ranges than ids can number.
    """
    for index, (first, files, begin, end) in enumerate(_cuts(corpus, listing, row_range_bytes)):
        if index >= RANGES_MAX:
            raise SourceError(
                corpus.name,
                f"more than {RANGES_MAX} ranges of input in one corpus",
                hint="split the corpus into several",
            )
        yield SourceRange(corpus=corpus.name, index=index, first=first, files=files, begin=begin, end=end)


_Cut = tuple[int, tuple[SourceFile, ...], int, int | None]
"""The place of the first file, the files, and the stretch of them."""


def _cuts(corpus: CorpusSpec, listing: Iterable[SourceFile], row_range_bytes: int) -> Iterator[_Cut]:
    bytes_max = SEGMENT_BYTES_MAX if corpus.format == "files" else row_range_bytes
    splits = _splits(corpus)
    files: list[SourceFile] = []
    first = size = 0
    for file in listing:
        if files and (len(files) == RANGE_FILES_MAX or size + file.size > bytes_max):
            yield first, tuple(files), 0, None
            first, size, files = first + len(files), 0, []
        if splits and file.size > bytes_max and (corpus.format == "parquet" or codec_of(file.path) is None):
            yield from _stretches(first, file, bytes_max)
            first += 1
            continue
        files.append(file)
        size += file.size
    if files:
        yield first, tuple(files), 0, None


def _stretches(place: int, file: SourceFile, bytes_max: int) -> Iterator[_Cut]:
    count = -(-file.size // bytes_max)
    bounds = [file.size * number // count for number in range(count)]
    for begin, end in zip(bounds, [*bounds[1:], None], strict=True):
        yield place, (file,), begin, end


def _splits(corpus: CorpusSpec) -> bool:
    """Whether a file of the corpus may be cut."""
    if corpus.format not in {"lines", "jsonl"}:
        return corpus.format == "parquet"
    try:
        return decoding(corpus.encoding, "error").splits_as_bytes
    except LookupError:
        return False  # whoever reads says so
