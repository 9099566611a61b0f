"""Documents on their way: listed, surveyed, gathered into parts. Sizes are bytes of UTF-8 of the folded text.

Ids are strings that sort in input order: a segment is `CCC-RRRRRR-SSSSS` (corpus, range of the listing, segment of
the range), a part is its segment and a number. A part's id is the base name of its object: fixed in width, unique in
the run, and free of `:` (which some outputs use as a separator). Parts that gather lines for a repair begin with `rep`.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Final, NewType

import msgspec

from runner.catalogue import ALL_LANGUAGES

SegmentId = NewType("SegmentId", str)
PartId = NewType("PartId", str)

SEGMENT_DOCUMENTS_MAX: Final = 5_000
SEGMENT_BYTES_MAX: Final = 8_000_000
_DECIMAL: Final = 1000
_LETTERS: Final = ascii_lowercase
_DIGITS: Final = digits + ascii_lowercase
PARTS_MAX: Final = _DECIMAL + len(_LETTERS) * len(_DIGITS) ** 2
"""Parts that a segment can have: ids have three places for their number."""
POOL_REST: Final = "rest"
"""The pool of documents in languages that no requested analysis takes, and of those without a known language."""
UNDECIDED: Final = "undecided"
"""The language, and the pool, of documents whose language the results of an analysis are to tell."""
_LANGUAGES: Final = tuple(sorted(ALL_LANGUAGES))


def segment_id(corpus: int, source_range: int, segment: int) -> SegmentId:
    """The id of a segment, from its corpus's place in the manifest and its place in the input."""
    return SegmentId(f"{corpus:03d}-{source_range:06d}-{segment:05d}")


def part_id(segment: SegmentId, number: int) -> PartId:
    """The id of one part of a segment; `number` is below `PARTS_MAX`.

    After 999 come letters (`a00`), which keeps the width and sorts behind the digits.
    """
    if number < _DECIMAL:
        return PartId(f"{segment}-{number:03d}")
    first, rest = divmod(number - _DECIMAL, len(_DIGITS) ** 2)
    second, third = divmod(rest, len(_DIGITS))
    return PartId(f"{segment}-{_LETTERS[first]}{_DIGITS[second]}{_DIGITS[third]}")


def part_number(part: PartId) -> int:
    """The number of a part of a segment: what `part_id` was given."""
    text = part[part.rindex("-") + 1 :]
    if text.isdecimal():
        return int(text)
    first, second, third = _LETTERS.index(text[0]), _DIGITS.index(text[1]), _DIGITS.index(text[2])
    return _DECIMAL + (first * len(_DIGITS) + second) * len(_DIGITS) + third


def repair_part_id(serial: int) -> PartId:
    """The id of a part that gathers lines of other parts to be sent again."""
    return PartId(f"rep-{serial:06d}-00000-000")


def routed_part_id(part: PartId, language: str) -> PartId:
    """The id of the part that gathers the lines of `part` in one of the service's languages, once that is decided.

    As wide as others. It begins with a letter for the language (none has that of repairs), and the corpus follows in
    two places instead of three.
    """
    high, low = divmod(corpus_of(part), len(_DIGITS))
    letter = ascii_lowercase[_LANGUAGES.index(language)]
    return PartId(f"{letter}{_DIGITS[high]}{_DIGITS[low]}{part[part.index('-') :]}")


def segment_of(part: PartId) -> SegmentId:
    """The segment that a part was cut from (not meaningful for repair parts)."""
    return SegmentId(part[: part.rindex("-")])


def corpus_of(part: PartId) -> int:
    """The place in the manifest of the corpus that a part was cut from (not meaningful for repair parts)."""
    return int(part[: part.index("-")])


def range_of(segment: SegmentId) -> int:
    """The index of the range that a segment was cut from."""
    return int(segment.split("-")[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One row of a corpus's listing: where, how large, and which version (mtime_ns or ETag) when it was listed."""

    path: str
    """Absolute path or s3:// URI."""
    label: str
    """The path below the source's fixed part: what ids are made of."""
    size: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRange:
    """A stretch of a corpus's listing that one worker surveys; its bounds depend on the listing alone.

    Several whole files, or the stretch [begin, end) of one large file: the lines, or the row groups, that begin in it.
    """

    corpus: str
    index: int
    first: int
    """Place in the listing of its first file."""
    files: tuple[SourceFile, ...]
    begin: int = 0
    end: int | None = None
    """None: to the end of the last file."""
    position: int | None = None
    """How many lines of the file begin before `begin`, once they have been counted; not needed where `begin` is 0."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a long document and where its line stands; offsets are code points in the folded document.

    The text sent is [begin, end); an answer belongs to the piece whose core [core_begin, core_end) holds its begin.
    """

    part: int
    line: int
    begin: int
    core_begin: int
    core_end: int
    end: int


class Document(msgspec.Struct, frozen=True, array_like=True):
    """One row of a ledger. `part` indexes `Ledger.parts`; -1: no job reads the whole document as one line.

    `fate` is a code of DESIGN 5.5 that closes the document for every analysis (`EMPTY`, `UNDECODABLE`, `BAD_ROW`,
    `INPUT_CHANGED`), else None; `message` explains it. `pieces` has, per byte limit at which the document was split,
    its pieces in order. `folds` is kept only if the survey was told to: (offset, character) for each character that
    the folded text has a space for, unless it was a space; offsets are code points. `fields` is the JSON object of the
    corpus's `keep` columns; None if it keeps none, or if the document has no row.
    """

    id: str
    source: int
    position: int
    size: int
    characters: int
    language: str | None
    digest: bytes = b""
    part: int = -1
    line: int = -1
    fate: str | None = None
    message: str | None = None
    pieces: tuple[tuple[int, tuple[Piece, ...]], ...] = ()
    folds: tuple[tuple[int, str], ...] = ()
    fields: bytes | None = None


class Ledger(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every document of one segment, in input order. `parts` may name parts of other segments (identical texts).

    `reused` has, for each of `parts`, the analyses whose answers for its lines earlier runs have bought; it is empty
    if there are none.
    """

    segment: SegmentId
    corpus: str
    parts: tuple[PartId, ...]
    documents: tuple[Document, ...]
    reused: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFacts:
    """What planning needs to know of a part.

    `pool` is the language its lines share, or `rest`. `line_bytes_max` bounds each of its lines: a part holds the whole
    documents of one size class, so that a family with a small limit reads the small class only. `split_bytes` is None
    for whole documents, else the limit at which its pieces were cut. `answered` names the analyses that need not read
    it: they are answered already, or never asked (a part that only keeps texts for the output names all of them).
    """

    id: PartId
    pool: str
    line_bytes_max: int
    lines: int
    bytes: int
    units: int
    """Billing units of all its lines."""
    digest: str
    split_bytes: int | None = None
    answered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A count of (document, analysis) pairs: one analysis, one language, one fate (`""`: sent to the service).

    `outcome` is `sent`, `skipped` or `error`.
    """

    analysis: str
    language: str | None
    outcome: str
    code: str
    documents: int
    bytes: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """A surveyed segment: what the journal keeps of it. Its ledger lies in `ledger/<id>.msgpack`."""

    id: SegmentId
    corpus: str
    documents: int
    bytes: int
    ledger_digest: str
    parts: tuple[PartFacts, ...]
    foreign_parts: tuple[PartId, ...] = ()
    """Parts of other segments in which documents of this one have their line."""
    tallies: tuple[Tally, ...] = ()
    reused: tuple[Tally, ...] = ()
    """What earlier runs have bought: documents all of whose lines are answered, by analysis, and the units of its own
    lines. Where there are such units, a spool file of the segment holds the answers."""
